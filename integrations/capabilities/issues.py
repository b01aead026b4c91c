"""Tracked issues: list them; resolve or ignore one by its id, never by query."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from integrations.capabilities.named import Named

IssueStatus = Literal["unresolved", "resolved", "ignored"]


@dataclass(frozen=True)
class Issue:
    id: str
    short_id: str
    title: str
    where: str
    count: int
    users: int
    first_seen: datetime | None
    last_seen: datetime | None
    level: str
    status: IssueStatus
    detail: str = ""
    """The vendor's finer word: archived_until_escalating …"""
    link: str = ""
    lost: str = ""
    """A sentence on the part of its state that `set_status` could not put back; empty where it can put back all."""


@runtime_checkable
class Issues(Named, Protocol):
    async def issues(self, *, since: datetime, match: str | None, limit: int) -> tuple[Issue, ...]:
        """Unresolved ones, most frequent first."""
        ...

    async def issue(self, issue_id: str) -> Issue:
        """By id or short id. Raises NotUnderstood for an unknown one."""
        ...

    async def set_status(self, issue_id: str, status: IssueStatus, detail: str = "") -> Issue:
        """Of this one issue; `detail` restores a finer state. The answer may leave its counts out. Raises Refused."""
        ...
