"""/ops numbers reassign: give a number to somebody else."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.params import Choices, Params
from commands.numbers._inventory import ChangeNumber, NumberPlan, state_of
from integrations.capabilities import NumberState


class Reassign(Params):
    positional = ("number",)

    number: Annotated[str, Choices(), Field(min_length=3, max_length=40)]
    """Phone number, as in +18885550101."""
    to: Annotated[str, Field(min_length=1, max_length=200)]
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
        warnings = []
        if number.assigned_to and not same:
            warnings.append(f"{number.assigned_to} loses it.")
        if number.state is NumberState.SUSPENDED:
            warnings.append("It was suspended, perhaps for compliance; make sure that is settled.")
        return NumberPlan(
            target=f"{service.name} {number.number}",
            headline=f"Give {number.number} of {service.name} to {params.to}.",
            effects=(f"{number.number}: now {state_of(number)}, then assigned to {params.to}",),
            warnings=(*warnings, *unread),
            undo_note="Undo puts status and owner back, unless somebody changed it meanwhile.",
            confirm_phrase=number.number,
            nothing_to_do=f"{number.number} belongs to {params.to} already." if same else "",
            service=service.name,
            number=number.number,
            state=number.state,
            detail=number.detail,
            assigned_to=number.assigned_to,
            to=params.to,
        )
