"""How soon a person has an answer: `/ops help` and `/ops health` against bare Bolt, over HTTP and over sockets."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.bench.figures import Bar, Rounds, Row, percentile
from tests.bench.slack import Front, Line

ALONE = Bar(at_most=0.25)
TOGETHER = Bar(at_least=1.0)
AT_ONCE = 16


@dataclass(frozen=True)
class Burst:
    """What came of asking for a while."""

    p50_ms: float
    per_second: float
    in_ack: float
    """Share of the answers that came with the ack."""
    driver: float
    """Share of one core that the driver took."""


async def burst(
    front: Front, line: Line, command: str, words: str, *, at_once: int, seconds: float, anew: bool = False
) -> Burst:
    """Ask again and again, so many at once; with `anew` each time where nobody has asked before."""
    took: list[tuple[float, bool]] = []
    began, cpu = time.perf_counter(), time.process_time()

    async def person() -> None:
        while time.perf_counter() - began < seconds:
            took.append(await front.ask(line, command, words, anew=anew))

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(person())
    lasted = time.perf_counter() - began
    return Burst(
        p50_ms=percentile([milliseconds for milliseconds, _ in took], 50),
        per_second=len(took) / lasted,
        in_ack=sum(in_ack for _, in_ack in took) / len(took),
        driver=(time.process_time() - cpu) / lasted,
    )


@dataclass
class Contest:
    """One command in one mode: a round asks Handrail, then bare Bolt, or the other way round."""

    title: str
    front: Front
    ours: Line
    theirs: Line
    our_words: str
    their_command: str
    warm: str = ""
    """What Handrail is asked first: a cached answer has to be fresh again in each round."""
    anew: bool = False
    """Each time where nobody has asked before, so that no answer is remembered. How long one waits has no bar then."""
    bursts: dict[tuple[str, int], list[Burst]] = field(default_factory=dict)

    async def round(self, number: int, seconds: float) -> None:
        for at_once in (1, AT_ONCE):
            for who in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
                made = await (self._ours if who == "ours" else self._theirs)(at_once, seconds)
                self.bursts.setdefault((who, at_once), []).append(made)

    async def _ours(self, at_once: int, seconds: float) -> Burst:
        if self.warm:
            await self.front.ask(self.ours, "/ops", self.warm)
        made = await burst(
            self.front, self.ours, "/ops", self.our_words, at_once=at_once, seconds=seconds, anew=self.anew
        )
        if made.in_ack < 1:
            raise RuntimeError(f"{self.title}: only {made.in_ack:.0%} of the answers came with the ack")
        return made

    async def _theirs(self, at_once: int, seconds: float) -> Burst:
        return await burst(self.front, self.theirs, self.their_command, "", at_once=at_once, seconds=seconds)

    async def warm_up(self, times: int) -> None:
        for _ in range(times):
            await self.front.ask(self.ours, "/ops", self.our_words)
            await self.front.ask(self.theirs, self.their_command, "")

    def rows(self) -> list[Row]:
        def waits(who: str) -> Rounds:
            return Rounds(tuple(burst.p50_ms for burst in self.bursts[who, 1]), " ms")

        def rates(who: str) -> Rounds:
            return Rounds(tuple(burst.per_second for burst in self.bursts[who, AT_ONCE]), "/s")

        alone = None if self.anew else ALONE
        return [
            Row(f"{self.title}, one at a time, p50", waits("ours"), waits("theirs"), "bare Bolt", alone),
            Row(f"{self.title}, {AT_ONCE} at once", rates("ours"), rates("theirs"), "bare Bolt", TOGETHER),
        ]

    @property
    def driver(self) -> float:
        """The most of one core that the driver ever took."""
        return max(burst.driver for bursts in self.bursts.values() for burst in bursts)
