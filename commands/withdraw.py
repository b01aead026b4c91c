"""/ops withdraw: take one's own waiting request back."""

from dataclasses import dataclass

from bot.words.action import Asker, Upkeep
from bot.words.params import Params
from bot.words.report import Report
from bot.words.request import RequestWord
from commands import Desk, House


class Withdraw(Params):
    positional = ("request",)

    request: RequestWord
    """Your own waiting request, like R42."""


@dataclass(frozen=True)
class WithdrawRequest(Upkeep[Withdraw]):
    """Take back your own waiting request."""

    ledger: Desk
    examples = ("withdraw R42",)

    async def carry_out(self, asker: Asker, params: Withdraw) -> Report:
        request = await self.ledger.withdraw(asker, params.request)
        return Report(title=f"{request.id} withdrawn", lead="Nothing was run.")


def actions(house: House) -> WithdrawRequest:
    return WithdrawRequest(house.desk)
