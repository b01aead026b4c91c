"""/ops db analyze: take a table's statistics anew, so that queries are planned well."""

from dataclasses import dataclass

from commands import House
from commands.db._tending import Tending
from integrations.capabilities import Database


@dataclass(frozen=True)
class AnalyzeTable(Tending):
    """Take a table's statistics anew, so that its queries are planned well."""

    can = "analyze tables"
    work = "analyze"
    headline = "Analyze {table}."
    effects = ("a sample of its rows is read; reading and writing go on meanwhile",)
    examples = ("db analyze integration_logs",)


def actions(house: House) -> AnalyzeTable:
    return AnalyzeTable(house.having(Database))
