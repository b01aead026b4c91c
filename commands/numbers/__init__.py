"""/ops numbers: the inventory of phone numbers, and how many are left."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from bot.words.action import Lookup
from bot.words.params import FreeText, Params
from bot.words.report import Fact, Moment, Report, Status, Table
from commands import House
from commands._shared.asking import ask_all, but_unread
from commands._shared.services import OnService
from integrations.capabilities import Numbers, NumberState


class Inventory(Params):
    positional = ("state",)

    state: Literal["all", "available", "assigned", "suspended", "other"] = "all"
    """Only numbers in this state."""
    match: Annotated[str | None, Field(max_length=100), FreeText()] = None
    """Only numbers, or whom they belong to, that contain this."""


@dataclass(frozen=True)
class ListNumbers(OnService[Numbers], Lookup[Inventory]):
    """List phone numbers, and count the ones that are free."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=8)

    can = "hold phone numbers"
    examples = ("numbers", "numbers available", "numbers match=+1888")

    async def answer(self, params: Inventory) -> Report:
        heard = await ask_all(self.services, lambda service: service.numbers(), self.deadline)
        found = [(service.name, number) for service, numbers in heard.read for number in numbers]
        unread = heard.missing
        counts = {state: sum(number.state is state for _, number in found) for state in NumberState}
        wanted = (params.match or "").casefold()
        shown = [
            (name, number)
            for name, number in found
            if params.state in ("all", number.state) and wanted in f"{number.number} {number.assigned_to}".casefold()
        ]
        free = counts[NumberState.AVAILABLE]
        lead = f"{free} of {len(found)} numbers {'is' if free == 1 else 'are'} available."
        if wanted or params.state not in ("all", "available"):
            lead += f" {len(shown) or 'None'} of the {len(found)} {'is' if len(shown) < 2 else 'are'} {_asked(params)}."
        lead = but_unread(lead, len(unread), len(self.services))
        if not heard.read:
            lead = "No inventory could be read."
        return Report(
            title="Phone numbers",
            lead=lead,
            status=Status.UNKNOWN if not heard.read else Status.WARNING if found and not free else None,
            facts=tuple(Fact(label=state.value, value=count) for state, count in counts.items() if count),
            table=Table(
                columns=("number", "state", "assigned to", "since", "service"),
                rows=tuple(
                    (
                        number.number,
                        number.detail if number.state is NumberState.OTHER and number.detail else number.state.value,
                        number.assigned_to or None,
                        Moment(at=number.since) if number.since else None,
                        name,
                    )
                    for name, number in shown
                ),
            )
            if shown
            else None,
            notes=unread,
            taken_at=self.now(),
        )


def _asked(params: Inventory) -> str:
    """What is shown, completing `3 of the 14 are …`."""
    told = [] if params.state == "all" else [params.state]
    return " and ".join([*told, *([f"found by {params.match!r}"] if params.match else [])])


def actions(house: House) -> ListNumbers:
    return ListNumbers(house.having(Numbers), house.now)
