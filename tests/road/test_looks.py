"""What is told by itself: the weekly review, anchors of the trail, and what is new of a lookup that is followed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from bot.later.anchoring import Anchoring
from bot.later.weekly import Weekly
from bot.road import Shown
from bot.store.trail.verify import Anchor, verify
from bot.words.report import Report
from bot.words.request import Request
from sandbox.world.n8n_state import Failure
from tests.road.story import ANA, LEO, Story

CHANNEL = "C0AUDIT001"


async def posted(story: Story, like: str) -> list[dict[str, Any]]:
    rows = await story.ops.pool.fetch("SELECT key, text, report FROM postings WHERE key LIKE $1 ORDER BY id", like)
    return [dict(row) for row in rows]


async def done(story: Story, words: str, who: Any, **vote: Any) -> Request:
    request = await story.asks(who, words)
    await story.approves(who, request, **vote)
    await story.runs()
    return await story.now(request)


async def test_the_weekly_review_lists_who_decided_alone(begin: Any) -> None:
    """A one-person team's yes is listed where somebody else reads it. meho#2087: broken glass is no log line."""
    story: Story = await begin(self_approval="typed", rules={"whitelist": {"break_glass": ["engineer"]}})
    story.clock.now = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
    alone = await done(story, "whitelist 203.0.113.7 reason=import", LEO, phrase="203.0.113.7")
    glass = "break-glass whitelist 203.0.113.9 reason=import because=nobody is awake"
    broken = await done(story, glass, ANA, phrase="203.0.113.9")
    weekly = Weekly(story.ops.road.requests, story.ops.outbox, story.clock, ZoneInfo("Europe/Madrid"), lambda: CHANNEL)

    story.clock.now = datetime(2026, 3, 9, 7, 59, tzinfo=UTC)  # Monday, 8:59 in Madrid
    await weekly.sweep()
    assert await posted(story, "weekly:%") == []

    story.clock.now += timedelta(minutes=2)
    await weekly.sweep()
    await weekly.sweep()
    (told,) = await posted(story, "weekly:%")
    report = Report.model_validate(json.loads(told["report"]))
    assert told["key"] == "weekly:2026-10"
    assert report.lead == "2 asked, 2 run; 1 self-approved, 1 ran without their approvers."
    assert [line.text.split(":")[0] for line in report.lines] == [
        f"{alone.id} self-approved",
        f"{broken.id} ran without their approvers",
    ]


async def test_the_head_is_anchored_once_a_period_and_a_cut_off_tail_is_found(story: Story, tmp_path: Path) -> None:
    """mobula#59: deleting the newest row cannot be seen from inside."""
    await story.asks(ANA, "retry 4711")
    file = tmp_path / "anchors.jsonl"
    anchoring = Anchoring(story.ops.audit, story.ops.outbox, story.clock, timedelta(hours=6), lambda: CHANNEL, file)
    await anchoring.sweep()
    await anchoring.sweep()

    (line,) = file.read_text().splitlines()
    anchor = Anchor.model_validate({name: json.loads(line)[name] for name in ("seq", "mac")})
    assert [row["text"] for row in await posted(story, "anchor:%")] == [
        f"Audit anchor: row {anchor.seq}, seal {anchor.mac}"
    ]
    assert (await verify(story.ops.pool, story.ops.audit_key, anchor)).ok

    await _cut_off(story.ops.pool, anchor.seq)
    assert (await verify(story.ops.pool, story.ops.audit_key)).ok, "from inside nothing is to be seen"
    verdict = await verify(story.ops.pool, story.ops.audit_key, anchor)
    assert verdict.first_bad is not None
    assert verdict.first_bad.seq == anchor.seq


async def _cut_off(pool: asyncpg.Pool, seq: int) -> None:
    """As somebody with the database's password would, with the head set back too."""
    async with pool.acquire() as connection:
        for table in ("audit", "audit_head"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM audit WHERE seq = $1", seq)
        before = await connection.fetchrow("SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1")
        assert before is not None
        await connection.execute("UPDATE audit_head SET seq = $1, mac = $2", before["seq"], before["mac"])


async def test_following_tells_what_is_new_until_it_is_stopped(story: Story) -> None:
    reply = await story.says(ANA, "errors n8n since=1h follow=10m")
    assert isinstance(reply, Shown)
    (root,) = await posted(story, "follow:%")
    stop = Report.model_validate(json.loads(root["report"])).suggestions[0]
    assert (stop.label, stop.words) == ("Stop", "unfollow 1")
    await story.ops.pool.execute("UPDATE postings SET ts = '1.1' WHERE key = $1", root["key"])  # it stands in Slack

    async def look() -> int:
        story.clock.now += timedelta(seconds=15)
        await story.ops.following.sweep()
        return len(await posted(story, "follow:%")) - 1

    assert await look() == 0, "nothing is new"
    story.world.n8n.fail("kT3vQe8LwYc1ZsRb", Failure("HubSpot: upsert contact", "too many requests"))
    assert await look() == 1
    assert await look() == 1, "told once"

    stopped = await story.reads(ANA, "unfollow 1")
    assert stopped.title == "Stopped"
    story.world.n8n.fail("kT3vQe8LwYc1ZsRb", Failure("HubSpot: upsert contact", "too many requests"))
    assert await look() == 1
    assert await story.hears(ANA, "unfollow 1") == "That is over already."
