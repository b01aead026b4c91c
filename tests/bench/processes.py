"""The benchmark's processes: started with nothing of our environment, ended by pid whatever happens, weighed."""

import asyncio
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1
_STOP_S = 25.0


@asynccontextmanager
async def spawned(
    arguments: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """`python arguments…`, its output in `log`; asked to stop at the end, killed where it does not."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - must come from the thread that lives as long as the driver
            [sys.executable, *arguments],
            cwd=ROOT,
            env={"PATH": os.environ.get("PATH", os.defpath), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C is for the driver, which then stops this one
            preexec_fn=_die_with_parent() if sys.platform == "linux" else None,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            await asyncio.shield(asyncio.to_thread(process.wait, _STOP_S))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _die_with_parent() -> Callable[[], object]:
    """For `preexec_fn`: a driver that is killed leaves nothing behind either."""
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of one GET. Raises OSError while nobody listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    finally:
        writer.close()
    found = re.match(r"HTTP/1\.\d (\d{3})", head)
    return int(found[1]) if found else 0, body


async def until(ready: Callable[[], Awaitable[bool]], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Raises RuntimeError with the log's end where the process ended instead."""
    async with asyncio.timeout(60):
        while not await ready():
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended: {log.read_text(errors='replace')[-2000:]}")
            await asyncio.sleep(0.005)


async def answers(port: int, path: str, status: int = 200) -> bool:
    try:
        return (await get(port, path))[0] == status
    except OSError:
        return False


def megabytes(pid: int) -> float:
    """Of one process: its proportional share of memory on Linux, its resident set elsewhere."""
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    if rollup.exists():
        kilobytes = re.search(r"^Pss: +(\d+)", rollup.read_text(), re.MULTILINE)
        return int(kilobytes[1]) / 1024 if kilobytes else 0.0
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(shown.stdout or 0) / 1024


def family(pid: int) -> list[int]:
    """A process and all that come from it; itself alone where the system does not tell."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    ]
    return [pid, *(each for child in children for each in family(child))]
