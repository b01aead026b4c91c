"""Log tables of a PostgreSQL that ops.toml maps: their errors, and their lines of every level.

Names come from ops.toml only, validated and quoted by their types; every value is a bound parameter.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from integrations.capabilities import ErrorEvent, ErrorPage, Level, LogLine, LogPage
from integrations.postgres.database import Column, Database, Mapped, OnDatabase, OptionalColumn, TableName, plain

_MESSAGE = 1_000
"""Characters of a message that are read."""
_WORDS = {
    Level.ERROR: ("error", "err", "critical", "crit", "fatal", "panic", "alert", "emergency", "severe"),
    Level.WARNING: ("warning", "warn"),
    Level.DEBUG: ("debug", "trace", "verbose", "silly"),
}
"""Words that programs have for their levels, lower case; any other word is information."""


class LogTable(Mapped):
    """One table of `[[services.NAME.logs]]`; the defaults are the shape of integration_logs."""

    table: TableName = "integration_logs"
    key: Column = "id"
    at: Column = "created_at"
    origin: Column = "source"
    operation: OptionalColumn = "operation"
    message: Column = "message"
    level: OptionalColumn = "level"
    """Empty where every row is an error."""
    levels: tuple[str, ...] = ("error", "critical", "fatal")
    """Values of `level` that are errors."""
    duration: OptionalColumn = ""
    """How long it took, in milliseconds; empty where the table does not tell."""


class Logs(OnDatabase):
    """ErrorSource, LogSource."""

    def __init__(self, database: Database, tables: Sequence[LogTable]) -> None:
        super().__init__(database)
        self._tables = tables

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        rows, truncated = await self._read(since, match, limit, None)
        return ErrorPage(
            tuple(ErrorEvent(key, row["at"], row["origin"], row["operation"], row["message"]) for key, row in rows),
            truncated,
        )

    async def logs(self, *, since: datetime, level: Level, match: str | None, limit: int) -> LogPage:
        """A table without a level column holds errors alone, as ops.toml says."""
        rows, truncated = await self._read(since, match, limit, level)
        lines = tuple(LogLine(key, row["at"], Level(row["level"]), _origin(row), row["message"]) for key, row in rows)
        bare = ", ".join(plain(table.table) for table in self._tables if not table.level)
        return LogPage(lines, truncated, f"{bare} has no level column: every row is an error." if bare else "")

    async def _read(
        self, since: datetime, match: str | None, limit: int, level: Level | None
    ) -> tuple[list[tuple[str, Any]], bool]:
        """Newest first, with keys that are unique among all tables; errors as ops.toml has them without a `level`."""
        found: list[tuple[str, Any]] = []
        truncated = False
        for table in self._tables:
            values = since, match, limit + 1, list(table.levels), *(() if level is None else (_from(level),))
            async with self._api.read() as connection:
                rows = await connection.fetch(_query(table, errors=level is None), *values)
            truncated |= len(rows) > limit
            prefix = f"{plain(table.table)}:" if len(self._tables) > 1 else ""
            found += [(f"{prefix}{row['key']}", row) for row in rows[:limit]]
        found.sort(key=lambda each: (each[1]["at"], each[0]), reverse=True)
        return found[:limit], truncated or len(found) > limit


def _from(level: Level) -> list[str]:
    """That level and the graver ones."""
    return [each.value for each in list(Level)[list(Level).index(level) :]]


def _origin(row: Any) -> str:
    return " / ".join(filter(None, (row["origin"], row["operation"])))


def _query(table: LogTable, *, errors: bool) -> str:
    """$1 since, $2 match or null, $3 limit, $4 the table's words for errors, $5 our levels where not only errors."""
    operation = f"coalesce({table.operation}::text, '')" if table.operation else "''"
    is_error = f"{table.level}::text = ANY($4::text[])" if table.level else "$4::text[] IS NOT NULL"
    wanted = "is_error" if errors else "level = ANY($5::text[])"
    return f"""
        SELECT key, at, origin, operation, message, level FROM (
            SELECT {table.key}::text AS key, {table.at}::timestamptz AS at,
                   coalesce({table.origin}::text, '') AS origin, {operation} AS operation,
                   left(coalesce({table.message}::text, ''), {_MESSAGE}) AS message,
                   {is_error} AS is_error, CASE WHEN {is_error} THEN '{Level.ERROR}' {_graded(table)} END AS level
            FROM {table.table}
            WHERE {table.at} >= $1::timestamptz
        ) AS lines
        WHERE {wanted}
          AND ($2::text IS NULL OR strpos(lower(concat_ws(' ', origin, operation, message)), lower($2)) > 0)
        ORDER BY at DESC, key DESC
        LIMIT $3
    """


def _graded(table: LogTable) -> str:
    """The rest of a CASE that reads the level's word as one of ours."""
    if not table.level:
        return ""
    word = f"lower(trim({table.level}::text))"
    cases = [f"WHEN {word} = ANY('{{{','.join(words)}}}') THEN '{level}'" for level, words in _WORDS.items()]
    return f"{' '.join(cases)} ELSE '{Level.INFO}'"
