"""A safety stop while the database cannot be written: done from a local journal, in the audit chain afterwards."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.run.journal import SIZE, Journal, Written
from bot.store.trail.verify import verify
from bot.words.report import PersonId
from bot.words.request import State, Via
from ops.doctor import journal_probe
from tests.road.story import ANA, CHANNEL, MIA, ROBOT, STRANGER, Clock, Story, accept_audit, refuse_audit

PAUSE = "campaigns pause reason=bounces"
NOW = f"{PAUSE} journal=yes"


@pytest.fixture
async def full(begin: Any) -> Story:
    """A story whose database has no room for another row of the audit."""
    story: Story = await begin(team={"approvals_channel": CHANNEL})
    await refuse_audit(story.ops.pool)
    return story


async def test_a_stop_is_not_blocked_by_a_full_disk(full: Story) -> None:
    """klangk#3154: failing closed blocked an emergency stop."""
    reply = await full.says(ANA, PAUSE)
    assert "no space left on device" in getattr(reply, "text", "")
    assert getattr(reply, "hint", "") == NOW
    assert "active" in (await full.campaigns()).values()

    before = await full.campaigns()
    answer = await full.hears(ANA, NOW)

    assert answer.startswith("Done: Paused 6 campaigns: ")
    assert answer.endswith("It is written in the local journal, and goes into the audit when the database is back.")
    assert "active" not in (await full.campaigns()).values()
    await full.runs()
    assert await full.trail() == []

    await accept_audit(full.ops.pool)
    at = full.clock()
    await full.waits(minutes=5)
    await full.waits(minutes=5)

    started, done = await full.rows()
    assert (started.kind, started.actor, started.action) == ("journal_started", ANA, "campaigns pause")
    assert (done.kind, done.detail["state"], done.detail["at"]) == ("journal_done", "done", at.isoformat())
    assert started.detail["journal"] == done.detail["journal"]
    assert done.at == at + timedelta(minutes=5)
    undo: Any = done.detail["undo"]
    assert {thing["name"] for things in undo["changed"].values() for thing in things} == {
        name for name, state in before.items() if state == "active"
    }
    assert (await verify(full.ops.pool, full.ops.audit_key)).ok
    told = await full.ops.pool.fetch("SELECT channel, text FROM postings WHERE request IS NULL")
    assert [row["channel"] for row in told] == [CHANNEL]
    assert "a safety stop ran without approval: Paused 6 campaigns" in told[0]["text"]


async def test_a_stop_without_any_database(begin: Any, postgres: Any) -> None:
    """klangk#3154: the database is gone altogether; people and policy are known from memory."""
    story: Story = await begin()
    dead = await asyncpg.create_pool(postgres.dsn("postgres"), min_size=0, max_size=1)
    await dead.close()
    living, story.ops.road.requests._pool = story.ops.road.requests._pool, dead  # type: ignore[attr-defined]
    story.ops.road.judge.freezes._pool = dead  # type: ignore[attr-defined]

    assert "may run without the database" in await story.hears(ANA, PAUSE)
    stopped = await story.hears(ANA, 'campaigns pause "Spring sale" reason=bounces journal=yes')
    assert stopped.startswith("Done: Paused 1 campaign: Spring sale.")

    story.ops.road.requests._pool = living  # type: ignore[attr-defined]
    assert (await story.campaigns())["Spring sale"] == "paused"


async def test_nothing_but_a_stop_runs_so(full: Story) -> None:
    """astrid#134: no row, no action, for everything else."""
    for words in ("retry 4711 journal=yes", "campaigns resume reason=fixed journal=yes"):
        assert "cannot be written" in await full.hears(ANA, words)
    assert full.retried() == []
    assert full.ops.emergency.journal.read() == ((), 0)


async def test_nobody_runs_it_who_may_not_ask(full: Story) -> None:
    refusal = "Not allowed: only people in these roles may ask this: engineer, lead, director. (default)"
    assert await full.hears(STRANGER, NOW) == refusal
    assert await full.hears(STRANGER, PAUSE) == refusal
    assert "journal" not in await full.hears(ROBOT, NOW, via=Via.ALERT, on_behalf_of=MIA)
    assert "active" in (await full.campaigns()).values()
    assert full.ops.emergency.journal.read() == ((), 0)


async def test_the_same_stop_within_a_minute_asks_again(full: Story) -> None:
    """integrations/slack#352: the same words on the same target within a minute ask "again?"."""
    both = await asyncio.gather(full.hears(ANA, NOW), full.hears(ANA, NOW))
    assert sorted(answer.split(" ")[0] for answer in both) == ["Done:", "The"]
    assert "was run from the journal 1s ago. Again?" in max(both)
    assert len(full.ops.emergency.journal.read()[0]) == 2
    assert (await full.hears(MIA, NOW)) == "Nothing to do: No campaign is running."
    full.clock.now += timedelta(minutes=1)
    assert (await full.hears(ANA, NOW)) == "Nothing to do: No campaign is running."


async def test_no_line_no_stop(full: Story) -> None:
    """Audit first, here too: where the journal cannot be written either, nothing happens."""
    path = full.ops.emergency.journal.path
    path.unlink()
    path.mkdir()
    answer = await full.hears(ANA, NOW)
    assert answer == "Nothing was run: the local journal cannot be written either (Is a directory)."
    assert "active" in (await full.campaigns()).values()
    doctor = await journal_probe(full.ops.emergency.journal)()
    assert doctor[0].what == "no safety stop can run while the database is away: Is a directory"


async def test_a_service_that_is_away_stops_nothing_and_says_so(full: Story) -> None:
    full.world.n8n.starting_up = True
    answer = await full.hears(ANA, 'campaigns pause "Outreach cadence" on=n8n reason=bounces journal=yes')
    assert answer.startswith("Nothing was run: ")
    assert full.ops.emergency.journal.read() == ((), 0)


async def test_a_process_that_died_on_the_way_is_told_of_and_never_run_again(story: Story) -> None:
    """An end that nobody wrote is unknown, and comes into the audit as that, once."""
    story.ops.emergency.journal.append(line("1").model_copy(update={"at": story.clock()}))
    await story.runs()
    assert await story.trail() == ["journal_started"]
    assert len(story.ops.emergency.journal.read()[0]) == 1

    await story.waits(minutes=16)
    await story.runs()

    assert await story.trail() == ["journal_started", "journal_done"]
    assert (await story.rows())[-1].detail["state"] == State.UNKNOWN
    assert story.ops.emergency.journal.read() == ((), 0)
    assert "active" in (await story.campaigns()).values()


async def test_two_replicas_and_a_crash_take_it_over_once(begin: Any) -> None:
    """The audit itself knows which lines it has: a replay that is repeated adds nothing."""
    here, there = await begin(), await begin()
    await refuse_audit(here.ops.pool)
    await here.hears(ANA, NOW)
    await accept_audit(here.ops.pool)
    kept = here.ops.emergency.journal.path.read_bytes()
    await asyncio.gather(here.runs(), there.runs())
    here.ops.emergency.journal.path.write_bytes(kept)  # the crash: taken over, and not yet forgotten
    await there.runs()
    assert await here.trail() == ["journal_started", "journal_done"]
    assert there.ops.emergency.journal.read() == ((), 0)


# -- the file -------------------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "data" / "journal")
    journal.prepare()
    return journal


def line(id: str, **detail: Any) -> Written:
    return Written(id=id, kind="journal_started", at=Clock()(), actor=PersonId("U1"), action="a", target="t",
                   detail=detail)  # fmt: skip


def test_its_room_is_taken_before_it_is_needed(journal: Journal) -> None:
    """klangk#3154: a full disk refuses new bytes; these are old ones."""
    stat = os.stat(journal.path)
    assert (stat.st_size, stat.st_mode & 0o777, stat.st_blocks * 512 >= SIZE) == (SIZE, 0o600, True)
    for number in range(20):
        journal.append(line(str(number)))
    assert os.stat(journal.path).st_size == SIZE
    journal.prepare()
    assert [each.id for each in journal.read()[0]] == [str(number) for number in range(20)]


def test_a_full_journal_refuses(journal: Journal) -> None:
    journal.append(line("1", text="x" * (SIZE - 1000)))
    with pytest.raises(OSError, match="is full"):
        journal.append(line("2", text="x" * 1000))
    assert [each.id for each in journal.read()[0]] == ["1"]


def test_a_torn_line_is_covered(journal: Journal) -> None:
    """A crash in the middle of a line: that line promised nothing, and hides no other."""
    journal.append(line("1"))
    used = journal.read()[1]
    with journal.path.open("r+b") as file:
        file.seek(used)
        file.write(b'{"id":"torn","kind":"journal_started","at":"' + b"9" * 400)
    assert [each.id for each in journal.read()[0]] == ["1"]
    journal.append(line("2"))
    assert [each.id for each in journal.read()[0]] == ["1", "2"]
    journal.clear(journal.read()[1])
    assert journal.path.read_bytes().strip(b"\0") == b""


def test_what_was_written_meanwhile_is_not_forgotten(journal: Journal) -> None:
    journal.append(line("1"))
    read = journal.read()[1]
    journal.append(line("2"))
    journal.clear(read)
    assert [each.id for each in journal.read()[0]] == ["1", "2"]


def test_one_process_takes_it_over_at_a_time(journal: Journal) -> None:
    with journal.alone() as first, journal.alone() as second:
        assert (first, second) == (True, False)
