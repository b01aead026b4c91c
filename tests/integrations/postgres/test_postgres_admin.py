"""Against a real PostgreSQL: its views, connections that are really ended, real vacuums, real deletions."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import Backend, Credentialed, Database, Ended, Grid, Health
from integrations.capabilities.trials import Testable as Tryable
from integrations.postgres.catalog_views import shape
from tests.waiting import until_told


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


# -- connections


async def test_idle_connections_are_really_ended_and_nobody_elses(
    database: str, http: httpx.AsyncClient, roles: None
) -> None:
    """Not a superuser's, not ours, not one that works, and not the one that took over its pid."""
    async with (
        client(database, "app") as idle,
        client(database, "app") as busy,
        client(database, "app", "handrail") as ours,
        client(database) as superuser,
        opened(http, as_user(database, "ops")) as services,
    ):
        pids = {name: await pid_of(c) for name, c in
                {"idle": idle, "busy": busy, "ours": ours, "superuser": superuser}.items()}  # fmt: skip
        working = asyncio.create_task(busy.execute("SELECT pg_sleep(60)"))
        await until_told(lambda: waits(superuser, pids["busy"]))
        db = services.named("db", Database)
        seen = {backend.pid: backend for backend in await db.backends()}

        assert set(seen) == {pids["idle"], pids["busy"]}
        assert seen[pids["idle"]].state == "idle"
        assert seen[pids["busy"]].query == "SELECT pg_sleep(?)"
        idle_now = seen[pids["idle"]]
        namesake = Backend(**{**vars(idle_now), "started": "2020-01-01 00:00:00+00"})
        was_idle = Backend(**{**vars(seen[pids["busy"]]), "state": "idle", "idle_for": timedelta(0)})
        protected = [Backend(**{**vars(idle_now), "pid": pids[name]}) for name in ("ours", "superuser")]
        assert await db.terminate([namesake, was_idle, *protected]) == Ended(())

        assert await db.terminate([idle_now]) == Ended((idle_now,))
        with pytest.raises(LOST):
            await idle.fetchval("SELECT 1")
        assert await ours.fetchval("SELECT 1") == 1
        assert await superuser.fetchval("SELECT 1") == 1
        await superuser.execute("SELECT pg_cancel_backend($1)", pids["busy"])
        with pytest.raises(asyncpg.QueryCanceledError):
            await working


async def test_one_that_was_used_since_is_not_idle_ever_since(
    database: str, http: httpx.AsyncClient, roles: None
) -> None:
    async with client(database, "app") as app, opened(http, as_user(database, "ops")) as services:
        await asyncio.sleep(0.3)
        db = services.named("db", Database)
        (seen,) = await db.backends()
        assert await app.fetchval("SELECT 1") == 1
        assert await db.terminate([seen]) == Ended(())
        assert await app.fetchval("SELECT 1") == 1


async def test_spared_users_are_left_alone(database: str, http: httpx.AsyncClient, roles: None) -> None:
    async with client(database, "app"), opened(http, as_user(database, "ops"), spared=["app"]) as services:
        assert await services.named("db", Database).backends() == ()


async def test_a_role_without_the_right_is_told_so(
    database: str, http: httpx.AsyncClient, sql: Any, roles: None
) -> None:
    await sql.execute("REVOKE pg_signal_backend FROM ops")
    async with client(database, "app") as app, opened(http, as_user(database, "ops")) as services:
        db = services.named("db", Database)
        with pytest.raises(Refused, match="does not let our role"):
            await db.terminate(await db.backends())
        assert await app.fetchval("SELECT 1") == 1


@pytest.fixture
async def shadowed(sql: Any, roles: None) -> None:
    """What `ops` calls to end a connection: the real one, and then what `ends` has for that pid."""
    await sql.execute(
        """CREATE TABLE ends (pid int, how text); GRANT SELECT ON ends TO ops;
           ALTER ROLE ops SET search_path = public, pg_catalog;
           CREATE FUNCTION public.pg_terminate_backend(asked int) RETURNS bool LANGUAGE plpgsql AS $$
           DECLARE how text := (SELECT e.how FROM ends e WHERE e.pid = asked); BEGIN
               IF how = 'refused' THEN RAISE insufficient_privilege USING MESSAGE = 'not yours'; END IF;
               PERFORM pg_catalog.pg_terminate_backend(asked);
               IF how = 'lost' THEN PERFORM pg_catalog.pg_terminate_backend(pg_backend_pid()); END IF;
               RETURN true; END $$"""
    )


async def test_a_connection_lost_after_one_was_ended_is_unknown_and_tells_what_was_ended(
    database: str, http: httpx.AsyncClient, sql: Any, shadowed: None
) -> None:
    """Rule 2: a call that may have worked is unknown. What comes after it is not touched."""
    async with (
        client(database, "app") as first,
        client(database, "app") as second,
        client(database, "app") as third,
        opened(http, as_user(database, "ops")) as services,
    ):
        pids = [await pid_of(each) for each in (first, second, third)]
        await sql.execute("INSERT INTO ends VALUES ($1, 'lost')", pids[1])
        db = services.named("db", Database)
        seen = {backend.pid: backend for backend in await db.backends()}
        said = rf"Connection {pids[1]}: .*it may have worked\. Before that, ended: {pids[0]}\.$"
        with pytest.raises(OutcomeUnknown, match=said):
            await db.terminate([seen[pid] for pid in pids])
        for gone in (first, second):
            with pytest.raises(LOST):
                await gone.fetchval("SELECT 1")
        assert await third.fetchval("SELECT 1") == 1


async def test_what_the_server_refused_beside_what_was_ended_is_told(
    database: str, http: httpx.AsyncClient, sql: Any, shadowed: None
) -> None:
    async with (
        client(database, "app") as first,
        client(database, "app") as second,
        opened(http, as_user(database, "ops")) as services,
    ):
        pids = [await pid_of(each) for each in (first, second)]
        await sql.execute("INSERT INTO ends VALUES ($1, 'refused')", pids[0])
        db = services.named("db", Database)
        seen = {backend.pid: backend for backend in await db.backends()}
        done = await db.terminate([seen[pid] for pid in pids])
        assert done == Ended((seen[pids[1]],), (f"{pids[0]}: db does not let our role do that: not yours.",))
        assert await first.fetchval("SELECT 1") == 1


async def test_connections_are_counted_and_their_queries_show_no_values(
    database: str, http: httpx.AsyncClient, roles: None
) -> None:
    async with client(database, "app") as app, opened(http, as_user(database, "ops")) as services:
        await app.execute("SELECT 'ana@example.com' -- hunter2")
        grid = await services.named("db", Database).view("connections")
    row = next(row for row in grid.rows if row[1] == "app")
    assert row[2:4] == ("shop", "idle")
    assert row[-1] == "SELECT ?"
    assert "connections are in use" in grid.lead
    assert grid.notes == ()


async def test_a_role_that_sees_little_says_so(database: str, http: httpx.AsyncClient, sql: Any, roles: None) -> None:
    await sql.execute("REVOKE pg_read_all_stats FROM ops")
    async with client(database, "app"), opened(http, as_user(database, "ops")) as services:
        db = services.named("db", Database)
        grid = await db.view("connections")
        with pytest.raises(Refused, match="shows our role none of"):
            await db.backends()
    assert "GRANT pg_read_all_stats" in grid.notes[0]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("SELECT * FROM users WHERE email = 'ana@example.com'", "SELECT * FROM users WHERE email = ?"),
        ("UPDATE t1 SET a = 12.5, b = $1 WHERE c2 = -3", "UPDATE t1 SET a = ?, b = $1 WHERE c2 = -?"),
        ("SELECT 'it''s' , 'secret'", "SELECT ? , ?"),
        (r"SELECT 'a\', 'secret'", "SELECT ?, ?"),
        (r"SELECT E'a\', secret' , 'b'", "SELECT ? , ?"),
        ("SELECT 1 -- don't\n, 'secret'", "SELECT ? , ?"),
        ("/* it's */ SELECT 'secret'", "SELECT ?"),
        ("""SELECT "it's", 'secret'""", """SELECT "it's", ?"""),
        ("DO $x$ secret $x$", "DO ?"),
        ("ALTER ROLE a PASSWORD 'secr", "ALTER ROLE a PASSWORD ?"),
        (None, ""),
    ],
)
def test_a_query_is_shown_without_its_values(query: str | None, shown: str) -> None:
    """hermes-agent#78032, botkube#183: what was shown held the secret."""
    assert shape(query) == shown


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
        ({"table": "a", "keep": "5m"}, "greater than or equal to 1 hour"),
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
