"""Real vacuums and analyzes, and rows past their retention that are really deleted."""

import asyncio
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.capabilities import Database
from tests.integrations.postgres.admin.conftest import as_user, column, opened

# -- vacuum and analyze


async def test_a_real_vacuum(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute("CREATE TABLE logs (id int) WITH (autovacuum_enabled = off)")
    await sql.execute("INSERT INTO logs SELECT generate_series(1, 1000); DELETE FROM logs WHERE id <= 900")
    await sql.execute("SELECT pg_stat_force_next_flush()")
    async with opened(http, database) as services:
        db = services.named("db", Database)
        before, due = await db.table("logs"), await db.view("vacuum-needs")
        await db.tend("logs", "vacuum")
        after = await db.table("public.logs")
    assert (before.name, before.dead, before.vacuumed) == ("public.logs", 900, None)
    assert column(due, "due")[column(due, "table").index("logs")] == "vacuum and analyze"
    assert due.lead.startswith("logs is due for a vacuum.")
    assert (after.dead, after.rows) == (0, 100)
    assert after.vacuumed is not None
    assert after.analyzed is not None


async def test_analyze_takes_statistics_alone(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute("CREATE TABLE logs (id int) WITH (autovacuum_enabled = off); INSERT INTO logs VALUES (1), (2)")
    async with opened(http, database) as services:
        db = services.named("db", Database)
        await db.tend("logs", "analyze")
        after = await db.table("logs")
    assert (after.rows, after.vacuumed) == (2, None)
    assert after.analyzed is not None


async def test_a_vacuum_that_postgresql_skips_is_no_success(
    database: str, http: httpx.AsyncClient, sql: Any, roles: None
) -> None:
    """PostgreSQL warns, does nothing, and says VACUUM."""
    await sql.execute("CREATE TABLE logs (id int)")
    async with opened(http, as_user(database, "ops")) as services:
        with pytest.raises(Refused, match=r"permission denied to vacuum.*Let our role own public\.logs"):
            await services.named("db", Database).tend("logs", "vacuum")


async def test_a_connection_lost_within_an_analyze_is_unknown(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    """Rule 2: the server goes on with what was sent, whether we listen or not."""
    await sql.execute(
        """CREATE TABLE logs (id int) WITH (autovacuum_enabled = off);
           CREATE FUNCTION slow(id int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN id; END $$;
           CREATE INDEX ON logs (slow(id)); INSERT INTO logs VALUES (1);
           CREATE OR REPLACE FUNCTION slow(id int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
               $$ BEGIN PERFORM pg_sleep(30); RETURN id; END $$"""
    )
    async with opened(http, database) as services:
        tending = asyncio.create_task(services.named("db", Database).tend("logs", "analyze"))
        found = None
        async with asyncio.timeout(10):
            while found is None:
                await asyncio.sleep(0.02)
                found = await sql.fetchval(
                    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'ANALYZE%' AND wait_event = 'PgSleep'"
                )
        await sql.execute("SELECT pg_terminate_backend($1)", found)
        with pytest.raises(OutcomeUnknown, match="it may have worked"):
            await tending


async def test_settings_of_a_vacuum_do_not_stay_behind(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute("CREATE TABLE logs (id int)")
    async with opened(http, database, connections=1, statement_timeout="1s") as services:
        db = services.named("db", Database)
        await db.tend("logs", "vacuum")
        await sql.execute("BEGIN; LOCK logs")
        with pytest.raises(TryLater):
            await db.tend("logs", "vacuum")
        await sql.execute("ROLLBACK")
        await db.view("sizes")


@pytest.mark.parametrize("table", ["nothing", "pg_class", "pg_catalog.pg_class", "logs; DROP TABLE logs", ""])
async def test_a_table_that_is_not_there(database: str, http: httpx.AsyncClient, sql: Any, table: str) -> None:
    await sql.execute("CREATE TABLE logs (id int)")
    async with opened(http, database) as services:
        with pytest.raises(NotUnderstood, match="has no table"):
            await services.named("db", Database).tend(table, "vacuum")
    assert await sql.fetchval("SELECT count(*) FROM logs") == 0


@pytest.mark.parametrize("typed", ["lgs", "public.lgs"])
async def test_a_table_mistyped(database: str, http: httpx.AsyncClient, sql: Any, typed: str) -> None:
    await sql.execute("CREATE TABLE logs (id int)")
    async with opened(http, database) as services:
        with pytest.raises(NotUnderstood, match=r"Did you mean 'public\.logs'\?"):
            await services.named("db", Database).table(typed)


async def test_a_name_in_two_schemas(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute('CREATE SCHEMA demo; CREATE TABLE "Logs" (id int); CREATE TABLE demo."Logs" (id int)')
    async with opened(http, database) as services:
        db = services.named("db", Database)
        with pytest.raises(NotUnderstood, match=r'demo\."Logs", public\."Logs"'):
            await db.table("Logs")
        await db.tend("demo.Logs", "analyze")
        assert (await db.table("demo.Logs")).analyzed is not None


# -- retention

RULES = [
    {"table": "webhook_logs", "keep": "30d"},
    {"table": "sessions", "column": "updated_at", "keep": "90d", "only": {"is_active": "false"}},
]


@pytest.fixture
async def grown_old(sql: Any) -> None:
    await sql.execute(
        """CREATE TABLE webhook_logs (id serial, created_at timestamptz);
           INSERT INTO webhook_logs (created_at) SELECT now() - interval '31 days' FROM generate_series(1, 2500);
           INSERT INTO webhook_logs (created_at) SELECT now() - interval '29 days' FROM generate_series(1, 10);
           CREATE TABLE sessions (is_active boolean, updated_at timestamptz);
           INSERT INTO sessions VALUES (true, now() - interval '1 year'), (false, now() - interval '1 year'),
               (false, now()), (NULL, now() - interval '1 year')"""
    )


async def test_what_is_old_is_counted_then_deleted_in_batches(
    database: str, http: httpx.AsyncClient, sql: Any, grown_old: None
) -> None:
    async with opened(http, database, retention=RULES) as services:
        db = services.named("db", Database)
        logs, sessions = await db.retention()
        assert (logs.rows, sessions.rows, sessions.only) == (2500, 1, "is_active is false")
        seen = []
        async for deleted in db.clean(logs):
            seen.append((deleted, await sql.fetchval("SELECT count(*) FROM webhook_logs")))
        assert seen == [(1000, 1510), (2000, 510), (2500, 10)]
        assert [deleted async for deleted in db.clean(sessions)] == [1]
        assert [deleted async for deleted in db.clean(sessions)] == []
    assert await sql.fetchval("SELECT count(*) FROM sessions") == 3


async def test_leaving_early_keeps_what_was_deleted_and_no_more(
    database: str, http: httpx.AsyncClient, sql: Any, grown_old: None
) -> None:
    async with opened(http, database, retention=RULES) as services:
        db = services.named("db", Database)
        logs, _ = await db.retention()
        async for _deleted in db.clean(logs, batch=100):
            break
        assert await sql.fetchval("SELECT count(*) FROM webhook_logs") == 2410


async def test_partitions_share_places_on_disk(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute(
        """CREATE TABLE webhook_logs (created_at timestamptz) PARTITION BY RANGE (created_at);
           CREATE TABLE old PARTITION OF webhook_logs FOR VALUES FROM (MINVALUE) TO (now() - interval '40 days');
           CREATE TABLE new PARTITION OF webhook_logs FOR VALUES FROM (now() - interval '40 days') TO (MAXVALUE);
           INSERT INTO webhook_logs SELECT now() - interval '50 days' FROM generate_series(1, 5);
           INSERT INTO webhook_logs SELECT now() FROM generate_series(1, 5)"""
    )
    async with opened(http, database, retention=RULES[:1]) as services:
        db = services.named("db", Database)
        (logs,) = await db.retention()
        assert [deleted async for deleted in db.clean(logs)] == [5]
    assert await sql.fetchval("SELECT count(*) FROM webhook_logs") == 5


async def test_a_rule_that_was_changed_since(database: str, http: httpx.AsyncClient, sql: Any, grown_old: None) -> None:
    async with opened(http, database, retention=RULES) as services:
        logs, _ = await services.named("db", Database).retention()
    shorter = [{"table": "webhook_logs", "keep": "60d"}]
    async with opened(http, database, retention=shorter) as services:
        with pytest.raises(NotUnderstood, match="keeps webhook_logs for 60d now"):
            _ = [deleted async for deleted in services.named("db", Database).clean(logs)]
    assert await sql.fetchval("SELECT count(*) FROM webhook_logs") == 2510


async def test_a_batch_that_is_refused_is_rolled_back(
    database: str, http: httpx.AsyncClient, sql: Any, grown_old: None
) -> None:
    await sql.execute(
        """ALTER TABLE webhook_logs ADD PRIMARY KEY (id);
           CREATE TABLE kept (log int REFERENCES webhook_logs); INSERT INTO kept VALUES (1500)"""
    )
    async with opened(http, database, retention=RULES[:1]) as services:
        db = services.named("db", Database)
        (logs,) = await db.retention()
        seen: list[int] = []
        with pytest.raises(Refused, match="violates foreign key"):  # noqa: PT012 - the second step raises
            async for deleted in db.clean(logs):
                seen.append(deleted)
    assert seen == [1000]
    assert await sql.fetchval("SELECT count(*) FROM webhook_logs") == 1510


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"table": "a; DROP TABLE b", "keep": "30d"}, "write a name of letters"),
        ({"table": "a", "keep": "5m"}, "write 1 hour or more"),
        ({"table": "a"}, "keep is missing"),
        ({"table": "a", "keep": "30d", "only": {"is active": "x"}}, "write a name of letters"),
    ],
)
async def test_a_rule_that_cannot_be(http: httpx.AsyncClient, rule: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        opened(http, "postgresql://127.0.0.1:9/x", retention=[rule])


async def test_a_database_that_is_away(http: httpx.AsyncClient) -> None:
    async with opened(http, "postgresql://127.0.0.1:9/x", retention=RULES) as services:
        db = services.named("db", Database)
        for call in (db.view("sizes"), db.backends(), db.tend("a", "vacuum")):
            with pytest.raises(OpsError, match="Could not reach db"):
                await call
        with pytest.raises(OpsError, match="db gave no answer 3 times in a row; it is asked again in 15 s"):
            await db.retention()
