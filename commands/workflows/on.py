"""/ops workflows on: let a workflow start by itself again."""

from commands.workflows._turning import Turn, Turning


class On(Turn):
    pass


class TurnOn(Turning[On]):
    """Turn a workflow on."""

    on = True
    examples = ('workflows on "Weekly report"', 'workflows on "Weekly report" reason="HubSpot is back"')
