"""/ops keys: every credential that ops.toml refers to, how old it is, and when it last worked."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.exceptions import Misconfigured, OpsError
from bot.words.params import Params
from bot.words.report import Fact, Line, Moment, Report, Status, Suggestion
from commands import House
from commands._shared.machine import Book
from commands._shared.services import OnService
from commands.keys._book import OLD, Held, held
from integrations.capabilities import Checkable, Credentialed, Health


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
        found.sort(key=lambda one: (-_rank(one, now), -one.age(now), one.service))
        missing = sum(one.kept.since is None for one in found)
        old = sum(one.age(now) > OLD for one in found)
        said = [f"{missing} cannot be found"] if missing else []
        said += [f"{old} {'is' if old == 1 else 'are'} older than {OLD.days} days"] if old else []
        lead = (
            f"Of {len(found)} credentials {' and '.join(said)}."
            if said
            else "The one credential is in place."
            if len(found) == 1
            else f"All {len(found)} credentials are in place."
        )
        return Report(
            title="Keys",
            lead=lead,
            status=Status.WARNING if said else None,
            lines=tuple(self._line(one, now) for one in found),
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

    def _line(self, one: Held, now: datetime) -> Line:
        facts = [Fact(label="here since", value=Moment(at=one.kept.since))] if one.kept.since else []
        # One that a check has just proved worked just now, and of one in doubt it is never known.
        if not one.credential.doubt and (one.health is not Health.OK or one.credential.proved_by):
            worked = one.kept.worked_at
            facts.append(Fact(label="last worked", value=Moment(at=worked) if worked else "never seen here"))
        if _rank(one, now):
            facts.append(Fact(label="from", value=one.credential.reference.partition(" ")[0]))
        rotate = Suggestion(label="Rotate", words=f"keys rotate {one.service}")
        return Line(
            text=one.credential.setting.removeprefix("services."),
            detail=_detail(one, now),
            status=(Status.OK, Status.UNKNOWN, Status.WARNING, Status.FAILED)[_rank(one, now)],
            facts=tuple(facts),
            suggestions=(rotate,) if _rank(one, now) > 1 else (),
        )


def _rank(one: Held, now: datetime) -> int:
    if one.kept.since is None or one.health is Health.DEGRADED:
        return 3
    if one.age(now) > OLD:
        return 2
    return 0 if one.health is Health.OK else 1


def _detail(one: Held, now: datetime) -> str:
    if one.kept.since is None:
        return one.kept.missing
    old = f"{one.age(now).days} days old: rotate it" if one.age(now) > OLD else ""
    return "; ".join(filter(None, (old, one.detail)))


def actions(house: House) -> ListKeys:
    checks = {each.name: each for each in house.having(Checkable)}
    return ListKeys(house.having(Credentialed), checks, house.keys, house.now)
