"""/ops campaigns resume: let run what is paused now."""

from typing import Annotated

from bot.words.params import Choices, Label, Spaced
from commands import House
from commands._shared.pausing import Resuming
from commands._shared.switch_words import ALL, CAMPAIGN
from commands._shared.switches import Asked, campaign_services


class Resume(Asked):
    name: Annotated[str, Choices(), Spaced(), Label("Which campaigns?")] = ALL
    """Campaign to resume, by its name or id; `all` that are paused if left out."""


class ResumeCampaigns(Resuming[Resume]):
    """Resume paused campaigns."""

    noun = CAMPAIGN
    can = "pause campaigns"
    examples = ('campaigns resume reason="fixed"', 'campaigns resume "Spring sale" reason="link corrected"')


def actions(house: House) -> ResumeCampaigns:
    return ResumeCampaigns(campaign_services(house))
