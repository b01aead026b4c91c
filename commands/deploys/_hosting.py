"""What the commands on deployments share: what is live, which one is meant, moving production and moving it back."""

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Generic, TypeVar

from bot.words.action import Plan, Receipt, Risk, Undoable
from bot.words.exceptions import NotUnderstood, Refused, Stale
from bot.words.params import Option, Params
from bot.words.report import Fact, Moment
from commands._shared.house import House
from commands._shared.services import LONGEST_LABEL, OnService, ask_all, matching, names, pick, retyped
from integrations.capabilities import Deed, Deployed, Deployment, Deployments, Promotes, RollsBack

LOOKED_THROUGH = 50
"""Deployments among which the one that is meant is looked for, newest first."""


@dataclass
class Listing:
    """Deployments as last read, for `options`. One for all commands: some hosts allow few calls an hour."""

    hosts: tuple[Deployments, ...]
    every: timedelta = timedelta(minutes=5)
    deadline: timedelta = timedelta(seconds=10)
    known: dict[str, tuple[Deployment, ...]] = field(default_factory=dict)
    _due: float = 0.0

    async def refresh(self) -> None:
        """A host that is silent keeps its last ones."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self.every.total_seconds()
        heard = await ask_all(self.hosts, lambda host: host.deployments(limit=20), self.deadline)
        self.known.update((host.name, deployments) for host, deployments in heard.read)

    def options(self, hosts: Sequence[Deployments], fits: Callable[[Deployment], bool], typed: str) -> list[Option]:
        several = len(hosts) > 1
        return matching(
            (
                Option(each.id, f"{f'{host.name}: ' if several else ''}{told(each)}"[:LONGEST_LABEL])
                for host in hosts
                for each in self.known.get(host.name, ())
                if fits(each)
            ),
            typed,
        )


def listing_of(house: House) -> Listing:
    return Listing(house.having(Deployments))


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
        host = self._host(params.service, params)
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
            facts=_facts(target),
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
        host = self._host(plan.service)
        await _still_live(host, plan.live)
        done = await self.act(host, plan.to)
        facts = (Fact(label="Live", value=done.live or None), *(Fact(label="Note", value=note) for note in done.notes))
        return Receipt(headline=done.sentence, facts=facts, undo={"live": done.live})

    async def undo(self, plan: MovePlan, receipt: Receipt) -> Receipt:
        host = self._host(plan.service)
        await _still_live(host, str(receipt.undo["live"]))
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
        found = await self._host(plan.service).deployments(limit=LOOKED_THROUGH)
        live = live_of(found)
        newest = f"; newest: {told(found[0])}, {found[0].state}" if found else ""
        return f"live: {told(live) if live else 'nothing'}{newest}"

    async def options(self, field: str, typed: str) -> Sequence[Option]:
        if field == "service":
            return matching(names(self.services), typed)
        return self.listing.options(self.services, self.fits, typed)

    async def refresh(self) -> None:
        await self.listing.refresh()

    def _host(self, name: str, asked: P | None = None) -> H:
        def typed(each: str) -> str:
            return retyped(self.words, asked, service=each) if asked is not None else f"{self.words} {each}"

        return pick(self.services, name, can=self.deed, typed=typed)


def live_of(found: Sequence[Deployment]) -> Deployment | None:
    return next((each for each in found if each.live), None)


def told(deployment: Deployment) -> str:
    """`dpl_3f main 3f2a91c: what it says`, in words that stay short."""
    message = f": {deployment.message[:60]}" if deployment.message else ""
    return f"{deployment.id}{f' {deployment.ref}' if deployment.ref else ''}{message}"


def meant(host: Deployments, found: Sequence[Deployment], wanted: str, words: str) -> Deployment:
    """By id, or by what its id or commit begins with. Raises NotUnderstood for one that is unknown or several."""
    exact = [each for each in found if each.id == wanted]
    begun = [
        each
        for each in found
        if len(wanted) >= 4 and any(word.startswith(wanted) for word in (each.id, *each.ref.split()[-1:]))
    ]
    fitting = exact or begun
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        listed = "; ".join(told(each) for each in fitting[:5])
        raise NotUnderstood(
            f"{wanted!r} means several: {listed}.",
            choices={each.id: f"{words} {host.name} to={each.id}" for each in fitting[:5]},
        )
    raise NotUnderstood(
        f"{wanted!r} is not among the newest {LOOKED_THROUGH} production deployments of {host.name}.",
        hint=f"deploys {host.name}",
    )


async def _still_live(host: Deployments, expected: str) -> None:
    """Raises Stale."""
    live = live_of(await host.deployments(limit=LOOKED_THROUGH))
    if (live.id if live else "") != expected:
        now = f"{host.name} serves {told(live) if live else 'nothing'} now, not {expected or 'nothing'}"
        raise Stale(f"{now}.", differences=(now,))


def _facts(target: Deployment) -> tuple[Fact, ...]:
    return (
        Fact(label="Deployment", value=target.id),
        Fact(label="Of", value=Moment(at=target.created_at) if target.created_at else None),
        *((Fact(label="By", value=target.author),) if target.author else ()),
    )
