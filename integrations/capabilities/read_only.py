"""Databases that their host makes read-only, mostly because a disk is full, and lets write again for a while."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


@dataclass(frozen=True)
class ReadOnly:
    on: bool
    """The host holds it read-only."""
    lifted_until: datetime | None = None
    """Writing is let through until then all the same."""
    detail: str = ""
    """Words on the likely cause: `7.9 of 8.0 GB of its disk are used`."""


@runtime_checkable
class LiftsReadOnly(Named, Protocol):
    async def read_only(self) -> ReadOnly: ...

    async def lift_read_only(self) -> ReadOnly:
        """Let it write for as long as its host lets it, and wait until it says so. Cannot be ended early.

        Raises OutcomeUnknown where it does not say so in time.
        """
        ...
