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

    @property
    def inserts(self) -> bool:
        return self.has_allow_list and not self.allowed

    @property
    def ends(self) -> bool:
        """Whether lifting leaves anything behind that could end."""
        return self.inserts or bool(self.blocks)

    def effects(self, network: str) -> tuple[str, ...]:
        effects = [f"{block[:1].lower()}{block[1:]} is lifted" for block in self.blocks]
        if self.records or not self.has_allow_list:
            records = "1 rate-limit record is" if self.records == 1 else f"{self.records} rate-limit records are"
            some = f": {'; '.join(self.sample)}" if self.sample else ""
            more = ", and more" if len(self.sample) < self.records and self.sample else ""
            effects.append(f"{records} deleted{some}{more}")
        if self.has_allow_list:
            there = "is already" if self.allowed else "goes"
            effects.append(f"{network} {there} on the allow-list")
        return tuple(effects)

    def warnings(self, *, ends: bool) -> tuple[str, ...]:
        if not self.has_allow_list:
            once = "There is no allow-list here: records are deleted once, and new ones will count again."
            return (once, *self.notes)
        if self.allowed:
            before = "It was allowed before, by somebody else; this neither ends nor undoes that."
            return (before, *self.notes)
        return self.notes if ends else ("It does not end by itself; for=2h would.", *self.notes)

    @property
    def undo_note(self) -> str:
        said = ["Undo takes it off the allow-list again."] if self.inserts else []
        said += ["Undo puts the blocks back."] if self.blocks else []
        said += ["Deleted records are not put back."] if self.records or not said else []
        return " ".join(said)

    def nothing_to_do(self, network: str, service: str) -> str:
        """Why there is nothing to lift; empty if there is."""
        if self.records or self.ends:
            return ""
        allowed = "it is on the allow-list already" if self.allowed else "there is no allow-list to put it on"
        return " ".join((f"{service} has no rate-limit record of {network}, and {allowed}.", *self.notes))


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
