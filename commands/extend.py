"""/ops extend: let a time-boxed change last longer."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import AwareDatetime

from bot.words.action import Asker, Change, Plan, Receipt, Risk
from bot.words.exceptions import NotUnderstood
from bot.words.params import Duration, Params, duration_text
from bot.words.report import Fact, Moment, PersonId
from bot.words.request import RequestWord, State
from commands import Desk, House

LONGEST = timedelta(days=7)
"""From now; what should last longer is no exception any more."""


class Extend(Params):
    positional = ("request", "by")

    request: RequestWord
    """The time-boxed request to extend, like R42."""
    by: Duration
    """How much longer, like 1h."""


class ExtendPlan(Plan):
    request: str
    ends_at: AwareDatetime
    until: AwareDatetime
    by: PersonId


@dataclass(frozen=True)
class ExtendRequest(Change[Extend, ExtendPlan]):
    """Let a time-boxed change last longer."""

    ledger: Desk
    risk = Risk.CHANGE
    examples = ("extend R42 1h",)

    async def preview_for(self, asker: Asker, params: Extend) -> ExtendPlan:
        request = await self.ledger.request(params.request)
        if request.ends_at is None or request.state is not State.DONE:
            raise NotUnderstood(f"{request.id} is {request.state} and does not end by itself.")
        until = max(request.ends_at, self.ledger.now()) + params.by
        if until - self.ledger.now() > LONGEST:
            hint = f"extend {request.id} 1h"  # a request of somebody else's is soon extended by who is tired
            raise NotUnderstood(f"That would be more than {duration_text(LONGEST)} from now.", hint=hint)
        return ExtendPlan(
            target=request.id,
            headline=f"Extend {request.id} by {duration_text(params.by)}: {request.action}",
            facts=(
                Fact(label="Ends now at", value=Moment(at=request.ends_at)),
                Fact(label="Would end at", value=Moment(at=until)),
            ),
            undo_note=f"end {request.id} ends it at once.",
            risk=request.risk,
            governed_by=request.action,
            request=request.id,
            ends_at=request.ends_at,
            until=until,
            by=asker.person,
        )

    async def execute(self, plan: ExtendPlan) -> Receipt:
        await self.ledger.extend(await self.ledger.request(plan.request), plan.until, plan.by)
        return Receipt(
            headline=f"{plan.request} lasts longer.", facts=(Fact(label="Ends", value=Moment(at=plan.until)),)
        )


def actions(house: House) -> ExtendRequest:
    return ExtendRequest(house.desk)
