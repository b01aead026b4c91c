"""Three bots: started, killed, stopped, continued and started again. Every harm is written down."""

import asyncio
import json
import random
import signal
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.crash.bot import FOLDER, ORDERS, READY, TAKEN, TRAILS
from tests.crash.cargo import PROCESS
from tests.crash.facts import Harm, Passed
from tests.crash.processes import ended, send, spawn

START_S = 90.0
"""For all to be ready on a busy machine."""
STOP_S = 40.0
"""For one that is asked to end; the bot's own patience is 20 s for runs and 20 s for errands."""
LOOK_S = 0.03


@dataclass
class Bot:
    slot: int
    number: int
    process: asyncio.subprocess.Process
    stopped: bool = False

    @property
    def name(self) -> str:
        return f"bot{self.slot}-{self.number}"


@dataclass
class Fleet:
    """`start`, then `close` whatever happens: nothing is left."""

    folder: Path
    environment: Mapping[str, str]
    """Of the bots, beside what they inherit."""
    chance: random.Random
    rest_s: tuple[float, float]
    """How long a stopped one rests: longer than a lease."""
    size: int = 3
    harms: list[Harm] = field(default_factory=list)
    fell: list[str] = field(default_factory=list)
    """Bots that ended without our doing."""
    bots: list[Bot] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        for name in (ORDERS, TAKEN, TRAILS, READY):
            (self.folder / name).mkdir()
        for slot in range(self.size):
            self.bots.append(await self._spawn(slot, 1))
            self._begin(self._keep(self.bots[slot]))
        self._begin(self._see_orders_taken())
        await self.all_ready()

    async def all_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while len(self.healthy()) < self.size:
            if time.monotonic() > deadline:
                raise RuntimeError(f"not all bots were ready in {START_S:.0f} s; one of them said:\n{self._said()}")
            await asyncio.sleep(LOOK_S)

    def healthy(self) -> list[Bot]:
        return [
            bot
            for bot in self.bots
            if bot.process.returncode is None and not bot.stopped and (self.folder / READY / bot.name).exists()
        ]

    def passed(self) -> list[Passed]:
        """Everything that the bots have noted, oldest first."""
        lines = [line for path in (self.folder / TRAILS).iterdir() for line in path.read_text().splitlines()]
        return sorted((Passed(**json.loads(line)) for line in lines), key=lambda passed: passed.at)

    # -- harm --------------------------------------------------------------------------------------

    def order(self, kind: str, point: str) -> None:
        """Whichever bot passes that point next does it to itself there."""
        (self.folder / ORDERS / f"{kind}.{point}").touch()

    @property
    def orders(self) -> list[Path]:
        """Those that nobody has taken yet."""
        return list((self.folder / ORDERS).iterdir())

    def kill(self, bot: Bot) -> None:
        self.harms.append(Harm("kill", bot.name, time.time()))
        send(bot.process, signal.SIGKILL)

    def stop(self, bot: Bot) -> None:
        at = time.time()
        send(bot.process, signal.SIGSTOP)
        self._rests(bot, Harm("stop", bot.name, at))

    async def calm(self) -> None:
        """Nothing harms any more; all are up and going."""
        for path in self.orders:
            path.unlink(missing_ok=True)
        await asyncio.sleep(LOOK_S * 5)
        await self.all_ready()

    async def close(self) -> list[str]:
        """Ask all to end, as a deploy does. Returns those that ended badly."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bot in self.bots:
            send(bot.process, signal.SIGCONT)
            send(bot.process, signal.SIGTERM)
        codes = await asyncio.gather(*(ended(bot.process, STOP_S) for bot in self.bots))
        return [f"{bot.name}, asked to end: {code}" for bot, code in zip(self.bots, codes, strict=True) if code != 0]

    # -- keeping -----------------------------------------------------------------------------------

    async def _spawn(self, slot: int, number: int) -> Bot:
        name = f"bot{slot}-{number}"
        environment = {**self.environment, PROCESS: name, FOLDER: str(self.folder)}
        return Bot(slot, number, await spawn("tests.crash.bot", self._log(name), environment=environment))

    async def _keep(self, bot: Bot) -> None:
        while True:
            code = await bot.process.wait()
            if code != -signal.SIGKILL:
                self.fell.append(f"{bot.name} ended by itself: {code}")
            await asyncio.sleep(self.chance.uniform(0.1, 0.6))
            bot = self.bots[bot.slot] = await self._spawn(bot.slot, bot.number + 1)

    def _rests(self, bot: Bot, harm: Harm) -> None:
        bot.stopped = True
        self.harms.append(harm)
        self._begin(self._continue(bot, len(self.harms) - 1))

    async def _continue(self, bot: Bot, place: int) -> None:
        await asyncio.sleep(self.chance.uniform(*self.rest_s))
        self.harms[place] = replace(self.harms[place], until=time.time())
        send(bot.process, signal.SIGCONT)
        bot.stopped = False

    async def _see_orders_taken(self) -> None:
        seen: set[Path] = set()
        while True:
            for path in sorted(set((self.folder / TAKEN).iterdir()) - seen):
                seen.add(path)
                kind, point, name, at = path.name.split(".")
                harm = Harm(kind, name, int(at) / 1e9, point)
                bot = next((bot for bot in self.bots if bot.name == name), None)
                if kind == "stop" and bot is not None:
                    self._rests(bot, harm)
                else:
                    self.harms.append(harm)
            await asyncio.sleep(LOOK_S)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _said(self) -> str:
        logs = sorted(self.folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
        return "\n".join(logs[-1].read_text(errors="replace").splitlines()[-25:]) if logs else ""
