"""/ops campaigns resume: let run what is paused now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from bot.action import Receipt, Risk, Undoable
from bot.params import Choices, Option, Params, Reason
from bot.report import Fact
from commands._services import matching, names
from commands.campaigns._switches import (
    ALL,
    SwitchPlan,
    choose,
    counted,
    effects,
    evidence,
    flip,
    look,
    offered,
    phrase,
    remember,
    running,
    scope,
    still,
    target,
)
from integrations.capabilities import Switch, Switchable, Switches

_WORDS = "campaigns resume"


class Resume(Params):
    positional = ("name",)

    name: Annotated[str, Choices()] = ALL
    """Campaign to resume, by its name or id; `all` that are paused if left out."""
    reason: Reason
    """Why, for the approver and the audit."""
    on: Annotated[str | None, Choices()] = None
    """Only campaigns of this service, as named in ops.toml."""


@dataclass(frozen=True)
class ResumeCampaigns(Undoable[Resume, SwitchPlan]):
    """Resume paused campaigns."""

    services: tuple[Switches, ...]
    deadline: timedelta = timedelta(seconds=5)
    known: dict[str, tuple[Switchable, ...]] = field(default_factory=dict, compare=False)
    """What `options` answers from; empty until the first `refresh`."""

    risk = Risk.DESTRUCTIVE
    examples = ('campaigns resume reason="fixed"', 'campaigns resume "Spring sale" reason="link corrected"')

    async def preview(self, params: Resume) -> SwitchPlan:
        seen = await look(scope(self.services, params.on, _WORDS), self.deadline)
        chosen, nothing = choose(seen, params.name, Switch.PAUSED, _WORDS)
        whoever = "This resumes what is paused now, by whoever; undoing a pause resumes exactly what that one paused."
        return SwitchPlan(
            target=target(chosen, params.name, params.on),
            headline=f"Resume {counted(chosen)}.",
            effects=effects(chosen, "running"),
            confirm_phrase=phrase(chosen, params.name),
            things=chosen,
            facts=(Fact(label="Reason", value=params.reason),),
            warnings=(*((whoever,) if params.name.casefold() == ALL else ()), *seen.unread),
            undo_note="Undo pauses exactly these again, unless somebody changed one meanwhile.",
            nothing_to_do=nothing,
        )

    async def execute(self, plan: SwitchPlan) -> Receipt:
        return await flip(
            self.services,
            plan.things,
            lambda service, things: service.resume(running(things)),
            done="Resumed",
        )

    async def undo(self, plan: SwitchPlan, receipt: Receipt) -> Receipt:
        resumed = await still(self.services, receipt, Switch.RUNNING)
        return await flip(
            self.services,
            resumed,
            lambda service, things: service.pause([thing.id for thing in things]),
            done="Paused",
        )

    async def evidence(self, plan: SwitchPlan) -> str:
        return await evidence(self.services, plan, self.deadline)

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        return matching(names(self.services), typed) if field == "on" else offered(self.known, Switch.PAUSED, typed)

    async def refresh(self) -> None:
        await remember(self.services, self.known, self.deadline)
