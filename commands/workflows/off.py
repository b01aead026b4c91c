"""/ops workflows off: a workflow starts no more runs by itself."""

from bot.words.params import Duration
from commands import House
from commands.workflows._turning import Turn, Turning, TurnPlan
from integrations.capabilities import Workflows


class Off(Turn):
    for_: Duration | None = None
    """Turn it on again by itself after this long, as in 2h; only when undone if left out."""


class TurnOff(Turning[Off]):
    """Turn a workflow off, until somebody turns it on again."""

    on = False
    examples = ('workflows off "Weekly report"', 'workflows off "Weekly report" for=2h reason="HubSpot is down"')

    async def preview(self, params: Off) -> TurnPlan:
        plan = await super().preview(params)
        effects = (*plan.effects, "no new runs start; those that run already go on")
        return plan.model_copy(update={"ends_after": params.for_, "effects": effects})


def actions(house: House) -> TurnOff:
    return TurnOff(house.having(Workflows))
