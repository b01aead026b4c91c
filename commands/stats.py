"""/ops stats: how much went on and how much of it failed, against the period before, with a chart."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from bot.words.action import Lookup
from bot.words.exceptions import Misconfigured
from bot.words.params import Duration, Params, duration_text
from bot.words.report import Report, Status
from commands import House
from commands._shared.asking import Unanswered, ask, but_unread
from commands._shared.retyping import retyped
from commands._shared.services import OnService, ServiceName, pick
from commands._shared.stats_chart import DAY, before_words, chart, sliced
from commands._shared.stats_tables import Reading, errors_only_of, operations_table_of, services_of, summed_of
from commands._shared.stats_words import facts_of, lead_of, notes_of, suggestions_of, unread_of
from integrations.capabilities import Statistic, Statistics

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=30)


def _readable(since: timedelta) -> timedelta:
    if not SHORTEST <= since <= LONGEST:
        raise ValueError(
            f"{duration_text(since)} cannot be counted; type {duration_text(SHORTEST)} to {duration_text(LONGEST)}"
        )
    return since


class Counted(Params):
    positional = ("service",)

    service: ServiceName = None
    """Only of this service, as named in ops.toml; all together if left out."""
    since: Annotated[Duration, AfterValidator(_readable)] = DAY
    """How long the period is, as in 2h, 24h or 7d; the one before it is as long."""


@dataclass(frozen=True)
class ShowStatistics(OnService[Statistics], Lookup[Counted]):
    """Count operations, failures and durations, against the period before."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=20)
    """For one service to answer; long listings are walked."""

    can = "give figures"
    examples = ("stats", "stats n8n", "stats shop-db since=7d")

    async def answer(self, params: Counted) -> Report:
        if not self.services:
            raise Misconfigured("ops.toml names no service that can count what went on; add one under [services].")
        asked = self.services
        if params.service is not None:
            can = "count what went on"
            asked = (pick(asked, params.service, can=can, typed=lambda name: retyped("stats", params, service=name)),)
        now, since = self.now(), params.since
        slices = sliced(since)
        readings = await asyncio.gather(*(self._read(service, now, since, slices) for service in asked))
        answered = [each for each in readings if isinstance(each.now, Statistic)]
        # A rate is of those that count what went well too; where none does, errors are counted.
        rated = [each for each in answered if not errors_only_of(each)] or answered
        counted = [each.now for each in rated if isinstance(each.now, Statistic)]
        title = f"Statistics of {asked[0].name}" if len(asked) == 1 else "Statistics"
        if not counted:
            return Report(
                title=title,
                lead="No service's numbers could be read.",
                status=Status.UNKNOWN,
                notes=notes_of(readings),
                taken_at=now,
            )
        # Compared is only what was read both times: else a service that was away would look like a quiet day.
        befores = [each.compared for each in rated if each.compared is not None]
        current, previous = summed_of(counted), None
        if len(befores) == len(counted):
            previous = summed_of(befores)
        earlier = [each.before for each in rated if isinstance(each.before, Statistic)]
        cut = any(each.cut for each in rated)
        words = before_words(since)
        lead = lead_of(current, previous, since, words, errors_only=errors_only_of(rated[0]), cut=cut)
        return Report(
            title=title,
            lead=but_unread(lead, len(asked) - len(answered), len(asked)),
            facts=facts_of(counted[0], readings[0].compared, cut=cut) if len(asked) == 1 else (),
            lines=tuple(unread_of(each.service, each.now) for each in readings if isinstance(each.now, Unanswered)),
            table=services_of(answered, words) if len(asked) > 1 else operations_table_of(answered),
            chart=chart(title, counted, earlier, start=now - since, since=since, slices=slices),
            notes=notes_of(readings),
            suggestions=suggestions_of(asked, current, since),
            taken_at=now,
        )

    async def _read(self, service: Statistics, now: datetime, since: timedelta, slices: int) -> Reading:
        """One after the other: the same service is asked for both."""
        start = now - since
        current = await ask(service.statistics(since=start, until=now, slices=slices), self.deadline)
        if isinstance(current, Unanswered):
            return Reading(service.name, current, current, slices)
        before = await ask(service.statistics(since=start - since, until=start, slices=slices), self.deadline)
        return Reading(service.name, current, before, slices)


def actions(house: House) -> ShowStatistics:
    return ShowStatistics(house.having(Statistics), house.now)
