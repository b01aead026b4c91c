"""How a run ends when something goes wrong: stale, failed, unknown, and never twice."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.store.trail.verify import verify
from bot.words.exceptions import StoreUnwritable
from bot.words.request import Said, State, Via
from sandbox.world.misbehaving import Fault, Kind
from tests.road.story import ANA, CHANNEL, LEO, MIA, STRANGER, Story, accept_audit, refuse_audit

RETRY = "retry 4711"
QUICK = {"lease": "30s"}


async def cleared(story: Story, words: str = RETRY) -> Any:
    request = await story.asks(ANA, words)
    await story.approves(MIA, request)
    return request


async def test_the_world_moved_between_approval_and_run(story: Story) -> None:
    """People approve the plan: what is not as they saw it is shown again, and nothing runs."""
    request = await cleared(story, "whitelist 203.0.113.7 for=2h reason=import")
    await story.ops.pool.execute("INSERT INTO demo.ip_allow_list (network, note) VALUES ('203.0.113.7', 'by hand')")
    records = await story.ops.pool.fetchval("SELECT count(*) FROM demo.rate_limits")

    await story.runs()

    stale = await story.now(request)
    assert (stale.state, stale.outcome) == (State.STALE, "What the plan showed has changed since.")
    assert stale.differences == ("allowed: False → True",)
    assert await story.ops.pool.fetchval("SELECT count(*) FROM demo.rate_limits") == records
    assert (await story.told(request))[-1] == ("Not run: What the plan showed has changed since.", {ANA})


async def test_somebody_retried_it_by_hand_meanwhile(story: Story) -> None:
    request = await cleared(story)
    story.world.n8n.runs[4711].retry_success = 4720
    await story.runs()
    stale = await story.now(request)
    assert stale.state is State.STALE
    assert stale.outcome.startswith("Nothing is left to do: Execution 4711 was already retried")
    assert story.retried() == []


async def test_a_service_that_is_away_at_the_run_fails_and_changes_nothing(story: Story) -> None:
    request = await cleared(story)
    story.world.n8n.starting_up = True
    await story.runs()
    failed = await story.now(request)
    assert failed.state is State.FAILED
    assert failed.outcome.endswith("Nothing was changed.")
    assert story.retried() == []


async def test_a_service_that_is_away_at_the_asking_gives_no_plan(story: Story) -> None:
    story.world.n8n.starting_up = True
    request = await story.asks(ANA, RETRY)
    assert request.state is State.DENIED
    assert request.outcome.startswith("No plan could be made: ")


async def test_an_answer_that_never_came_is_unknown_and_reconciled_by_a_person(story: Story) -> None:
    """meho#2293: approved but nothing ran, or ran twice. A time-out of a call that may have worked is unknown."""
    request = await cleared(story)
    story.world.n8n.faults.arm(Fault(Kind.GATEWAY, only="POST /api/v1/executions/4711/retry"))

    await story.runs()

    assert await story.state(request) is State.UNKNOWN
    await story.waits(hours=5)
    assert (await story.state(request), story.retried()) == (State.UNKNOWN, ["4711"])
    shown = await story.reads(LEO, "show R1")
    assert "retry 4721 ended well" in shown.notes
    assert [line.text.split(":")[0] for line in (await story.reads(ANA, "requests")).lines] == [
        "R1 has an unknown outcome and waits for somebody to reconcile it"
    ]

    assert "Only those who may approve" in await story.hears(ANA, "reconcile R1 done")
    report = await story.reads(LEO, "reconcile R1 done note=seen in n8n")
    assert report.lead == "It counts as done now."
    ended = await story.now(request)
    assert (ended.state, ended.outcome, ended.ended_by) == (State.DONE, "Reconciled as done: seen in n8n.", LEO)
    row = (await story.rows(request))[-1]
    assert (row.kind, row.actor, row.detail["evidence"]) == ("reconciled", LEO, "retry 4721 ended well")
    assert "only an unknown outcome" in await story.hears(LEO, "reconcile R1 failed")
    assert story.retried() == ["4711"]


async def test_an_end_that_is_unknown_is_not_tried_again_after_a_person_looked(story: Story) -> None:
    """Never retried by the machine, even once somebody has said how it stands."""
    boxed = await story.done(ANA, 'campaigns pause "Outreach cadence" for=1h reason=bounces on=n8n')
    story.gates.close("undo_claimed")
    story.clock.now += timedelta(hours=1)
    await story.jobs.sweep()
    await story.gates.reached("undo_claimed")
    await story.dies()
    story.gates.open("undo_claimed")
    await story.waits(seconds=31)
    assert await story.state(boxed) is State.UNKNOWN

    await story.reads(LEO, f"reconcile {boxed.id} done")
    await story.waits(hours=1)

    assert (await story.now(boxed)).ends_at is None
    assert (await story.state(boxed), story.world.n8n.done("publish")) == (State.DONE, [])


# -- who dies, who is slow ------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["claimed", "before_effect", "after_effect"])
async def test_an_executor_that_dies_leaves_an_unknown_that_nobody_runs_again(begin: Any, point: str) -> None:
    """meho#2293: every cleared request ends in a final state or `unknown`."""
    here, there = await begin(limits=QUICK), await begin(limits=QUICK)
    request = await cleared(here)
    here.gates.close(point)
    await here.jobs.sweep()
    await here.gates.reached(point)
    await here.dies()
    effects = here.retried()

    await there.runs()
    assert await there.state(request) is State.RUNNING
    await there.waits(seconds=31)

    unknown = await there.now(request)
    assert unknown.state is State.UNKNOWN
    assert unknown.outcome.startswith("The process that ran this fell silent")
    assert (await there.told(request))[-1] == (unknown.outcome, {ANA, MIA, LEO})
    await there.waits(hours=1)
    assert there.retried() == effects == (["4711"] if point == "after_effect" else [])


async def test_a_process_that_dies_before_its_claim_loses_nothing(begin: Any) -> None:
    here, there = await begin(), await begin()
    request = await cleared(here)
    here.gates.close("before_claim")
    await here.jobs.sweep()
    await here.gates.reached("before_claim")
    await here.dies()
    await there.runs()
    assert await there.state(request) is State.DONE
    assert there.retried() == ["4711"]


@pytest.mark.parametrize("called_unknown", [False, True])
async def test_an_executor_that_lost_its_lease_does_not_act(begin: Any, called_unknown: bool) -> None:
    """A process that was stopped for longer than its lease must not act when it wakes up."""
    here, there = await begin(limits=QUICK), await begin(limits=QUICK)
    request = await cleared(here)
    here.gates.close("claimed")
    await here.jobs.sweep()
    await here.gates.reached("claimed")

    here.clock.now += timedelta(seconds=31)
    if called_unknown:
        await there.runs()
    here.gates.open("claimed")
    await here.jobs.drain(timedelta(seconds=5))

    assert here.retried() == []
    assert await here.state(request) is (State.UNKNOWN if called_unknown else State.STALE)


async def test_many_sweeps_of_two_replicas_run_once(begin: Any) -> None:
    """sentry#69252, bolt-js#822, bugbug#6732: one click, several runs."""
    here, there = await begin(), await begin()
    requests = [await cleared(here, f"retry {number}") for number in (4711, 4716, 4719)]
    await asyncio.gather(*(process.runs() for process in (here, there, here, there)))
    assert {await here.state(request) for request in requests} == {State.DONE}
    assert sorted(here.retried()) == ["4711", "4716", "4719"]
    assert (await here.trail()).count("started") == 3


async def test_two_replicas_end_a_time_box_once_and_raise_no_false_alarm(begin: Any) -> None:
    here, there = await begin(), await begin()
    boxed = await here.done(ANA, "whitelist 203.0.113.7 for=2h reason=import")
    here.gates.close("undo_claimed")
    here.clock.now += timedelta(hours=2)
    await here.jobs.sweep()
    await here.gates.reached("undo_claimed")

    await there.jobs.sweep()
    await there.jobs.drain(timedelta(seconds=5))
    here.gates.open("undo_claimed")
    await here.jobs.drain(timedelta(seconds=5))

    ended = await here.now(boxed)
    assert (ended.state, ended.note) == (State.UNDONE, "")
    assert "end_failed" not in await here.trail(boxed)


async def test_two_requests_on_one_target_take_turns(story: Story) -> None:
    first = await cleared(story)
    second = await story.asks(LEO, "retry 4711 use=current")
    await story.approves(MIA, second)
    await story.runs()
    assert sorted([await story.state(first), await story.state(second)]) == [State.DONE, State.STALE]
    assert story.retried() == ["4711"]


async def test_the_runner_itself_starts_what_is_approved(story: Story) -> None:
    """meho#2293: approved but nothing ran. The process's own loop, woken by PostgreSQL."""
    over = asyncio.Event()

    def woken() -> None:
        story.jobs.wake()
        over.set()

    listening = asyncio.create_task(story.ops.road.requests.listen(woken))
    running = asyncio.create_task(story.jobs.run())
    request = await cleared(story)
    async with asyncio.timeout(30):
        while await story.state(request) is not State.DONE:
            over.clear()
            await over.wait()
    for task in (running, listening):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert story.retried() == ["4711"]


# -- no row, no action ----------------------------------------------------------------------------


async def test_a_run_whose_row_postgresql_refuses_does_not_happen(story: Story) -> None:
    """astrid#134, onetimesecret#4333, ezauth#164: the audit failed, the action went on. wpmgr#662: PostgreSQL itself
    refuses the INSERT here."""
    request = await cleared(story)
    await refuse_audit(story.ops.pool, "'started'")
    with pytest.raises(StoreUnwritable, match="no space left"):
        await story.ops.road.run(request.id)
    assert (await story.state(request), story.retried()) == (State.CLEARED, [])

    await accept_audit(story.ops.pool)
    await story.runs()
    assert (await story.state(request), story.retried()) == (State.DONE, ["4711"])
    assert (await verify(story.ops.pool, story.ops.audit_key)).ok


async def test_what_cannot_be_audited_is_neither_asked_nor_decided(story: Story) -> None:
    """astrid#134: no row, no action (rule 3). A refusal that cannot be audited is a refusal still."""
    request = await story.asks(ANA, "retry 4716")
    await refuse_audit(story.ops.pool)

    assert "cannot be written" in await story.hears(ANA, RETRY)
    assert "Not allowed" in await story.hears(STRANGER, RETRY)
    with pytest.raises(StoreUnwritable):
        await story.approves(MIA, request)
    assert "cannot be written" in await story.hears(ANA, "withdraw R1")

    assert await story.state(request) is State.WAITING
    assert await story.ops.road.requests.votes(request.id) == ()
    await accept_audit(story.ops.pool)
    assert await story.trail() == ["asked", "planned"]


async def test_an_effect_whose_end_cannot_be_written_is_unknown(story: Story) -> None:
    request = await cleared(story)
    await refuse_audit(story.ops.pool, "'done'")
    await story.jobs.sweep()
    await story.jobs.drain(timedelta(seconds=5))
    assert (await story.state(request), story.retried()) == (State.RUNNING, ["4711"])
    await story.waits(seconds=31)
    assert (await story.state(request), story.retried()) == (State.UNKNOWN, ["4711"])


async def test_a_plan_that_was_asked_for_is_made_by_another_process_when_the_first_dies(begin: Any) -> None:
    """meho#2293: an acknowledged asking is an asking kept."""
    here, there = await begin(), await begin()
    await here.ops.road.accept(here.ops.road.hear(Said(who=ANA, words=RETRY, via=Via.SLASH, channel=CHANNEL)))
    await there.waits(seconds=61)
    assert (await there.now("R1")).state is State.WAITING
