"""/ops usage: what is used of quotas and budgets, the nearest to its limit first, and what has been spent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Report, Suggestion
from commands import House
from commands._shared.asking import ask_all
from commands._shared.quota_words import cost_of, lead_of, limit_of, notes_of, overall_of, taken, unread_of
from commands._shared.services import OnService, ServiceName, pick
from integrations.capabilities import Metered


class Metering(Params):
    positional = ("service",)

    service: ServiceName = None
    """Service whose usage to read, as named in ops.toml; all of them if left out."""


@dataclass(frozen=True)
class ShowUsage(OnService[Metered], Lookup[Metering]):
    """Show quotas, budgets and costs, nearest their limit first."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=12)
    """For one service to answer: some are asked page by page."""

    can = "tell its usage"
    examples = ("usage", "usage neon")

    async def answer(self, params: Metering) -> Report:
        chosen = self.services
        if params.service is not None or not self.services:
            name = pick(self.services, params.service, can="tell its usage", typed=lambda name: f"usage {name}").name
            chosen = tuple(service for service in self.services if service.name == name)
        heard = await ask_all(chosen, lambda service: service.usage(), self.deadline)
        unread = [(service.name, no.why) for service, no in heard.unread]
        read = [(service.name, quotas) for service, quotas in heard.read]
        found = [(name, quota) for name, quotas in read for quota in quotas]
        limits = sorted(
            ((name, quota) for name, quota in found if taken(quota) is not None),
            key=lambda each: -(taken(each[1]) or 0.0),
        )
        costs = [(name, quota) for name, quota in found if taken(quota) is None]
        key = chosen[0].name if params.service else ""
        return Report(
            title=f"Usage of {key}" if key else "Usage",
            lead=lead_of([quota for _, quota in limits], len(costs), len(unread), len(chosen)),
            status=overall_of([quota for _, quota in limits], unread=bool(unread)),
            lines=(
                *(limit_of(name, quota) for name, quota in limits),
                *(unread_of(name, why) for name, why in unread),
                *(cost_of(name, quota) for name, quota in costs),
            ),
            notes=tuple(dict.fromkeys(notes_of(read))),
            suggestions=(Suggestion(label="Read again", words=f"usage {key}".strip()),),
            taken_at=self.now(),
        )


def actions(house: House) -> ShowUsage:
    return ShowUsage(house.having(Metered), house.now)
