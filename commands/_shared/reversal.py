"""What undo and end have in common: put back what a done request changed, ruled like that request."""

from dataclasses import dataclass
from typing import Protocol

from bot.words.action import Asker, Plan, Receipt
from bot.words.exceptions import NotUnderstood
from bot.words.report import Fact, Person, PersonId
from bot.words.request import Request, State


class Ledger(Protocol):
    async def request(self, request_id: str) -> Request: ...
    def undoable(self, request: Request) -> bool: ...
    def effects_of_undo(self, request: Request) -> str: ...
    async def how_it_ended(self, request: Request) -> str: ...
    async def undo(self, request_id: str, by: PersonId) -> Request: ...


class ReversalPlan(Plan):
    request: str
    state: State
    by: PersonId


@dataclass(frozen=True)
class Reversal:
    ledger: Ledger

    async def plan(self, asker: Asker, request_id: str, verb: str) -> ReversalPlan:
        """Raises NotUnderstood where there is nothing to put back."""
        request = await self.ledger.request(request_id)
        if request.state in (State.UNDOING, State.UNDONE):
            raise NotUnderstood(await self.ledger.how_it_ended(request))
        if request.state is not State.DONE:
            raise NotUnderstood(f"{request.id} is {request.state}; only a request that is done can be undone.")
        if not self.ledger.undoable(request):
            raise NotUnderstood(f"{request.action} cannot be undone; its plan said so.")
        done = (request.receipt or {}).get("headline", "")
        return ReversalPlan(
            target=request.id,
            headline=f"{verb} {request.id}: {request.action}",
            effects=(f"Was done: {done}", f"Now: {self.ledger.effects_of_undo(request)}"),
            facts=(Fact(label="Asked by", value=Person(id=request.requester)),),
            undo_note="To have it back, ask for the original again.",
            risk=request.risk,
            governed_by=request.action,
            request=request.id,
            state=request.state,
            by=asker.person,
        )

    async def put_back(self, plan: ReversalPlan) -> Receipt:
        undone = await self.ledger.undo(plan.request, plan.by)
        return Receipt(headline=f"{plan.request} is undone: {undone.outcome}")
