"""What pausing and resuming share: a plan of exactly the things that are meant, and what became of each."""

from typing import TypeVar

from bot.words.action import Receipt
from commands._shared.flips import SwitchPlan, still
from commands._shared.switches import AskedToPause
from commands._shared.switching import A, Flipping, running_again
from integrations.capabilities import CautionsPause, Switch

AP = TypeVar("AP", bound=AskedToPause)


class Pausing(Flipping[AP]):
    """Pause what runs, and remember exactly which."""

    safety_stop = True
    found_in = Switch.RUNNING

    async def preview(self, params: AP) -> SwitchPlan:
        plan = self._plan(params, *await self._chosen(params), verb="Pause", to="paused")
        note = "Undo resumes exactly these, unless somebody changed one meanwhile."
        cautions = tuple(
            service.pausing_means
            for service in self.services
            if service.name in plan.things and isinstance(service, CautionsPause)
        )
        update = {"undo_note": note, "ends_after": params.for_, "warnings": (*plan.warnings, *cautions)}
        return plan.model_copy(update=update)

    async def execute(self, plan: SwitchPlan) -> Receipt:
        return await self._pause(plan.things)

    async def undo(self, plan: SwitchPlan, receipt: Receipt) -> Receipt:
        return await self._resume(await still(self.services, receipt, Switch.PAUSED))


class Resuming(Flipping[A]):
    """Let run what is paused now."""

    found_in = Switch.PAUSED

    async def preview(self, params: A) -> SwitchPlan:
        plan = self._plan(params, *await self._chosen(params), verb="Resume", to="running")
        whoever = "This resumes what is paused now, by whoever; undoing a pause resumes exactly what that one paused."
        note = "Undo pauses exactly these again, unless somebody changed one meanwhile."
        warnings = (whoever, *plan.warnings) if self.noun.means_all(params.name) else plan.warnings
        return plan.model_copy(update={"undo_note": note, "warnings": warnings})

    async def execute(self, plan: SwitchPlan) -> Receipt:
        return await self._resume({service: running_again(things) for service, things in plan.things.items()})

    async def undo(self, plan: SwitchPlan, receipt: Receipt) -> Receipt:
        return await self._pause(await still(self.services, receipt, Switch.RUNNING))
