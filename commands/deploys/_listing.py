"""Deployments as they are listed: which is live, how one is told, and which one a person means."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.words.exceptions import NotUnderstood, Stale
from bot.words.params import Option
from bot.words.report import Fact, Moment
from commands._shared.asking import ask_all
from commands._shared.house import House
from commands._shared.services import LONGEST_LABEL, matching
from integrations.capabilities import Deployment, Deployments

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


async def still_live(host: Deployments, expected: str) -> None:
    """Raises Stale."""
    live = live_of(await host.deployments(limit=LOOKED_THROUGH))
    if (live.id if live else "") != expected:
        now = f"{host.name} serves {told(live) if live else 'nothing'} now, not {expected or 'nothing'}"
        raise Stale(f"{now}.", differences=(now,))


def facts_of(target: Deployment) -> tuple[Fact, ...]:
    return (
        Fact(label="Deployment", value=target.id),
        Fact(label="Of", value=Moment(at=target.created_at) if target.created_at else None),
        *((Fact(label="By", value=target.author),) if target.author else ()),
    )
