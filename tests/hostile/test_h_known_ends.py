"""H, where answers go: what a process knows of how a run ended is told, also where the database was away just then."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg

from bot.run.execute import FINISH_PAUSES_S
from bot.store.server.embedded import EmbeddedPostgres
from bot.words.request import State
from tests.road.conftest import begin, clock, story, world
from tests.road.story import ANA, LEO, MIA, Story, accept_audit, refuse_audit
from tests.waiting import until

__all__ = ["begin", "clock", "story", "world"]

RETRY = "retry 4711"
KNOWN = "The process that ran it knew how it ended: done. Execution 4711 was retried; 4721 ended well."


async def cleared(story: Story) -> Any:
    request = await story.asks(ANA, RETRY)
    await story.approves(MIA, request)
    return request


async def test_a_database_that_is_away_while_a_run_ends(
    story: Story, postgres: EmbeddedPostgres, database: str
) -> None:
    """For longer than the pauses between the tries take together, and shorter than a lease."""
    request = await cleared(story)
    name = await story.ops.pool.fetchval("SELECT current_database()")
    story.gates.close("after_effect")
    await story.jobs.sweep()
    await story.gates.reached("after_effect")

    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    story.gates.open("after_effect")
    await asyncio.sleep(sum(FINISH_PAUSES_S) + 1)
    assert [line.detail["state"] for line in story.ops.ends.journal.read()[0]] == ["done"]
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await admin.close()
    await story.jobs.drain(timedelta(seconds=30))
    await story.runs()

    ended = await story.now(request)
    assert (ended.state, ended.note) == (State.DONE, "")
    assert (await story.told(request))[-1][0] == "Done: Execution 4711 was retried; 4721 ended well."
    assert story.ops.ends.journal.read()[0] == (), "nothing is left to tell"
    assert story.retried() == ["4711"]


async def test_what_was_called_unknown_meanwhile_is_told(begin: Any) -> None:
    here, there = await begin(limits={"lease": "30s"}), await begin(limits={"lease": "30s"})
    request = await cleared(here)
    here.gates.close("after_effect")
    await here.jobs.sweep()
    await here.gates.reached("after_effect")
    here.clock.now += timedelta(seconds=31)
    await there.runs()
    assert await there.state(request) is State.UNKNOWN
    here.gates.open("after_effect")
    await here.jobs.drain(timedelta(seconds=30))
    await here.runs()
    await here.runs()

    unknown = await here.now(request)
    assert (unknown.state, unknown.note) == (State.UNKNOWN, KNOWN)
    told = [(text, people) for text, people in await here.told(request) if KNOWN in text]
    assert [people for _, people in told] == [{ANA, MIA, LEO}]
    assert KNOWN in (await here.reads(LEO, "show R1")).notes
    await here.reads(LEO, "reconcile R1 done")
    row = (await here.rows(request))[-1]
    assert (row.kind, row.detail["known"]) == ("reconciled", KNOWN)
    assert here.ops.ends.journal.read()[0] == ()


async def test_what_a_process_knew_when_it_died_is_told_by_another(begin: Any) -> None:
    """On the same folder, as after a restart."""
    here, there = await begin(limits={"lease": "30s"}), await begin(limits={"lease": "30s"})
    request = await cleared(here)
    await refuse_audit(here.ops.pool, "'done'")
    await here.jobs.sweep()
    await until(lambda: here.ops.ends.journal.read()[0])
    await here.dies()
    await accept_audit(there.ops.pool)

    await there.ops.ends.replay()
    assert await there.state(request) is State.RUNNING, "it may be written still"
    await there.waits(seconds=31)
    await there.runs()
    unknown = await there.now(request)
    assert (unknown.state, unknown.note) == (State.UNKNOWN, KNOWN)
    assert (await there.trail(request))[-1] == "end_known"
    assert there.retried() == ["4711"]
