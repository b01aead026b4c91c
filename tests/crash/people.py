"""The people under whose hands the bots fail: two ask, two decide, by real words and real clicks."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from sandbox.person import Person, Refused
from tests.crash.eyes import Card, Eyes
from tests.crash.facts import Click

IDS = {"ana": "U0ANA0001", "ben": "U0BEN0001", "mia": "U0MIA0001", "leo": "U0LEO0001"}
ASKERS, APPROVERS = ("ana", "ben"), ("mia", "leo")
KINDS = {"touch": 40, "hold": 35, "tweak": 12, "pair": 8, "leave": 5}
"""How often each command is typed, in a hundred."""


@dataclass(frozen=True)
class Typed:
    key: str
    by: str
    acked: bool
    at: float


@dataclass
class Crew:
    """`watch`, then `ask` for a while; decisions follow what is seen until `close`."""

    url: str
    channels: tuple[str, ...]
    chance: random.Random
    worked: Callable[[str], bool]
    """Whether that key had its effect, for whoever looks at the target."""
    boxes: tuple[str, ...] = ("1s", "2s", "3s")
    typed: list[Typed] = field(default_factory=list)
    clicks: list[Click] = field(default_factory=list)
    hindered: list[str] = field(default_factory=list)
    """What kept people from acting; the harness is at fault then."""
    reconciling: asyncio.Event = field(default_factory=asyncio.Event)
    """Unknown ends are looked into; only once no stopped process can still act."""
    _people: dict[str, Person] = field(default_factory=dict)
    _begun: set[tuple[str, str, str]] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _watching: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._people = {name: Person(self.url, name) for name in IDS}
        self.eyes = Eyes(self.url, "sam", self._seen)

    async def watch(self) -> None:
        self._watching = self._begin(self.eyes.run())
        await self.eyes.open.wait()

    @property
    def busy(self) -> int:
        """Lines on their way and clicks that somebody is about to make: each may ask for something new."""
        return len(self._tasks - {self._watching})

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for person in self._people.values():
            await person.close()

    # -- asking ------------------------------------------------------------------------------------

    async def ask(self, rate: float) -> None:
        """Lines typed at that rate a second, whether or not earlier ones were answered, until cancelled."""
        for number in itertools.count(1):
            kind = self.chance.choices(list(KINDS), list(KINDS.values()))[0]
            who, channel = self.chance.choice(ASKERS), self.chance.choice(self.channels)
            key = f"{kind}-{number}-{who}"
            box = f" for={self.chance.choice(self.boxes)}" if kind == "hold" and self.chance.random() < 0.5 else ""
            self._begin(self._type(who, f"/ops crash {kind} {key}{box}", key, channel))
            await asyncio.sleep(self.chance.expovariate(rate))

    async def _type(self, who: str, line: str, key: str, channel: str) -> None:
        at = time.time()
        result = await self._people[who].says(line, channel=channel)
        self.typed.append(Typed(key, who, result.acked, at))

    # -- deciding ----------------------------------------------------------------------------------

    def _seen(self, card: Card) -> None:
        buttons, number = card.buttons, int(card.request[1:])
        if "approve" in buttons and ": leave " not in card.text:
            both = ": pair " in card.text or number % 7 == 0
            for who in APPROVERS if both else (APPROVERS[number % 2],):
                self._decides(card, "approve", who)
        if "confirm" in buttons:
            self._decides(card, "confirm", _asker(card))
        for action in ("undo", "end"):
            if action in buttons and number % 3 == 0:
                self._decides(card, action, ASKERS[number % 2])
        if "reconcile_done" in buttons and ": touch " in card.text and number % 2:
            self._decides(card, "reconcile", APPROVERS[number // 2 % 2])

    def _decides(self, card: Card, action: str, who: str) -> None:
        """Once for each request, decision and person, however often a card of it changes."""
        once = (card.request, action, who)
        if once not in self._begun:
            self._begun.add(once)
            self._begin(self._decide(card, action, who))

    async def _decide(self, seen: Card, action: str, who: str) -> None:
        """Click until an ack comes, as long as the button is there; sometimes once more, be it on another copy."""
        await asyncio.sleep(self.chance.uniform(0.05, 1.0))
        if action == "reconcile":
            await self.reconciling.wait()
            action = "reconcile_done" if self.worked(seen.text.rpartition(" ")[2]) else "reconcile_failed"
        while card := next(self.eyes.of(seen.request, action), None):
            if await self.click(card, action, who):
                if self.chance.random() < 0.1 and (other := next(self.eyes.of(seen.request, action), None)):
                    await self.click(other, action, who)
                return
            await asyncio.sleep(self.chance.uniform(0.3, 1.0))

    async def click(self, card: Card, action: str, who: str) -> bool:
        """Whether Slack heard an ack; also where the button is gone, as then nothing was sent."""
        at = time.time()
        try:
            result = await self._people[who].clicks(card.buttons[action], on=card.message)
        except Refused:
            return True
        self.clicks.append(Click(action, card.request, IDS[who], at, result.acked))
        return result.acked

    async def looks_into(self, card: Card, who: str) -> bool:
        """A click that decides nothing once all has settled; nothing of it is counted.

        Only cards of what still waits have no Whole story, and nothing waits any more.
        """
        label = card.buttons.get("show") or next(iter(card.buttons.values()))
        try:
            return (await self._people[who].clicks(label, on=card.message)).acked
        except Refused:
            return False

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.hindered.append(f"{type(error).__name__}: {error}")


def _asker(card: Card) -> str:
    """The key ends with who typed it."""
    return card.text.rpartition("-")[2]
