"""Kind: a pooler between us and PostgreSQL that nobody declared. It is noticed, or said with the setting's name; and
nothing of ours stays behind on a connection that others share."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from bot.store.pool import open_connection, open_pool
from bot.words.exceptions import Misconfigured, TryLater
from integrations import Services, open_services
from integrations.capabilities import Checkable, Database, Health
from integrations.postgres.database import Database as Client
from tests.hostile.pgbouncer import pgbouncer

SHARED = ("statement_timeout", "lock_timeout", "TimeZone", "search_path", "application_name",
          "idle_in_transaction_session_timeout")  # fmt: skip


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def opened(http: httpx.AsyncClient, dsn: str, **more: Any) -> Services:
    section = {"kind": "postgres", "dsn": "env:DSN", "deadline": "10s", **more}
    return open_services({"db": section}, http, lambda reference: dsn)


def client(dsn: str, **more: Any) -> Client:
    settings = {"statement_timeout": timedelta(seconds=5), "connect_timeout": timedelta(seconds=10), "size": 3}
    return Client("db", dsn=lambda: dsn, **{**settings, "transaction_pooler": False, **more})


async def shared(dsn: str) -> list[dict[str, str]]:
    """What the pooler's connections to the server are set to, one after the other."""
    first, second = [await asyncpg.connect(dsn, statement_cache_size=0) for _ in range(2)]
    try:
        await first.execute("BEGIN")
        await second.execute("BEGIN")
        return [{name: await each.fetchval(f"SHOW {name}") for name in SHARED} for each in (first, second)]
    finally:
        await first.close()
        await second.close()


@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_every_check_is_answered(database: str, tmp_path: Path, http: httpx.AsyncClient, mode: str) -> None:
    async with pgbouncer(database, tmp_path, mode, servers=4) as dsn, opened(http, dsn) as services:
        server = services.named("db", Checkable)
        for _ in range(4):
            checks = await asyncio.gather(*(server.check() for _ in range(3)))
            assert [check.health for check in checks] == [Health.OK] * 3


@pytest.mark.parametrize("work", ["analyze", "vacuum"])
async def test_nothing_is_left_behind(database: str, tmp_path: Path, http: httpx.AsyncClient, work: Any) -> None:
    async with pgbouncer(database, tmp_path, "transaction") as dsn, opened(http, dsn) as services:
        before = await shared(dsn)
        await services.named("db", Checkable).check()
        await services.named("db", Database).tend("requests", work)
        await services.named("db", Database).view("sizes")
        assert await shared(dsn) == before


async def test_its_statements_are_not_kept(database: str, tmp_path: Path) -> None:
    async with pgbouncer(database, tmp_path, "transaction", servers=1) as dsn:
        one, two = client(dsn), client(dsn)
        for _ in range(3):
            for each in (one, two):
                async with each.read() as connection:
                    assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0
        await one.aclose()
        await two.aclose()


async def test_one_that_is_not_told_apart_is_noticed_by_what_it_forgets(database: str) -> None:
    """As where a proxy passes the server's own process id on: the statement is gone once, and kept no more."""
    found = client(database)
    async with found.read() as connection:
        await connection.fetchval("SELECT 1")

    async def forgotten() -> object:
        async with found.write() as connection:
            await connection.execute("DEALLOCATE ALL")
            return await connection.fetchval("SELECT 1")

    with pytest.raises(TryLater, match=r"nothing was changed.*transaction_pooler = true in services\.db"):
        await forgotten()
    assert [await forgotten(), await forgotten()] == [1, 1]
    await found.aclose()


@pytest.mark.parametrize("declared", ["?pgbouncer=true", "?prepared_statement_cache_size=0", "?pool_mode=transaction"])
async def test_a_string_that_says_so_is_believed(database: str, tmp_path: Path, declared: str) -> None:
    async with pgbouncer(database, tmp_path, "transaction", servers=1) as dsn:
        found = client(f"{dsn}{declared}")
        async with found.read() as connection:
            assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0
        await found.aclose()


async def test_the_bots_own_database_needs_a_session(database: str, tmp_path: Path) -> None:
    async with pgbouncer(database, tmp_path, "transaction") as dsn:
        with pytest.raises(Misconfigured, match=r"DATABASE_URL leads through a pooler in transaction mode.*LISTEN"):
            await open_connection(dsn)


async def test_the_bots_own_database_through_a_pooler_in_session_mode(database: str, tmp_path: Path) -> None:
    """What the pooler refuses at the start of a connection holds in its session all the same."""
    async with pgbouncer(database, tmp_path, "session", servers=9) as dsn:
        connection = await open_connection(f"{dsn}?schema=pg_catalog&pool_timeout=3")
        assert await connection.fetchval("SHOW search_path") == "pg_catalog"
        await connection.close()
        async with open_pool(dsn) as pool:
            assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "2s"
