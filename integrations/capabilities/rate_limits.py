"""Lift rate limits for an address."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


@dataclass(frozen=True)
class RateLimitState:
    """Limits and blocks in the way of a network now, and whether it is allowed already."""

    records: int
    """Rate-limit records that would be deleted."""
    sample: tuple[str, ...]
    """A few of them in words, busiest first."""
    allowed: bool
    """Already on the allow-list (False where there is none)."""
    has_allow_list: bool
    blocks: tuple[str, ...] = ()
    """Rules against this network, in words: `lift` takes them away and `restore` puts them back."""
    notes: tuple[str, ...] = ()
    """Sentences for whoever decides."""


@runtime_checkable
class RateLimiter(Named, Protocol):
    """Keeps rate-limit records by address, and perhaps an allow-list."""

    async def rate_limits(self, network: str) -> RateLimitState: ...

    async def lift(self, network: str, *, note: str, until: datetime | None) -> dict[str, object]:
        """Delete the records and the blocks and allow the network, in one transaction where the service has them;
        JSON that `restore` needs.

        Only what was absent is inserted, and only what was inserted is taken back.
        """
        ...

    async def restore(self, network: str, lifted: dict[str, object]) -> int:
        """Take back what `lift` inserted; rows removed. Deleted counters are not put back: they are stale by then.

        Raises Stale where somebody changed the allow-list row since.
        """
        ...


@runtime_checkable
class Prolongs(RateLimiter, Protocol):
    """Keeps the end of an allowance itself."""

    async def prolong(self, network: str, lifted: dict[str, object], until: datetime) -> dict[str, object]:
        """Move the end of what `lift` inserted; what `restore` needs from now on. Raises Stale where somebody changed
        it since."""
        ...
