"""Quotas and money: what is used of what there is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


@dataclass(frozen=True)
class Quota:
    """One limit, or one running cost where `limit` is None."""

    name: str
    used: float
    limit: float | None
    unit: str
    """calls, USD, concurrent calls, compute hours …"""
    resets_at: datetime | None = None
    note: str = ""
    remaining_is_good: bool = False
    """`used` is what is left (a balance): near its limit means near zero."""

    @property
    def share(self) -> float | None:
        """Of the limit, 0 to 1 and beyond; None without a limit."""
        return self.used / self.limit if self.limit else None


@runtime_checkable
class Metered(Named, Protocol):
    async def usage(self) -> tuple[Quota, ...]: ...
