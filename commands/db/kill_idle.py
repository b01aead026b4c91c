"""/ops db kill-idle: end connections that nobody has used for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from bot.action import Change, Receipt, Risk
from bot.params import Choices, Duration, Option, Params, duration_text
from commands._services import matching, names, pick, retyped
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
    db: Annotated[str | None, Choices()] = None
    """Database to do it on, as named in ops.toml; needed only where there are several."""


@dataclass(frozen=True)
class KillIdleConnections(Change[KillIdle, EndPlan]):
    """End database connections that nobody uses."""

    databases: tuple[Database, ...]

    risk = Risk.DESTRUCTIVE
    examples = ("db kill-idle older=5m", "db kill-idle older=10m in-transaction=yes user=app")

    async def preview(self, params: KillIdle) -> EndPlan:
        database = pick(
            self.databases,
            params.db,
            can="end connections",
            typed=lambda name: retyped(self.words, params, db=name),
        )
        idle = [backend for backend in await database.backends() if _meant(backend, params)]
        within = sum(backend.state != "idle" for backend in idle)
        lost = f"{within} of them within a transaction: what it did not commit is lost."
        return EndPlan(
            target=f"{database.name} idle connections",
            headline=f"End {counted(len(idle))} of {database.name}, idle for more than {duration_text(params.older)}.",
            effects=listed(idle),
            warnings=(lost,) if within else (),
            undo_note="Ended connections do not come back; their programs open new ones.",
            nothing_to_do=""
            if idle
            else f"{database.name} has no connection of others that is idle for more than "
            f"{duration_text(params.older)}.",
            db=database.name,
            backends=tuple(idle),
        )

    async def execute(self, plan: EndPlan) -> Receipt:
        return await end(self._planned(plan), plan)

    async def evidence(self, plan: EndPlan) -> str:
        return await still_there(self._planned(plan), plan)

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        return matching(names(self.databases), typed)

    def _planned(self, plan: EndPlan) -> Database:
        return pick(self.databases, plan.db, can="end connections", typed=lambda name: f"db kill-idle db={name}")


def _meant(backend: Backend, params: KillIdle) -> bool:
    if backend.idle_for is None or backend.idle_for <= params.older:
        return False
    if params.user is not None and backend.user != params.user:
        return False
    return backend.state == "idle" or params.in_transaction
