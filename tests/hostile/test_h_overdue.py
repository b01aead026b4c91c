"""H, where answers go: a time-boxed change whose end does not succeed stays in sight until it has ended.

Whatever the reason: it stays done and its end overdue, those who can do something are told at once and again, it is
tried again with growing pauses, and it can be ended by hand at any time.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.run.overdue import PAUSES
from bot.slack.views.cards import CardFacts, request_card
from bot.slack.views.home import HomeFacts, home
from bot.words.dashboard import Dashboard
from bot.words.exceptions import Stale
from bot.words.report import Status
from bot.words.request import State
from sandbox.world.misbehaving import Fault, Kind
from tests.road.conftest import begin, clock, story, world
from tests.road.story import ANA, LEO, MIA, Story

__all__ = ["begin", "clock", "story", "world"]

PAUSE = 'campaigns pause "Outreach cadence" for=1h reason=bounces on=n8n'
HOUR = timedelta(hours=1)


async def refuse(story: Story) -> None:
    story.world.n8n.faults.arm(Fault(Kind.STATUS, times=99, only="POST /api/v1/workflows", status=403))


async def be_away(story: Story) -> None:
    story.world.n8n.starting_up = True


async def be_limited(story: Story) -> None:
    fault = Fault(Kind.STATUS, times=99, only="POST /api/v1/workflows", status=429, retry_after="3")
    story.world.n8n.faults.arm(fault)


async def lose_its_key(story: Story) -> None:
    story.world.n8n.faults.arm(Fault(Kind.STATUS, times=99, status=401))


async def be_resumed_by_hand(story: Story) -> None:
    cadence = next(flow for flow in story.world.n8n.workflows.values() if flow.name == "Outreach cadence")
    cadence.active_version = cadence.draft_version


async def lose_its_receipt(story: Story) -> None:
    await story.ops.pool.execute("UPDATE requests SET receipt = NULL WHERE id = 1")


async def be_planned_by_another_version(story: Story) -> None:
    await story.ops.pool.execute("""UPDATE requests SET plan = '{"headline": 7}' WHERE id = 1""")


REASONS: dict[str, tuple[Any, bool]] = {
    "the right was revoked": (refuse, True),
    "the service is away": (be_away, True),
    "the service is limited": (be_limited, True),
    "the key was changed": (lose_its_key, True),
    "somebody changed it by hand": (be_resumed_by_hand, False),
    "what undo needs is gone": (lose_its_receipt, True),
    "another version planned it": (be_planned_by_another_version, True),
}
"""What keeps a pause from ending, and whether it is certainly in place still."""


@pytest.mark.parametrize("reason", REASONS)
async def test_it_stays_done_and_in_sight_whatever_kept_it_from_ending(story: Story, reason: str) -> None:
    prevent, in_place = REASONS[reason]
    request = await story.done(ANA, PAUSE)
    await prevent(story)
    await story.waits(hours=1)

    left = await story.now(request)
    assert (left.state, left.ends_at, left.overdue) == (State.DONE, request.ends_at, True)
    assert left.end_again_at == story.clock() + PAUSES[0]
    assert left.note.startswith("Still in place, could not be ended: ") is in_place
    assert (await story.trail(request))[-1] == "end_failed"
    [(text, people)] = [told for told in await story.told(request) if "should have ended" in told[0]]
    assert {ANA, MIA, LEO} <= people
    assert "/ops end R1 tries at once" in text

    card = str(request_card(left, (), CardFacts(undoable=True), str).payload())
    assert "should have ended, could not be" in card
    assert left.note[:40] in card
    for who in (ANA, MIA):
        waits = str(home(HomeFacts(who, Dashboard(open=(left,)), story.clock())))
        assert waits.index("What needs you") < waits.index("should have ended") < waits.index("What is wrong")
    health = await story.reads(ANA, "health fresh=yes")
    assert health.lead.startswith("R1 should have ended and is still in place.")
    assert (health.lines[0].status, health.lines[0].suggestions[0].words) == (Status.FAILED, "end R1")
    assert list(Status).index(health.status or Status.OK) >= list(Status).index(Status.FAILED)


async def test_it_is_tried_again_with_growing_pauses_told_each_time_and_then_ends(story: Story) -> None:
    request = await story.done(ANA, PAUSE)
    await refuse(story)
    await story.waits(hours=1)
    for number, pause in enumerate((*PAUSES, PAUSES[-1]), 1):
        left = await story.now(request)
        assert (left.end_tries, left.end_again_at) == (number, story.clock() + pause)
        assert sum("should have ended" in text for text, _ in await story.told(request)) == number
        story.clock.now += pause
        await story.runs()
    assert list(PAUSES) == sorted(set(PAUSES))

    story.world.n8n.faults.clear()
    story.clock.now += PAUSES[-1]
    await story.runs()
    ended = await story.now(request)
    assert (ended.state, ended.note, ended.end_tries, ended.ends_at) == (State.UNDONE, "", 0, None)
    assert (await story.campaigns())["Outreach cadence"] == "active"


async def test_it_is_ended_by_hand_at_any_time(story: Story) -> None:
    request = await story.done(ANA, PAUSE)
    await refuse(story)
    await story.waits(hours=1)

    refused = await story.done(ANA, "end R1")
    assert refused.state is State.FAILED
    left = await story.now(request)
    assert (left.state, left.overdue) == (State.DONE, True)

    story.world.n8n.faults.clear()
    ended = await story.done(MIA, "end R1", approver=LEO, again=True)
    assert ended.state is State.DONE, ended.outcome
    assert (await story.now(request)).state is State.UNDONE


async def test_a_refused_end_before_its_time_leaves_the_end_where_it_was(story: Story) -> None:
    request = await story.done(ANA, PAUSE)
    await refuse(story)
    assert (await story.done(ANA, "end R1")).state is State.FAILED
    left = await story.now(request)
    assert (left.state, left.ends_at, left.overdue) == (State.DONE, request.ends_at, False)
    assert left.note.startswith("Not undone: ")


async def test_it_can_be_extended_from_now_and_is_counted_anew(story: Story) -> None:
    request = await story.done(ANA, PAUSE)
    await refuse(story)
    await story.waits(hours=1)
    assert (await story.done(ANA, "extend R1 1h")).state is State.DONE
    longer = await story.now(request)
    assert (longer.ends_at, longer.overdue, longer.note) == (story.clock() + HOUR, False, "")

    await story.waits(hours=1)
    assert (await story.now(request)).end_tries == 1
    assert sum("should have ended" in text for text, _ in await story.told(request)) == 2


async def test_a_person_may_leave_it_as_it_is(story: Story) -> None:
    request = await story.done(ANA, PAUSE)
    await be_resumed_by_hand(story)
    await story.waits(hours=1)
    assert "Only those who may approve" in await story.hears(ANA, "reconcile R1 done")

    await story.reads(MIA, "reconcile R1 done note=resumed on purpose")
    await story.waits(hours=9)
    kept = await story.now(request)
    assert (kept.state, kept.overdue, kept.ends_at) == (State.DONE, False, None)
    assert "resumed on purpose" in kept.note
    assert (await story.trail(request))[-1] == "kept"
    assert sum("should have ended" in text for text, _ in await story.told(request)) == 1


async def test_two_replicas_tell_one_failure_once(begin: Any) -> None:
    here, there = await begin(), await begin()
    request = await here.done(ANA, PAUSE)
    await refuse(here)
    here.clock.now += HOUR
    await asyncio.gather(here.runs(), there.runs())
    assert (await here.trail(request)).count("end_failed") == 1
    assert (await here.now(request)).end_tries == 1


async def test_the_loser_of_two_ends_reads_who_was_first(story: Story) -> None:
    """Before it is planned, while it runs, and in the very moment."""
    paused = await story.done(ANA, PAUSE)
    late = await story.asks(LEO, "end R1")
    await story.approves(MIA, late)
    first = await story.asks(ANA, "end R1")
    await story.approves(MIA, first)
    assert (await story.ops.road.run(first.id)) is not None
    await story.runs()
    assert await story.state(paused) is State.UNDONE
    lost = await story.now(late)
    assert lost.state is State.STALE
    assert "R1 was ended 1s ago by ana" in lost.outcome
    assert "R1 was ended 1s ago by ana" in (await story.asks(MIA, "end R1")).outcome


async def test_whoever_ends_what_is_just_ending_reads_that(begin: Any) -> None:
    """Of two by hand the second waits for the first; the machine's own end is met in the middle."""
    here, there = await begin(), await begin()
    request = await here.done(ANA, PAUSE)
    here.gates.close("undo_claimed")
    here.clock.now += HOUR
    await here.jobs.sweep()
    await here.gates.reached("undo_claimed")
    ending = "R1 is being ended right now by itself"
    assert ending in (await here.asks(ANA, "end R1")).outcome
    with pytest.raises(Stale, match=ending):
        await there.ops.desk.undo(request.id, MIA)
    here.gates.open("undo_claimed")
    await here.runs()
    assert await here.state(request) is State.UNDONE
