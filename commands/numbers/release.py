"""/ops numbers release: make a number available to whoever comes next."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.words.params import Choices, Option, Params, Spaced
from commands import House
from commands.numbers._inventory import ChangeNumber
from commands.numbers._number_words import NumberPlan
from integrations.capabilities import Number, Numbers, NumberState


class Release(Params):
    positional = ("number",)

    number: Annotated[str, Choices(), Spaced(), Field(min_length=3, max_length=40)]
    """Phone number, as in +18885550101."""
    on: Annotated[str | None, Choices()] = None
    """Service it is in, as named in ops.toml; needed only where several have it."""


@dataclass(frozen=True)
class ReleaseNumber(ChangeNumber[Release]):
    """Take a phone number from whoever has it, and make it available."""

    examples = ("numbers release +18885550101",)

    async def preview(self, params: Release) -> NumberPlan:
        service, number, unread = await self.find(params.number, params.on, params)
        free = number.state is NumberState.AVAILABLE and not number.assigned_to
        owner = number.assigned_to
        return self.plan(
            service,
            number,
            headline=f"Release {number.number} of {service.name}.",
            then="available, nobody's",
            to="",
            warnings=(f"{owner} loses it: calls to it may reach somebody else." if owner else "", *unread),
            nothing_to_do=f"{number.number} is available already." if free else "",
        )

    def option(self, thing: Number) -> Option | None:
        return super().option(thing) if thing.state is not NumberState.AVAILABLE else None


def actions(house: House) -> ReleaseNumber:
    return ReleaseNumber(house.having(Numbers))
