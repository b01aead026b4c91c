"""A PostgreSQL with roles of few rights, and clients that hold connections to it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from integrations import Services, open_services
from integrations.capabilities import Grid


@pytest.fixture
async def sql(database: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError)


"""What asyncpg says of a connection that the server ended, by where it was just then."""


def opened(http: httpx.AsyncClient, dsn: str, **tables: Any) -> Services:
    return open_services({"db": {"kind": "postgres", "dsn": "env:DSN", **tables}}, http, lambda reference: dsn)


def as_user(dsn: str, user: str) -> str:
    scheme, _, rest = dsn.partition("://")
    return f"{scheme}://{quote(user)}@{rest.rpartition('@')[2]}"


@pytest.fixture
async def roles(sql: Any) -> AsyncIterator[None]:
    """`app` uses the database, `ops` looks after it with the least rights."""
    await sql.execute(
        """CREATE ROLE app LOGIN; CREATE ROLE ops LOGIN; GRANT pg_read_all_stats, pg_signal_backend TO ops;
           GRANT ALL ON SCHEMA public TO app, ops"""
    )
    yield
    await sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ('app', 'ops');"
        "DROP OWNED BY app, ops; DROP ROLE app, ops"
    )


@contextlib.asynccontextmanager
async def client(dsn: str, user: str = "", application: str = "shop") -> AsyncIterator[Any]:
    """Without a user the server's superuser."""
    dsn = as_user(dsn, user) if user else dsn
    connection = await asyncpg.connect(dsn, server_settings={"application_name": application})
    try:
        yield connection
    finally:
        await connection.close()


def column(grid: Grid, name: str) -> list[Any]:
    return [row[grid.columns.index(name)] for row in grid.rows]


async def pid_of(connection: Any) -> int:
    return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def waits(seen_by: Any, pid: int) -> bool:
    """Whether that one sleeps in the middle of a query."""
    found = await seen_by.fetchval("SELECT wait_event FROM pg_stat_activity WHERE pid = $1", pid)
    return bool(found == "PgSleep")
