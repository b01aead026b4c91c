"""What releasing and reassigning share: find one number, and put it back as it was."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import NotUnderstood, TryLater
from bot.words.params import Option, Params
from commands._shared.services import LONGEST_LABEL, OnService, ask_all, closest, matching, names, pick, retyped
from integrations.capabilities import Number, Numbers, NumberState

P = TypeVar("P", bound=Params)


class NumberPlan(Plan):
    service: str
    number: str
    state: NumberState
    detail: str
    """The service's own word for the state."""
    assigned_to: str
    to: str
    """Whom it will belong to; empty nobody."""


@dataclass(frozen=True)
class ChangeNumber(OnService[Numbers], Undoable[P, NumberPlan]):
    """One number, from what the approver saw to something else."""

    deadline: timedelta = timedelta(seconds=10)
    known: dict[str, tuple[Number, ...]] = field(default_factory=dict, compare=False)
    """What `options` answers from; empty until the first `refresh`."""

    can = "hold phone numbers"
    named_by = "on"
    plan_type = NumberPlan
    risk = Risk.DESTRUCTIVE
    refresh_every = timedelta(minutes=5)

    async def find(
        self, number: str, on: str | None, typed: P | None = None
    ) -> tuple[Numbers, Number, tuple[str, ...]]:
        """With sentences on what could not be read; `typed` is what a hint repeats.

        Raises NotUnderstood for an unknown number, or one that several have, TryLater where nothing could be read.
        """

        def instead_of(**other: str | None) -> str:
            return retyped(self.words, typed, **other) if typed is not None else "numbers"

        asked = self.services
        if on is not None or not asked:
            asked = (pick(asked, on, can="hold phone numbers", typed=lambda name: instead_of(on=name)),)
        heard = await ask_all(asked, lambda service: service.numbers(), self.deadline)
        unread = heard.missing
        if not heard.read:
            raise TryLater(" ".join(unread))
        every = [(service, each) for service, numbers in heard.read for each in numbers]
        found = [(service, each) for service, each in every if _digits(each.number) == _digits(number)]
        if not found:
            close = closest(number, (each.number for _, each in every))
            instead = f"Did you mean {close}?" if close else "`numbers` lists them."
            instead = " ".join([instead, *unread])
            raise NotUnderstood(
                f"There is no number {number[:40]!r}. {instead}", hint=instead_of(number=close) if close else "numbers"
            )
        if len(found) > 1:
            where = ", ".join(service.name for service, _ in found)
            raise NotUnderstood(
                f"{number} is there more than once: {where}. Say which.",
                choices={service.name: instead_of(on=service.name) for service, _ in found},
            )
        return *found[0], unread

    def plan(
        self,
        service: Numbers,
        number: Number,
        *,
        headline: str,
        then: str,
        to: str,
        warnings: tuple[str, ...],
        nothing_to_do: str,
    ) -> NumberPlan:
        """`then` is what it becomes; empty warnings are left out."""
        suspended = number.state is NumberState.SUSPENDED
        warnings += ("It was suspended, perhaps for compliance; make sure that is settled." if suspended else "",)
        return NumberPlan(
            target=f"{service.name} {number.number}",
            headline=headline,
            effects=(f"{number.number}: now {state_of(number)}, then {then}",),
            warnings=tuple(filter(None, warnings)),
            undo_note="Undo puts status and owner back, unless somebody changed it meanwhile.",
            confirm_phrase=number.number,
            nothing_to_do=nothing_to_do,
            service=service.name,
            number=number.number,
            state=number.state,
            detail=number.detail,
            assigned_to=number.assigned_to,
            to=to,
        )

    async def execute(self, plan: NumberPlan) -> Receipt:
        service = self._planned(plan)
        was = Number(plan.number, plan.state, plan.assigned_to, None, plan.detail)
        state = NumberState.ASSIGNED if plan.to else NumberState.AVAILABLE
        kept = await service.set_number(was, state=state, assigned_to=plan.to)
        now = f"belongs to {plan.to} now" if plan.to else "is available again"
        return Receipt(headline=f"{plan.number} of {plan.service} {now}.", undo=kept)

    async def undo(self, plan: NumberPlan, receipt: Receipt) -> Receipt:
        await self._planned(plan).restore_number(plan.number, receipt.undo)
        return Receipt(headline=f"{plan.number} of {plan.service} is {state_of(plan)} again.")

    async def evidence(self, plan: NumberPlan) -> str:
        _, now, _ = await self.find(plan.number, plan.service)
        return f"{now.number} is {now.detail or now.state}{f', of {now.assigned_to}' if now.assigned_to else ''}"

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field != "number":
            return matching(names(self.services), typed)
        numbers = [number for each in self.known.values() for number in each if self.offered(number)]
        return matching((Option(number.number, _label(number)) for number in numbers), typed)

    def offered(self, number: Number) -> bool:
        return True

    async def refresh(self) -> None:
        """Read the inventory for `options`, in the background; a service that is silent keeps its last one."""
        heard = await ask_all(self.services, lambda service: service.numbers(), self.deadline)
        self.known.update((service.name, numbers) for service, numbers in heard.read)

    def _planned(self, plan: NumberPlan) -> Numbers:
        return pick(self.services, plan.service, can="hold phone numbers", typed=lambda name: f"{self.words} on={name}")


def state_of(was: Number | NumberPlan) -> str:
    """`assigned to Harbour Dental`, `suspended`."""
    return f"{was.detail or was.state}{f' to {was.assigned_to}' if was.assigned_to else ''}"


def _digits(number: str) -> str:
    """However it is written: +1 888 555-0101 is +18885550101."""
    return "".join(letter for letter in number if letter.isalnum()).casefold()


def _label(number: Number) -> str:
    return f"{number.number} {number.state.value} {number.assigned_to}".strip()[:LONGEST_LABEL]
