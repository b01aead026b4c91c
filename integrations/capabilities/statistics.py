"""Count what went on: volume, error rate, durations, the worst operations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


@dataclass(frozen=True)
class Bucket:
    """One slice of time."""

    at: datetime
    count: int
    errors: int


@dataclass(frozen=True)
class Operation:
    """One kind of work."""

    name: str
    count: int
    errors: int
    p95: timedelta | None = None


@dataclass(frozen=True)
class Statistic:
    """One period of one service. Durations are None where the source keeps none."""

    count: int
    errors: int
    p50: timedelta | None
    p95: timedelta | None
    buckets: tuple[Bucket, ...]
    """Even slices, oldest first; those with nothing in them are there too."""
    worst: tuple[Operation, ...]
    """By errors, then by p95; at most ten."""
    note: str = ""
    errors_only: bool = False
    """It counts what failed alone: what went well is not known, and there is no rate."""


@runtime_checkable
class Statistics(Named, Protocol):
    async def statistics(self, *, since: datetime, until: datetime, slices: int) -> Statistic: ...
