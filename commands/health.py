"""/ops health: check the services of ops.toml, all at once."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.words.action import Asker, Lookup
from bot.words.params import Params
from bot.words.report import Report, Status, Suggestion
from bot.words.request import Request
from commands import House
from commands._shared.asking import Unanswered, ask
from commands._shared.health_words import (
    OVERDUE,
    RANK,
    facts_of,
    lead_of,
    line_of,
    overdue_of,
    remedies_of,
    standing_of,
    table_of,
    well_of,
)
from commands._shared.machine import HealthHistory, Measured
from commands._shared.recent import Recent
from commands._shared.services import OnService, ServiceName, pick
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
        worst_first = sorted(results, key=lambda result: (-RANK[result.health], result.service))
        failing = [result for result in worst_first if result.health is not Health.OK]
        well = [result for result in worst_first if result.health is Health.OK]
        remedies = {service.name: remedies_of(service) for service in chosen}
        now = self.now()
        return Report(
            title=f"Health of {key}" if key else "Health",
            lead=f"{standing_of(overdue)}{lead_of(worst_first)}",
            status=max((Status(worst_first[0].health.value), *(OVERDUE for _ in overdue)), key=list(Status).index),
            facts=facts_of(well[0], known) if len(results) == len(well) == 1 else (),
            lines=(
                *(overdue_of(request) for request in overdue),
                *(line_of(each, known.get(each.service), now, remedies[each.service]) for each in failing),
            ),
            well=well_of(well, table_of(worst_first, known)) if well and len(results) > 1 else None,
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


def actions(house: House) -> CheckServices:
    return CheckServices(house.having(Checkable), house.history, house.now, ledger=house.desk)
