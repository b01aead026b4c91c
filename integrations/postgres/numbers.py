"""The inventory of phone numbers in a table: which are free, and who has the others."""

from datetime import datetime
from typing import Any

from pydantic import Field, JsonValue

from bot.words.exceptions import NotUnderstood, Refused, Stale
from integrations.capabilities import Number, NumberState
from integrations.postgres.database import Column, Database, Mapped, OnTable, OptionalColumn, TableName, plain

_MOST = 5_000
"""Numbers that are read at most."""


class NumberTable(Mapped):
    """`[services.NAME.numbers]`; the defaults are the shape of toll_free_numbers."""

    table: TableName = "toll_free_numbers"
    number: Column = "number"
    status: Column = "status"
    assigned_to: Column = "assigned_to"
    """Whom it belongs to, as text or as the id of a row; null nobody."""
    since: OptionalColumn = "created_at"
    available: str = Field(default="available", min_length=1)
    """The values of `status` for each state."""
    assigned: str = Field(default="assigned", min_length=1)
    suspended: str = Field(default="suspended", min_length=1)


class NumberInventory(OnTable[NumberTable]):
    """Numbers."""

    def __init__(self, database: Database, table: NumberTable) -> None:
        super().__init__(database, table)
        self._words = {
            NumberState.AVAILABLE: table.available,
            NumberState.ASSIGNED: table.assigned,
            NumberState.SUSPENDED: table.suspended,
        }

    async def numbers(self) -> tuple[Number, ...]:
        """By number."""
        table = self._table
        since = f"{table.since}::timestamptz" if table.since else "NULL::timestamptz"
        async with self._api.read() as connection:
            rows = await connection.fetch(
                f"SELECT {self._columns()}, {since} AS since FROM {table.table} "
                f"WHERE {table.number} IS NOT NULL ORDER BY number LIMIT {_MOST + 1}"
            )
        if len(rows) > _MOST:
            raise Refused(f"{plain(table.table)} in {self.name} has more than {_MOST:,} numbers.")
        return tuple(self._number(row, row["since"]) for row in rows)

    async def set_number(self, was: Number, *, state: NumberState, assigned_to: str) -> dict[str, JsonValue]:
        """Gives `{"was": [status, assigned_to], "is": [status, assigned_to]}`."""
        word = self._words.get(state)
        if word is None:
            raise NotUnderstood(f"A number cannot be made {state}.")
        before: list[JsonValue] = [was.detail, was.assigned_to or None]
        after: list[JsonValue] = [word, assigned_to or None]
        await self._change(was.number, before, after)
        return {"was": before, "is": after}

    async def restore_number(self, number: str, kept: dict[str, JsonValue]) -> None:
        was, is_ = kept["was"], kept["is"]
        assert isinstance(was, list)  # noqa: S101 - what set_number gave
        assert isinstance(is_, list)  # noqa: S101
        await self._change(number, is_, was)

    async def _change(self, number: str, expected: list[JsonValue], to: list[JsonValue]) -> None:
        table = self._table
        async with self._api.write() as connection:
            rows = await connection.fetch(
                f"SELECT {self._columns()} FROM {table.table} WHERE {table.number}::text = $1 FOR UPDATE",
                number,
            )
            now = [[row["status"] or "", row["assigned_to"]] for row in rows]
            if now != [expected]:
                raise Stale(f"{number} {_changed(now)}; it was left as it is.", differences=_differences(now, expected))
            kind = await connection.fetchval(f"SELECT pg_typeof({table.assigned_to})::text FROM {table.table} LIMIT 1")
            await connection.execute(
                f"""UPDATE {table.table} SET {table.status} = $2, {table.assigned_to} = $3::text::{kind}
                    WHERE {table.number}::text = $1""",
                number,
                to[0] or None,
                to[1],
            )

    def _columns(self) -> str:
        table = self._table
        return (
            f"{table.number}::text AS number, {table.status}::text AS status, {table.assigned_to}::text AS assigned_to"
        )

    def _number(self, row: Any, since: datetime | None) -> Number:
        status = row["status"] or ""
        state = next((state for state, word in self._words.items() if word == status), NumberState.OTHER)
        return Number(row["number"], state, row["assigned_to"] or "", since, status)


def _changed(now: list[list[Any]]) -> str:
    if not now:
        return "is not there any more"
    return "is there more than once" if len(now) > 1 else "was changed since"


def _differences(now: list[list[Any]], expected: list[JsonValue]) -> tuple[str, ...]:
    if len(now) != 1:
        return ()
    named = zip(("status", "assigned to"), expected, now[0], strict=True)
    return tuple(f"{what} was {then or 'nobody'}, is {is_ or 'nobody'}" for what, then, is_ in named if then != is_)
