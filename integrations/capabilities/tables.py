"""A PostgreSQL looked at and looked after: the database and rows commands."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable

from integrations.capabilities.named import Named

Cell = str | int | float | None
View = Literal["connections", "slow", "sizes", "locks", "indexes", "policies", "migrations", "vacuum-needs"]


@dataclass(frozen=True)
class Grid:
    """Rows under columns, with what has to be said about them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    lead: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Backend:
    """One connection of the server. `started` makes the pid unambiguous: pids are used again."""

    pid: int
    started: str
    user: str
    application: str
    state: str
    idle_for: timedelta | None
    query: str
    """First 200 characters, redacted."""


@dataclass(frozen=True)
class Ended:
    backends: tuple[Backend, ...]
    """Those that were really ended."""
    refused: tuple[str, ...] = ()
    """`pid: why` for each that the server did not let us end; others were gone or in use again."""


@dataclass(frozen=True)
class Tended:
    """One table, as PostgreSQL's statistics have it."""

    name: str
    """With its schema."""
    rows: int
    """Estimated."""
    dead: int
    size: str
    """With indexes, in words: `12 MB`."""
    vacuumed: datetime | None
    analyzed: datetime | None


@dataclass(frozen=True)
class Retention:
    """One table's rule of ops.toml: rows older than `keep` are deleted."""

    table: str
    keep: timedelta
    rows: int
    """That would be deleted now; at most `counted_to`."""
    only: str = ""
    """Other conditions that rows must meet, in words: `is_active is false`."""
    counted_to: int = 1_000_000


@runtime_checkable
class Database(Named, Protocol):
    async def view(self, view: View) -> Grid: ...

    async def backends(self) -> tuple[Backend, ...]:
        """Of other clients than ours."""
        ...

    async def terminate(self, backends: Sequence[Backend]) -> Ended:
        """Ends each that is still the same backend, and for an idle one still idle.

        Raises the first refusal where none was ended, and OutcomeUnknown at once, with those that were ended before,
        where one may or may not have been.
        """
        ...

    async def table(self, table: str) -> Tended:
        """Raises NotUnderstood for an unknown table, or where several schemas have one of that name."""
        ...

    async def tend(self, table: str, work: Literal["analyze", "vacuum"]) -> None:
        """`table` with its schema. Raises Refused where the server left it out, with its reason."""
        ...

    async def retention(self) -> tuple[Retention, ...]: ...

    def clean(self, rule: Retention, *, batch: int = 1000) -> AsyncGenerator[int, None]:
        """Delete batch by batch, each its own transaction; yields rows deleted so far. Ends by itself; may be left."""
        ...


@runtime_checkable
class Rows(Named, Protocol):
    def tables(self) -> tuple[str, ...]:
        """Allow-listed in ops.toml."""
        ...

    async def rows(
        self, table: str, *, where: Sequence[tuple[str, str]], order: str | None, descending: bool, limit: int
    ) -> Grid:
        """Allow-listed columns only; masked ones come masked. Raises NotUnderstood for others."""
        ...
