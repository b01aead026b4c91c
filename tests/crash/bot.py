"""One bot process of the crash test: `ops serve` that notes each point of the road it passes, and dies or stops there
when told to. What it notes is in the page cache before it goes on, so a SIGKILL loses none of it."""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.settings import Environment, read_toml
from ops.serve import serving
from ops.structured_log import configure_logs
from ops.wiring import registered
from tests.crash.cargo import PROCESS

FOLDER = "CRASH_FOLDER"
ORDERS, TAKEN, TRAILS, READY = "orders", "taken", "trails", "ready"
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@dataclass(frozen=True)
class Points:
    """Called at each named point."""

    folder: Path
    process: str
    trail: int

    async def __call__(self, point: str) -> None:
        task = asyncio.current_task()
        self.note(point, task.get_name() if task else "")
        for kind, number in SIGNALS.items():
            with suppress(FileNotFoundError):  # no such order, or another process took it
                os.rename(self.folder / ORDERS / f"{kind}.{point}", self._taken(kind, point))
                os.kill(os.getpid(), number)

    def note(self, point: str, task: str = "") -> None:
        line = {"at": time.time(), "process": self.process, "point": point, "task": task}
        os.write(self.trail, f"{json.dumps(line)}\n".encode())

    def _taken(self, kind: str, point: str) -> Path:
        return self.folder / TAKEN / f"{kind}.{point}.{self.process}.{time.time_ns()}"


async def main() -> None:
    folder, process = Path(os.environ[FOLDER]), os.environ[PROCESS]
    trail = os.open(folder / TRAILS / process, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    points = Points(folder, process, trail)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    environment = Environment()
    configure_logs(registered(environment).text)
    async with serving(environment, read_toml(environment.ops_config), checkpoint=points):
        (folder / READY / process).touch()
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
