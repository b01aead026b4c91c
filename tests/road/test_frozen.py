"""What is left of a replica that was frozen or killed is taken up by the others, soon and without a false word."""

from datetime import timedelta
from typing import Any

from bot.road import Asked
from bot.words.request import Said, State, Via
from tests.road.story import ANA, CHANNEL, Story

SOON = timedelta(seconds=10)


async def test_a_time_box_whose_ender_was_frozen_ends_all_the_same(begin: Any) -> None:
    """Found by `make crash`: it was said not to end by itself, and then never did."""
    story: Story = await begin(limits={"lease": "30s"})
    request = await story.done(ANA, "whitelist 203.0.113.7 for=2h reason=import")
    story.clock.now += timedelta(hours=2)
    story.gates.close("undo_claimed")
    await story.jobs.sweep()
    await story.gates.reached("undo_claimed")
    story.clock.now += timedelta(seconds=31)
    story.gates.open("undo_claimed")
    await story.jobs.drain(SOON)
    assert await story.state(request) is State.DONE
    assert "203.0.113.7" in await story.allowed()

    await story.runs()

    assert await story.state(request) is State.UNDONE
    assert "203.0.113.7" not in await story.allowed()
    assert "end_failed" not in await story.trail(request)


async def test_more_plans_than_one_process_makes_at_a_time_wait_for_no_lease(begin: Any) -> None:
    """Found by `make crash`: a process took a hundred to plan, planned eight, and kept the rest from the others."""
    story: Story = await begin(limits={"executors": 4})
    asked = []
    for number in range(1, 13):
        words = f"whitelist 203.0.113.{number} for=2h reason=import"
        heard = story.ops.road.hear(Said(who=ANA, words=words, via=Via.SLASH, channel=CHANNEL))
        reply = await story.ops.road.accept(heard)
        assert isinstance(reply, Asked)
        asked.append(reply.request)
    story.clock.now += timedelta(seconds=61)

    for _ in range(8):
        await story.jobs.sweep()
        await story.jobs.drain(SOON)

    assert {await story.state(request) for request in asked} == {State.WAITING}
