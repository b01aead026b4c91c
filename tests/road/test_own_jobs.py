"""A job of the team's own, from typed words to audit rows; its program is really started."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from bot.words.request import State
from sandbox.world import World
from sandbox.world.github import FakeGitHub
from tests.integrations.standin import serving
from tests.road.story import ANA, MIA


def box(tmp_path: Path, code: str, **job: Any) -> dict[str, Any]:
    program = tmp_path / "program.py"
    program.write_text(f"#!{sys.executable} -S\nimport os, sys\n{code}\n", encoding="utf-8")
    program.chmod(0o700)
    params = [{"name": "table", "pattern": "orders|customers", "required": True}]
    job = {
        "name": "reindex",
        "what": "Builds the index anew.",
        "argv": [str(program), "{table}"],
        "params": params,
    } | job
    return {"box": {"kind": "process", "jobs": [job]}}


async def test_a_program_runs_once_after_somebody_s_yes(begin: Any, world: World, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'a').write(sys.argv[1]); print('key', os.environ['KEY'])"
    tables = box(tmp_path, code, environment={"KEY": "env:DEMO_N8N_API_KEY"})
    story = await begin(services=world.services() | tables)

    hostile = await story.asks(ANA, "job reindex table=$(id)")
    assert hostile.state is State.DENIED
    assert hostile.outcome.startswith("table does not look right: it must match orders|customers.")
    request = await story.asks(ANA, "job reindex table=orders reason=search is stale")
    assert request.state is State.WAITING
    assert request.plan is not None
    assert request.plan["effects"][1] == f"runs {tmp_path}/program.py orders"
    assert not mark.exists()
    await story.approves(MIA, request)
    await story.runs()

    done = await story.now(request)
    assert (done.state, done.outcome) == (State.DONE, "reindex ended well.")
    assert mark.read_text() == "orders"
    assert done.progress == "key [redacted]"
    assert world.n8n.api_key not in await story.everything_stored()


async def test_how_it_goes_on_is_on_its_card_while_it_runs(
    begin: Any, world: World, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("integrations.process.client.HEARD_EVERY_S", 0.02)
    go_on = tmp_path / "go-on"
    code = f"import time; print('half of it', flush=True)\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.02)"
    story = await begin(services=world.services() | box(tmp_path, code + "\nprint('all of it')"))
    request = await story.asks(ANA, "job reindex table=orders")
    await story.approves(MIA, request)
    await story.jobs.sweep()
    async with asyncio.timeout(30):
        while not (seen := await story.now(request)).progress:  # noqa: ASYNC110 - a program says it
            await asyncio.sleep(0.02)
    assert (seen.state, seen.progress) == (State.RUNNING, "half of it")
    go_on.touch()
    await story.runs()

    done = await story.now(request)
    assert (done.state, done.progress) == (State.DONE, "half of it\nall of it")
    assert [kind for kind in await story.trail(request) if kind in ("started", "done")] == ["started", "done"]
    wanted = await story.ops.pool.fetch("SELECT wanted FROM postings WHERE is_card")
    assert {row["wanted"] for row in wanted} == {done.version}


async def test_a_program_that_is_not_there_leaves_no_doubt(begin: Any, world: World, tmp_path: Path) -> None:
    """A setting to be mended is no unknown outcome: nothing was started."""
    story = await begin(services=world.services() | box(tmp_path, ""))
    request = await story.asks(ANA, "job reindex table=orders")
    (tmp_path / "program.py").unlink()
    await story.approves(MIA, request)
    await story.runs()
    done = await story.now(request)
    assert done.state is State.FAILED
    assert done.outcome.startswith("services.box: reindex cannot be started: there is no program")


async def test_a_job_that_is_not_destructive_needs_only_its_requester(begin: Any, world: World, tmp_path: Path) -> None:
    story = await begin(services=world.services() | box(tmp_path, "sys.exit('no such table')", destructive=False))
    request = await story.asks(ANA, "job reindex table=orders")
    await story.confirms(ANA, request)
    await story.runs()
    done = await story.now(request)
    assert done.state is State.FAILED
    assert done.outcome.endswith("Its last words: no such table")


async def test_a_workflow_of_github_runs_by_the_same_words(begin: Any, world: World, monkeypatch: Any) -> None:
    fake = FakeGitHub("github_pat_of_the_story_of_jobs")
    monkeypatch.setenv("DEMO_GITHUB_TOKEN", fake.token)
    job = {
        "name": "clean-up",
        "what": "Deletes old previews.",
        "workflow": "clean.yml",
        "params": [{"name": "older_than", "pattern": "[0-9]{1,3}", "required": True}],
    }
    async with serving(fake.app()) as url:
        section = fake.section(url) | {"settle": "5s", "every": "1s", "jobs": [job]}
        story = await begin(services=world.services() | {"ci": section})
        done = await story.done(ANA, "job clean-up older_than=14")
    assert (done.state, done.outcome) == (State.DONE, "clean-up ran as run 9006 and ended well.")
    assert fake.done("dispatch") == ['main {"older_than": "14"}']
