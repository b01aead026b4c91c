"""/ops end: end a time-boxed change now instead of when its time is over."""

from dataclasses import dataclass

from bot.words.action import Asker, Change, Receipt, Risk
from bot.words.exceptions import NotUnderstood
from bot.words.params import Params
from bot.words.request import RequestWord, State
from commands import House
from commands._shared.reversal import Reversal, ReversalPlan


class End(Params):
    positional = ("request",)

    request: RequestWord
    """The time-boxed request to end, like R42."""


@dataclass(frozen=True)
class EndNow(Change[End, ReversalPlan]):
    """End a time-boxed change now."""

    reversal: Reversal
    risk = Risk.CHANGE
    examples = ("end R42",)

    async def preview_for(self, asker: Asker, params: End) -> ReversalPlan:
        request = await self.reversal.ledger.request(params.request)
        if request.ends_at is None and request.state is not State.UNDONE:
            raise NotUnderstood(f"{request.id} has no end by itself.", hint=f"undo {request.id}")
        return await self.reversal.plan(asker, params.request, "End")

    async def execute(self, plan: ReversalPlan) -> Receipt:
        return await self.reversal.put_back(plan)


def actions(house: House) -> EndNow:
    return EndNow(Reversal(house.desk))
