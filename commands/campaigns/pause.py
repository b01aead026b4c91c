"""/ops campaigns pause: stop what is running, and remember exactly which."""

from typing import Annotated

from bot.words.params import Choices, Label, Spaced
from commands import House
from commands._shared.pausing import Pausing
from commands._shared.switch_words import ALL, CAMPAIGN
from commands._shared.switches import AskedToPause, campaign_services


class Pause(AskedToPause):
    name: Annotated[str, Choices(), Spaced(), Label("Which campaigns?")] = ALL
    """Campaign to pause, by its name or id; `all` that are running if left out."""


class PauseCampaigns(Pausing[Pause]):
    """Pause running campaigns."""

    noun = CAMPAIGN
    can = "pause campaigns"
    examples = ('campaigns pause reason="bounces"', 'campaigns pause "Spring sale" for=2h reason="wrong link"')


def actions(house: House) -> PauseCampaigns:
    return PauseCampaigns(campaign_services(house))
