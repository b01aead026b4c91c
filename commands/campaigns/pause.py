"""/ops campaigns pause: stop what is running, and remember exactly which."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from bot.action import Receipt, Risk, Undoable
from bot.params import Choices, Duration, Option, Params, Reason
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
    scope,
    still,
    target,
)
from integrations.capabilities import Switch, Switchable, Switches

_WORDS = "campaigns pause"


class Pause(Params):
    positional = ("name",)

    name: Annotated[str, Choices()] = ALL
    """Campaign to pause, by its name or id; `all` that are running if left out."""
    for_: Duration | None = None
    """Resume by itself after this long, as in 2h; only when undone if left out."""
    reason: Reason
    """Why, for the approver and the audit."""
    on: Annotated[str | None, Choices()] = None
    """Only campaigns of this service, as named in ops.toml."""


@dataclass(frozen=True)
class PauseCampaigns(Undoable[Pause, SwitchPlan]):
    """Pause running campaigns."""

    services: tuple[Switches, ...]
    deadline: timedelta = timedelta(seconds=5)
    known: dict[str, tuple[Switchable, ...]] = field(default_factory=dict, compare=False)
    """What `options` answers from; empty until the first `refresh`."""

    risk = Risk.DESTRUCTIVE
    safety_stop = True
    examples = ('campaigns pause reason="bounces"', 'campaigns pause "Spring sale" for=2h reason="wrong link"')

    async def preview(self, params: Pause) -> SwitchPlan:
        seen = await look(scope(self.services, params.on, _WORDS), self.deadline)
        chosen, nothing = choose(seen, params.name, Switch.RUNNING, _WORDS)
        return SwitchPlan(
            target=target(chosen, params.name, params.on),
            headline=f"Pause {counted(chosen)}.",
            effects=effects(chosen, "paused"),
            confirm_phrase=phrase(chosen, params.name),
            things=chosen,
            facts=(Fact(label="Reason", value=params.reason),),
            warnings=seen.unread,
            undo_note="Undo resumes exactly these, unless somebody changed one meanwhile.",
            ends_after=params.for_,
            nothing_to_do=nothing,
        )

    async def execute(self, plan: SwitchPlan) -> Receipt:
        return await flip(
            self.services,
            plan.things,
            lambda service, things: service.pause([thing.id for thing in things]),
            done="Paused",
        )

    async def undo(self, plan: SwitchPlan, receipt: Receipt) -> Receipt:
        paused = await still(self.services, receipt, Switch.PAUSED)
        return await flip(self.services, paused, lambda service, things: service.resume(things), done="Resumed")

    async def evidence(self, plan: SwitchPlan) -> str:
        return await evidence(self.services, plan, self.deadline)

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        return matching(names(self.services), typed) if field == "on" else offered(self.known, Switch.RUNNING, typed)

    async def refresh(self) -> None:
        await remember(self.services, self.known, self.deadline)
