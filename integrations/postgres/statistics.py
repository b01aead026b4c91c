"""Statistics of the mapped log tables over a period: one statement, so all numbers are of the same moment."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from integrations.capabilities import Bucket, Operation, Statistic
from integrations.postgres.database import Database, OnDatabase, plain
from integrations.postgres.logs import LogTable

_WORST = 10
_NAME = 200
"""Characters of an operation's name that are read."""
_LONGEST_MS = 31 * 86_400_000
"""A duration beyond a month, or below zero, is somebody's mistake and counts as none."""


class LogStatistics(OnDatabase):
    """Statistics."""

    def __init__(self, database: Database, tables: Sequence[LogTable]) -> None:
        super().__init__(database)
        # A table of errors alone would make every rate one of failures.
        self._tables = tuple(table for table in tables if table.level) or tuple(tables)
        self._left_out = tuple(plain(table.table) for table in tables if table not in self._tables)

    async def statistics(self, *, since: datetime, until: datetime, slices: int) -> Statistic:
        async with self._api.read() as connection:
            rows = await connection.fetch(
                _query(self._tables), since, until, slices, *(list(table.levels) for table in self._tables)
            )
        width = (until - since) / slices
        (total,) = (row for row in rows if row["part"] == "total")
        counted = {row["slice"]: row for row in rows if row["part"] == "slice"}
        return Statistic(
            count=total["count"],
            errors=total["errors"],
            p50=_span(total["p50"]),
            p95=_span(total["p95"]),
            buckets=tuple(
                Bucket(since + place * width, *((row["count"], row["errors"]) if row else (0, 0)))
                for place in range(slices)
                for row in (counted.get(place),)
            ),
            worst=tuple(
                Operation(row["name"] or "(no name)", row["count"], row["errors"], _span(row["p95"]))
                for row in rows
                if row["part"] == "name"
            ),
            note=self._note(),
            errors_only=not any(table.level for table in self._tables),
        )

    def _note(self) -> str:
        if self._left_out:
            return f"Not counted in {self.name}: {', '.join(self._left_out)}, where every row is an error."
        if not any(table.level for table in self._tables):
            return f"Every row of {self.name}'s log tables is an error; what went well is not there."
        return ""


def _span(milliseconds: float | None) -> timedelta | None:
    return None if milliseconds is None else timedelta(milliseconds=milliseconds)


def _query(tables: Sequence[LogTable]) -> str:
    """$1 since, $2 until, $3 slices, then each table's levels."""
    seen = " UNION ALL ".join(_rows(table, f"${place}") for place, table in enumerate(tables, start=4))
    return f"""
        WITH seen AS ({seen}),
        counted AS (
            SELECT CASE WHEN grouping(name) = 0 THEN 'name'
                        WHEN grouping(slice) = 0 THEN 'slice' ELSE 'total' END AS part,
                   slice, name, count(*) AS count, count(*) FILTER (WHERE error) AS errors,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95
            FROM (
                SELECT name, error, CASE WHEN ms BETWEEN 0 AND {_LONGEST_MS} THEN ms END AS ms,
                       least(floor(extract(epoch FROM at - $1::timestamptz) * $3::int
                                   / extract(epoch FROM $2::timestamptz - $1::timestamptz))::int, $3::int - 1) AS slice
                FROM seen
            ) AS sliced
            GROUP BY GROUPING SETS ((), (slice), (name))
        ),
        placed AS (
            SELECT *, row_number() OVER (
                PARTITION BY part ORDER BY errors DESC, p95 DESC NULLS LAST, count DESC, name
            ) AS place FROM counted
        )
        SELECT part, slice, name, count, errors, p50, p95 FROM placed
        WHERE part <> 'name' OR place <= {_WORST} ORDER BY part, place
    """


def _rows(table: LogTable, levels: str) -> str:
    operation = f"nullif({table.operation}::text, '')" if table.operation else "NULL"
    error = (
        f"coalesce({table.level}::text = ANY({levels}::text[]), false)"
        if table.level
        else f"{levels}::text[] IS NOT NULL"
    )
    return f"""
        SELECT {table.at}::timestamptz AS at, {error} AS error,
               left(concat_ws(' / ', nullif({table.origin}::text, ''), {operation}), {_NAME}) AS name,
               {f"{table.duration}::float8" if table.duration else "NULL::float8"} AS ms
        FROM {table.table}
        WHERE {table.at} >= $1::timestamptz AND {table.at} < $2::timestamptz
    """
