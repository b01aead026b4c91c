"""Log tables as logs: lines of every level, on a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from bot.words.exceptions import Misconfigured
from integrations import Services, open_services
from integrations.capabilities import ErrorSource, Level, LogSource

TABLE = """
    CREATE TABLE integration_logs (id int, created_at timestamptz, source text, operation text, level text,
                                   message text);
"""


@pytest.fixture
async def sql(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def opened(http: httpx.AsyncClient, dsn: str, *tables: dict[str, Any]) -> Services:
    section = {"kind": "postgres", "dsn": "env:DSN", "logs": list(tables)}
    return open_services({"db": section}, http, lambda reference: dsn)


def ago(**by: float) -> datetime:
    return datetime.now(UTC) - timedelta(**by)


async def write(sql: Any, *rows: tuple[str | None, str]) -> None:
    """Level and message of each, a minute apart, oldest first."""
    await sql.execute(TABLE)
    for number, (level, message) in enumerate(rows):
        at = ago(minutes=len(rows) - number)
        await sql.execute(
            "INSERT INTO integration_logs VALUES ($1, $2, 'stripe', 'charge', $3, $4)", number, at, level, message
        )


async def test_every_word_for_a_level_is_one_of_ours(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    """Only what ops.toml names counts as an error for /ops errors; a log tells what the row itself says."""
    words = ("debug", "TRACE", "info", "success", "", None, "Warn", "WARNING ", "Error", "fatal", "declined")
    await write(sql, *((word, f"said {word}") for word in words))
    async with opened(http, database, {"levels": ["declined"]}) as services:
        source = services.named("db", LogSource)
        page = await source.logs(since=ago(hours=1), level=Level.DEBUG, match=None, limit=99)
        counts = {
            level: len((await source.logs(since=ago(hours=1), level=level, match=None, limit=99)).lines)
            for level in Level
        }
        errors = await services.named("db", ErrorSource).errors(since=ago(hours=1), match=None, limit=99)
    assert [line.level.value for line in reversed(page.lines)] == [
        "debug", "debug", "info", "info", "info", "info", "warning", "warning", "error", "error", "error",
    ]  # fmt: skip
    assert counts == {Level.DEBUG: 11, Level.INFO: 9, Level.WARNING: 5, Level.ERROR: 3}
    assert (page.lines[0].key, page.lines[0].origin, page.lines[0].message) == (
        "10",
        "stripe / charge",
        "said declined",
    )
    assert [event.message for event in errors.events] == ["said declined"]
    assert (page.truncated, page.note) == (False, "")


async def test_lines_are_matched_limited_and_dated(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await write(sql, *(("info", f"order {number} of 100%") for number in range(5)))
    async with opened(http, database, {}) as services:
        source = services.named("db", LogSource)
        few = await source.logs(since=ago(hours=1), level=Level.INFO, match="ORDER", limit=2)
        recent = await source.logs(since=ago(minutes=2, seconds=30), level=Level.INFO, match="stripe", limit=9)
        for match, count in (("%", 5), ("order_", 0), ("' OR '1'='1", 0)):
            page = await source.logs(since=ago(hours=1), level=Level.INFO, match=match, limit=9)
            assert len(page.lines) == count, match
    assert ([line.message for line in few.lines], few.truncated) == (["order 4 of 100%", "order 3 of 100%"], True)
    assert ([line.key for line in recent.lines], recent.truncated) == (["4", "3"], False)


async def test_tables_together_keep_their_keys_apart_and_one_without_levels_says_so(
    database: str, http: httpx.AsyncClient, sql: Any
) -> None:
    await write(sql, ("info", "first"), ("error", "second"))
    await sql.execute(
        'CREATE TABLE "Failed" (id int, created_at timestamp, source text, message text);'
        """INSERT INTO "Failed" VALUES (1, now() AT TIME ZONE 'UTC' - interval '90 seconds', NULL, NULL)"""
    )
    bare = {"table": "Failed", "operation": "", "level": ""}
    async with opened(http, database, {}, bare) as services:
        page = await services.named("db", LogSource).logs(since=ago(hours=1), level=Level.INFO, match=None, limit=9)
    assert [(line.key, line.level.value, line.origin) for line in page.lines] == [
        ("integration_logs:1", "error", "stripe / charge"),
        ("Failed:1", "error", ""),
        ("integration_logs:0", "info", "stripe / charge"),
    ]
    assert page.note == "Failed has no level column: every row is an error."


async def test_a_log_table_that_is_not_there_names_the_service(database: str, http: httpx.AsyncClient) -> None:
    async with opened(http, database, {}) as services:
        with pytest.raises(Misconfigured, match=r"services\.db.*integration_logs"):
            await services.named("db", LogSource).logs(since=ago(hours=1), level=Level.INFO, match=None, limit=9)


async def test_the_demo_worlds_tables(shop: Services) -> None:
    source = shop.named("shop-db", LogSource)
    every = await source.logs(since=ago(hours=24), level=Level.DEBUG, match=None, limit=1000)
    grave = await source.logs(since=ago(hours=24), level=Level.ERROR, match=None, limit=1000)
    errors = await shop.named("shop-db", ErrorSource).errors(since=ago(hours=24), match=None, limit=1000)
    assert len(every.lines) > len(grave.lines) > 0
    assert {line.key for line in grave.lines} >= {event.key for event in errors.events}
    assert [line.at for line in every.lines] == sorted((line.at for line in every.lines), reverse=True)
