"""PostgreSQL, straight: its health, and what its tables can do for us where ops.toml maps them."""

import asyncio
from datetime import timedelta
from typing import ClassVar, Literal

import asyncpg
from pydantic import Field

from bot.words.exceptions import OpsError
from integrations.capabilities import Checked, Health, Named
from integrations.plumbing.section import Outside, SecretRef, Section, TimeLimit
from integrations.plumbing.unreached import unreached
from integrations.postgres.admin import Admin, RetentionRule
from integrations.postgres.database import Database, OnDatabase, OptionalTable
from integrations.postgres.logs import Logs, LogTable
from integrations.postgres.numbers import NumberInventory, NumberTable
from integrations.postgres.rights import Need, RoleRights
from integrations.postgres.rows import AllowedRows, RowTable
from integrations.postgres.statistics import LogStatistics
from integrations.postgres.tables import (
    RateLimits,
    RateLimitTable,
    StatusColumn,
    SwitchTable,
)

_NEARLY_FULL = 0.9


class PostgresSection(Section):
    kind: Literal["postgres"]
    dsn: SecretRef
    """Its postgresql:// address with user and password."""
    statement_timeout: TimeLimit = timedelta(seconds=5)
    """Longest statement, and longest wait for a lock."""
    connections: int = Field(default=3, ge=1, le=20)
    """That each replica of the bot holds at most."""
    transaction_pooler: bool = False
    """Behind PgBouncer in transaction mode; most are noticed without it."""
    replica: bool = False
    """It is a standby, and meant to be."""
    logs: tuple[LogTable, ...] = ()
    rate_limits: RateLimitTable | None = None
    switches: SwitchTable | None = None
    rows: tuple[RowTable, ...] = ()
    numbers: NumberTable | None = None
    retention: tuple[RetentionRule, ...] = ()
    migrations_table: OptionalTable = ""
    """Where its migrations are recorded; the usual tools' tables are found by themselves."""
    spared: tuple[str, ...] = ()
    """Database users whose connections are never ended. Superusers' and replication's never are."""
    tend_limit: TimeLimit = timedelta(minutes=10)
    """Longest vacuum or analyze."""

    rights: ClassVar[str] = (
        "A role of its own: SELECT on what is mapped; DELETE on rate limits and where rows are kept for a time; UPDATE "
        "on status columns and numbers; INSERT and DELETE on the allow-list; pg_read_all_stats, and pg_signal_backend "
        "to end connections; MAINTAIN to vacuum."
    )
    undo: ClassVar[str] = (
        "An allow-list entry, a paused thing and a number are put back, unless somebody changed them since. Deleted "
        "rows, ended connections and a vacuum cannot be undone."
    )

    def needs(self) -> tuple[Need, ...]:
        limits = self.rate_limits
        return (
            *(Need(table.table, ("SELECT",), "errors, logs, stats") for table in self.logs),
            *((Need(limits.table, ("SELECT", "DELETE"), "whitelist"),) if limits else ()),
            *(
                (Need(limits.allow_list.table, ("SELECT", "INSERT", "DELETE"), "whitelist"),)
                if limits and limits.allow_list
                else ()
            ),
            *((Need(self.switches.table, ("SELECT", "UPDATE"), "pause, campaigns"),) if self.switches else ()),
            *(Need(table.table, ("SELECT",), "rows") for table in self.rows),
            *((Need(self.numbers.table, ("SELECT", "UPDATE"), "numbers"),) if self.numbers else ()),
            *(Need(rule.table, ("SELECT", "DELETE"), "db cleanup") for rule in self.retention),
        )


def postgres(name: str, section: PostgresSection, outside: Outside) -> tuple[Named, ...]:
    """One client for each thing that ops.toml maps, on one pool."""
    database = Database(
        name,
        dsn=lambda: outside.secrets(section.dsn),
        statement_timeout=section.statement_timeout,
        connect_timeout=section.deadline,
        size=section.connections,
        transaction_pooler=section.transaction_pooler,
        breaker=outside.breaker,
    )
    return (
        Server(database, section),
        RoleRights(database, section.dsn, section.needs()),
        Admin(
            database,
            retention=section.retention,
            migrations_table=section.migrations_table,
            spared=section.spared,
            tend_limit=section.tend_limit,
        ),
        *((Logs(database, section.logs), LogStatistics(database, section.logs)) if section.logs else ()),
        *((RateLimits(database, section.rate_limits),) if section.rate_limits else ()),
        *((StatusColumn(database, section.switches),) if section.switches else ()),
        *((AllowedRows(database, section.rows),) if section.rows else ()),
        *((NumberInventory(database, section.numbers),) if section.numbers else ()),
    )


class Server(OnDatabase):
    """Checkable; owns the pool."""

    def __init__(self, database: Database, section: PostgresSection) -> None:
        self.deadline = section.deadline
        super().__init__(database)
        self._replica = section.replica

    async def aclose(self) -> None:
        await self._api.aclose()

    async def check(self) -> Checked:
        try:
            async with asyncio.timeout(self.deadline.total_seconds()), self._api.read() as connection:
                row = await connection.fetchrow(
                    """SELECT pg_is_in_recovery() AS standby,
                              current_setting('default_transaction_read_only') = 'on' AS read_only,
                              (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
                              current_setting('max_connections')::int
                                  - current_setting('superuser_reserved_connections')::int AS room"""
                )
        except TimeoutError:
            return Checked(Health.UNKNOWN, f"no answer within {self.deadline.total_seconds():g} s")
        except OpsError as error:
            return self._trouble(error)
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        if row["standby"] and not self._replica:
            return Checked(Health.DEGRADED, "it is read-only: a standby, or still recovering")
        if row["read_only"]:
            return Checked(Health.DEGRADED, "it is read-only by its settings; some hosts do that when the disk is full")
        if row["used"] > _NEARLY_FULL * row["room"]:
            return Checked(Health.DEGRADED, f"{row['used']} of {row['room']} connections are in use")
        return Checked(Health.OK)

    def _trouble(self, error: OpsError) -> Checked:
        match error.__cause__:
            case FileNotFoundError():  # the socket's
                return Checked(Health.DOWN, "it refused the connection")
            case OSError() as cause:
                return unreached(cause, self.deadline)
            case asyncpg.TooManyConnectionsError():
                return Checked(Health.DOWN, "it has no free connection")
            case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.CannotConnectNowError():
                return Checked(Health.DEGRADED, str(error))
            case _:
                return Checked(Health.UNKNOWN, str(error))
