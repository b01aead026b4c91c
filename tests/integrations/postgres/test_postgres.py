"""Against a real PostgreSQL: what the mapped tables can do, and what can go wrong on the way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Refused, Stale, TryLater
from integrations import Services, open_services
from integrations.capabilities import (
    Checkable,
    ErrorSource,
    Health,
    Prolongs,
    RateLimiter,
    Switch,
    Switchable,
    Switches,
)
from integrations.postgres.database import Database
from tests.waiting import until_told

HOUR = timedelta(hours=1)
Connection = asyncpg.Connection  # generic in the stubs alone


@pytest.fixture
async def sql(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def opened(http: httpx.AsyncClient, dsn: str, **tables: Any) -> Services:
    section = {"kind": "postgres", "dsn": "env:DSN", **tables}
    return open_services({"db": section}, http, lambda reference: dsn)


@pytest.fixture
async def bare(database: str, http: httpx.AsyncClient) -> AsyncIterator[Database]:
    database_ = _database(database)
    yield database_
    await database_.aclose()


def _database(dsn: str, **more: Any) -> Database:
    settings = {
        "statement_timeout": timedelta(seconds=1), "connect_timeout": timedelta(seconds=2), "size": 2,
        "transaction_pooler": False, **more,
    }  # fmt: skip
    return Database("db", dsn=lambda: dsn, **settings)


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


# -- rate limits


async def test_records_of_one_address_in_all_its_spellings(shop: Services) -> None:
    """Servers write IPv4 as ::ffff:a.b.c.d, and IPv6 in many ways."""
    limiter = shop.named("shop-db", RateLimiter)
    one = await limiter.rate_limits("203.0.113.7")
    assert (one.records, one.allowed, one.has_allow_list) == (3, False, True)
    assert one.sample[0].startswith("203.0.113.7 on /api/mining-proxy: 1,412 requests since ")
    assert (await limiter.rate_limits("203.0.113.0/28")).records == 4
    assert (await limiter.rate_limits("2001:db8::7")).records == 1
    assert (await limiter.rate_limits("2001:db8::/32")).records == 1
    assert (await limiter.rate_limits("0.0.0.0/0")).records == 44
    assert (await limiter.rate_limits("203.0.113.70")).records == 0


async def test_an_allowed_range_covers_its_addresses(shop: Services) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    assert (await limiter.rate_limits("198.51.100.3")).allowed
    assert (await limiter.rate_limits("198.51.100.0/29")).allowed
    assert not (await limiter.rate_limits("198.51.100.0/24")).allowed
    assert not (await limiter.rate_limits("192.0.2.44")).allowed, "that entry has ended"


async def test_lift_and_restore(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    before = await sql.fetchval("SELECT count(*) FROM demo.rate_limits")
    until = datetime.now(UTC) + 2 * HOUR
    lifted = await limiter.lift("203.0.113.7", note="O'Brien; DROP TABLE demo.rate_limits; --", until=until)
    assert lifted["deleted"] == 3
    assert await sql.fetchval("SELECT count(*) FROM demo.rate_limits") == before - 3
    row = await sql.fetchrow("SELECT * FROM demo.ip_allow_list WHERE network = '203.0.113.7'")
    assert (row["note"], row["expires_at"]) == ("O'Brien; DROP TABLE demo.rate_limits; --", until)
    assert (await limiter.rate_limits("203.0.113.7")).allowed
    assert await limiter.restore("203.0.113.7", lifted) == 1
    assert await limiter.restore("203.0.113.7", lifted) == 0
    assert not (await limiter.rate_limits("203.0.113.7")).allowed


async def test_what_was_allowed_before_is_not_taken_back(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    lifted = await limiter.lift("198.51.100.3", note="again", until=None)
    assert lifted["inserted"] is None
    assert await limiter.restore("198.51.100.3", lifted) == 0
    assert (await limiter.rate_limits("198.51.100.3")).allowed


async def test_an_entry_that_has_ended_is_replaced(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    await limiter.lift("192.0.2.44", note="once more", until=None)
    rows = await sql.fetch("SELECT note, expires_at FROM demo.ip_allow_list WHERE network = '192.0.2.44'")
    assert [tuple(row) for row in rows] == [("once more", None)]


async def test_a_changed_entry_is_left_alone(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    lifted = await limiter.lift("203.0.113.7", note="partner", until=datetime.now(UTC) + HOUR)
    await sql.execute("UPDATE demo.ip_allow_list SET expires_at = NULL WHERE note = 'partner'")
    with pytest.raises(Stale) as caught:
        await limiter.restore("203.0.113.7", lifted)
    assert caught.value.differences[0].startswith("until was 20")
    assert (await limiter.rate_limits("203.0.113.7")).allowed


async def test_another_entry_for_the_same_network_is_left(shop: Services, sql: Any) -> None:
    """A list without a key may hold somebody else's beside ours, for good."""
    await sql.execute("ALTER TABLE demo.ip_allow_list DROP CONSTRAINT ip_allow_list_pkey")
    limiter = shop.named("shop-db", Prolongs)
    lifted = await limiter.lift("203.0.113.7", note="import", until=datetime.now(UTC) + HOUR)
    await sql.execute("INSERT INTO demo.ip_allow_list (network, note) VALUES ('203.0.113.7', 'the office')")
    lifted = await limiter.prolong("203.0.113.7", lifted, datetime.now(UTC) + 2 * HOUR)
    assert await limiter.restore("203.0.113.7", lifted) == 1
    rows = await sql.fetch("SELECT note, expires_at FROM demo.ip_allow_list WHERE network = '203.0.113.7'")
    assert [tuple(row) for row in rows] == [("the office", None)]


async def test_an_entry_that_is_gone_is_not_prolonged(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", Prolongs)
    lifted = await limiter.lift("203.0.113.7", note="partner", until=datetime.now(UTC) + HOUR)
    lifted = await limiter.prolong("203.0.113.7", lifted, datetime.now(UTC) + 2 * HOUR)
    await sql.execute("DELETE FROM demo.ip_allow_list WHERE note = 'partner'")
    with pytest.raises(Stale, match="not on the allow-list of shop-db any more"):
        await limiter.prolong("203.0.113.7", lifted, datetime.now(UTC) + 3 * HOUR)
    assert not (await limiter.rate_limits("203.0.113.7")).allowed


async def test_lifting_is_all_or_nothing(shop: Services, sql: Any) -> None:
    await sql.execute("ALTER TABLE demo.ip_allow_list ADD CHECK (length(note) < 100)")
    limiter = shop.named("shop-db", RateLimiter)
    with pytest.raises(Refused, match="nothing was changed"):
        await limiter.lift("203.0.113.7", note="x" * 200, until=None)
    assert (await limiter.rate_limits("203.0.113.7")).records == 3


@pytest.mark.parametrize("kind", ["inet", "cidr", "text"])
async def test_identifiers_and_networks_of_any_type(
    database: str, http: httpx.AsyncClient, sql: Any, kind: str
) -> None:
    await sql.execute(
        f"CREATE TABLE rate_limits (identifier {'inet' if kind == 'cidr' else kind}); "
        f"CREATE TABLE allowed (net {kind}); INSERT INTO rate_limits VALUES ('203.0.113.7'), ('203.0.113.8')"
    )
    tables = {"endpoint": "", "count": "", "window_start": "",
              "allow_list": {"table": "allowed", "network": "net", "note": "", "until": ""}}  # fmt: skip
    async with opened(http, database, rate_limits=tables) as services:
        limiter = services.named("db", RateLimiter)
        assert (await limiter.rate_limits("203.0.113.0/24")).records == 2
        lifted = await limiter.lift("203.0.113.7", note="n", until=datetime.now(UTC))
        assert lifted == {"deleted": 1, "inserted": {"network": "203.0.113.7", "note": None, "until": None}}
        assert (await limiter.rate_limits("203.0.113.7")).allowed
        assert await limiter.restore("203.0.113.7", lifted) == 1
        assert (await limiter.rate_limits("203.0.113.0/24")).records == 1


async def test_without_an_allow_list_only_records_go(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute("CREATE TABLE rate_limits (identifier text, endpoint text, request_count int, window_start date)")
    async with opened(http, database, rate_limits={}) as services:
        limiter = services.named("db", RateLimiter)
        assert not (await limiter.rate_limits("203.0.113.7")).has_allow_list
        lifted = await limiter.lift("203.0.113.7", note="n", until=None)
        assert lifted == {"deleted": 0, "inserted": None}
        assert await limiter.restore("203.0.113.7", lifted) == 0


async def test_a_network_that_is_none_is_not_sent(shop: Services, sql: Any) -> None:
    limiter = shop.named("shop-db", RateLimiter)
    for bad in ("203.0.113.7'; DELETE FROM demo.rate_limits; --", "", "all", "123.456.789.0", "%"):
        for call in (limiter.rate_limits(bad), limiter.lift(bad, note="n", until=None)):
            with pytest.raises(NotUnderstood, match="not an IP address"):
                await call
    assert await sql.fetchval("SELECT count(*) FROM demo.rate_limits") == 48


# -- a status column


async def running(switches: Switches) -> dict[str, str]:
    return {thing.name: thing.id for thing in await switches.switches() if thing.state is Switch.RUNNING}


async def test_pause_and_resume_exactly_those(shop: Services) -> None:
    switches = shop.named("shop-db", Switches)
    before = await running(switches)
    assert len(before) == 4
    paused = await switches.pause([before["Spring sale"], before["Win-back SMS"]])
    assert {(thing.name, thing.detail) for thing in paused.changed} == {
        ("Spring sale", "active"),
        ("Win-back SMS", "active"),
    }
    assert set(await running(switches)) == {"Trial follow-up calls", "Abandoned cart"}
    resumed = await switches.resume(paused.changed)
    assert (len(resumed.changed), resumed.missed) == (2, ())
    assert await running(switches) == before


async def test_what_somebody_else_paused_runs_under_the_usual_word(shop: Services, sql: Any) -> None:
    switches = shop.named("shop-db", Switches)
    paused = next(thing for thing in await switches.switches() if thing.state is Switch.PAUSED)
    resumed = await switches.resume([Switchable(paused.id, paused.name, Switch.RUNNING)])
    assert resumed.changed == (paused,)
    assert await sql.fetchval("SELECT status::text FROM demo.campaigns WHERE id = $1", int(paused.id)) == "active"


async def test_what_is_not_running_is_never_touched(shop: Services, sql: Any) -> None:
    switches = shop.named("shop-db", Switches)
    ids = {thing.name: thing.id for thing in await switches.switches()}
    flipped = await switches.pause([ids["Summer launch"], ids["New Year offer"], "999", "1; DROP TABLE demo.campaigns"])
    assert flipped.changed == ()
    assert flipped.missed == (
        "Summer launch is draft now",
        "New Year offer is ended now",
        "999 is not there any more",
        "1; DROP TABLE demo.campaigns is not there any more",
    )
    assert await sql.fetchval("SELECT count(*) FROM demo.campaigns WHERE status = 'paused'") == 1


async def test_what_somebody_changed_is_not_resumed(shop: Services, sql: Any) -> None:
    switches = shop.named("shop-db", Switches)
    paused = await switches.pause([(await running(switches))["Spring sale"]])
    await sql.execute("UPDATE demo.campaigns SET status = 'ended' WHERE name = 'Spring sale'")
    resumed = await switches.resume(paused.changed)
    assert (resumed.changed, resumed.missed) == ((), ("Spring sale is ended now",))


async def test_only_a_word_for_running_is_written_back(shop: Services, sql: Any) -> None:
    """What comes back from a stored receipt is checked like any input."""
    switches = shop.named("shop-db", Switches)
    thing = next(thing for thing in await switches.switches() if thing.state is Switch.PAUSED)
    for word in ("draft", "ended", "paused", "active'; DROP TABLE demo.campaigns; --"):
        resumed = await switches.resume([Switchable(thing.id, thing.name, Switch.RUNNING, word)])
        assert resumed.changed == ()
        assert await sql.fetchval("SELECT status::text FROM demo.campaigns WHERE id = $1", int(thing.id)) == "paused"


async def test_two_at_once_pause_each_thing_once(shop: Services) -> None:
    switches = shop.named("shop-db", Switches)
    ids = list((await running(switches)).values())
    first, second = await asyncio.gather(switches.pause(ids), switches.pause(list(reversed(ids))))
    assert sorted(thing.id for thing in first.changed + second.changed) == sorted(ids)


async def test_a_word_that_the_column_does_not_know(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute(
        """CREATE TYPE mood AS ENUM ('active'); CREATE TABLE campaigns (id int, name text, status mood);
           INSERT INTO campaigns VALUES (1, 'x', 'active')"""
    )
    async with opened(http, database, switches={}) as services:
        with pytest.raises(OpsError, match="paused"):
            await services.named("db", Switches).pause(["1"])
    assert await sql.fetchval("SELECT status::text FROM campaigns") == "active"
