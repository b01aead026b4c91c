"""What the commands on deployments share: what is live, which one is meant, moving production and moving it back."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import Refused
from bot.words.params import Option, Params
from bot.words.report import Fact
from commands._shared.services import OnService, matching, names
from commands.deploys._listing import LOOKED_THROUGH, Listing, facts_of, live_of, still_live, told
from integrations.capabilities import Deed, Deployed, Deployment, Deployments, Promotes, RollsBack


class AskedToMove(Params):
    positional = ("service",)

    service: str
    to: str | None = None


class MovePlan(Plan):
    service: str
    live: str
    """Id of what served production when the approver looked; empty where nothing did."""
    to: str


H = TypeVar("H", bound=Deployments)
P = TypeVar("P", bound=AskedToMove)


@dataclass(frozen=True)
class Moving(OnService[H], Undoable[P, MovePlan], Generic[P, H]):
    listing: Listing

    risk = Risk.DESTRUCTIVE
    deed: ClassVar[Deed]

    @abstractmethod
    def aim(self, host: H, found: Sequence[Deployment], live: Deployment | None, wanted: str | None) -> Deployment:
        """Which deployment is meant. Raises NotUnderstood."""

    @abstractmethod
    def nothing_to_do(self, live: Deployment | None, target: Deployment) -> str: ...

    @abstractmethod
    def headline(self, host: H, target: Deployment) -> str: ...

    @abstractmethod
    async def act(self, host: H, to: str) -> Deployed: ...

    def fits(self, deployment: Deployment) -> bool:
        """Whether it is offered while a person types."""
        return True

    async def preview(self, params: P) -> MovePlan:
        host = self.chosen(params)
        found = await host.deployments(limit=LOOKED_THROUGH)
        live = live_of(found)
        target = self.aim(host, found, live, params.to)
        back = (
            f"Undo brings {live.id} back, as long as {host.name} keeps it."
            if live
            else "Nothing is live to go back to."
        )
        return MovePlan(
            target=f"{host.name} production",
            headline=self.headline(host, target),
            effects=(f"live now: {told(live) if live else 'nothing'}", f"{self.deed}: {told(target)}"),
            facts=facts_of(target),
            warnings=host.cautions(self.deed),
            undo_note=back,
            confirm_phrase=host.name,
            nothing_to_do=self.nothing_to_do(live, target),
            service=host.name,
            live=live.id if live else "",
            to=target.id,
        )

    def settled(self, params: P, plan: MovePlan) -> P:
        return params.model_copy(update={"service": plan.service, "to": plan.to})

    async def execute(self, plan: MovePlan) -> Receipt:
        done = await self.act(self.planned(plan.service), plan.to)
        facts = (Fact(label="Live", value=done.live or None), *(Fact(label="Note", value=note) for note in done.notes))
        return Receipt(headline=done.sentence, facts=facts, undo={"live": done.live})

    async def undo(self, plan: MovePlan, receipt: Receipt) -> Receipt:
        host = self.planned(plan.service)
        await still_live(host, str(receipt.undo["live"]))
        if not plan.live:
            raise Refused(f"Nothing served production of {plan.service} before: there is nothing to go back to.")
        if plan.live == receipt.undo["live"]:
            return Receipt(headline=f"{plan.live} is what was live before: production of {plan.service} had not moved.")
        if isinstance(host, Promotes):
            back = await host.promote(plan.live)
        elif isinstance(host, RollsBack):
            back = await host.roll_back(plan.live)
        else:
            raise Refused(f"{plan.service} cannot go back to an earlier deployment.")
        return Receipt(headline=back.sentence, facts=(Fact(label="Live", value=back.live),))

    async def evidence(self, plan: MovePlan) -> str:
        found = await self.planned(plan.service).deployments(limit=LOOKED_THROUGH)
        live = live_of(found)
        newest = f"; newest: {told(found[0])}, {found[0].state}" if found else ""
        return f"live: {told(live) if live else 'nothing'}{newest}"

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "service":
            return matching(names(self.services), typed)
        return self.listing.options(self.services, self.fits, typed)

    async def refresh(self) -> None:
        await self.listing.refresh()
