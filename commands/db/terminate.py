"""/ops db terminate: end one connection, whatever it does."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.words.action import Change, Receipt, Risk
from bot.words.exceptions import NotUnderstood
from bot.words.params import Params
from commands import House
from commands._shared.services import OnService, ServiceName
from commands.db._backends import EndPlan, end, still_there, told
from integrations.capabilities import Backend, Database


class Terminate(Params):
    positional = ("pid",)

    pid: Annotated[int, Field(ge=1, lt=2**31)]
    """Process id of the connection, as `db connections` and `db locks` show it."""
    db: ServiceName = None
    """Database it is connected to, as named in ops.toml; needed only where there are several."""


class TerminatePlan(EndPlan):
    """One connection, bound by its start: another one with the same pid is another target."""

    started: str


@dataclass(frozen=True)
class TerminateConnection(OnService[Database], Change[Terminate, TerminatePlan]):
    """End one database connection, whatever it does."""

    can = "end connections"
    named_by = "db"
    risk = Risk.DESTRUCTIVE
    examples = ("db terminate 4711", "db terminate 4711 db=shop-db")

    async def preview(self, params: Terminate) -> TerminatePlan:
        database = self.chosen(params)
        found = next((backend for backend in await database.backends() if backend.pid == params.pid), None)
        if found is None:
            raise NotUnderstood(
                f"{database.name} has no connection {params.pid} that may be ended: it is gone, or it is ours, "
                "a superuser's, or one for replication.",
                hint=f"db connections db={database.name}",
            )
        # What it does now is words; that it is this very connection is what is approved.
        this = Backend(found.pid, found.started, found.user, found.application, "", None, "")
        working = found.state != "idle"
        return TerminatePlan(
            target=f"{database.name} connection {found.pid}",
            headline=f"End connection {found.pid} of {found.user} to {database.name}.",
            effects=(told(found),),
            warnings=("What it is doing is rolled back.",) if working else (),
            undo_note="An ended connection does not come back; its program opens a new one.",
            confirm_phrase=str(found.pid),
            db=database.name,
            backends=(this,),
            started=found.started,
        )

    async def execute(self, plan: TerminatePlan) -> Receipt:
        return await end(self.planned(plan.db), plan)

    async def evidence(self, plan: TerminatePlan) -> str:
        return await still_there(self.planned(plan.db), plan)


def actions(house: House) -> TerminateConnection:
    return TerminateConnection(house.having(Database))
