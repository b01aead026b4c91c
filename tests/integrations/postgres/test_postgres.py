"""Against a real PostgreSQL: what the mapped tables can do, and what can go wrong on the way."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from bot.words.exceptions import Misconfigured, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import (
    Checkable,
    ErrorSource,
    Health,
)
from integrations.postgres.database import Database
from tests.integrations.postgres.conftest import HOUR, _database, opened
from tests.waiting import until_told

# -- health


async def test_a_server_that_is_well(shop: Services) -> None:
    assert (await shop.named("shop-db", Checkable).check()).health is Health.OK


async def test_read_only_is_not_well(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    """Some hosts make a database read-only when its disk is full; every SELECT still answers."""
    name = await sql.fetchval("SELECT current_database()")
    await sql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with opened(http, database) as services:
        seen = await services.named("db", Checkable).check()
    assert (seen.health, "read-only" in seen.detail) == (Health.DEGRADED, True)


@pytest.mark.parametrize(
    ("dsn", "health", "said"),
    [
        ("postgresql://u:hunter2@127.0.0.1:9/x", Health.DOWN, "refused the connection"),
        ("postgresql://u:hunter2@no-such-host.invalid/x", Health.UNKNOWN, "resolved"),
        ("postgresql://u:hunter2@%2Fno%2Fsuch%2Fsocket/x", Health.DOWN, "refused the connection"),
        ("http://u:hunter2@127.0.0.1/x", Health.UNKNOWN, "services.db.dsn"),
        ("postgresql://u:hunter2@127.0.0.1:port/x", Health.UNKNOWN, "services.db.dsn"),
        ("hunter2", Health.UNKNOWN, "services.db.dsn"),
    ],
)
async def test_a_server_that_cannot_be_reached(http: httpx.AsyncClient, dsn: str, health: Health, said: str) -> None:
    async with opened(http, dsn) as services:
        seen = await services.named("db", Checkable).check()
    assert (seen.health, said in seen.detail) == (health, True)
    assert "hunter2" not in seen.detail


async def test_a_refused_role_names_the_setting(database: str, http: httpx.AsyncClient) -> None:
    scheme, _, rest = database.partition("://")
    nobody = f"{scheme}://nobody-there@{rest.rpartition('@')[2]}"
    async with opened(http, nobody) as services:
        seen = await services.named("db", Checkable).check()
    assert (seen.health, "services.db.dsn" in seen.detail) == (Health.DEGRADED, True)


async def test_a_changed_dsn_needs_no_restart(database: str, http: httpx.AsyncClient) -> None:
    known = {"env:DSN": "postgresql://127.0.0.1:9/x"}
    section = {"kind": "postgres", "dsn": "env:DSN"}
    async with open_services({"db": section}, http, known.__getitem__) as services:
        client = services.named("db", Checkable)
        assert (await client.check()).health is Health.DOWN
        known["env:DSN"] = database
        assert (await client.check()).health is Health.OK


# -- transactions


async def test_a_look_cannot_write(bare: Database) -> None:
    with pytest.raises(Refused, match="read-only"):
        async with bare.read() as connection:
            await connection.execute("CREATE TABLE t ()")


async def test_a_statement_has_its_limit(bare: Database) -> None:
    with pytest.raises(TryLater, match="longer than 1 s"):
        async with bare.read() as connection:
            await connection.execute("SELECT pg_sleep(3)")


async def test_a_lock_is_not_waited_for_for_ever(bare: Database, sql: Any) -> None:
    await sql.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    async with sql.transaction():
        await sql.execute("SELECT * FROM t FOR UPDATE")
        with pytest.raises(TryLater):
            async with bare.write() as connection:
                await connection.execute("UPDATE t SET id = 2")
    assert await sql.fetchval("SELECT id FROM t") == 1


async def test_what_fails_before_the_commit_changed_nothing(bare: Database, sql: Any) -> None:
    await sql.execute("CREATE TABLE t (id int CHECK (id < 10))")

    async def refused_by_the_table() -> None:
        async with bare.write() as connection:
            await connection.execute("INSERT INTO t VALUES (1)")
            await connection.execute("INSERT INTO t VALUES (11)")

    async def failed_by_us() -> None:
        async with bare.write() as connection:
            await connection.execute("INSERT INTO t VALUES (2)")
            raise ZeroDivisionError

    with pytest.raises(Refused, match="nothing was changed"):
        await refused_by_the_table()
    with pytest.raises(ZeroDivisionError):
        await failed_by_us()
    assert await sql.fetchval("SELECT count(*) FROM t") == 0


async def test_a_commit_without_an_answer_is_unknown(bare: Database, sql: Any) -> None:
    """Rule 2: a call that may have worked is unknown."""
    await sql.execute(
        """CREATE TABLE t (id int);
           CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(9); RETURN NULL; END $$;
           CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
               FOR EACH ROW EXECUTE FUNCTION slow()"""
    )
    pid = 0

    async def write() -> None:
        nonlocal pid
        async with bare.write() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await connection.execute("INSERT INTO t VALUES (1)")

    writing = asyncio.create_task(write())
    commits = "SELECT query ILIKE 'commit%' AND wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1"
    await until_told(lambda: sql.fetchval(commits, pid))
    await sql.execute("SELECT pg_terminate_backend($1)", pid)
    with pytest.raises(OutcomeUnknown, match="may have worked"):
        await writing


async def test_a_connection_lost_before_the_commit_changed_nothing(bare: Database, sql: Any) -> None:
    await sql.execute("CREATE TABLE t (id int)")

    async def write() -> None:
        async with bare.write() as connection:
            await connection.execute("INSERT INTO t VALUES (1)")
            await sql.execute("SELECT pg_terminate_backend($1)", await connection.fetchval("SELECT pg_backend_pid()"))
            await connection.execute("INSERT INTO t VALUES (2)")

    with pytest.raises(TryLater, match=r"nothing was changed|starting up or shutting down"):
        await write()
    assert await sql.fetchval("SELECT count(*) FROM t") == 0


@pytest.mark.parametrize(("pooler", "kept"), [(True, False), (False, True)])
async def test_a_transaction_pooler_gets_no_prepared_statements(database: str, pooler: bool, kept: bool) -> None:
    found = _database(database, transaction_pooler=pooler)
    try:
        async with found.read() as connection:
            await connection.fetchval("SELECT $1::int", 1)
            assert bool(await connection.fetchval("SELECT count(*) FROM pg_prepared_statements")) is kept
            assert await connection.fetchval("SHOW application_name") == "handrail"
    finally:
        await found.aclose()


# -- logs


async def test_errors_of_every_log_table_newest_first(shop: Services) -> None:
    source = shop.named("shop-db", ErrorSource)
    page = await source.errors(since=datetime.now(UTC) - HOUR, match=None, limit=200)
    assert len(page.events) >= 30
    assert not page.truncated
    assert [event.at for event in page.events] == sorted((event.at for event in page.events), reverse=True)
    assert {"hubspot", "unleashed", "n8n"} <= {event.origin for event in page.events}
    day = await source.errors(since=datetime.now(UTC) - 24 * HOUR, match=None, limit=500)
    flows = [event for event in day.events if event.key.startswith("demo.workflow_execution_logs:")]
    assert {event.origin for event in flows} == {"Sync orders to HubSpot"}
    assert len({event.key for event in day.events}) == len(day.events)


async def test_errors_are_limited_and_say_so(shop: Services) -> None:
    page = await shop.named("shop-db", ErrorSource).errors(since=datetime.now(UTC) - HOUR, match=None, limit=5)
    assert (len(page.events), page.truncated) == (5, True)


async def test_match_is_plain_text(shop: Services) -> None:
    source = shop.named("shop-db", ErrorSource)
    for match, some in (("RATE LIMIT", True), ("hubspot", True), ("%", False), ("___", False), ("' OR '1'='1", False)):
        page = await source.errors(since=datetime.now(UTC) - HOUR, match=match, limit=99)
        assert bool(page.events) is some, match
        assert all(match.lower() in f"{e.origin} {e.operation} {e.message}".lower() for e in page.events)


async def test_a_table_of_another_shape(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    """Reserved words, capitals, no level, no operation, times without a zone, nulls."""
    await sql.execute(
        """CREATE TABLE "Order" ("select" int, "When" timestamp, "from" text, body text);
           INSERT INTO "Order" VALUES (1, now() AT TIME ZONE 'UTC', NULL, NULL), (2, NULL, 'x', 'undated')"""
    )
    table = {"table": "Order", "key": "select", "at": "When", "origin": "from", "operation": "", "message": "body",
             "level": ""}  # fmt: skip
    async with opened(http, database, logs=[table]) as services:
        page = await services.named("db", ErrorSource).errors(since=datetime.now(UTC) - HOUR, match=None, limit=9)
    (event,) = page.events
    assert (event.key, event.origin, event.message) == ("1", "", "")
    assert abs(event.at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_table_that_is_not_there_names_the_service(database: str, http: httpx.AsyncClient) -> None:
    async with opened(http, database, logs=[{}]) as services:
        with pytest.raises(Misconfigured, match=r"services\.db.*integration_logs"):
            await services.named("db", ErrorSource).errors(since=datetime.now(UTC), match=None, limit=9)


async def test_a_table_we_may_not_read(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    name = await sql.fetchval("SELECT current_database()")
    await sql.execute(
        f"CREATE ROLE r_{name} LOGIN; CREATE TABLE integration_logs (id int, created_at timestamptz, "
        "source text, operation text, message text, level text)"
    )
    try:
        scheme, _, rest = database.partition("://")
        dsn = f"{scheme}://{quote('r_' + name)}@{rest.rpartition('@')[2]}"
        async with opened(http, dsn, logs=[{}]) as services:
            with pytest.raises(Refused, match=r"does not let our role.*integration_logs"):
                await services.named("db", ErrorSource).errors(since=datetime.now(UTC), match=None, limit=9)
    finally:
        await sql.execute(f"DROP ROLE r_{name}")


@pytest.mark.parametrize(
    "name",
    ['x"; DROP TABLE t; --', "x; DROP TABLE t", "a.b.c", "x\n", "1x", "", "x y", "x'", "é", "x" * 64, "x--", "x/**/"],
)
@pytest.mark.parametrize("key", ["table", "at", "message"])
async def test_a_name_that_is_none_is_refused_at_the_door(http: httpx.AsyncClient, name: str, key: str) -> None:
    with pytest.raises(Misconfigured, match=rf"services\.db\.logs\.0\.{key}: write a name"):
        opened(http, "unused", logs=[{key: name}])
