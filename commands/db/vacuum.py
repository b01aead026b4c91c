"""/ops db vacuum: free the space of dead rows, and take statistics anew."""

from dataclasses import dataclass

from commands import House
from commands.db._tending import Tending
from integrations.capabilities import Database


@dataclass(frozen=True)
class VacuumTable(Tending):
    """Free the space of a table's dead rows, and take its statistics anew."""

    can = "vacuum tables"
    work = "vacuum"
    headline = "Vacuum and analyze {table}."
    effects = (
        "the space of dead rows can be used again; the file does not shrink",
        "reading and writing go on meanwhile; the disk is busier, for minutes if the table is large",
    )
    examples = ("db vacuum integration_logs", "db vacuum public.orders db=shop-db")


def actions(house: House) -> VacuumTable:
    return VacuumTable(house.having(Database))
