"""When what goes wrong: bots killed and stopped at every named point and at random moments, and a Slack that drops
sockets, delivers twice and late."""

import asyncio
import itertools
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.crash.fleet import Fleet
from tests.crash.processes import ROOT

KINDS = ("kill", "stop")
_NAMED = re.compile(r"""checkpoint\(["'](\w+)["']\)""")


def named_points() -> tuple[str, ...]:
    """Every point that the road names; a new one is found without anybody's help."""
    found = {name for path in (ROOT / "bot").rglob("*.py") for name in _NAMED.findall(path.read_text(encoding="utf-8"))}
    return tuple(sorted(found))


@dataclass
class Harmer:
    """Harm to bots, until cancelled. Two stay up, so that somebody is there to do the work."""

    fleet: Fleet
    chance: random.Random
    pause_s: tuple[float, float] = (0.2, 0.9)

    async def run(self) -> None:
        places = self._places()
        while True:
            await asyncio.sleep(self.chance.uniform(*self.pause_s))
            healthy = self.fleet.healthy()
            if len(healthy) < self.fleet.size - (self.chance.random() < 0.25):
                continue
            dice = self.chance.random()
            if dice < 0.6 and len(self.fleet.orders) < 3:
                self.fleet.order(*next(places))
            elif dice < 0.82:
                self.fleet.kill(self.chance.choice(healthy))
            else:
                self.fleet.stop(self.chance.choice(healthy))

    def _places(self) -> Iterator[tuple[str, str]]:
        every = list(itertools.product(KINDS, named_points()))
        while True:
            yield from self.chance.sample(every, len(every))


@dataclass
class SlackTrouble:
    """Faults of the local Slack, until cancelled; none at the end."""

    url: str
    chance: random.Random
    twice: list[tuple[float, float]] = field(default_factory=list)
    """Spans of time in which every delivery came twice."""
    late: int = 0
    """Spans in which deliveries came late."""
    dropped: int = 0
    """Sockets closed in the middle of an envelope."""
    asked_to_go: int = 0
    """Times that all sockets were told to go."""

    async def run(self) -> None:
        async with aiohttp.ClientSession(self.url) as session:
            try:
                while True:
                    await asyncio.sleep(self.chance.uniform(0.3, 1.5))
                    await self._one(session)
            finally:
                await self._set(session, duplicate=0, late=0, kill_socket_mid_envelope=0)

    def doubled(self, moments: list[float]) -> int:
        """How many of these deliveries came twice."""
        return sum(any(begin <= at <= end for begin, end in self.twice) for at in moments)

    async def _one(self, session: aiohttp.ClientSession) -> None:
        match self.chance.choices(
            ("twice", "late", "both", "drop", "warning", "refresh_requested"), (5, 3, 4, 4, 1, 1)
        )[0]:
            case "twice":
                await self._for_a_while(session, duplicate=1.0)
            case "late":
                await self._for_a_while(session, late=self.chance.uniform(0.1, 1.5))
            case "both":
                await self._for_a_while(session, duplicate=1.0, late=self.chance.uniform(0.1, 1.5))
            case "drop":
                await self._set(session, kill_socket_mid_envelope=1)
                await asyncio.sleep(1.0)
                left = await self._set(session)
                self.dropped += 1 - int(left["kill_socket_mid_envelope"])
                await self._set(session, kill_socket_mid_envelope=0)
            case reason:
                self.asked_to_go += 1
                await self._set(session, disconnect=reason)

    async def _for_a_while(self, session: aiohttp.ClientSession, **faults: float) -> None:
        await self._set(session, **faults)
        begin = time.time()
        await asyncio.sleep(self.chance.uniform(0.5, 2.0))
        end = time.time()
        await self._set(session, **dict.fromkeys(faults, 0.0))
        if "duplicate" in faults:
            self.twice.append((begin, end))
        self.late += "late" in faults

    async def _set(self, session: aiohttp.ClientSession, **changes: Any) -> dict[str, Any]:
        async with session.post("/sandbox/faults", json=changes) as answer:
            answer.raise_for_status()
            faults: dict[str, Any] = await answer.json()
        return faults
