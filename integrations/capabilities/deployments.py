"""Deployments: list them, and the four things that are done with them. A host has those it can do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from integrations.capabilities.named import Named

Deed = Literal["roll back", "promote", "redeploy", "restart"]


@dataclass(frozen=True)
class Deployment:
    id: str
    state: str
    """The vendor's word, lower case: ready, building, error …"""
    live: bool
    """Serves production now."""
    created_at: datetime | None
    ref: str = ""
    """Branch and short commit."""
    message: str = ""
    author: str = ""
    link: str = ""
    can_return_to: bool = False
    """The vendor says a rollback to it is possible."""


@dataclass(frozen=True)
class Deployed:
    """How it ended, once the vendor said so."""

    live: str
    """Id of what serves production now."""
    sentence: str
    notes: tuple[str, ...] = ()
    """Sentences that people must know: production domains are not assigned by themselves any more …"""


@runtime_checkable
class Deployments(Named, Protocol):
    async def deployments(self, *, limit: int = 20) -> tuple[Deployment, ...]:
        """Of production, newest first."""
        ...

    def cautions(self, deed: Deed) -> tuple[str, ...]:
        """Sentences that people must know of this host before they decide."""
        ...


@runtime_checkable
class RollsBack(Deployments, Protocol):
    async def roll_back(self, to: str) -> Deployed:
        """Point production at an earlier deployment and wait until the vendor says it is done.

        Raises Refused, OutcomeUnknown where the vendor did not say within the time limit.
        """
        ...


@runtime_checkable
class Promotes(Deployments, Protocol):
    async def promote(self, deployment: str) -> Deployed:
        """Make an existing deployment production, without building it again."""
        ...


@runtime_checkable
class Redeploys(Deployments, Protocol):
    async def redeploy(self, deployment: str) -> Deployed:
        """Build the same again; waits for the end. Not idempotent."""
        ...


@runtime_checkable
class Restarts(Named, Protocol):
    async def restart(self) -> Deployed:
        """Restart what runs now: a deployment, a database endpoint. Drops connections."""
        ...

    async def running_now(self) -> str:
        """The id of the deployment that would be restarted, for the plan and its precondition."""
        ...

    def cautions(self, deed: Deed) -> tuple[str, ...]: ...
