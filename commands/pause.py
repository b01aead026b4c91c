"""/ops pause: pause one thing of any service that has such: a campaign, a workflow, a webhook endpoint."""

from datetime import timedelta
from typing import Annotated

from bot.words.params import Choices, Spaced
from commands import House
from commands._shared.pausing import Pausing
from commands._shared.switches import AskedToPause
from integrations.capabilities import Switches


class Pause(AskedToPause):
    name: Annotated[str, Choices(), Spaced()]
    """What to pause, by its name or id."""


class PauseThing(Pausing[Pause]):
    """Pause one thing: a campaign, a workflow, a webhook, a messaging profile."""

    refresh_every = timedelta(minutes=5)
    examples = ('pause "Outreach cadence" reason="bounces"', 'pause "Outreach cadence" for=2h reason="wrong link"')


def actions(house: House) -> PauseThing:
    return PauseThing(house.having(Switches))
