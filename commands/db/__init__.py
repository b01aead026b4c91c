"""/ops db: one look at a PostgreSQL: who is connected, what is slow, what is large, who waits for whom."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Report, Suggestion, Table
from commands import House
from commands._shared.services import OnService, ServiceName
from integrations.capabilities import Database, View


class Look(Params):
    positional = ("view",)

    view: View
    """What to look at: connections, slow, sizes, locks, indexes, policies, migrations or vacuum-needs."""
    db: ServiceName = None
    """Database to look at, as named in ops.toml; needed only where there are several."""


_NEXT: dict[str, str] = {"connections": "locks", "locks": "connections", "sizes": "vacuum-needs", "slow": "indexes"}


@dataclass(frozen=True)
class LookAtDatabase(OnService[Database], Lookup[Look]):
    """Look at a database: connections, slow statements, sizes, locks …"""

    now: Callable[[], datetime]

    can = "be looked at as a database"
    named_by = "db"
    examples = ("db connections", "db slow", "db locks db=shop-db")

    async def answer(self, params: Look) -> Report:
        database = self.chosen(params)
        grid = await database.view(params.view)
        following = _NEXT.get(params.view)
        return Report(
            title=f"{params.view.replace('-', ' ').capitalize()} of {database.name}",
            lead=grid.lead,
            table=Table(columns=grid.columns, rows=grid.rows) if grid.rows else None,
            notes=grid.notes,
            suggestions=(
                (Suggestion(label=following.capitalize(), words=f"db {following} db={database.name}"),)
                if following
                else ()
            ),
            taken_at=self.now(),
        )


def actions(house: House) -> LookAtDatabase:
    return LookAtDatabase(house.having(Database), house.now)
