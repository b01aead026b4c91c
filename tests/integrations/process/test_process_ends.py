"""Every program of the team's ends, by itself or by us; and settings that cannot be are refused."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, OutcomeUnknown
from integrations.capabilities import Checkable, Checked, Health, JobEnd
from tests.integrations.process.conftest import SECRET, Make, params
from tests.waiting import in_time

# -- that it ends

GRANDCHILD = """
import os, subprocess, sys, time
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-S", "-c", stubborn])
open({file!r} + ".new", "w").write(f"{{os.getpid()}} {{child.pid}}")
os.rename({file!r} + ".new", {file!r})
print("begun", flush=True)
"""


async def pids(file: Path) -> list[int]:
    async with asyncio.timeout(30):
        while not file.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
    return [int(pid) for pid in file.read_text().split()]


async def gone(pid: int) -> None:
    """Waits until it is no more, or a zombie that nobody has reaped."""
    async with asyncio.timeout(30):
        with suppress(FileNotFoundError, ProcessLookupError):
            while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@pytest.fixture
def an_hour_passes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """For whatever this test's loop waits for: however long a program took to start, its time is over now."""

    def passes() -> None:
        loop = asyncio.get_running_loop()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + 3600)

    return passes


linux = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")


@linux
async def test_when_its_time_is_over_it_is_ended_with_its_children(
    make: Make, tmp_path: Path, an_hour_passes: Callable[[], None]
) -> None:
    file = tmp_path / "pids"
    client = make(GRANDCHILD.format(file=str(file)) + "time.sleep(60)", limit="5m")
    begun = asyncio.Event()
    running = asyncio.create_task(client.run_job("reindex", {}, lambda lines: begun.set()))
    both = await pids(file)
    await in_time(begun.wait())
    an_hour_passes()
    with pytest.raises(OutcomeUnknown, match=r"not end within 5m and was ended by us\. Its last words: begun"):
        await running
    for pid in both:
        await gone(pid)


@linux
async def test_when_nobody_waits_any_more_it_is_ended_with_its_children(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    waiting = asyncio.create_task(make(GRANDCHILD.format(file=str(file)) + "time.sleep(60)").run_job("reindex", {}))
    both = await pids(file)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    for pid in both:
        await gone(pid)


@linux
async def test_what_it_leaves_behind_ends_with_it(make: Make, tmp_path: Path) -> None:
    """A grandchild that holds the output open does not hold up the answer."""
    file = tmp_path / "pids"
    end = await make(GRANDCHILD.format(file=str(file))).run_job("reindex", {})
    assert end == JobEnd("reindex ended well.", "begun")
    for pid in await pids(file):
        await gone(pid)


async def test_it_may_clean_up_when_its_time_is_over(make: Make, an_hour_passes: Callable[[], None]) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('rolled back', flush=True), sys.exit(0)))\n"
        "print('begun', flush=True)\ntime.sleep(60)"
    )
    begun = asyncio.Event()
    running = asyncio.create_task(make(code, limit="5m").run_job("reindex", {}, lambda lines: begun.set()))
    await in_time(begun.wait())
    an_hour_passes()
    with pytest.raises(OutcomeUnknown, match="Its last words: begun\nrolled back"):
        await running


# -- settings


async def test_a_program_that_is_missing(make: Make, tmp_path: Path, http: httpx.AsyncClient) -> None:
    client = make()
    assert await client.check() == Checked(Health.OK)
    program = tmp_path / "program.py"
    program.chmod(0o600)
    problem = f"{program} may not be executed by the bot's user"
    if os.geteuid() != 0:
        assert await client.check() == Checked(Health.DEGRADED, f"reindex: {problem}")
    program.unlink()
    assert await client.check() == Checked(Health.DEGRADED, f"reindex: there is no program {program}")
    with pytest.raises(Misconfigured, match=r"services\.box: reindex cannot be started: there is no program"):
        await client.run_job("reindex", {})


async def test_a_program_that_cannot_be_started(make: Make, tmp_path: Path) -> None:
    client = make()
    program = tmp_path / "program.py"
    program.write_text("#!/nowhere/python\n")
    with pytest.raises(Misconfigured, match="cannot be started: No such file"):
        await client.run_job("reindex", {})
    with pytest.raises(Misconfigured, match="there is no folder /nowhere"):
        await make(cwd="/nowhere").run_job("reindex", {})


def test_it_is_told_that_it_can_be_checked(make: Make) -> None:
    assert isinstance(make(), Checkable)


@pytest.mark.parametrize(
    ("job", "why"),
    [
        ({"argv": ["reindex"]}, "write the whole path"),
        ({"argv": []}, "write at least 1 entry"),
        ({"argv": ["/bin/{x}"], "params": params("x")}, "the program itself cannot be typed"),
        ({"argv": ["/bin/ls", "{x}"]}, r"argv: \{x\} is no param"),
        ({"argv": ["/bin/ls"], "params": params("x")}, "nothing in argv uses x"),
        ({"argv": ["/bin/ls", "{x}"], "params": params("x", "x")}, "x is there twice"),
        ({"argv": ["/bin/ls", "a\0b"]}, "holds a NUL"),
        ({"argv": ["/bin/sh", "-c", "ls {x}"], "params": params("x")}, "would be read as code after -c"),
        ({"argv": ["/bin/bash", "-o", "pipefail", "-lc", "ls {x}"], "params": params("x")}, "as code after -lc"),
        ({"argv": ["/usr/bin/python3.12", "-Ic", "{x}"], "params": params("x")}, "read as code after -Ic"),
        ({"argv": ["/usr/bin/psql", "shop", "--command={x}"], "params": params("x")}, "as code after --command"),
        ({"environment": {"KEY": SECRET}}, "write where to find it"),
        ({"environment": {"A=B": "env:X"}}, "write a text that matches"),
        ({"cwd": "tmp"}, "write the whole path"),
        ({"limit": "0s"}, "limit"),
    ],
)
def test_settings_that_cannot_be(make: Make, job: dict[str, Any], why: str) -> None:
    with pytest.raises(Misconfigured, match=rf"services\.box\.jobs\.0.*{why}") as caught:
        make(**job)
    assert SECRET not in str(caught.value)


def test_a_script_may_be_given_what_an_interpreter_takes_for_code(make: Make) -> None:
    argv = ["/usr/bin/python3", "/opt/shop/reindex.py", "-e", "{env}"]
    assert make(argv=argv, params=params("env")).told("reindex", {"env": "live"}).endswith("-e live")
