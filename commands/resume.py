"""/ops resume: let one thing run that is paused now."""

from datetime import timedelta
from typing import Annotated

from bot.words.params import Choices, Spaced
from commands import House
from commands._shared.pausing import Resuming
from commands._shared.switches import Asked
from integrations.capabilities import Switches


class Resume(Asked):
    name: Annotated[str, Choices(), Spaced()]
    """What to resume, by its name or id."""


class ResumeThing(Resuming[Resume]):
    """Resume one thing that is paused."""

    refresh_every = timedelta(minutes=5)
    examples = ('resume "Outreach cadence" reason="fixed"',)


def actions(house: House) -> ResumeThing:
    return ResumeThing(house.having(Switches))
