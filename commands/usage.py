"""/ops usage: what is used of quotas and budgets, the nearest to its limit first, and what has been spent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Report, Suggestion
from commands import House
from commands._shared.asking import ask_all
from commands._shared.quota_words import is_near, lead_of, near_of, notes_of, overall_of, table_of, taken, unread_of
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
        found = [(service, quota) for service, quotas in heard.read for quota in quotas]
        limits = sorted(
            ((service, quota) for service, quota in found if taken(quota) is not None),
            key=lambda each: -(taken(each[1]) or 0.0),
        )
        costs = [(service, quota) for service, quota in found if taken(quota) is None]
        rest = [(service.name, quota) for service, quota in (*limits, *costs) if not is_near(quota)]
        told = [(service.name, quota) for service, quota in limits]
        key = chosen[0].name if params.service else ""
        return Report(
            title=f"Usage of {key}" if key else "Usage",
            lead=lead_of(told, len(costs), len(heard.unread), len(chosen)),
            status=overall_of([quota for _, quota in limits], unread=bool(heard.unread)),
            lines=(
                *(near_of(service, quota) for service, quota in limits if is_near(quota)),
                *(unread_of(service, no.why) for service, no in heard.unread),
            ),
            table=table_of(rest),
            notes=tuple(dict.fromkeys(notes_of([(service.name, quotas) for service, quotas in heard.read]))),
            suggestions=(Suggestion(label="Read again", words=f"usage {key}".strip()),),
            taken_at=self.now(),
        )


def actions(house: House) -> ShowUsage:
    return ShowUsage(house.having(Metered), house.now)
