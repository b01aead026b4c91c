"""Against a real PostgreSQL: its views, connections that are really ended, real vacuums, real deletions."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from bot.words.exceptions import OutcomeUnknown, Refused
from integrations.capabilities import Backend, Database, Ended
from integrations.postgres.catalog_views import shape
from tests.integrations.postgres.admin.conftest import LOST, as_user, client, opened, pid_of, waits
from tests.waiting import until_told

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
