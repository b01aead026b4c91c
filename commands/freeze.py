"""/ops freeze: nothing destructive runs until it is lifted."""

from dataclasses import dataclass

from bot.words.action import Asker, Plan, Receipt, Risk, Undoable
from bot.words.exceptions import Stale
from bot.words.params import Duration, Params, Reason, duration_text
from bot.words.ports import Freeze
from bot.words.report import PersonId
from commands import Desk, House


class FreezeParams(Params):
    reason: Reason
    """Why, for everyone who is refused meanwhile."""
    until: Duration | None = None
    """How long, like 2h; until somebody unfreezes if left out."""


class FreezePlan(Plan):
    reason: str
    lasts: Duration | None
    by: PersonId


@dataclass(frozen=True)
class DeclareFreeze(Undoable[FreezeParams, FreezePlan]):
    """Let nothing destructive run for a while."""

    freezer: Desk
    risk = Risk.CHANGE
    examples = ("freeze reason=launch day until=6h",)

    async def preview_for(self, asker: Asker, params: FreezeParams) -> FreezePlan:
        held = await self.freezer.frozen()
        span = duration_text(params.until) if params.until else "until somebody types unfreeze"
        return FreezePlan(
            target="freeze",
            headline=f"Freeze: nothing destructive runs, {span}",
            effects=(f"Reason given to everyone: {params.reason}",),
            nothing_to_do=f"a freeze holds already: {held.reason}" if held else "",
            undo_note="unfreeze lifts it.",
            reason=params.reason,
            lasts=params.until,
            by=asker.person,
        )

    async def execute(self, plan: FreezePlan) -> Receipt:
        until = self.freezer.now() + plan.lasts if plan.lasts else None
        await self.freezer.freeze(Freeze(name="declared", reason=plan.reason, until=until, by=plan.by))
        return Receipt(
            headline="Frozen: nothing destructive runs.", undo={"until": until.isoformat() if until else None}
        )

    async def undo(self, plan: FreezePlan, receipt: Receipt) -> Receipt:
        held = await self.freezer.frozen()
        if held is None or held.reason != plan.reason:
            raise Stale("That freeze does not hold any more.")
        await self.freezer.unfreeze(plan.by)
        return Receipt(headline="The freeze is lifted.")


def actions(house: House) -> DeclareFreeze:
    return DeclareFreeze(house.desk)
