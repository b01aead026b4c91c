"""Runs one program to its end, and never longer: no shell, no input, a bounded tail of its output, no survivors.

The program leads a process group of its own, which is killed when it ends, when its time is over, and when whoever
waits is cancelled. What makes itself a session leader gets away; so does everything if this very process is killed.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

TAIL_LIMIT = 64 * 1024
"""Bytes of the output that are held: its last ones."""
GRACE_S = 2.0
"""Between asking it to end and killing it, where its time is over."""
_LAST_WORDS_S = 1.0
_READ = 64 * 1024


@dataclass(frozen=True)
class Ended:
    code: int
    """Negative for a signal, as in `subprocess`."""
    out_of_time: bool = False


async def run(
    argv: Sequence[str], *, environment: Mapping[str, str], cwd: str, limit: timedelta, tail: "Tail"
) -> Ended:
    """`environment` is all that it sees; what it says goes to `tail`, both streams in the order in which they come.

    Raises OSError or ValueError where it cannot be started.
    """
    # A pipe of our own: asyncio's would be waited for until the last grandchild lets go of it.
    reading, writing = os.pipe()
    try:
        try:
            child = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,
            )
        finally:
            os.close(writing)
    except BaseException:
        os.close(reading)
        raise
    listening = asyncio.create_task(_listen(reading, tail))
    out_of_time = False
    try:
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await child.wait()
        except TimeoutError:
            out_of_time = True
            _signal(child.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await child.wait()
    finally:
        _signal(child.pid, signal.SIGKILL)
        try:
            code = await asyncio.shield(child.wait())
            await asyncio.wait((listening,), timeout=_LAST_WORDS_S)
        finally:
            listening.cancel()
            await asyncio.wait((listening,))
    return Ended(code, out_of_time)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class Tail:
    """The last bytes of what was added."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.cut = False
        """More was added than is held."""
        self.added = 0
        """Bytes, all together."""

    def add(self, part: bytes) -> None:
        self.held += part
        self.added += len(part)
        if len(self.held) > TAIL_LIMIT:
            del self.held[:-TAIL_LIMIT]
            self.cut = True


async def _listen(descriptor: int, tail: Tail) -> None:
    """Until nobody holds the other end any more."""
    reader = asyncio.StreamReader(limit=_READ)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        while part := await reader.read(_READ):
            tail.add(part)
    finally:
        transport.close()
