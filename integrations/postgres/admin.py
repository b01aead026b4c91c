"""PostgreSQL looked after: its views, ending connections, vacuum and analyze, and deleting what has grown old."""

import difflib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused
from bot.words.params import Duration, duration_text
from integrations.capabilities import Backend, Ended, Grid, Retention, Tended, View
from integrations.postgres.catalog_views import VIEWS, migrations, shape
from integrations.postgres.database import (
    APPLICATION,
    Column,
    Connection,
    Database,
    Mapped,
    OnDatabase,
    TableName,
    plain,
)

_COUNTED = 1_000_000
"""Rows that are counted of one table at most."""
_OTHERS = """backend_type = 'client backend' AND a.pid <> pg_backend_pid()
    AND NOT starts_with(coalesce(application_name, ''), $1) AND NOT r.rolsuper AND NOT r.rolreplication
    AND NOT (usename = ANY($2::text[]))"""

_TABLES = """SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    ORDER BY name LIMIT 1000"""
"""Names to choose from where no table has the one that was typed."""


class RetentionRule(Mapped):
    """One table of `[[services.NAME.retention]]`."""

    table: TableName
    column: Column = "created_at"
    """The time that a row's age is measured by."""
    keep: Duration = Field(ge=timedelta(hours=1))
    """Older rows may be deleted: `30d`."""
    only: Mapping[Column, str] = Field(default_factory=dict)
    """Other columns that a row must match, as text: `{ is_active = "false" }`."""


class Admin(OnDatabase):
    """Database."""

    def __init__(
        self,
        database: Database,
        *,
        retention: Sequence[RetentionRule],
        migrations_table: str,
        spared: Sequence[str],
        tend_limit: timedelta,
    ) -> None:
        super().__init__(database)
        self._rules = {plain(rule.table): rule for rule in retention}
        self._migrations_table = migrations_table
        self._spared = list(spared)
        self._tend_limit = tend_limit

    async def view(self, view: View) -> Grid:
        async with self._api.read() as connection:
            if view == "migrations":
                return await migrations(connection, self._migrations_table)
            return await VIEWS[view](connection)

    # -- connections

    async def backends(self) -> tuple[Backend, ...]:
        """Of other programs than ours, longest in their state first. Superusers' and replication's are left out, and
        those of the users that ops.toml spares.

        Raises Refused where the server hides connections from our role.
        """
        async with self._api.read() as connection:
            rows = await connection.fetch(
                f"""SELECT a.pid, backend_start::text AS started, usename AS "user", application_name AS application,
                           coalesce(state, 'unknown') AS state, query,
                           CASE WHEN state LIKE 'idle%' THEN now() - state_change END AS idle_for
                    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
                    WHERE {_OTHERS} ORDER BY state_change, a.pid""",
                APPLICATION,
                self._spared,
            )
            hidden = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL AND datid IS NOT NULL"
            )
        if hidden:
            raise Refused(f"{self.name} shows our role none of {hidden} connections; GRANT pg_read_all_stats to it.")
        return tuple(Backend(**{**row, "query": shape(row["query"])}) for row in rows)

    async def terminate(self, backends: Sequence[Backend]) -> Ended:
        ended: list[Backend] = []
        refused: list[str] = []
        first: OpsError | None = None
        for backend in backends:
            try:
                if await self._ended(backend):
                    ended.append(backend)
            except OutcomeUnknown as error:
                before = f" Before that, ended: {', '.join(str(each.pid) for each in ended)}." if ended else ""
                raise OutcomeUnknown(f"Connection {backend.pid}: {error}{before}") from error
            except OpsError as error:
                refused.append(f"{backend.pid}: {error}")
                first = first or error
        if first is not None and not ended:
            raise first
        return Ended(tuple(ended), tuple(refused))

    async def _ended(self, backend: Backend) -> bool:
        """One statement decides and acts: still the same one, and an idle one idle ever since."""
        done = await self._api.act(
            f"""SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
                WHERE {_OTHERS} AND a.pid = $3 AND backend_start::text = $4
                  AND ($5::interval IS NULL OR (state = $6 AND now() - state_change >= $5))""",
            APPLICATION,
            self._spared,
            backend.pid,
            backend.started,
            backend.idle_for,
            backend.state,
        )
        return bool(done)

    # -- vacuum and analyze

    async def table(self, table: str) -> Tended:
        async with self._api.read() as connection:
            rows = await connection.fetch(
                """SELECT format('%I.%I', n.nspname, c.relname) AS name, greatest(c.reltuples, 0)::bigint AS rows,
                          coalesce(s.n_dead_tup, 0) AS dead, pg_size_pretty(pg_total_relation_size(c.oid)) AS size,
                          greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed,
                          greatest(s.last_analyze, s.last_autoanalyze) AS analyzed
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
                   WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
                     AND $1::text IN (c.relname::text, format('%s.%s', n.nspname, c.relname),
                                      format('%I.%I', n.nspname, c.relname))
                   ORDER BY name LIMIT 10""",
                table,
            )
            known = [] if rows else await connection.fetch(_TABLES)
        if not rows:
            called = {name: row["name"] for row in known for name in (row["relname"], row["name"])}
            close = difflib.get_close_matches(table, called, n=1)
            instead = f" Did you mean {called[close[0]]!r}?" if close else ""
            raise NotUnderstood(f"{self.name} has no table {table[:80]!r}, or our role does not see it.{instead}")
        if len(rows) > 1:
            names = [row["name"] for row in rows]
            raise NotUnderstood(f"{self.name} has several: {', '.join(names)}. Say which.")
        return Tended(**rows[0])

    async def tend(self, table: str, work: Literal["analyze", "vacuum"]) -> None:
        """Vacuum takes statistics anew too. Neither keeps anybody from reading or writing."""
        target = (await self.table(table)).name
        warnings: list[str] = []

        def hear(_connection: object, message: Any) -> None:
            warnings.extend([str(message)] if message.severity == "WARNING" else [])

        async with self._api.alone(self._tend_limit) as connection:
            connection.add_log_listener(hear)
            try:
                verb = "VACUUM (ANALYZE)" if work == "vacuum" else "ANALYZE"
                await connection.execute(f"{verb} {target}", timeout=self._tend_limit.total_seconds() + 2)
            finally:
                connection.remove_log_listener(hear)
        if warnings:  # PostgreSQL warns and goes on where our role does not own the table
            raise Refused(f"{self.name}: {warnings[0]}. Let our role own {target}, or GRANT MAINTAIN on it.")

    # -- retention

    async def retention(self) -> tuple[Retention, ...]:
        found = []
        for name, rule in self._rules.items():
            condition, values = _old(rule, first=2)
            async with self._api.read() as connection:
                count = await connection.fetchval(
                    f"SELECT count(*) FROM (SELECT FROM {rule.table} WHERE {condition} LIMIT {_COUNTED}) AS old",
                    rule.keep,
                    *values,
                )
            only = " and ".join(f"{plain(column)} is {value}" for column, value in rule.only.items())
            found.append(Retention(name, rule.keep, count, only, _COUNTED))
        return tuple(found)

    async def clean(self, rule: Retention, *, batch: int = 1000) -> AsyncGenerator[int, None]:
        """Raises NotUnderstood where ops.toml has no such rule any more, or keeps rows for another time."""
        kept = self._rules.get(rule.table)
        if kept is None or kept.keep != rule.keep:
            keeps = f"keeps {rule.table} for {duration_text(kept.keep)} now" if kept else "has no rule for it any more"
            raise NotUnderstood(f"services.{self.name}.retention {keeps}.")
        deleted = 0
        while True:
            async with self._api.write() as connection:
                count = await _delete(connection, kept, batch)
            deleted += count
            if count:
                yield deleted
            if count < batch:
                return


def _old(rule: RetentionRule, *, first: int) -> tuple[str, list[str]]:
    """A condition with the age as $1, and the values from `$first` on."""
    parts = [f"{rule.column} < now() - $1::interval"]
    parts += [f"{column}::text = ${number}" for number, column in enumerate(rule.only, first)]
    return " AND ".join(parts), list(rule.only.values())


async def _delete(connection: Connection, rule: RetentionRule, batch: int) -> int:
    """By place on disk, with the condition once more: partitions may use the same place for another row."""
    condition, values = _old(rule, first=3)
    tag = await connection.execute(
        f"""DELETE FROM {rule.table}
            WHERE ctid = ANY(ARRAY(SELECT ctid FROM {rule.table} WHERE {condition} LIMIT $2)) AND {condition}""",
        rule.keep,
        batch,
        *values,
    )
    return int(tag.rpartition(" ")[2])
