"""Lookups of people's rows: who reads them goes into the trail first."""

from typing import Any

from bot.road import Shown
from bot.words.report import Report
from tests.road.story import ANA, MIA, Story, refuse_audit

ROWS = "rows demo.businesses where=business_name:Boo"


async def test_a_reading_is_in_the_trail(story: Story) -> None:
    reply = await story.says(MIA, ROWS)

    assert isinstance(reply, Shown)
    assert reply.report.lead == "1 row."
    (row,) = await story.rows()
    assert (row.kind, row.actor, row.action) == ("read", MIA, "rows")
    assert (row.detail["table"], row.detail["where"]) == ("demo.businesses", "business_name:Boo")


async def test_only_approvers_read_and_a_refusal_is_in_the_trail(story: Story) -> None:
    said = await story.hears(ANA, ROWS)

    assert said.startswith("Not allowed")
    (row,) = await story.rows()
    assert (row.kind, row.actor) == ("denied", ANA)


async def test_without_the_row_in_the_trail_there_is_no_answer(story: Story, pool: Any) -> None:
    """astrid#134, onetimesecret#4333, ezauth#164: the audit failed, the action went on."""
    await refuse_audit(pool)

    assert "cannot be written" in await story.hears(MIA, ROWS)


async def test_other_lookups_leave_no_trace(story: Story) -> None:
    assert isinstance(await story.reads(ANA, "health"), Report)
    assert await story.rows() == []
