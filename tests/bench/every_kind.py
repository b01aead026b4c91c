"""Every kind of service, two of them dead: how long a check takes, what the dead are still asked, what it weighs."""

import asyncio
from dataclasses import dataclass, field

from integrations.plumbing.breaker import TRIPS
from tests.bench.figures import Rounds, Row
from tests.bench.processes import megabytes
from tests.bench.scene import Bot, World, handrail

AFTER = 5
"""Checks after the breakers have opened."""


@dataclass
class EveryKind:
    world: World
    dsn: str
    rest_s: float
    first: list[float] = field(default_factory=list)
    later: list[float] = field(default_factory=list)
    asked_first: list[float] = field(default_factory=list)
    asked_later: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    async def round(self) -> None:
        async with handrail(self.world, http=False, dsn=self.dsn, services=self.world.every_service) as bot:
            await self.world.asked_of_the_dead()
            waits = [await self._checked(bot) for _ in range(TRIPS)]
            self.first.append(max(waits))
            self.asked_first.append(await self.world.asked_of_the_dead())
            waits = [await self._checked(bot) for _ in range(AFTER)]
            self.later.append(sorted(waits)[AFTER // 2])
            self.asked_later.append(await self.world.asked_of_the_dead())
            await asyncio.sleep(self.rest_s)
            self.weights.append(megabytes(bot.process.pid))

    async def _checked(self, bot: Bot) -> float:
        took, _ = await self.world.front.ask(bot.line, "/ops", "health fresh=yes")
        return took

    def rows(self) -> list[Row]:
        title = f"/ops health of {len(self.world.every_service)} services of every kind, two dead"
        later, first = Rounds(tuple(self.later), " ms"), Rounds(tuple(self.first), " ms")
        return [
            Row(f"{title}, while they are waited for", first, later, "once they are left alone"),
            # No ratio: what the bot asks by itself at its start may have opened the breakers already.
            Row(f"calls to the two dead in the first {TRIPS} checks", Rounds(tuple(self.asked_first), "")),
            Row(f"calls to the two dead in {AFTER} more", Rounds(tuple(self.asked_later), "")),
        ]

    def weight(self, bare: Rounds) -> Row:
        return Row("memory with every kind's clients open", Rounds(tuple(self.weights), " MB"), bare, "bare Bolt")
