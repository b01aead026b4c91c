"""/ops numbers release: make a number available to whoever comes next."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.params import Choices, Params
from commands.numbers._inventory import ChangeNumber, NumberPlan, state_of
from integrations.capabilities import Number, NumberState


class Release(Params):
    positional = ("number",)

    number: Annotated[str, Choices(), Field(min_length=3, max_length=40)]
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
        warnings = []
        if number.assigned_to:
            warnings.append(f"{number.assigned_to} loses it: calls to it may reach somebody else.")
        if number.state is NumberState.SUSPENDED:
            warnings.append("It was suspended, perhaps for compliance; make sure that is settled.")
        return NumberPlan(
            target=f"{service.name} {number.number}",
            headline=f"Release {number.number} of {service.name}.",
            effects=(f"{number.number}: now {state_of(number)}, then available, nobody's",),
            warnings=(*warnings, *unread),
            undo_note="Undo puts status and owner back, unless somebody changed it meanwhile.",
            confirm_phrase=number.number,
            nothing_to_do=f"{number.number} is available already." if free else "",
            service=service.name,
            number=number.number,
            state=number.state,
            detail=number.detail,
            assigned_to=number.assigned_to,
            to="",
        )

    def offered(self, number: Number) -> bool:
        return number.state is not NumberState.AVAILABLE
