"""/ops rows: rows of a table that ops.toml lets people read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.words.action import Lookup
from bot.words.params import Choices, FreeText, Option, Params
from bot.words.report import Report, Table
from commands import House
from commands._shared.conditions import column, conditions, readable
from commands._shared.retyping import retyped
from commands._shared.services import (
    LONGEST_LABEL,
    OnService,
    ServiceName,
    matching,
    names,
    pick,
)
from commands._shared.table_names import the_table
from integrations.capabilities import Rows

MOST = 1000
SHOWN = 20


class Read(Params):
    positional = ("table",)

    table: Annotated[str, Choices(), Field(min_length=1, max_length=130)]
    """Table or view, as ops.toml lists it."""
    where: Annotated[str, FreeText(), Field(max_length=500), AfterValidator(readable)] = ""
    """Only rows with these values, as in status:failed or name:"Ana Ruiz"; a column and nothing after it is empty."""
    order: Annotated[str | None, AfterValidator(column)] = None
    """Column to sort by; a minus before it puts the greatest first, as in -created_at."""
    limit: Annotated[int, Field(ge=1, le=MOST)] = SHOWN
    """How many rows at most, 1 to 1000."""
    csv: bool = False
    """Give them as a CSV file."""
    db: ServiceName = None
    """Database, as named in ops.toml; needed only where several list the table."""


@dataclass(frozen=True)
class ReadRows(OnService[Rows], Lookup[Read]):
    """Read rows of a table that ops.toml lists."""

    now: Callable[[], datetime]

    can = "show rows of that table"
    named_by = "db"
    restricted = True
    audited = True
    examples = (
        "rows toll_free_numbers",
        "rows compliance_events where=channel:sms order=-created_at limit=50",
        'rows businesses csv where=business_name:"Harbour Dental"',
    )

    async def answer(self, params: Read) -> Report:
        database, name = self._named(params)
        order = (params.order or "").removeprefix("-") or None
        grid = await database.rows(
            name,
            where=conditions(params.where),
            order=order,
            descending=(params.order or "").startswith("-"),
            limit=params.limit,
        )
        return Report(
            title=f"{name} of {database.name}",
            lead=grid.lead,
            table=Table(columns=grid.columns, rows=grid.rows, csv=params.csv) if grid.rows else None,
            notes=(*grid.notes, "That this was read is in the audit trail."),
            taken_at=self.now(),
        )

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "db":
            return matching(names(self.services), typed)
        tables = dict.fromkeys(table for database in self.services for table in database.tables())
        return matching((Option(table, table[:LONGEST_LABEL]) for table in tables), typed)

    def _named(self, params: Read) -> tuple[Rows, str]:
        """With the table as it is listed: its schema may be left out where one alone is called so."""
        asked = self.asked(params)
        tables = [table for database in asked for table in database.tables()]
        unknown = f"ops.toml lists no table {params.table!r}."
        table = the_table(params.table, tables, unknown=unknown, words=self.words, asked=params)
        listing = tuple(database for database in asked if table in database.tables())
        return self._database(listing, params), table

    def _database(self, listing: Sequence[Rows], params: Read) -> Rows:
        return pick(
            listing, params.db, can="show rows of that table", typed=lambda name: retyped(self.words, params, db=name)
        )


def actions(house: House) -> ReadRows:
    return ReadRows(house.having(Rows), house.now)
