"""What a role may see of a real PostgreSQL, and the views that `/ops db` shows."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from integrations.capabilities import Credentialed, Database, Health
from integrations.capabilities.trials import Testable as Tryable
from tests.integrations.postgres.admin.conftest import as_user, client, column, opened, pid_of
from tests.waiting import until_told

# -- what our role may do


async def test_rights_are_held_against_what_is_mapped(
    database: str, http: httpx.AsyncClient, sql: Any, roles: None
) -> None:
    await sql.execute("CREATE TABLE webhook_logs (created_at timestamptz); CREATE TABLE t (id int, secret text)")
    await sql.execute("GRANT SELECT ON webhook_logs TO ops; GRANT SELECT (id) ON t TO ops")
    mapped: dict[str, Any] = {
        "retention": [{"table": "webhook_logs", "keep": "30d"}], "rows": [{"table": "t", "columns": ["id"]}],
        "numbers": {},
    }  # fmt: skip
    async with opened(http, as_user(database, "ops"), **mapped) as services:
        client = services.named("db", Credentialed)
        assert [credential.setting for credential in client.credentials()] == ["services.db.dsn"]
        rights = await client.rights()
        trials = await services.named("db", Tryable).test()
    assert rights.has == ("pg_read_all_stats", "pg_signal_backend", "SELECT on t", "SELECT on webhook_logs")
    assert rights.unneeded == ()
    assert rights.lacking == (
        ("SELECT on toll_free_numbers", "numbers"),
        ("UPDATE on toll_free_numbers", "numbers"),
        ("DELETE on webhook_logs", "db cleanup"),
    )
    assert {trial.what: trial.health for trial in trials} == {
        "connect and ask": Health.OK,
        "select in t": Health.OK,
        "select and update in toll_free_numbers": Health.DEGRADED,
        "select and delete in webhook_logs": Health.DEGRADED,
    }
    assert trials[-1].remedy == "GRANT SELECT, DELETE ON webhook_logs to its role; for db cleanup."


async def test_a_superuser_has_more_than_is_needed(database: str, http: httpx.AsyncClient) -> None:
    async with opened(http, database) as services:
        rights = await services.named("db", Credentialed).rights()
    assert rights.unneeded[0] == "everything: it is a superuser"


# -- views


async def test_a_real_lock(database: str, http: httpx.AsyncClient, sql: Any, roles: None) -> None:
    await sql.execute("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1); GRANT ALL ON orders TO app")
    async with (
        client(database, "app") as holder,
        client(database, "app") as waiter,
        opened(http, as_user(database, "ops")) as services,
    ):
        db = services.named("db", Database)
        assert (await db.view("locks")).lead == "Nothing waits for a lock."
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("UPDATE orders SET id = 2 WHERE id = 1")
        waiting = asyncio.create_task(waiter.execute("UPDATE orders SET id = 3 WHERE id = 1"))
        await until_told(lambda: sql.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        grid = await db.view("locks")
        pids = await pid_of(holder), (await db.backends())
        await transaction.rollback()
        await waiting
    assert column(grid, "held by") == [str(pids[0])]  # 14,733 could not be typed after db terminate
    assert column(grid, "for") == ["orders"]
    assert column(grid, "which is") == ["idle in transaction"]
    assert column(grid, "waiting query") == ["UPDATE orders SET id = ? WHERE id = ?"]
    assert f"1 connection waiting for a lock; {pids[0]} holds up others, idle in transaction" in grid.lead


async def test_slow_statements_without_the_extension(database: str, http: httpx.AsyncClient) -> None:
    async with opened(http, database) as services:
        grid = await services.named("db", Database).view("slow")
    assert grid.rows == ()
    assert "CREATE EXTENSION pg_stat_statements" in grid.notes[0]


@pytest.mark.parametrize("time", ["time", "exec_time"])
async def test_slow_statements_by_either_versions_column_names(
    database: str, http: httpx.AsyncClient, sql: Any, time: str
) -> None:
    """PostgreSQL 13 renamed mean_time to mean_exec_time; the runbooks have both."""
    await sql.execute(
        f"""CREATE SCHEMA extensions; CREATE VIEW extensions.pg_stat_statements AS
            SELECT (SELECT oid FROM pg_database WHERE datname = current_database()) AS dbid, query, 3::bigint AS calls,
                   mean AS mean_{time}, mean * 2 AS max_{time}, mean * 3 AS total_{time}
            FROM (VALUES ('SELECT $1', 2.0::float8), ('ALTER ROLE a PASSWORD ''secret''', 900)) AS v (query, mean)"""
    )
    try:
        async with opened(http, database) as services:
            grid = await services.named("db", Database).view("slow")
    finally:
        await sql.execute("DROP SCHEMA extensions CASCADE")
    assert grid.rows[0] == (900, 1800, 3, 2.7, "ALTER ROLE a PASSWORD ?")
    assert grid.lead == "The slowest statement takes 900 ms on average."


async def test_an_extension_that_is_not_loaded(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute(
        """CREATE FUNCTION unloaded() RETURNS oid LANGUAGE plpgsql AS $$ BEGIN
               RAISE 'pg_stat_statements must be loaded via shared_preload_libraries' USING ERRCODE = '55000'; END $$;
           CREATE VIEW pg_stat_statements AS SELECT unloaded() AS dbid, ''::text AS query, 1 AS calls,
               1 AS mean_exec_time, 1 AS max_exec_time, 1 AS total_exec_time"""
    )
    async with opened(http, database) as services:
        grid = await services.named("db", Database).view("slow")
    assert "not loaded" in grid.lead
    assert "shared_preload_libraries" in grid.notes[0]


async def test_sizes(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute(
        """CREATE TABLE small (id int); CREATE TABLE "Big Orders" AS
           SELECT n AS id, repeat('x', 100) AS body FROM generate_series(1, 20000) n; ANALYZE"""
    )
    async with opened(http, database) as services:
        grid = await services.named("db", Database).view("sizes")
    assert column(grid, "table")[0] == '"Big Orders"'
    assert column(grid, "rows, estimated")[0] == 20000
    assert 'most of it "Big Orders" with' in grid.lead


async def test_indexes_that_are_broken_unused_or_missing(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute(
        """CREATE TABLE t (id int PRIMARY KEY, a int, b int);
           INSERT INTO t SELECT n, n, 1 FROM generate_series(1, 20000) n;
           CREATE INDEX unused ON t (a)"""
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await sql.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (b)")
    await sql.fetch("SELECT * FROM t WHERE b = 2")
    await sql.execute("SELECT pg_stat_force_next_flush()")
    async with opened(http, database) as services:
        grid = await services.named("db", Database).view("indexes")
    assert column(grid, "index")[:2] == ["broken (invalid)", "unused"]
    assert "1 invalid (broken), 1 never used" in grid.lead
    assert any(note.startswith("t is read whole") for note in grid.notes)


async def test_policies(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    await sql.execute(
        """CREATE TABLE memory_contexts (owner text); ALTER TABLE memory_contexts ENABLE ROW LEVEL SECURITY;
           CREATE POLICY own ON memory_contexts FOR SELECT USING (owner = current_user);
           CREATE TABLE shut (id int); ALTER TABLE shut ENABLE ROW LEVEL SECURITY;
           CREATE TABLE open_ (id int);
           CREATE TABLE off (id int); CREATE POLICY nobody ON off USING (false)"""
    )
    async with opened(http, database) as services:
        grid = await services.named("db", Database).view("policies")
    assert [row[:3] for row in grid.rows] == [
        ("public.memory_contexts", "own", "select"),
        ("public.off", "nobody", "all"),
    ]
    assert grid.lead == "2 policies on 2 tables; row security is off on 2 of 4 tables."
    assert grid.notes == (
        "Have policies that are not in force, since row security is off: public.off.",
        "Row security is on and no policy lets anybody in: public.shut.",
        "Row security is off: public.off, public.open_.",
    )


async def test_migrations_of_the_usual_tools_and_of_ones_own(database: str, http: httpx.AsyncClient, sql: Any) -> None:
    async with opened(http, database) as services:
        grid = await services.named("db", Database).view("migrations")
    assert (grid.lead, grid.notes) == (
        "None of the usual tables of migrations is here.", ("Name it in ops.toml: migrations_table.",)
    )  # fmt: skip
    await sql.execute(
        """CREATE TABLE _prisma_migrations (migration_name text, started_at timestamptz, finished_at timestamptz,
               rolled_back_at timestamptz, logs text);
           INSERT INTO _prisma_migrations VALUES ('1_init', now() - interval '1 day', now(), NULL, 'secret'),
               ('2_orders', now(), NULL, NULL, 'secret')"""
    )
    async with opened(http, database) as services:
        grid = await services.named("db", Database).view("migrations")
    assert grid.lead == "1 did not finish. 2 migrations in _prisma_migrations; the newest is 2_orders."
    assert "secret" not in str(grid.rows)
    await sql.execute("CREATE TABLE mine (version text); INSERT INTO mine VALUES ('20260101'), ('20260301')")
    async with opened(http, database, migrations_table="public.mine") as services:
        grid = await services.named("db", Database).view("migrations")
    assert grid.lead == "2 migrations in public.mine; the newest is 20260301."
