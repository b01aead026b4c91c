"""n8n's traps, each with its name. What is said is also checked against n8n's own description (see conftest)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import (
    Checkable,
    ErrorSource,
    Executions,
    Health,
    Level,
    Stoppable,
    Switch,
    Switches,
    Workflows,
)
from integrations.n8n.client import N8n
from sandbox.world import World
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.n8n_state import Failure, Run
from tests.integrations.contract import Contract
from tests.waiting import in_time, until

ORDERS = "kT3vQe8LwYc1ZsRb"
INVOICES = "Qx8DnPz3BvTw1KrE"
WINBACK = "Ue1GzJx0EhOc8YvT"
CADENCE = "Ld5ToNi4RbMq7WkS"
RETRY = "POST /api/v1/executions/4711/retry"


def hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def n8n(services: Services) -> N8n:
    client = services.named("n8n", Executions)
    assert isinstance(client, N8n)
    return client


async def impatient(world: World, http: httpx.AsyncClient, **settings: object) -> Executions:
    section = {**world.services()["n8n"], **settings}
    return open_services({"n8n": section}, http, world.secret).named("n8n", Executions)


# -- health


async def test_all_is_well(n8n: N8n) -> None:
    assert (await n8n.check()).health is Health.OK


async def test_not_ready_is_down(n8n: N8n, world: World) -> None:
    """/healthz answers 200 with the database gone: readiness is the one to ask."""
    world.n8n.ready = False
    seen = await n8n.check()
    assert (seen.health, "database" in seen.detail) == (Health.DOWN, True)


async def test_a_wrong_key_is_no_outage_and_a_rotated_one_needs_no_restart(
    world: World, http: httpx.AsyncClient
) -> None:
    keys = {"env:DEMO_N8N_API_KEY": "wrong-key"}
    client = open_services({"n8n": world.services()["n8n"]}, http, keys.__getitem__).named("n8n", Checkable)
    seen = await client.check()
    assert seen.health is Health.DEGRADED
    assert "services.n8n.api_key" in seen.detail
    assert "wrong-key" not in seen.detail
    keys["env:DEMO_N8N_API_KEY"] = world.n8n.api_key
    assert (await client.check()).health is Health.OK


async def test_starting_up_is_a_page_with_status_200(n8n: N8n, world: World) -> None:
    world.n8n.starting_up = True
    assert (await n8n.check()).health is Health.DOWN
    with pytest.raises(TryLater, match="text/html"):
        await n8n.failed()


async def test_starting_up_is_then_a_page_with_status_404(n8n: N8n, world: World) -> None:
    """It must not pass for an execution that is not there, nor for an older n8n that does not know /discover."""
    world.n8n.without_routes = True
    seen = await n8n.check()
    assert (seen.health, "it is starting" in seen.detail) == (Health.DEGRADED, True)
    for call in (n8n.execution("4711"), n8n.failed(), n8n.retry("4711", current_workflow=False)):
        with pytest.raises(TryLater, match="it is starting"):
            await call
    world.n8n.without_routes = False
    assert "4702" in [run.id for run in await n8n.failed(limit=20)]


@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("execution:list", lambda n8n: n8n.failed()),
        ("execution:read", lambda n8n: n8n.execution("4711")),
        ("execution:retry", lambda n8n: n8n.retry("4711", current_workflow=False)),
        ("execution:stop", lambda n8n: n8n.stop("4720")),
    ],
)
async def test_the_right_that_a_key_lacks_is_named(
    n8n: N8n, world: World, scope: str, call: Callable[[N8n], Awaitable[object]]
) -> None:
    """n8n itself says only Forbidden."""
    world.n8n.scopes.remove(scope)
    with pytest.raises(Refused, match=rf"Forbidden.* services\.n8n\.api_key.* scope {scope}\.$"):
        await call(n8n)
    assert world.n8n.effects == []


async def test_what_a_key_may_do_is_told_without_trying(n8n: N8n, world: World) -> None:
    world.n8n.scopes ^= {"execution:stop", "workflow:delete"}
    rights = await n8n.rights()
    assert rights.lacking == (("execution:stop", "stop"),)
    assert rights.unneeded == ("workflow:delete",)
    assert [trial.health for trial in await n8n.test()] == [Health.OK] * 3
    world.n8n.scopes.clear()
    failed = (await n8n.test())[1]
    assert (failed.health, failed.remedy) == (Health.DEGRADED, "give services.n8n.api_key execution:list")
    assert "execution:list" in (await n8n.check()).detail
    assert [each.reference for each in n8n.credentials()] == ["env:DEMO_N8N_API_KEY"]


@pytest.mark.parametrize(
    ("fault", "health"),
    [
        (Fault(Kind.HTML, status=200), Health.UNKNOWN),
        (Fault(Kind.HTML, status=502), Health.DOWN),
        (Fault(Kind.STATUS, status=429), Health.DEGRADED),
        (Fault(Kind.DROPPED), Health.UNKNOWN),
        (Fault(Kind.SLOW, seconds=60), Health.UNKNOWN),
        (Fault(Kind.STATUS, status=500, only="executions"), Health.DEGRADED),
        (Fault(Kind.HTML, status=200, only="executions"), Health.UNKNOWN),
    ],
)
async def test_what_a_strange_answer_means(world: World, http: httpx.AsyncClient, fault: Fault, health: Health) -> None:
    world.n8n.faults.arm(fault)
    section = {**world.services()["n8n"], "deadline": "1s" if fault.kind is Kind.SLOW else "20s"}
    client = open_services({"n8n": section}, http, world.secret).named("n8n", Checkable)
    seen = await in_time(client.check())
    assert seen.health is health
    assert "do-not-repeat" not in seen.detail


# -- errors


async def test_errors_name_workflow_node_and_message(n8n: N8n) -> None:
    page = await n8n.errors(since=hour_ago(), match=None, limit=20)
    newest = page.events[0]
    assert (newest.key, newest.origin, newest.operation) == (
        "4719",
        "Sync orders to HubSpot",
        "HubSpot: upsert contact",
    )
    # The service's own words before n8n's general advice.
    assert newest.message == (
        "You have reached your ten_secondly_rolling limit (The service is receiving too many requests from you)"
    )
    assert newest.link.endswith(f"/workflow/{ORDERS}/executions/4719")
    assert [event.at for event in page.events] == sorted((event.at for event in page.events), reverse=True)
    assert not page.truncated


async def test_failed_runs_are_all_the_log_there_is(n8n: N8n) -> None:
    errors = await n8n.errors(since=hour_ago(), match=None, limit=20)
    page = await n8n.logs(since=hour_ago(), level=Level.DEBUG, match=None, limit=20)
    assert [line.key for line in page.lines] == [event.key for event in errors.events]
    assert {line.level for line in page.lines} == {Level.ERROR}
    assert page.lines[0].origin == "Sync orders to HubSpot / HubSpot: upsert contact"
    assert page.lines[0].link.endswith(f"/workflow/{ORDERS}/executions/4719")
    assert (page.note, page.truncated) == (
        "n8n keeps no other log than its failed runs; those mended are left out.",
        False,
    )
    few = await n8n.logs(since=hour_ago(), level=Level.ERROR, match=None, limit=2)
    assert (len(few.lines), few.truncated) == (2, True)


async def test_a_failure_that_a_retry_mended_is_no_error_any_more(n8n: N8n) -> None:
    """It stays status=error with retrySuccessId."""
    page = await n8n.errors(since=hour_ago(), match=None, limit=20)
    assert "4708" not in [event.key for event in page.events]
    mended = {run.id: run.retried_by for run in await n8n.failed(since=hour_ago())}
    assert mended["4708"] == "4709"


async def test_the_data_of_a_run_goes_nowhere(n8n: N8n) -> None:
    page = await n8n.errors(since=hour_ago(), match=None, limit=20)
    shown = f"{page} {await n8n.execution('4711')} {await n8n.retry('4711', current_workflow=False)}"
    assert "do-not-show" not in shown
    assert "customer@example.com" not in shown


async def test_errors_are_matched_limited_and_dated(n8n: N8n) -> None:
    one = await n8n.errors(since=hour_ago(), match="CREDENTIALS", limit=20)
    assert [event.key for event in one.events] == ["4711"]
    assert (await n8n.errors(since=hour_ago(), match="%", limit=20)).events == ()
    few = await n8n.errors(since=hour_ago(), match=None, limit=2)
    assert (len(few.events), few.truncated) == (2, True)
    recent = await n8n.errors(since=datetime.now(UTC) - timedelta(minutes=10), match=None, limit=20)
    assert [event.key for event in recent.events] == ["4719"]


async def test_a_reason_is_read_once(n8n: N8n, world: World) -> None:
    for _ in range(3):
        await n8n.errors(since=hour_ago(), match=None, limit=20)
    assert sum(call.path.endswith("/executions/4711") for call in world.n8n.heard) == 1


@pytest.mark.parametrize(
    ("kept", "message"),
    [("pruned", None), ("too large", "too large"), ("redacted", "redacts")],
)
async def test_data_that_is_held_back(n8n: N8n, world: World, kept: str, message: str | None) -> None:
    """Pruned data answers 404 although the run is there; too large and redacted ones say so."""
    run = world.n8n.fail(ORDERS, Failure("HubSpot: upsert contact", "secret sauce"), data=kept)
    seen = await n8n.execution(str(run.id))
    assert seen.failed
    assert (seen.error is None) if message is None else (message in (seen.error or ""))
    page = await n8n.errors(since=hour_ago(), match=None, limit=1)
    assert page.events[0].key == str(run.id)
    assert page.events[0].message


async def test_listings_are_paged_and_have_an_end(n8n: N8n, world: World) -> None:
    now = datetime.now(UTC)
    for id_ in range(5000, 5250):
        world.n8n.runs[id_] = Run(id_, world.n8n.workflows[ORDERS], "error", now, now, Failure("n", "m"))
    assert len(await n8n.failed(limit=1000)) > 250
    assert any("cursor" in call.query for call in world.n8n.heard)
    asked = len(world.n8n.heard)
    await n8n.failed(limit=3)
    assert len(world.n8n.heard) - asked == 2  # crashed ones, one page of failed ones


async def test_a_crash_is_a_failure_where_n8n_knows_the_word(n8n: N8n) -> None:
    assert "4702" in [run.id for run in await n8n.failed(limit=20)]


async def test_failed_by_workflow_name_or_id(n8n: N8n) -> None:
    by_name = await n8n.failed(workflow="invoice REMINDERS")
    assert [run.id for run in by_name] == ["4706", "4704"]
    assert by_name == await n8n.failed(workflow=INVOICES)
    with pytest.raises(NotUnderstood, match="no workflow called") as caught:
        await n8n.failed(workflow="Invoices")
    assert "Invoice reminders" in str(caught.value)
    assert caught.value.hint == ""


async def test_a_name_that_cannot_be_read_is_an_id(n8n: N8n, world: World) -> None:
    world.n8n.faults.arm(Fault(Kind.STATUS, times=100, only="/workflows", status=403))
    assert (await n8n.execution("4711")).workflow == ORDERS


# -- retry


async def test_a_retry_makes_one_new_run(n8n: N8n, world: World) -> None:
    run = await n8n.retry("4711", current_workflow=True)
    assert (run.id, run.status, run.retry_of, run.failed) == ("4721", "success", "4711", False)
    assert world.n8n.done("retry") == ["4711"]
    posted = next(call for call in world.n8n.heard if call.method == "POST")
    assert posted.body == '{"loadWorkflow":true}'
    assert [run.id for run in await n8n.retries_of("4711")] == ["4721"]


async def test_a_retry_that_fails_answers_200(n8n: N8n) -> None:
    run = await n8n.retry("4704", current_workflow=False)
    assert (run.failed, run.failing_node) == (True, "Send by Resend")


async def test_a_mended_run_is_not_retried(n8n: N8n, world: World) -> None:
    with pytest.raises(Refused, match="already retried with success, as 4709"):
        await n8n.retry("4708", current_workflow=False)
    assert world.n8n.effects == []


async def test_a_run_that_succeeded_is_not_retried(n8n: N8n, world: World) -> None:
    with pytest.raises(Refused, match="succeeded, so it cannot be retried"):
        await n8n.retry("4713", current_workflow=False)
    assert world.n8n.effects == []


@pytest.mark.parametrize(
    ("status", "why"),
    [("running", "when it has ended"), ("waiting", "when it has ended"), ("new", "when it has ended"),
     ("canceled", "somebody stopped")],
)  # fmt: skip
async def test_what_n8n_would_run_again_all_the_same(n8n: N8n, world: World, status: str, why: str) -> None:
    """It answers 200 and runs a second time beside the first."""
    world.n8n.runs[4711].status = status
    with pytest.raises(Refused, match=why):
        await n8n.retry("4711", current_workflow=False)
    assert world.n8n.effects == []


async def test_a_retry_that_somebody_stops_is_unknown_and_says_what_is_there(n8n: N8n, world: World) -> None:
    """n8n answers 500 although it ran."""
    world.n8n.retry_seconds = 60
    retry = asyncio.create_task(n8n.retry("4711", current_workflow=False))
    await until(lambda: world.n8n.done("retry"))
    assert (await n8n.stop("4721")).status == "canceled"
    with pytest.raises(OutcomeUnknown, match=r"run 4721 \(canceled\)"):
        await retry
    assert world.n8n.done("retry") == ["4711"]


async def test_n8n_does_not_deduplicate_so_we_look_first(n8n: N8n, world: World) -> None:
    """A running retry is missing from the plain listing: it is asked for by its status."""
    world.n8n.retry_seconds = 60
    first = asyncio.create_task(n8n.retry("4711", current_workflow=False))
    await until(lambda: world.n8n.done("retry"))
    assert [run.status for run in await n8n.retries_of("4711")] == ["running"]
    with pytest.raises(Refused, match="being retried now, as 4721"):
        await n8n.retry("4711", current_workflow=False)
    world.n8n.end("4721")
    assert (await first).status == "success"
    assert world.n8n.done("retry") == ["4711"]


async def test_a_retry_that_outlasts_us_is_unknown(world: World, http: httpx.AsyncClient) -> None:
    """The call blocks until the run ends, and leaving does not stop it."""
    world.n8n.retry_seconds = 60
    client = await impatient(world, http, retry_deadline="2s")
    with pytest.raises(OutcomeUnknown, match=r"run 4721 \(running\)"):
        await client.retry("4711", current_workflow=False)
    world.n8n.end("4721")
    await until(lambda: world.n8n.runs[4711].retry_success)
    assert [(run.id, run.status) for run in await client.retries_of("4711")] == [("4721", "success")]
    assert (await client.execution("4711")).retried_by == "4721"
    assert world.n8n.done("retry") == ["4711"]


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED])
async def test_a_proxy_that_gives_up_leaves_it_open(n8n: N8n, world: World, kind: Kind) -> None:
    world.n8n.faults.arm(Fault(kind, only=RETRY))
    with pytest.raises(OutcomeUnknown) as caught:
        await n8n.retry("4711", current_workflow=False)
    assert "run 4721" in str(caught.value)
    assert "do-not-repeat" not in str(caught.value)
    assert world.n8n.done("retry") == ["4711"]


@pytest.mark.parametrize("kind", [Kind.GARBAGE, Kind.TRUNCATED, Kind.HUGE])
async def test_an_answer_of_no_use_is_looked_up(n8n: N8n, world: World, kind: Kind) -> None:
    """The whole run's data comes back, and may be too much to read: the new run is found by retryOf."""
    world.n8n.faults.arm(Fault(kind, only=RETRY))
    assert (await n8n.retry("4711", current_workflow=False)).id == "4721"
    assert world.n8n.done("retry") == ["4711"]


async def test_a_run_whose_reason_cannot_be_read_ran_all_the_same(n8n: N8n, world: World) -> None:
    """ "n8n is in trouble; nothing was changed" would have it started once more."""
    world.n8n.faults.arm(Fault(Kind.GARBAGE, only=RETRY))
    world.n8n.faults.arm(Fault(Kind.STATUS, times=99, status=503, only="GET /api/v1/executions/4721"))
    assert (await n8n.retry("4711", current_workflow=False)).id == "4721"
    assert world.n8n.done("retry") == ["4711"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(Kind.STATUS, status=429, retry_after="7", only=RETRY), TryLater),
        (Fault(Kind.STATUS, status=404, only=RETRY), NotUnderstood),
        (Fault(Kind.STATUS, status=403, only=RETRY), Refused),
        (Fault(Kind.STATUS, status=500, only=RETRY), OutcomeUnknown),
    ],
)
async def test_a_retry_is_sent_once(n8n: N8n, world: World, fault: Fault, expected: type[OpsError]) -> None:
    world.n8n.faults.arm(fault)
    with pytest.raises(expected):
        await n8n.retry("4711", current_workflow=False)
    assert sum(call.path.endswith("/retry") for call in world.n8n.heard) == 1
    assert world.n8n.effects == []


@pytest.mark.parametrize("bad", ["", "0", "last", "4711/retry", "../workflows", "4711?x=1", "-1", "٤٧١١", "9" * 30])
async def test_an_id_that_is_none_is_not_sent(n8n: N8n, world: World, bad: str) -> None:
    for call in (n8n.execution(bad), n8n.retries_of(bad), n8n.retry(bad, current_workflow=False)):
        with pytest.raises(NotUnderstood, match="is not the number of an execution"):
            await call
    assert world.n8n.heard == []


async def test_an_unknown_execution(n8n: N8n) -> None:
    with pytest.raises(NotUnderstood, match="no execution 99999"):
        await n8n.execution("99999")


async def test_retries_that_cannot_all_be_looked_through(n8n: N8n, world: World) -> None:
    """Better no answer than "never retried" where that is a guess."""
    now = datetime.now(UTC)
    for id_ in range(5000, 7600):
        world.n8n.runs[id_] = Run(id_, world.n8n.workflows[ORDERS], "success", now, now)
    with pytest.raises(Refused, match="More than 2,500 runs"):
        await n8n.retries_of("4711")


# -- stop


async def test_stop(n8n: N8n, world: World) -> None:
    assert [run.id for run in await n8n.running()] == ["4720"]
    stopped = await n8n.stop("4720")
    assert (stopped.status, stopped.stopped_at is None) == ("canceled", False)
    for over, why in (("4720", "over: canceled"), ("4711", "over: error")):
        with pytest.raises(Refused, match=why):
            await n8n.stop(over)
    with pytest.raises(NotUnderstood, match="no execution 99999"):
        await n8n.stop("99999")
    assert world.n8n.done("stop") == ["4720"]


async def test_what_ends_on_its_own_just_before_is_not_said_to_be_stopped(n8n: N8n, world: World) -> None:
    world.n8n.faults.arm(Fault(Kind.STATUS, status=409, only="POST /api/v1/executions/4720/stop"))
    with pytest.raises(Refused, match="409"):
        await n8n.stop("4720")
    assert world.n8n.done("stop") == []


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED])
async def test_a_stop_that_ends_openly_is_looked_at(n8n: N8n, world: World, kind: Kind) -> None:
    world.n8n.faults.arm(Fault(kind, only="/4720/stop"))
    assert (await n8n.stop("4720")).status == "canceled"


async def test_a_stop_that_cannot_be_looked_at_for_a_moment_is_looked_at_again(n8n: N8n, world: World) -> None:
    look = "GET /api/v1/executions/4720"
    world.n8n.faults.arm(Fault(Kind.SLOW, only=look))  # the look before
    world.n8n.faults.arm(Fault(Kind.STATUS, times=4, status=503, only=look))
    assert (await n8n.stop("4720")).status == "canceled"


async def test_a_stop_that_stays_open_is_unknown(world: World, http: httpx.AsyncClient) -> None:
    section = {**world.services()["n8n"], "timeout": "1s"}
    client = open_services({"n8n": section}, http, world.secret).named("n8n", Stoppable)
    world.n8n.faults.arm(Fault(Kind.STATUS, status=500, only="/4720/stop"))
    with pytest.raises(OutcomeUnknown):
        await client.stop("4720")
    assert world.n8n.done("stop") == []


# -- the older n8n


async def test_the_older_n8n_is_asked_only_what_it_knows(http: httpx.AsyncClient) -> None:
    """2.8 refuses unknown query parameters and statuses, and has no publish; its ids are described as numbers."""
    async with World(None, flavour="2.8") as world:
        services = open_services(world.services(), http, world.secret)
        await everything(services, "2.8")
        contract = Contract.load("n8n-2.8", base="/api/v1", beyond=("/discover",))
        if contract is None:
            pytest.skip("n8n's description of 2.8 is not beside the project")
        assert contract.check(world.n8n.heard, answers=False) > 10


async def test_all_that_is_said_is_in_the_contract(http: httpx.AsyncClient, contract: Contract | None) -> None:
    if contract is None:
        pytest.skip("n8n's description of 2.41 is not beside the project")
    async with World(None) as world:
        await everything(open_services(world.services(), http, world.secret), "2.41")
        assert contract.check(world.n8n.heard, answers=True) > 10
        assert world.n8n.done("stop") == ["4720"]


async def everything(services: Services, flavour: str) -> None:
    n8n, pausable = services.named("n8n", Executions), services.named("n8n", Switches)
    assert (await services.named("n8n", Checkable).check()).health is Health.OK
    page = await services.named("n8n", ErrorSource).errors(since=hour_ago(), match=None, limit=9)
    assert "4711" in [event.key for event in page.events]
    assert (await n8n.retry("4711", current_workflow=False)).status == "success"
    assert (await n8n.execution("4711")).retried_by == "4721"
    with pytest.raises(NotUnderstood):
        await n8n.execution("99999")
    with pytest.raises(Refused):
        await n8n.retry("4713", current_workflow=False)
    paused = await pausable.pause([WINBACK])
    assert not (await pausable.resume(paused.changed)).missed
    flows = services.named("n8n", Workflows)
    orders = next(each for each in await flows.workflows() if each.id == ORDERS)
    await flows.turn_back(orders, await flows.turn(orders, on=False))
    stoppable = services.named("n8n", Stoppable)
    assert [run.id for run in await stoppable.running()] == ["4720"]
    if flavour == "2.8":
        with pytest.raises(Refused, match="too old to stop a run"):
            await stoppable.stop("4720")
    else:
        assert (await stoppable.stop("4720")).status == "canceled"
    states = {thing.id: thing for thing in await pausable.switches()}
    assert (states[WINBACK].state, states[WINBACK].detail) == (Switch.RUNNING, "version v7")
