"""/ops db kill-idle: end connections that nobody has used for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from bot.words.action import Change, Receipt, Risk
from bot.words.params import Duration, Params, duration_text
from commands import House
from commands._shared.services import OnService, ServiceName
from commands.db._backends import EndPlan, counted, end, listed, still_there
from integrations.capabilities import Backend, Database

SHORTEST = timedelta(minutes=1)


def _long_enough(older: timedelta) -> timedelta:
    if older < SHORTEST:
        raise ValueError(f"{duration_text(older)} is how long a healthy pool rests; type at least 1m")
    return older


class KillIdle(Params):
    older: Annotated[Duration, AfterValidator(_long_enough)] = timedelta(minutes=5)
    """Idle for longer than this, as in 5m; at least 1m."""
    in_transaction: bool = False
    """`yes` also ends those that rest within a transaction; what they did not commit is lost."""
    user: str | None = None
    """Only connections of this database user."""
    db: ServiceName = None
    """Database to do it on, as named in ops.toml; needed only where there are several."""


@dataclass(frozen=True)
class KillIdleConnections(OnService[Database], Change[KillIdle, EndPlan]):
    """End database connections that nobody uses."""

    can = "end connections"
    named_by = "db"
    risk = Risk.DESTRUCTIVE
    examples = ("db kill-idle older=5m", "db kill-idle older=10m in-transaction=yes user=app")

    async def preview(self, params: KillIdle) -> EndPlan:
        database = self.chosen(params)
        backends = await database.backends()
        idle = [backend for backend in backends if _meant(backend, params)]
        whose = f" of {params.user}" if params.user is not None else ""
        for_long = f"idle for more than {duration_text(params.older)}"
        within = sum(backend.state != "idle" for backend in idle)
        lost = f"{within} of them within a transaction: what it did not commit is lost."
        return EndPlan(
            target=f"{database.name} idle connections",
            headline=f"End {counted(len(idle))}{whose} of {database.name}, {for_long}.",
            effects=listed(idle),
            warnings=(lost,) if within else (),
            undo_note="Ended connections do not come back; their programs open new ones.",
            nothing_to_do=""
            if idle
            else f"{database.name} has no connection{whose or ' of others'} that is {for_long}"
            f"{_passed_over(backends, params)}.",
            db=database.name,
            backends=tuple(idle),
        )

    async def execute(self, plan: EndPlan) -> Receipt:
        return await end(self.planned(plan.db), plan)

    async def evidence(self, plan: EndPlan) -> str:
        return await still_there(self.planned(plan.db), plan)


def _passed_over(backends: Sequence[Backend], params: KillIdle) -> str:
    """What is idle all the same and was not asked for: a slip in a name must not read as `there is nothing`."""
    wider = params.model_copy(update={"in_transaction": True})
    if within := sum(_meant(backend, wider) for backend in backends):
        return f", but {within} within a transaction: in-transaction=yes ends {'it' if within == 1 else 'them'} too"
    users = sorted({backend.user for backend in backends})
    if params.user is None or params.user in users:
        return ""
    return f"; nobody is connected as {params.user}, only {', '.join(users[:10])}" if users else ""


def _meant(backend: Backend, params: KillIdle) -> bool:
    if backend.idle_for is None or backend.idle_for <= params.older:
        return False
    if params.user is not None and backend.user != params.user:
        return False
    return backend.state == "idle" or params.in_transaction


def actions(house: House) -> KillIdleConnections:
    return KillIdleConnections(house.having(Database))
