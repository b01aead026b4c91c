"""The real program, started in an environment of the test's own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

KEY = "0123456789abcdef0123456789abcdef"
GENEROUS_S = 120.0
"""For a machine that does much else meanwhile."""


@dataclass(frozen=True)
class Ended:
    code: int
    said: str
    """Standard output and error."""


@dataclass(frozen=True)
class Running:
    process: asyncio.subprocess.Process
    log: Path

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    async def says(self, wanted: str) -> None:
        """Wait until it has said this, or is gone."""
        async with asyncio.timeout(GENEROUS_S):
            while wanted not in self.said():
                assert self.process.returncode is None, self.said()
                await asyncio.sleep(0.05)

    async def ends(self) -> Ended:
        async with asyncio.timeout(GENEROUS_S):
            return Ended(await self.process.wait(), self.said())


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A complete one, with neither Slack's tokens nor a database."""
    return {
        "PATH": os.environ["PATH"],
        "OPS_AUDIT_KEY": KEY,
        "OPS_CONFIG": str(folder / "ops.toml"),
        "OPS_DATA": str(folder / "data"),
        "COLUMNS": "200",
        "NO_PROXY": "*",
    } | more


@asynccontextmanager
async def started(
    words: Sequence[str], env: Mapping[str, str], log: Path, *, program: Sequence[str] = ()
) -> AsyncIterator[Running]:
    """`program` goes before it, like a change of user."""
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *program, sys.executable, "-m", "ops", *words,
            env=dict(env), stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        yield Running(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def ran(words: Sequence[str], env: Mapping[str, str], log: Path, *, program: Sequence[str] = ()) -> Ended:
    async with started(words, env, log, program=program) as running:
        return await running.ends()
