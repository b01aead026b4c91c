"""/ops withdraw: take back what is one's own: a waiting request, or the yes to somebody else's."""

from dataclasses import dataclass

from bot.words.action import Asker, Upkeep
from bot.words.params import Params
from bot.words.report import Report
from bot.words.request import RequestWord, State
from commands import Desk, House


class Withdraw(Params):
    positional = ("request",)

    request: RequestWord
    """Your own waiting request, or one that you approved and that still waits, like R42."""


@dataclass(frozen=True)
class WithdrawRequest(Upkeep[Withdraw]):
    """Take back your own waiting request, or your approval of another."""

    ledger: Desk
    examples = ("withdraw R42",)

    async def carry_out(self, asker: Asker, params: Withdraw) -> Report:
        request = await self.ledger.withdraw(asker, params.request)
        if request.state is State.WAITING:
            return Report(title=f"Your approval of {request.id} is taken back", lead="It waits on for approval.")
        return Report(title=f"{request.id} withdrawn", lead="Nothing was run.")


def actions(house: House) -> WithdrawRequest:
    return WithdrawRequest(house.desk)
