"""/ops undo: put back what a request changed, from its receipt."""

from dataclasses import dataclass

from bot.words.action import Asker, Change, Receipt, Risk
from bot.words.params import Params
from bot.words.request import RequestWord
from commands import House
from commands._shared.reversal import Reversal, ReversalPlan


class Undo(Params):
    positional = ("request",)

    request: RequestWord
    """The done request to undo, like R42."""


@dataclass(frozen=True)
class UndoRequest(Change[Undo, ReversalPlan]):
    """Undo a done request."""

    reversal: Reversal
    risk = Risk.CHANGE
    examples = ("undo R42",)

    async def preview_for(self, asker: Asker, params: Undo) -> ReversalPlan:
        return await self.reversal.plan(asker, params.request, "Undo")

    async def execute(self, plan: ReversalPlan) -> Receipt:
        return await self.reversal.put_back(plan)


def actions(house: House) -> UndoRequest:
    return UndoRequest(Reversal(house.desk))
