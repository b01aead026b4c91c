"""Retrying and stopping n8n's executions: once, and never told as something it was not."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations import open_services
from integrations.capabilities import (
    Stoppable,
)
from integrations.n8n.client import N8n
from sandbox.world import World
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.n8n_state import Run
from tests.integrations.n8n.conftest import ORDERS, RETRY, impatient
from tests.waiting import until

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
