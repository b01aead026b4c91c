"""/ops keys: every credential that ops.toml refers to, how old it is, and when it last worked."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.exceptions import Misconfigured, OpsError
from bot.words.params import Params
from bot.words.report import Report, Status
from commands import House
from commands._shared.machine import Book
from commands._shared.services import OnService
from commands.keys._book import held
from commands.keys._key_words import lead_of, line_of, rank, table_of, well_of
from integrations.capabilities import Checkable, Credentialed


class NoParams(Params):
    pass


@dataclass
class Due:
    at: float = 0.0


@dataclass(frozen=True)
class ListKeys(OnService[Credentialed], Lookup[NoParams]):
    """List credentials: age, last success, and those to rotate; never a value."""

    checks: Mapping[str, Checkable]
    book: Book
    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=5)
    every: timedelta = timedelta(days=1)
    """How often it is looked in the background, so that ages and last successes are known when somebody asks."""
    due: Due = field(default_factory=Due, compare=False)

    can = "be proved with a key"
    restricted = True
    examples = ("keys",)

    async def answer(self, params: NoParams) -> Report:
        if not self.services:
            raise Misconfigured("ops.toml names no service with a credential; add one under [services].")
        now = self.now()
        found = await held(self.services, self.checks, self.book, self.deadline)
        found.sort(key=lambda one: (-rank(one, now), -one.age(now), one.service))
        well = [one for one in found if not rank(one, now)]
        return Report(
            title="Keys",
            lead=lead_of(found, now),
            status=Status.WARNING if any(rank(one, now) > 1 for one in found) else None,
            lines=tuple(line_of(one, now, checked=one.service in self.checks) for one in found if rank(one, now)),
            well=well_of(well, table_of(found, now), now) if well else None,
            notes=(
                "Ages count from when this bot first saw the value: a key may be older than that.",
                "keys rotate NAME walks through the rotation of one.",
            ),
            taken_at=now,
        )

    async def refresh(self) -> None:
        if time.monotonic() < self.due.at:
            return
        self.due.at = time.monotonic() + self.every.total_seconds()
        try:
            await held(self.services, self.checks, self.book, self.deadline)
        except OpsError:
            self.due.at = 0.0


def actions(house: House) -> ListKeys:
    checks = {each.name: each for each in house.having(Checkable)}
    return ListKeys(house.having(Credentialed), checks, house.keys, house.now)
