"""Child processes that do not outlive the harness, whatever ends it."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_PR_SET_PDEATHSIG = 1


async def spawn(
    module: str, log: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """`python -m module` from the project's folder; what it prints goes to the log."""
    with log.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # a Ctrl-C in the terminal is for the harness
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Nothing where it has ended; then its pid may be somebody else's."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


async def ended(process: asyncio.subprocess.Process, patience_s: float) -> int:
    """Its code; killed where it does not end in time."""
    try:
        return await asyncio.wait_for(process.wait(), patience_s)
    except TimeoutError:
        send(process, signal.SIGKILL)
        return await process.wait()
