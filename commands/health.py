"""/ops health: check the services of ops.toml, all at once."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.words.action import Asker, Lookup
from bot.words.params import Params
from bot.words.report import Fact, Line, Moment, Report, Span, Status, Suggestion
from bot.words.request import Request
from commands import House
from commands._shared.house import HealthHistory, Measured
from commands._shared.recent import Recent
from commands._shared.services import OnService, ServiceName, Unanswered, ask, pick
from integrations.capabilities import Checkable, Checked, Health


class Checkup(Params):
    positional = ("service",)

    service: ServiceName = None
    """Service to check, as named in ops.toml; all of them if left out."""
    fresh: bool = False
    """Check again now; otherwise an answer may be up to ten seconds old."""


class Ledger(Protocol):
    async def open_requests(self) -> tuple[Request, ...]: ...


@dataclass(frozen=True)
class CheckServices(OnService[Checkable], Lookup[Checkup]):
    """Check every service at once, worst first."""

    history: HealthHistory
    now: Callable[[], datetime]
    recent: Recent = field(default_factory=Recent, compare=False)
    ledger: Ledger | None = None
    history_deadline: timedelta = timedelta(seconds=1)

    can = "be checked"
    examples = ("health", "health n8n", "health fresh")

    async def answer(self, params: Checkup) -> Report:
        chosen = self.services
        if params.service is not None or not self.services:
            chosen = (pick(self.services, params.service, can="be checked", typed=lambda name: f"health {name}"),)
        key = chosen[0].name if params.service else ""
        kept = None if params.fresh else self.recent.get(key)
        return kept or await self.recent.make(key, lambda: self._look(chosen, key))

    def ready(self, asker: Asker, params: Checkup) -> Report | None:
        return None if params.fresh else self.recent.get(params.service or "")

    async def _look(self, chosen: Sequence[Checkable], key: str) -> Report:
        results = await asyncio.gather(*(self._measure(service) for service in chosen))
        since, overdue = await asyncio.gather(ask(self.history.record(results), self.history_deadline), self._overdue())
        known = {} if isinstance(since, Unanswered) else since
        worst_first = sorted(results, key=lambda result: (-_RANK[result.health], result.service))
        return Report(
            title=f"Health of {key}" if key else "Health",
            lead=f"{_standing(overdue)}{_lead(worst_first)}",
            status=max((Status(worst_first[0].health.value), *(_OVERDUE for _ in overdue)), key=list(Status).index),
            lines=(
                *map(_overdue, overdue),
                *(_line(result, known.get(result.service)) for result in worst_first),
            ),
            notes=(f"History not available: {since.why}",) if isinstance(since, Unanswered) else (),
            suggestions=(Suggestion(label="Check again", words=" ".join(filter(None, ("health", key, "fresh=yes")))),),
            taken_at=self.now(),
        )

    async def _overdue(self) -> tuple[Request, ...]:
        """Changes that should have ended and could not be."""
        if self.ledger is None:
            return ()
        requests = await ask(self.ledger.open_requests(), self.history_deadline)
        return () if isinstance(requests, Unanswered) else tuple(each for each in requests if each.overdue)

    async def _measure(self, service: Checkable) -> Measured:
        began = time.monotonic()
        answer = await ask(service.check(), service.deadline)
        checked = Checked(Health.UNKNOWN, answer.why) if isinstance(answer, Unanswered) else answer
        latency = timedelta(seconds=time.monotonic() - began)
        health, detail, left = checked.health, checked.detail, checked.calls_left
        return Measured(service.name, service.kind, health, detail, latency, self.now(), left)


_RANK = {health: rank for rank, health in enumerate(Health)}


_OVERDUE = Status.FAILED


def _standing(overdue: Sequence[Request]) -> str:
    """The beginning of the lead where something is in place that should not be."""
    if not overdue:
        return ""
    told = ", ".join(request.id for request in overdue[:5])
    return f"{told} should have ended and {'is' if len(overdue) == 1 else 'are'} still in place. "


def _overdue(request: Request) -> Line:
    done = str((request.receipt or {}).get("headline") or request.typed)
    facts = (Fact(label="should have ended", value=Moment(at=request.ends_at)),) if request.ends_at else ()
    return Line(
        text=f"{request.id}: {done}",
        detail=request.note,
        status=_OVERDUE,
        facts=facts,
        suggestions=(Suggestion(label="End now", words=f"end {request.id}"),),
    )


def _lead(worst_first: Sequence[Measured]) -> str:
    failing = [result for result in worst_first if result.health is not Health.OK]
    if not failing:
        return "All is well." if len(worst_first) > 1 else f"{worst_first[0].service} is ok."
    told = ", ".join(f"{result.service} is {result.health.value}" for result in failing[:5])
    more = f" and {len(failing) - 5} more" if len(failing) > 5 else ""
    return f"{told}{more}." if len(worst_first) == 1 else f"{len(failing)} of {len(worst_first)}: {told}{more}."


def _line(result: Measured, since: datetime | None) -> Line:
    facts = [Fact(label="latency", value=Span(seconds=round(result.latency.total_seconds(), 3)))]
    if since is not None:
        facts.append(Fact(label="since", value=Moment(at=since)))
    if result.calls_left:
        facts.append(Fact(label="calls left", value=result.calls_left))
    errors = Suggestion(label="Errors", words=f"errors {result.service}")
    return Line(
        text=result.service,
        detail=result.detail,
        status=Status(result.health.value),
        facts=tuple(facts),
        suggestions=() if result.health is Health.OK else (errors,),
    )


def actions(house: House) -> CheckServices:
    return CheckServices(house.having(Checkable), house.history, house.now, ledger=house.desk)
