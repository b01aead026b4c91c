"""List errors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


@dataclass(frozen=True)
class ErrorEvent:
    """One error as its source recorded it. Text is from outside."""

    key: str
    """Unique in its source; orders with `at` for tailing."""
    at: datetime
    origin: str
    """The part that failed: a source column's value, a workflow's name."""
    operation: str
    message: str
    link: str = ""


@dataclass(frozen=True)
class ErrorPage:
    events: tuple[ErrorEvent, ...]
    """Newest first."""
    truncated: bool = False
    """There were more than the limit."""
    note: str = ""
    """A sentence on what is not among them, and why."""


@runtime_checkable
class ErrorSource(Named, Protocol):
    """Keeps errors that can be listed."""

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Errors at or after `since`, newest first; `match` is a plain substring, case-insensitive."""
        ...
