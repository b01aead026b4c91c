"""/ops campaigns: what can be paused, and what is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Report, Table
from commands import House
from commands._shared.asking import but_unread
from commands._shared.services import OnService
from commands._shared.switch_words import CAMPAIGN, state_of
from commands._shared.switches import CAMPAIGN_KINDS, campaign_services, look
from integrations.capabilities import Switch, Switches


class Campaigns(Params):
    pass


@dataclass(frozen=True)
class ListCampaigns(OnService[Switches], Lookup[Campaigns]):
    """List campaigns and whether they run."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=5)

    can = "list campaigns"
    examples = ("campaigns",)

    def kinds(self) -> tuple[str, ...]:
        return CAMPAIGN_KINDS

    async def answer(self, params: Campaigns) -> Report:
        now = self.now()
        seen = await look(self.services, self.deadline, CAMPAIGN)
        order = list(Switch)
        found = [(service, thing) for service, things in seen.things.items() for thing in things]
        found.sort(key=lambda each: (order.index(each[1].state), each[1].name.casefold()))
        counts = [(sum(thing.state is state for _, thing in found), state) for state in order]
        told = ", ".join(f"{count} {state.value}" for count, state in counts if count)
        return Report(
            title="Campaigns",
            lead=but_unread(f"{told}." if told else "There are no campaigns.", len(seen.unread), len(self.services)),
            table=Table(
                columns=("campaign", "state", "id", "service"),
                rows=tuple((thing.name, state_of(thing), thing.id, name) for name, thing in found),
            )
            if found
            else None,
            notes=seen.unread,
            taken_at=now,
        )


def actions(house: House) -> ListCampaigns:
    return ListCampaigns(campaign_services(house), house.now)
