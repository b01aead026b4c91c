"""/ops unfreeze: lift a declared freeze."""

from dataclasses import dataclass

from bot.words.action import Asker, Change, Plan, Receipt, Risk
from bot.words.exceptions import Stale
from bot.words.params import Params
from bot.words.report import Fact, Person, PersonId
from commands import Desk, House


class Unfreeze(Params):
    pass


class UnfreezePlan(Plan):
    reason: str
    by: PersonId


@dataclass(frozen=True)
class LiftFreeze(Change[Unfreeze, UnfreezePlan]):
    """Lift the freeze that somebody declared."""

    freezer: Desk
    risk = Risk.CHANGE
    examples = ("unfreeze",)

    async def preview_for(self, asker: Asker, params: Unfreeze) -> UnfreezePlan:
        held = await self.freezer.frozen()
        nothing = "no freeze holds" if held is None else ""
        if held is not None and held.by is None:
            nothing = f"the freeze {held.name!r} is a window of ops.toml; it ends by itself"
        return UnfreezePlan(
            target="freeze",
            headline="Lift the freeze: destructive requests may run again",
            effects=(f"It was declared because: {held.reason}",) if held else (),
            facts=(Fact(label="Declared by", value=Person(id=held.by)),) if held and held.by else (),
            nothing_to_do=nothing,
            undo_note="Declare a freeze again.",
            reason=held.reason if held else "",
            by=asker.person,
        )

    async def execute(self, plan: UnfreezePlan) -> Receipt:
        if await self.freezer.unfreeze(plan.by) is None:
            raise Stale("No declared freeze holds any more.")
        return Receipt(headline="The freeze is lifted.")


def actions(house: House) -> LiftFreeze:
    return LiftFreeze(house.desk)
