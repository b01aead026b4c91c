"""n8n's traps, each with its name. What is said is also checked against n8n's own description (see conftest)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, Refused, TryLater
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
from tests.integrations.n8n.conftest import INVOICES, ORDERS, WINBACK, hour_ago
from tests.waiting import in_time

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
