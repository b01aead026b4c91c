"""/ops workflows on: let a workflow start by itself again."""

from commands import House
from commands.workflows._turning import Turn, Turning
from integrations.capabilities import Workflows


class On(Turn):
    pass


class TurnOn(Turning[On]):
    """Turn a workflow on."""

    on = True
    examples = ('workflows on "Weekly report"', 'workflows on "Weekly report" reason="HubSpot is back"')


def actions(house: House) -> TurnOn:
    return TurnOn(house.having(Workflows))
