"""/ops db writable: let a database write that its host made read-only, for the minutes that it takes to make room."""

from dataclasses import dataclass

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.params import Params
from bot.words.report import Fact, Moment
from commands import House
from commands._shared.services import OnService, ServiceName
from integrations.capabilities import LiftsReadOnly


class Writable(Params):
    positional = ("service",)

    service: ServiceName = None
    """The database's host, as named in ops.toml; needed only where there are several."""


class WritablePlan(Plan):
    service: str
    read_only: bool


@dataclass(frozen=True)
class LetItWrite(OnService[LiftsReadOnly], Change[Writable, WritablePlan]):
    """Let a database write for a while although its host holds it read-only."""

    can = "lift a read-only mode"
    risk = Risk.DESTRUCTIVE
    examples = ("db writable", "db writable supabase")

    async def preview(self, params: Writable) -> WritablePlan:
        host = self.chosen(params)
        now = await host.read_only()
        nothing = "" if now.on else f"{host.name} is not read-only."
        if now.on and now.lifted_until:
            nothing = f"{host.name} may write until {now.lifted_until:%H:%M} UTC already."
        return WritablePlan(
            target=f"{host.name} read-only mode",
            headline=f"Let {host.name} write for 15 minutes, although it is read-only.",
            effects=(f"{host.name}: now read-only, then writable for 15 minutes, then read-only again by itself",),
            facts=(Fact(label="Disk", value=now.detail),) if now.detail else (),
            warnings=("A disk that fills up now can stop the database: use the time to make room, as by db cleanup.",),
            undo_note="Cannot be undone or ended early: its host ends it after 15 minutes.",
            nothing_to_do=nothing,
            service=host.name,
            read_only=now.on,
        )

    async def execute(self, plan: WritablePlan) -> Receipt:
        now = await self.planned(plan.service).lift_read_only()
        until = (Fact(label="Until", value=Moment(at=now.lifted_until)),) if now.lifted_until else ()
        return Receipt(headline=f"{plan.service} may write, for 15 minutes.", facts=until)

    async def evidence(self, plan: WritablePlan) -> str:
        now = await self.planned(plan.service).read_only()
        if now.lifted_until:
            return f"{plan.service} may write until {now.lifted_until:%H:%M} UTC"
        return f"{plan.service} is {'' if now.on else 'not '}read-only"


def actions(house: House) -> LetItWrite:
    return LetItWrite(house.having(LiftsReadOnly))
