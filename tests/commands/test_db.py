"""/ops db, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from bot.words.action import Risk
from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, Stale, TryLater
from bot.words.ports import Freeze
from commands.db import Look, LookAtDatabase
from commands.db._backends import EndPlan
from commands.db._retention import CleanUp, CleanUpPlan
from commands.db._tending import Tend
from commands.db.analyze import AnalyzeTable
from commands.db.cleanup import CleanUpRows
from commands.db.kill_idle import KillIdle, KillIdleConnections
from commands.db.terminate import Terminate, TerminateConnection
from commands.db.vacuum import VacuumTable
from integrations import Services, open_services
from integrations.capabilities import Backend, Database, Ended, Tended
from tests.commands.world import NOON, Clock
from tests.waiting import until_told

LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError)
"""What asyncpg says of a connection that the server ended, by where it was just then."""


@pytest.fixture
async def sql(database: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database)
    await connection.execute(
        """CREATE TABLE webhook_logs (id serial PRIMARY KEY, created_at timestamptz);
           INSERT INTO webhook_logs (created_at) SELECT now() - interval '31 days' FROM generate_series(1, 2500);
           INSERT INTO webhook_logs (created_at) SELECT now() FROM generate_series(1, 10)"""
    )
    yield connection
    await connection.close()


@pytest.fixture
async def app(sql: Any, database: str) -> AsyncIterator[Any]:
    """A connection of a program that may be ended."""
    user = f"app_{await sql.fetchval('SELECT current_database()')}"
    await sql.execute(f"CREATE ROLE {user} LOGIN; GRANT ALL ON SCHEMA public TO {user}")
    scheme, _, rest = database.partition("://")
    connection = await asyncpg.connect(
        f"{scheme}://{quote(user)}@{rest.rpartition('@')[2]}", server_settings={"application_name": "shop"}
    )
    yield connection
    await connection.close()
    await sql.execute(f"DROP OWNED BY {user}; DROP ROLE {user}")


@pytest.fixture
async def services(database: str, sql: Any) -> AsyncIterator[Services]:
    table = {"kind": "postgres", "dsn": "env:DSN", "retention": [{"table": "webhook_logs", "keep": "30d"}]}
    async with httpx.AsyncClient() as http, open_services({"shop-db": table}, http, lambda _: database) as opened:
        yield opened


@pytest.fixture
def databases(services: Services) -> tuple[Database, ...]:
    return services.having(Database)


# -- looking


async def test_a_view(databases: tuple[Database, ...]) -> None:
    report = await LookAtDatabase(databases, Clock()).answer(Look(view="vacuum-needs"))
    assert report.title == "Vacuum needs of shop-db"
    assert report.taken_at == NOON
    assert report.table is not None
    assert "webhook_logs" in [row[0] for row in report.table.rows]


async def test_which_database(databases: tuple[Database, ...]) -> None:
    with pytest.raises(Misconfigured, match="no service that can be looked at as a database"):
        await LookAtDatabase((), Clock()).answer(Look(view="sizes"))
    with pytest.raises(NotUnderstood, match="Did you mean 'shop-db'") as caught:
        await LookAtDatabase(databases, Clock()).answer(Look(view="sizes", db="shop"))
    assert caught.value.hint == "db sizes db=shop-db"


# -- ending connections


async def aged(plan: Any, action: KillIdleConnections, params: KillIdle) -> Any:
    """The plan for what is idle since a moment ago: nothing here is idle for minutes."""
    return await action.preview(params.model_copy(update={"older": timedelta(0)}))


async def test_idle_connections_are_listed_then_ended(databases: tuple[Database, ...], app: Any) -> None:
    action = KillIdleConnections(databases)
    pid = await app.fetchval("SELECT pg_backend_pid()")
    await asyncio.sleep(0.1)
    fresh = await action.preview(KillIdle())
    plan = await aged(fresh, action, KillIdle())

    assert fresh.nothing_to_do == "shop-db has no connection of others that is idle for more than 5m."
    assert plan.headline == "End 1 connection of shop-db, idle for more than 0s."
    assert plan.effects[0].startswith(f"{pid} of app_")
    receipt = await action.execute(type(plan).model_validate_json(plan.model_dump_json()))
    assert receipt.headline == "Ended 1 connection of shop-db."
    assert receipt.facts[0].value == str(pid)
    with pytest.raises(LOST):
        await app.fetchval("SELECT 1")
    assert await action.evidence(plan) == "none of them is connected any more"
    with pytest.raises(Stale, match="none is as it was then"):
        await action.execute(plan)


async def test_what_the_server_would_not_let_us_end_is_told_apart_from_what_was_gone(
    databases: tuple[Database, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, refused, gone = (Backend(pid, "2026-01-01", "app", "shop", "", None, "") for pid in (11, 12, 13))
    plan = EndPlan(target="t", headline="h", db="shop-db", backends=(ended, refused, gone))

    async def terminate(_backends: Sequence[Backend]) -> Ended:
        return Ended((ended,), ("12: shop-db does not let our role do that.",))

    monkeypatch.setattr(databases[0], "terminate", terminate)
    receipt = await KillIdleConnections(databases).execute(plan)
    assert receipt.headline == "Ended 1 connection of shop-db."
    assert [(fact.label, fact.value) for fact in receipt.facts] == [
        ("Ended", "11"),
        ("Left alone", "13: gone, in use again, or not ours to end"),
        ("Not ended", "12: shop-db does not let our role do that."),
    ]


async def test_one_within_a_transaction_is_ended_only_where_asked(databases: tuple[Database, ...], app: Any) -> None:
    action = KillIdleConnections(databases)
    await app.execute("BEGIN; SELECT 1")
    await asyncio.sleep(0.1)
    plain = await aged(None, action, KillIdle())
    plan = await aged(None, action, KillIdle(in_transaction=True))
    other = await aged(None, action, KillIdle(in_transaction=True, user="somebody"))
    assert plain.nothing_to_do == (
        "shop-db has no connection of others that is idle for more than 0s, but 1 within a transaction: "
        "in-transaction=yes ends it too."
    )
    assert plan.backends[0].state == "idle in transaction"
    assert plan.warnings == ("1 of them within a transaction: what it did not commit is lost.",)
    assert other.nothing_to_do == (
        "shop-db has no connection of somebody that is idle for more than 0s; nobody is connected as somebody, "
        f"only {plan.backends[0].user}."
    )
    own = await aged(None, action, KillIdle(in_transaction=True, user=plan.backends[0].user))
    assert own.headline == f"End 1 connection of {own.backends[0].user} of shop-db, idle for more than 0s."


async def test_connections_that_come_meanwhile_neither_stale_the_plan_nor_are_ended(
    databases: tuple[Database, ...], database: str, app: Any
) -> None:
    action, params = KillIdleConnections(databases), KillIdle()
    await asyncio.sleep(0.1)
    plan = await aged(None, action, params)
    fewer = plan.model_copy(update={"backends": ()})
    assert fewer.digest("db kill-idle", params) == plan.digest("db kill-idle", params)
    assert plan.digest("db kill-idle", params) != plan.model_copy(update={"db": "x"}).digest("db kill-idle", params)
    with pytest.raises(Stale):
        await action.execute(fewer)
    assert await app.fetchval("SELECT 1") == 1


def test_a_resting_pool_is_not_idle() -> None:
    with pytest.raises(ValueError, match="type at least 1m"):
        KillIdle(older=timedelta(seconds=30))


async def test_one_connection_is_ended_whatever_it_does(databases: tuple[Database, ...], sql: Any, app: Any) -> None:
    action = TerminateConnection(databases)
    pid = await app.fetchval("SELECT pg_backend_pid()")
    working = asyncio.create_task(app.fetchval("SELECT pg_sleep(60)"))
    sleeps = "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1"
    await until_told(lambda: sql.fetchval(sleeps, pid))
    params = Terminate(pid=pid)
    plan = await action.preview(params)
    assert plan.effects[0].endswith("active; last: SELECT pg_sleep(?)")
    assert plan.warnings == ("What it is doing is rolled back.",)
    assert (plan.target, plan.confirm_phrase) == (f"shop-db connection {pid}", str(pid))
    receipt = await action.execute(plan)
    assert receipt.headline == "Ended 1 connection of shop-db."
    with pytest.raises(LOST):
        await working


async def test_another_connection_with_the_same_pid_is_another_plan(databases: tuple[Database, ...], app: Any) -> None:
    action = TerminateConnection(databases)
    params = Terminate(pid=await app.fetchval("SELECT pg_backend_pid()"))
    plan = await action.preview(params)
    later = plan.model_copy(update={"started": "2020-01-01 00:00:00+00"})
    assert later.digest("db terminate", params) != plan.digest("db terminate", params)


async def test_ours_and_a_superusers_are_not_there_to_be_ended(databases: tuple[Database, ...], sql: Any) -> None:
    with pytest.raises(NotUnderstood, match="it is ours, a superuser's"):
        await TerminateConnection(databases).preview(Terminate(pid=await sql.fetchval("SELECT pg_backend_pid()")))


# -- vacuum and analyze


async def test_vacuum_and_analyze(databases: tuple[Database, ...], sql: Any) -> None:
    await sql.execute("DELETE FROM webhook_logs WHERE id <= 1000; SELECT pg_stat_force_next_flush()")
    vacuum, analyze = VacuumTable(databases), AnalyzeTable(databases)
    assert {vacuum.risk, analyze.risk} == {Risk.CHANGE}

    first = await vacuum.preview(Tend(table="webhook_logs"))
    done = await vacuum.execute(first)
    second = await analyze.execute(await analyze.preview(Tend(table="public.webhook_logs")))

    assert first.target == "shop-db table public.webhook_logs"
    assert first.headline == "Vacuum and analyze public.webhook_logs of shop-db."
    assert {fact.label: fact.value for fact in first.facts}["Dead rows"] == 1000
    assert {fact.label: fact.value for fact in done.facts}["Dead rows"] == 0
    assert second.headline == "Done: analyze of public.webhook_logs of shop-db."
    assert (await vacuum.evidence(first)).startswith("last vacuum: 20")


async def test_work_that_is_done_is_told_whatever_we_may_not_read_afterwards(
    databases: tuple[Database, ...], sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "shop-db did not answer; nothing was changed" would be wrong."""
    action = AnalyzeTable(databases)
    plan = await action.preview(Tend(table="webhook_logs"))
    tend = databases[0].tend

    async def away(_table: str) -> Tended:
        raise TryLater("shop-db did not answer in time; nothing was changed.")

    async def tended(table: str, work: Literal["analyze", "vacuum"]) -> None:
        await tend(table, work)
        monkeypatch.setattr(databases[0], "table", away)

    monkeypatch.setattr(databases[0], "tend", tended)
    receipt = await action.execute(plan)
    assert (receipt.headline, receipt.facts) == ("Done: analyze of public.webhook_logs of shop-db.", ())


# -- cleaning up


class Freezes:
    """Somebody may declare a freeze."""

    def __init__(self) -> None:
        self.held: Freeze | None = None
        self.asked = 0

    async def frozen(self) -> Freeze | None:
        self.asked += 1
        return self.held


async def left(sql: Any) -> int:
    return int(await sql.fetchval("SELECT count(*) FROM webhook_logs"))


async def test_counted_then_deleted(databases: tuple[Database, ...], sql: Any) -> None:
    action = CleanUpRows(databases, Freezes())
    plan = await action.preview(CleanUp())
    assert plan.headline == "Delete 2,500 old rows from 1 table of shop-db."
    assert plan.effects == ("webhook_logs: 2,500 rows older than 30d",)
    assert plan.undo_note.startswith("Cannot be undone.")
    assert plan.confirm_phrase == "webhook_logs"

    receipt = await action.execute(CleanUpPlan.model_validate_json(plan.model_dump_json()))

    assert receipt.headline == "Deleted 2,500 rows of webhook_logs."
    assert await left(sql) == 10
    assert await action.evidence(plan) == "webhook_logs: 2,500 were old, 0 still are"
    assert (await action.preview(CleanUp())).nothing_to_do
    with pytest.raises(Stale):
        await action.execute(plan)


async def test_rows_that_grow_old_meanwhile_do_not_stale_the_plan(databases: tuple[Database, ...], sql: Any) -> None:
    action = CleanUpRows(databases, Freezes())
    plan = await action.preview(CleanUp())
    await sql.execute("INSERT INTO webhook_logs (created_at) VALUES (now() - interval '40 days')")
    again = await action.preview(CleanUp())
    assert again.effects != plan.effects
    assert again.digest("db cleanup", CleanUp()) == plan.digest("db cleanup", CleanUp())


async def test_a_freeze_stops_it_after_its_batch(databases: tuple[Database, ...], sql: Any) -> None:
    freezes = Freezes()
    action = CleanUpRows(databases, freezes)
    plan = await action.preview(CleanUp())

    class Declared(Freezes):
        async def frozen(self) -> Freeze | None:
            self.asked += 1
            return Freeze(name="declared", reason="launch") if self.asked > 1 else None

    receipt = await CleanUpRows(databases, Declared()).execute(plan)
    assert receipt.headline == "Deleted 1,000 rows of webhook_logs, then stopped: a freeze began (launch)."
    assert await left(sql) == 1510

    freezes.held = Freeze(name="window", reason="weekend")  # it was let through, with a reason
    assert (await action.execute(plan)).headline == "Deleted 1,500 rows of webhook_logs."


async def test_it_stops_by_itself_before_its_end_would_be_unknown(databases: tuple[Database, ...], sql: Any) -> None:
    action = CleanUpRows(databases, Freezes(), longest=timedelta(0))
    receipt = await action.execute(await action.preview(CleanUp()))
    assert receipt.headline.startswith("Deleted 1,000 rows of webhook_logs, then stopped: 0s are over")
    assert await left(sql) == 1510


async def test_cancelled_it_tells_how_many_were_deleted(databases: tuple[Database, ...], sql: Any) -> None:
    await sql.execute(
        """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF OLD.id = 1500 THEN PERFORM pg_sleep(60); END IF; RETURN OLD; END $$;
           CREATE TRIGGER slow BEFORE DELETE ON webhook_logs FOR EACH ROW EXECUTE FUNCTION slow()"""
    )
    action = CleanUpRows(databases, Freezes())
    running = asyncio.create_task(action.execute(await action.preview(CleanUp())))
    async with asyncio.timeout(30):
        while await left(sql) != 1510:  # noqa: ASYNC110 - the database has no event for it
            await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(Refused, match=r"Stopped\. Deleted 1,000 rows of webhook_logs, and perhaps the batch"):
        await running
    assert await left(sql) == 1510


async def test_what_was_deleted_before_a_refusal_is_told(databases: tuple[Database, ...], sql: Any) -> None:
    await sql.execute("CREATE TABLE kept (log int REFERENCES webhook_logs); INSERT INTO kept VALUES (1500)")
    action = CleanUpRows(databases, Freezes())
    with pytest.raises(Refused, match=r"Deleted 1,000 rows of webhook_logs\. Then: .*violates foreign key"):
        await action.execute(await action.preview(CleanUp()))
    assert await left(sql) == 1510


async def test_a_batch_whose_commit_was_not_answered_is_unknown(databases: tuple[Database, ...], sql: Any) -> None:
    """Rule 2: a call that may have worked is unknown."""
    await sql.execute(
        """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF OLD.id = 1500 THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END $$;
           CREATE CONSTRAINT TRIGGER at_commit AFTER DELETE ON webhook_logs DEFERRABLE INITIALLY DEFERRED
               FOR EACH ROW EXECUTE FUNCTION slow()"""
    )
    action = CleanUpRows(databases, Freezes())
    running = asyncio.create_task(action.execute(await action.preview(CleanUp())))
    found = None
    async with asyncio.timeout(30):
        while found is None:
            await asyncio.sleep(0.02)
            found = await sql.fetchval(
                """SELECT pid FROM pg_stat_activity WHERE query ILIKE 'commit%' AND wait_event = 'PgSleep'
                   AND application_name = 'handrail'"""
            )
    await sql.execute("SELECT pg_terminate_backend($1)", found)
    with pytest.raises(OutcomeUnknown, match=r"Deleted 1,000 rows of webhook_logs\. Then: .*may have worked"):
        await running


async def test_a_table_that_ops_toml_does_not_keep(databases: tuple[Database, ...]) -> None:
    action = CleanUpRows(databases, Freezes())
    with pytest.raises(NotUnderstood, match="Did you mean 'webhook_logs'") as caught:
        await action.preview(CleanUp(table="webhook_log"))
    assert caught.value.hint == "db cleanup webhook_logs"
