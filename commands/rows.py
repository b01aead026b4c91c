"""/ops rows: rows of a table that ops.toml lets people read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.words.action import Lookup
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.params import Choices, FreeText, Option, Params
from bot.words.report import Report, Table
from commands import House
from commands._shared.services import (
    LONGEST_LABEL,
    OnService,
    ServiceName,
    closest,
    matching,
    names,
    pick,
    retyped,
    tables_called,
)
from integrations.capabilities import Rows

_CONDITION = re.compile(r'\s*([^\s:"]+):(?:"([^"]*)"|([^\s"]*))(?=\s|\Z)')
MOST = 1000
SHOWN = 20


def conditions(text: str) -> tuple[tuple[str, str], ...]:
    """`status:failed name:"Ana Ruiz" left_at:` as pairs. Raises ValueError with what to type instead."""
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        one = _CONDITION.match(text, at)
        if one is None:
            shown = text[at:].strip()[:40]
            raise ValueError(f'{shown!r} is no condition; type column:value, as in status:failed or name:"Ana Ruiz"')
        found.append((one[1], one[2] if one[2] is not None else one[3]))
        at = one.end()
    return tuple(found)


def _readable(text: str) -> str:
    conditions(text)
    return text


def _column(order: str | None) -> str | None:
    if order is not None and not order.removeprefix("-"):
        raise ValueError("type a column, as in created_at or -created_at")
    return order


class Read(Params):
    positional = ("table",)

    table: Annotated[str, Choices(), Field(min_length=1, max_length=130)]
    """Table or view, as ops.toml lists it."""
    where: Annotated[str, FreeText(), Field(max_length=500), AfterValidator(_readable)] = ""
    """Only rows with these values, as in status:failed or name:"Ana Ruiz"; a column and nothing after it is empty."""
    order: Annotated[str | None, AfterValidator(_column)] = None
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
        if not self.services:
            raise Misconfigured("ops.toml lists no table that may be read; add [[services.NAME.rows]] to a database.")
        asked = self.services
        if params.db is not None:
            asked = (self._database(asked, params),)
        tables = [table for database in asked for table in database.tables()]
        called = tables_called(params.table, tables)
        if not called:
            close = closest(params.table, tables)
            instead = f"Did you mean {close!r}?" if close else f"There are: {', '.join(tables)}."
            raise NotUnderstood(
                f"ops.toml lists no table {params.table!r}. {instead}",
                hint=retyped(self.words, params, table=close or next(iter(tables), None)),
            )
        if len(called) > 1:
            raise NotUnderstood(
                f"{params.table!r} means several: {', '.join(called)}. Say which.",
                choices={table: retyped(self.words, params, table=table) for table in called},
            )
        listing = tuple(database for database in asked if called[0] in database.tables())
        return self._database(listing, params), called[0]

    def _database(self, listing: Sequence[Rows], params: Read) -> Rows:
        return pick(
            listing, params.db, can="show rows of that table", typed=lambda name: retyped(self.words, params, db=name)
        )


def actions(house: House) -> ReadRows:
    return ReadRows(house.having(Rows), house.now)
