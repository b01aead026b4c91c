"""Old rows of the audit trail leave the database after a plan and a yes, or once a day where ops.toml says so."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.later.retiring import Retiring
from bot.store.trail.verify import verify
from bot.words.request import State
from tests.road.story import ANA, CHANNEL, LEO, MIA, STRANGER, Story

ARCHIVE = "audit archive 30d"
TEAM = {"groups_live": "300d"}


async def test_old_rows_go_into_a_file_after_somebody_else_s_yes(begin: Any, tmp_path: Path) -> None:
    story: Story = await begin(team=TEAM)
    await story.hears(STRANGER, "health")  # a refusal, which is audited
    assert "no row is older than 30d" in (await story.asks(MIA, ARCHIVE)).outcome
    story.clock.now += timedelta(days=40)
    asked = await story.asks(MIA, ARCHIVE)
    assert asked.state is State.WAITING, asked.outcome
    assert str((asked.plan or {})["headline"]).startswith("3 rows of the audit trail from before")
    assert "Not counted" in await story.approves(MIA, asked)
    await story.approves(LEO, asked)
    await story.runs()
    done = await story.now(asked)
    assert done.state is State.DONE, done.outcome
    assert done.outcome.startswith("Moved 3 rows of the audit trail, up to row 3, into ")
    [file] = (tmp_path / "archive").iterdir()
    assert len(file.read_text().splitlines()) == 3
    verdict = await verify(story.ops.pool, story.ops.audit_key)
    assert (verdict.first_bad, verdict.archived) == (None, 3)


async def test_only_approvers_may_ask_and_a_month_stays(begin: Any) -> None:
    story: Story = await begin(team=TEAM)
    assert "Not allowed" in await story.hears(ANA, ARCHIVE)
    assert "type 30d or more" in await story.hears(MIA, "audit archive 7d")


async def test_on_a_schedule_once_a_day_and_the_channel_hears_of_it(begin: Any, tmp_path: Path) -> None:
    story: Story = await begin(team=TEAM)
    ops = story.ops
    retiring = Retiring(ops.retention, ops.outbox, story.clock, timedelta(days=30), lambda: CHANNEL)
    await story.hears(STRANGER, "health")
    await retiring.sweep()
    assert not (tmp_path / "archive").exists()
    story.clock.now += timedelta(days=32)
    await story.hears(STRANGER, "health")
    await retiring.sweep()
    await retiring.sweep()
    [told] = await ops.pool.fetch("SELECT channel, text FROM postings WHERE request IS NULL")
    assert told["channel"] == CHANNEL
    assert told["text"].startswith("Moved 1 row of the audit trail, up to row 1, into ")
    rows = await ops.audit.read(limit=10)
    assert (rows[0].seq, rows[0].kind, rows[0].actor) == (3, "archived", "machine:handrail")
    assert [row.seq for row in rows] == [3, 2]
