"""/ops review: an approver who was passed over looks at what a broken glass did."""

from dataclasses import dataclass
from typing import Annotated, Protocol

from bot.words.action import Asker, Upkeep
from bot.words.params import FreeText, Params
from bot.words.report import Report
from bot.words.request import Request, RequestWord


class ReviewParams(Params):
    positional = ("request",)

    request: RequestWord
    """The request that ran without its approvers, like R42."""
    note: Annotated[str, FreeText()] = ""
    """What you think of it; kept in the audit."""


class Ledger(Protocol):
    async def review(self, asker: Asker, request_id: str, note: str) -> Request: ...


@dataclass(frozen=True)
class ReviewRequest(Upkeep[ReviewParams]):
    """Review a request that ran without its approvers."""

    ledger: Ledger
    examples = ("review R42 note=right call",)

    async def carry_out(self, asker: Asker, params: ReviewParams) -> Report:
        request = await self.ledger.review(asker, params.request, params.note)
        return Report(title=f"{request.id} reviewed", lead="It is closed now.")
