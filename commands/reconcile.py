"""/ops reconcile: a person says how a run with an unknown outcome ended."""

from dataclasses import dataclass
from typing import Annotated, Literal

from bot.words.action import Asker, Upkeep
from bot.words.params import FreeText, Params
from bot.words.report import Report
from bot.words.request import RequestWord, State
from commands import Desk, House


class Reconcile(Params):
    positional = ("request", "outcome")

    request: RequestWord
    """The request whose outcome is unknown, like R42."""
    outcome: Literal["done", "failed"]
    """How it really ended, as you saw it in the service."""
    note: Annotated[str, FreeText()] = ""
    """What you saw; kept in the audit."""


@dataclass(frozen=True)
class ReconcileRequest(Upkeep[Reconcile]):
    """Say how a run with an unknown outcome really ended."""

    ledger: Desk
    examples = ("reconcile R42 done note=the new run is in n8n", "reconcile R42 failed")

    async def carry_out(self, asker: Asker, params: Reconcile) -> Report:
        to = State.DONE if params.outcome == "done" else State.FAILED
        request = await self.ledger.reconcile(asker, params.request, to, params.note)
        return Report(title=f"{request.id} reconciled", lead=f"It counts as {request.state} now.")


def actions(house: House) -> ReconcileRequest:
    return ReconcileRequest(house.desk)
