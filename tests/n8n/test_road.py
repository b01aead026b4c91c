"""`/ops errors`, `retry`, `workflows` and `stop` from typed words to audit rows, against a real n8n."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from bot.words.report import Report
from bot.words.request import Request, State
from sandbox.world import World
from tests.n8n.server import N8n
from tests.n8n.target import Target
from tests.n8n.workflows import FAILING_NODE, Workflow
from tests.road.story import ANA, LEO, MIA, Clock, Story, process

pytestmark = pytest.mark.n8n

SETTLED = frozenset({"success", "error", "canceled", "crashed"})


class RealWorld(World):
    """The world of a story that has one service, and it is real."""

    def __init__(self, n8n: N8n) -> None:
        super().__init__(None)
        self.real = n8n

    def services(self) -> dict[str, dict[str, Any]]:
        return {"n8n": {"kind": "n8n", "url": self.real.url, "api_key": "env:REAL_N8N_KEY", "timeout": "30s"}}


class Begin(Protocol):
    async def __call__(self, **n8n: str) -> Story: ...


@pytest.fixture
async def begin(real_n8n: N8n, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """Opens a replica with these settings of the service n8n; all replicas of a test share its database."""
    monkeypatch.setenv("REAL_N8N_KEY", real_n8n.api_key)
    world, clock = RealWorld(real_n8n), Clock()
    async with AsyncExitStack() as stack:

        async def open_(**n8n: str) -> Story:
            settings = {"services": {"n8n": {**world.services()["n8n"], **n8n}}}
            return await stack.enter_async_context(process(database, tmp_path, world, settings, clock))

        yield open_


@pytest.fixture
async def story(begin: Begin) -> Story:
    return await begin()


async def retries_of(workflow: Workflow, failed: str) -> list[dict[str, Any]]:
    """Of all states, as n8n itself lists them."""
    found = [*await workflow.executions(), *await workflow.executions("running")]
    return [run for run in found if run["retryOf"] == failed]


async def ended(api: httpx.AsyncClient, execution: str) -> str:
    async with asyncio.timeout(30):
        while True:
            status = (await api.get(f"/executions/{execution}")).raise_for_status().json()["status"]
            if status in SETTLED:
                return str(status)
            await asyncio.sleep(0.1)


def text_of(report: Report) -> str:
    return report.model_dump_json()


async def approved(story: Story, words: str) -> Request:
    request = await story.asks(ANA, words)
    await story.approves(MIA, request)
    return request


async def test_a_failed_execution_is_found_and_mended(story: Story, failing_workflow: Workflow, target: Target) -> None:
    failed = await failing_workflow.run()

    errors = await story.reads(ANA, "errors n8n")
    assert errors.table is not None
    [row] = [str(row) for row in errors.table.rows if failing_workflow.name in str(row)]
    assert "card network is down (Service unavailable" in row
    assert FAILING_NODE in row
    assert f"/executions/{failed}" in row

    target.mode = "ok"
    request = await story.asks(ANA, "retry last")
    assert request.plan is not None
    assert request.plan["headline"] == f"Run execution {failed} of '{failing_workflow.name}' again."
    assert target.hits == 1
    await story.approves(MIA, request)
    await story.runs()

    done = await story.now(request)
    [new] = await retries_of(failing_workflow, failed)
    assert (done.state, done.outcome) == (
        State.DONE,
        f"Execution {failed} was retried; {new['id']} ended well.",
    )
    assert target.hits == 2
    assert await story.trail(request) == ["asked", "planned", "approved", "started", "done"]
    assert failing_workflow.name not in text_of(await story.reads(ANA, "errors n8n"))


async def test_what_a_run_carries_is_stored_nowhere(story: Story, failing_workflow: Workflow, target: Target) -> None:
    """The answer to a retry is the whole run's data, with the headers and the body of the webhook that began it."""
    target.mode = "fail"
    failed = await failing_workflow.run()
    request = await approved(story, f"retry {failed}")
    await story.runs()
    kept = await story.everything_stored()
    shown = text_of(await story.reads(ANA, f"show {request.id}")) + text_of(await story.reads(ANA, "errors n8n"))
    for secret in ("python-httpx", '"order"', "resumeToken", failing_workflow.path):
        assert secret not in kept + shown
    assert (await story.now(request)).state is State.FAILED


async def test_two_approvals_at_the_same_moment_make_one_run(
    begin: Begin, failing_workflow: Workflow, target: Target
) -> None:
    """sentry#69252, bolt-js#822, bugbug#6732: one click, several runs. n8n itself would make two."""
    one, other = await begin(), await begin()
    failed = await failing_workflow.run()
    target.mode = "ok"
    request = await one.asks(ANA, f"retry {failed}")

    told = await asyncio.gather(one.approves(MIA, request), other.approves(LEO, request))
    await asyncio.gather(one.runs(), other.runs(), one.runs(), other.runs())

    assert sum("it runs now" in sentence for sentence in told) == 1
    done = await one.now(request)
    [new] = await retries_of(failing_workflow, failed)
    assert (done.state, new["status"], target.hits) == (State.DONE, "success", 2)
    assert (await one.trail(request)).count("started") == 1


async def test_two_requests_for_one_execution_make_one_run(
    begin: Begin, failing_workflow: Workflow, target: Target
) -> None:
    """sso-elevator#47: two at once, each with an approver of its own."""
    one, other = await begin(), await begin()
    failed = await failing_workflow.run()
    target.mode = "ok"
    first, second = await one.asks(ANA, f"retry {failed}"), await other.asks(LEO, f"retry {failed}")

    await asyncio.gather(one.approves(MIA, first), other.approves(MIA, second))
    await asyncio.gather(one.runs(), other.runs())
    await one.runs()

    assert sorted([await one.state(first), await one.state(second)]) == [State.DONE, State.STALE]
    assert len(await retries_of(failing_workflow, failed)) == 1
    assert target.hits == 2


async def test_one_that_is_mended_already_is_refused(
    story: Story, api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    failed = await failing_workflow.run()
    waiting = await story.asks(ANA, f"retry {failed}")
    target.mode = "ok"
    by_hand = (await api.post(f"/executions/{failed}/retry")).raise_for_status().json()["id"]

    refused = await story.asks(ANA, f"retry {failed}", again=True)
    assert refused.state is State.DENIED
    assert refused.outcome == (f"Nothing to do: Execution {failed} was already retried as {by_hand}, which ended well.")
    await story.approves(MIA, waiting)
    await story.runs()
    assert await story.state(waiting) is State.STALE
    assert [run["id"] for run in await retries_of(failing_workflow, failed)] == [by_hand]
    assert target.hits == 2


async def test_a_time_out_is_unknown_and_reconciled_from_what_n8n_lists(
    begin: Begin, api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    """meho#2293, slack#352: a time-out says nothing about the run, and is never tried again by the machine."""
    story, other = await begin(retry_deadline="3s"), await begin(retry_deadline="3s")
    failed = await failing_workflow.run()
    target.mode = "slow"
    request = await approved(story, f"retry {failed}")
    await story.runs()

    [going] = await retries_of(failing_workflow, failed)
    unknown = await story.now(request)
    assert unknown.state is State.UNKNOWN
    assert f"run {going['id']} (running)" in unknown.outcome
    await asyncio.gather(story.waits(hours=6), other.waits(hours=6))
    assert (await story.state(request), target.hits) == (State.UNKNOWN, 2)
    again = await story.asks(ANA, f"retry {failed}", again=True)
    assert again.outcome == f"Nothing to do: A retry of execution {failed} is going on already: {going['id']}."

    target.release()
    assert await ended(api, going["id"]) == "success"
    seen = f"retry {going['id']} ended well"
    assert seen in (await story.reads(LEO, f"show {request.id}")).notes
    await story.says(LEO, f"reconcile {request.id} done note=n8n lists it")

    reconciled = (await story.rows(request))[-1]
    assert (reconciled.kind, reconciled.actor, reconciled.detail["evidence"]) == ("reconciled", LEO, seen)
    assert await story.state(request) is State.DONE
    assert (len(await retries_of(failing_workflow, failed)), target.hits) == (1, 2)


async def test_a_retry_that_somebody_stops_in_n8n_is_unknown(
    story: Story, api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    """n8n answers 500 although it ran."""
    failed = await failing_workflow.run()
    target.mode = "slow"
    request = await approved(story, f"retry {failed}")
    running = asyncio.create_task(story.runs())
    await target.wait_for_hits(2)
    [going] = await retries_of(failing_workflow, failed)
    (await api.post(f"/executions/{going['id']}/stop")).raise_for_status()
    await running
    stopped = await story.now(request)
    assert stopped.state is State.UNKNOWN
    assert f"run {going['id']} (" in stopped.outcome  # n8n may list it as running for a moment


async def test_a_workflow_off_and_undone_runs_the_version_it_ran(
    story: Story, api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    """The webhook stops answering and answers again; a draft that was saved meanwhile does not go live by it."""
    path, name = f"/workflows/{failing_workflow.id}", failing_workflow.name
    live = (await api.get(path)).json()["activeVersionId"]
    listed = await story.reads(ANA, "workflows n8n")
    assert listed.table is not None
    assert [row[1] for row in listed.table.rows if failing_workflow.id in row] == ["on"]

    off = await approved(story, f'workflows off "{name}" reason=HubSpot is down')
    await story.runs()
    assert await story.state(off) is State.DONE
    await failing_workflow.wait_until_webhook(registered=False)
    await failing_workflow.save_draft(f"{target.url}/order", f"{target.url}/slow")

    undo = await approved(story, f"undo {off.id}")
    await story.runs()
    assert (await story.state(undo), await story.state(off)) == (State.DONE, State.UNDONE)
    await failing_workflow.wait_until_webhook(registered=True)
    now = (await api.get(path)).json()
    assert (now["active"], now["activeVersionId"]) == (True, live)
    assert now["versionId"] != live


async def test_a_workflow_on_names_the_draft_and_publishes_just_that(
    story: Story, api: httpx.AsyncClient, failing_workflow: Workflow, target: Target
) -> None:
    path, words = f"/workflows/{failing_workflow.id}", f"workflows on {failing_workflow.id}"
    (await api.post(f"{path}/deactivate")).raise_for_status()
    await failing_workflow.save_draft(f"{target.url}/order", f"{target.url}/slow")
    draft = (await api.get(path)).json()["versionId"]

    on = await story.asks(ANA, words)
    assert on.plan is not None
    assert on.plan["version"] == draft
    assert "latest draft" in str(on.plan["warnings"])
    await failing_workflow.save_draft(f"{target.url}/order", f"{target.url}/charge")
    await story.approves(MIA, on)
    await story.runs()
    assert await story.state(on) is State.STALE

    on = await story.asks(ANA, words, again=True)
    await story.approves(MIA, on)
    await story.runs()
    assert await story.state(on) is State.DONE
    now = (await api.get(path)).json()
    assert now["active"]
    assert now["activeVersionId"] == now["versionId"] != draft


async def test_a_running_execution_is_stopped(
    story: Story, api: httpx.AsyncClient, slow_workflow: Workflow, target: Target
) -> None:
    running = await slow_workflow.run(until="running")
    await target.wait_for_hits(1)
    shown = await story.reads(ANA, f"execution {running}")
    assert [each.words for each in shown.suggestions] == [f"stop {running}"]
    twice = await story.asks(ANA, f"retry {running}")
    assert twice.outcome == f"Nothing to do: Execution {running} is running; only a failed one can be retried."

    stopped = await approved(story, f"stop {running}")
    await story.runs()

    done = await story.now(stopped)
    assert (done.state, done.outcome) == (State.DONE, f"Stopped execution {running} of '{slow_workflow.name}'.")
    assert await ended(api, running) == "canceled"
    again = await story.asks(ANA, f"stop {running}", again=True)
    assert again.outcome == f"Nothing to do: Execution {running} is over: canceled."
    target.release()
    assert target.hits == 1
