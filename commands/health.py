"""/ops health: check the services of ops.toml, all at once."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.words.action import Asker, Lookup
from bot.words.params import Params
from bot.words.report import Fact, Folded, Line, Moment, Report, Span, Status, Suggestion, Table
from bot.words.request import Request
from bot.words.spelling import lasting, span
from commands import House
from commands._shared.asking import Unanswered, ask
from commands._shared.machine import HealthHistory, Measured
from commands._shared.recent import Recent
from commands._shared.services import OnService, ServiceName, pick
from integrations.capabilities import Checkable, Checked, ErrorSource, Health, LogSource


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
        failing = [result for result in worst_first if result.health is not Health.OK]
        well = [result for result in worst_first if result.health is Health.OK]
        remedies = {service.name: _remedies(service) for service in chosen}
        now = self.now()
        return Report(
            title=f"Health of {key}" if key else "Health",
            lead=f"{_standing(overdue)}{_lead(worst_first)}",
            status=max((Status(worst_first[0].health.value), *(_OVERDUE for _ in overdue)), key=list(Status).index),
            facts=_facts(well[0], known) if len(results) == len(well) == 1 else (),
            lines=(
                *(_overdue(request) for request in overdue),
                *(_line(each, known.get(each.service), now, remedies[each.service]) for each in failing),
            ),
            well=_well(well, _table(worst_first, known)) if well and len(results) > 1 else None,
            notes=(f"Since when is not known: {since.why}",) if isinstance(since, Unanswered) else (),
            suggestions=(Suggestion(label="Check again", words=" ".join(filter(None, ("health", key, "fresh=yes")))),),
            taken_at=now,
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
    ended = ("it should have ended ", Moment(at=request.ends_at, said="ago"), ". ") if request.ends_at else ()
    return Line(
        text=f"{request.id}: {done}",
        detail=(*ended, request.note),
        status=_OVERDUE,
        word="still in place",
        suggestions=(Suggestion(label="End now", words=f"end {request.id}"),),
    )


_IS = {Health.DOWN: "is down", Health.DEGRADED: "is degraded", Health.UNKNOWN: "could not be asked"}


def _lead(worst_first: Sequence[Measured]) -> str:
    """`payments-api is down, and 2 more of 20 need attention.`"""
    worst, count = worst_first[0], len(worst_first)
    failing = sum(result.health is not Health.OK for result in worst_first)
    if not failing:
        return f"All {count} services are healthy." if count > 1 else f"{worst.service} is healthy."
    told = f"{worst.service} {_IS[worst.health]}"
    if failing == 1:
        rest = "; the other one is healthy" if count == 2 else f"; the other {count - 1} are healthy"
        return f"{told}{rest if count > 1 else ''}."
    if failing == count:
        return f"{told}, and {'the other one needs' if count == 2 else f'the other {count - 1} need'} attention."
    return f"{told}, and {failing - 1} more of {count} need{'s' if failing == 2 else ''} attention."


def _line(result: Measured, since: datetime | None, now: datetime, remedies: tuple[Suggestion, ...]) -> Line:
    word = _IS[result.health].removeprefix("is ")
    if since is not None and now - since >= timedelta(minutes=1):
        word += f" for {lasting((now - since).total_seconds())}"
    left = f"{result.calls_left} calls left" if result.calls_left else ""
    again = (Suggestion(label="Try again", words=f"health {result.service} fresh=yes"),)
    return Line(
        text=result.service,
        detail="; ".join(filter(None, (result.detail.rstrip("."), left))),
        status=Status(result.health.value),
        word=word,
        suggestions=again if result.health is Health.UNKNOWN else (remedies or again),
    )


def _remedies(service: Checkable) -> tuple[Suggestion, ...]:
    """Where to look next, if the service can be looked into at all."""
    errors = (Suggestion(label="Errors", words=f"errors {service.name}"),) if isinstance(service, ErrorSource) else ()
    logs = (Suggestion(label="Logs", words=f"logs {service.name}"),) if isinstance(service, LogSource) else ()
    return errors + logs


def _facts(one: Measured, since: Mapping[str, datetime]) -> tuple[Fact, ...]:
    found = [Fact(label="Answered in", value=Span(seconds=round(one.latency.total_seconds(), 3)))]
    if one.service in since:
        found.append(Fact(label="Healthy", value=Moment(at=since[one.service], said="since")))
    found += [Fact(label="Calls left", value=one.calls_left)] if one.calls_left else []
    return (*found, *((Fact(label="It says", value=one.detail),) if one.detail else ()))


def _well(well: Sequence[Measured], table: Table) -> Folded:
    slowest = max(well, key=lambda result: result.latency)
    return Folded(
        word="healthy",
        names=tuple(sorted(result.service for result in well)),
        remark=f"Slowest: {slowest.service}, {span(slowest.latency.total_seconds())}" if len(well) > 1 else "",
        table=table,
    )


def _table(measured: Sequence[Measured], since: Mapping[str, datetime]) -> Table:
    return Table(
        columns=("service", "how it is", "answered in", "since", "calls left", "what it says"),
        rows=tuple(
            (
                each.service,
                "healthy" if each.health is Health.OK else _IS[each.health].removeprefix("is "),
                Span(seconds=round(each.latency.total_seconds(), 3)),
                Moment(at=since[each.service]) if each.service in since else None,
                each.calls_left or None,
                each.detail,
            )
            for each in measured
        ),
    )


def actions(house: House) -> CheckServices:
    return CheckServices(house.having(Checkable), house.history, house.now, ledger=house.desk)
