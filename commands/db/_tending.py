"""What vacuum and analyze share: one table, as the statistics have it, and the work on it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.exceptions import OpsError
from bot.words.params import Params
from bot.words.report import Fact, Moment
from commands._shared.services import OnService, ServiceName
from integrations.capabilities import Database, Tended


class Tend(Params):
    positional = ("table",)

    table: Annotated[str, Field(min_length=1, max_length=130)]
    """Table, as in `orders` or `public.orders`."""
    db: ServiceName = None
    """Database it is in, as named in ops.toml; needed only where there are several."""


class TendPlan(Plan):
    db: str
    table: str
    """With its schema."""


@dataclass(frozen=True)
class Tending(OnService[Database], Change[Tend, TendPlan]):
    """Work on one table that reads nothing out and loses nothing."""

    named_by = "db"
    risk = Risk.CHANGE
    work: ClassVar[Literal["analyze", "vacuum"]]
    headline: ClassVar[str]
    effects: ClassVar[tuple[str, ...]]

    async def preview(self, params: Tend) -> TendPlan:
        database = self.chosen(params)
        found = await database.table(params.table)
        return TendPlan(
            target=f"{database.name} table {found.name}",
            headline=self.headline.format(table=f"{found.name} of {database.name}"),
            effects=self.effects,
            facts=_facts(found),
            undo_note="There is nothing to undo: rows stay as they are.",
            db=database.name,
            table=found.name,
        )

    async def execute(self, plan: TendPlan) -> Receipt:
        database = self.planned(plan.db)
        await database.tend(plan.table, self.work)
        try:
            facts = _facts(await database.table(plan.table))
        except OpsError:  # the work is done all the same
            facts = ()
        return Receipt(headline=f"Done: {self.work} of {plan.table} of {plan.db}.", facts=facts)

    async def evidence(self, plan: TendPlan) -> str:
        found = await self.planned(plan.db).table(plan.table)
        last = found.vacuumed if self.work == "vacuum" else found.analyzed
        return f"last {self.work}: {last:%Y-%m-%d %H:%M:%S} UTC" if last else f"no {self.work} is recorded"


def _facts(table: Tended) -> tuple[Fact, ...]:
    return (
        Fact(label="Size", value=table.size),
        Fact(label="Rows, estimated", value=table.rows),
        Fact(label="Dead rows", value=table.dead),
        Fact(label="Last vacuum", value=Moment(at=table.vacuumed) if table.vacuumed else None),
        Fact(label="Last analyze", value=Moment(at=table.analyzed) if table.analyzed else None),
    )
