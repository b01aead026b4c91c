"""What releasing and reassigning share: find one number, and put it back as it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from bot.words.action import Receipt, Risk, Undoable
from bot.words.exceptions import NotUnderstood, TryLater
from bot.words.params import Option, Params
from commands._shared.asking import ask_all
from commands._shared.remembered import Remembering
from commands._shared.retyping import retyped
from commands._shared.services import closest
from commands.numbers._number_words import NumberPlan, digits, state_of
from integrations.capabilities import Number, Numbers, NumberState

P = TypeVar("P", bound=Params)


@dataclass(frozen=True)
class ChangeNumber(Remembering[Numbers, Number], Undoable[P, NumberPlan]):
    """One number, from what the approver saw to something else."""

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

        asked = self.services if on is None else (self.planned(on) if typed is None else self.chosen(typed),)
        heard = await ask_all(asked, self.listed, self.deadline)
        unread = heard.missing
        if not heard.read:
            raise TryLater(" ".join(unread))
        every = [(service, each) for service, numbers in heard.read for each in numbers]
        found = [(service, each) for service, each in every if digits(each.number) == digits(number)]
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
        service = self.planned(plan.service)
        was = Number(plan.number, plan.state, plan.assigned_to, None, plan.detail)
        state = NumberState.ASSIGNED if plan.to else NumberState.AVAILABLE
        kept = await service.set_number(was, state=state, assigned_to=plan.to)
        now = f"belongs to {plan.to} now" if plan.to else "is available again"
        return Receipt(headline=f"{plan.number} of {plan.service} {now}.", undo=kept)

    async def undo(self, plan: NumberPlan, receipt: Receipt) -> Receipt:
        await self.planned(plan.service).restore_number(plan.number, receipt.undo)
        return Receipt(headline=f"{plan.number} of {plan.service} is {state_of(plan)} again.")

    async def evidence(self, plan: NumberPlan) -> str:
        _, now, _ = await self.find(plan.number, plan.service)
        return f"{now.number} is {now.detail or now.state}{f', of {now.assigned_to}' if now.assigned_to else ''}"

    async def listed(self, service: Numbers) -> Sequence[Number]:
        return await service.numbers()

    def option(self, thing: Number) -> Option | None:
        return Option(thing.number, f"{thing.number} {thing.state.value} {thing.assigned_to}".strip())
