"""/ops review: an approver who was passed over looks at what a broken glass did."""

from dataclasses import dataclass
from typing import Annotated

from bot.words.action import Asker, Upkeep
from bot.words.params import FreeText, Params
from bot.words.report import Report
from bot.words.request import RequestWord
from commands import Desk, House


class ReviewParams(Params):
    positional = ("request",)

    request: RequestWord
    """The request that ran without its approvers, like R42."""
    note: Annotated[str, FreeText()] = ""
    """What you think of it; kept in the audit."""


@dataclass(frozen=True)
class ReviewRequest(Upkeep[ReviewParams]):
    """Review a request that ran without its approvers."""

    ledger: Desk
    examples = ("review R42 note=right call",)

    async def carry_out(self, asker: Asker, params: ReviewParams) -> Report:
        request = await self.ledger.review(asker, params.request, params.note)
        return Report(title=f"{request.id} reviewed", lead="It is closed now.")


def actions(house: House) -> ReviewRequest:
    return ReviewRequest(house.desk)
