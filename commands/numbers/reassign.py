"""/ops numbers reassign: give a number to somebody else."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.words.params import Choices, Label, Params, Spaced
from commands import House
from commands.numbers._inventory import ChangeNumber
from commands.numbers._number_words import NumberPlan
from integrations.capabilities import Numbers, NumberState


class Reassign(Params):
    positional = ("number",)

    number: Annotated[str, Choices(), Spaced(), Field(min_length=3, max_length=40)]
    """Phone number, as in +18885550101."""
    to: Annotated[str, Spaced(), Label("To whom?"), Field(min_length=1, max_length=200)]
    """Whom it shall belong to, as the inventory names owners: a name or an id."""
    on: Annotated[str | None, Choices()] = None
    """Service it is in, as named in ops.toml; needed only where several have it."""


@dataclass(frozen=True)
class ReassignNumber(ChangeNumber[Reassign]):
    """Give a phone number to somebody else."""

    examples = ("numbers reassign +18885550101 to=6c1f3f0e-9f0f-4d0b-8c55-2f6f0c7d4711",)

    async def preview(self, params: Reassign) -> NumberPlan:
        service, number, unread = await self.find(params.number, params.on, params)
        same = number.state is NumberState.ASSIGNED and number.assigned_to == params.to
        owner = number.assigned_to
        return self.plan(
            service,
            number,
            headline=f"Give {number.number} of {service.name} to {params.to}.",
            then=f"assigned to {params.to}",
            to=params.to,
            warnings=(f"{owner} loses it." if owner and not same else "", *unread),
            nothing_to_do=f"{number.number} belongs to {params.to} already." if same else "",
        )


def actions(house: House) -> ReassignNumber:
    return ReassignNumber(house.having(Numbers))
