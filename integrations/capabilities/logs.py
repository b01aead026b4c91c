"""Show logs: whole lines, not errors alone."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


class Level(StrEnum):
    """Least grave first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class LogLine:
    """One line as its source recorded it. Text is from outside."""

    key: str
    """Unique in its source; orders with `at` for tailing."""
    at: datetime
    level: Level
    origin: str
    message: str
    link: str = ""


@dataclass(frozen=True)
class LogPage:
    lines: tuple[LogLine, ...]
    """Newest first."""
    truncated: bool = False
    note: str = ""
    """A sentence on what was left out, and why."""


@runtime_checkable
class LogSource(Named, Protocol):
    async def logs(self, *, since: datetime, level: Level, match: str | None, limit: int) -> LogPage:
        """Lines at or after `since`, of `level` or graver; `match` is a plain substring, case-insensitive."""
        ...
