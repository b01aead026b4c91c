"""Rows of the tables that ops.toml lets people read: listed columns only, masked ones masked by the server."""

import difflib
from collections.abc import Sequence
from typing import NoReturn

from pydantic import Field, model_validator

from bot.words.exceptions import NotUnderstood, Refused
from integrations.capabilities import Grid
from integrations.postgres.database import Column, Connection, Database, Mapped, OnDatabase, TableName, plain

MASK = "•••"
_CELL = 2_000
"""Characters of a value that are read."""
_INCOMPARABLE = ("42883", "42804", "42846")
"""SQLSTATEs: no such operator, another type, no cast."""


class RowTable(Mapped):
    """One table or view of `[[services.NAME.rows]]`."""

    table: TableName
    columns: tuple[Column, ...] = Field(min_length=1)
    """Those that may be read; the others do not exist for anybody who asks."""
    masked: tuple[Column, ...] = ()
    """Of those, the ones whose values are never shown, only whether there is one."""
    findable: tuple[Column, ...] = ()
    """Masked ones that rows may be found by all the same, whole values only. Leave out those with few values: finding
    would tell them."""

    @model_validator(mode="after")
    def _listed(self) -> "RowTable":
        if unknown := [plain(name) for name in self.masked if name not in self.columns]:
            raise ValueError(f"masked names {', '.join(unknown)}, which columns does not; write it there too")
        if unknown := [plain(name) for name in self.findable if name not in self.masked]:
            raise ValueError(f"findable names {', '.join(unknown)}, which masked does not; only masked columns need it")
        return self


class AllowedRows(OnDatabase):
    """Rows."""

    def __init__(self, database: Database, tables: Sequence[RowTable]) -> None:
        super().__init__(database)
        self._tables = {plain(table.table): table for table in tables}

    def tables(self) -> tuple[str, ...]:
        return tuple(self._tables)

    async def rows(
        self, table: str, *, where: Sequence[tuple[str, str]], order: str | None, descending: bool, limit: int
    ) -> Grid:
        """Each of `where` is a column and a whole value, compared as the column's own type; an empty one is null."""
        allowed = self._tables.get(table)
        if allowed is None:
            _unknown(f"ops.toml lists no table {table[:80]!r} of {self.name}", table, tuple(self._tables))
        names = {plain(column): column for column in allowed.columns}
        hidden = {plain(column) for column in allowed.masked} - {plain(column) for column in allowed.findable}
        for column in [name for name, _ in where] + ([order] if order else []):
            if column not in names:
                _unknown(f"ops.toml lists no column {column[:80]!r} of {table}", column, tuple(names))
        if shut := next((column for column, _ in where if column in hidden), None):
            raise NotUnderstood(f"{shut} is masked: finding rows by it would tell its value.")
        if order in {plain(column) for column in allowed.masked}:
            raise NotUnderstood(f"{order} is masked: its order would tell its values.")
        try:
            async with self._api.read() as connection:
                types = await _types(connection, allowed.table)
                if missing := [name for name in names if name not in types]:
                    raise Refused(f"{table} in {self.name} has no column {', '.join(missing)}; mend ops.toml.")
                sql, values = _query(allowed, where, order, descending=descending, types=types)
                found = await connection.fetch(sql, *values, limit + 1)
        except Refused as error:
            state = getattr(error.__cause__, "sqlstate", None) or ""
            if not state.startswith("22") and state not in _INCOMPARABLE:
                raise
            told = ", ".join(f"{name} is {types[name]}" for name, _ in where)
            raise NotUnderstood(f"That value cannot be compared with its column: {told}.") from error
        return Grid(
            tuple(names),
            tuple(tuple(row.values()) for row in found[:limit]),
            f"{limit} rows, and there are more." if len(found) > limit else _many(len(found)),
            (f"Masked: {', '.join(map(plain, allowed.masked))}.",) if allowed.masked else (),
        )


def _unknown(what: str, typed: str, known: Sequence[str]) -> NoReturn:
    close = difflib.get_close_matches(typed, known, n=1)
    instead = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}."
    raise NotUnderstood(f"{what}. {instead}")


async def _types(connection: Connection, table: str) -> dict[str, str]:
    """Each column's type as PostgreSQL writes it, without its length: a cast to varchar(5) would cut what is asked."""
    rows = await connection.fetch(
        """SELECT attname AS name, format_type(atttypid, -1) AS type FROM pg_attribute
           WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped""",
        table,
    )
    if not rows:
        raise Refused(f"There is no table {plain(table)}, or our role may not see it.")
    return {row["name"]: row["type"] for row in rows}


def _query(
    allowed: RowTable, where: Sequence[tuple[str, str]], order: str | None, *, descending: bool, types: dict[str, str]
) -> tuple[str, list[str]]:
    """Values are bound as text and cast to the column's type, so that an index on it is used."""
    shown = [
        f"CASE WHEN {column} IS NOT NULL THEN '{MASK}' END AS {column}"
        if column in allowed.masked
        else f"left({column}::text, {_CELL}) AS {column}"
        for column in allowed.columns
    ]
    conditions: list[str] = []
    values: list[str] = []
    for name, value in where:
        if value:
            values.append(value)
            conditions.append(f'"{name}" = ${len(values)}::text::{types[name]}')
        else:
            conditions.append(f'"{name}" IS NULL')
    sql = f"SELECT {', '.join(shown)} FROM {allowed.table}"
    sql += f" WHERE {' AND '.join(conditions)}" if conditions else ""
    sql += f' ORDER BY {allowed.table}."{order}" {"DESC" if descending else "ASC"} NULLS LAST' if order else ""
    return f"{sql} LIMIT ${len(values) + 1}", values


def _many(count: int) -> str:
    return "No row." if count == 0 else "1 row." if count == 1 else f"{count:,} rows."
