"""/ops withdraw: take one's own waiting request back."""

from dataclasses import dataclass
from typing import Protocol

from bot.words.action import Asker, Upkeep
from bot.words.params import Params
from bot.words.report import Report
from bot.words.request import Request, RequestWord


class Withdraw(Params):
    positional = ("request",)

    request: RequestWord
    """Your own waiting request, like R42."""


class Ledger(Protocol):
    async def withdraw(self, asker: Asker, request_id: str) -> Request: ...


@dataclass(frozen=True)
class WithdrawRequest(Upkeep[Withdraw]):
    """Take back your own waiting request."""

    ledger: Ledger
    examples = ("withdraw R42",)

    async def carry_out(self, asker: Asker, params: Withdraw) -> Report:
        request = await self.ledger.withdraw(asker, params.request)
        return Report(title=f"{request.id} withdrawn", lead="Nothing was run.")
