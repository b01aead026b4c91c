"""Phone calls and the numbers they come in on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from integrations.capabilities.named import Named


@dataclass(frozen=True)
class Call:
    id: str
    at: datetime
    agent: str
    status: str
    reason: str
    """Why it ended, the vendor's word."""
    failed: bool
    duration: timedelta | None = None
    link: str = ""


@runtime_checkable
class Calls(Named, Protocol):
    async def calls(self, *, since: datetime, limit: int) -> tuple[Call, ...]:
        """Newest first, good and failed ones."""
        ...


class NumberState(StrEnum):
    AVAILABLE = "available"
    ASSIGNED = "assigned"
    SUSPENDED = "suspended"
    OTHER = "other"


@dataclass(frozen=True)
class Number:
    number: str
    state: NumberState
    assigned_to: str = ""
    since: datetime | None = None
    detail: str = ""


@runtime_checkable
class Numbers(Named, Protocol):
    async def numbers(self) -> tuple[Number, ...]: ...

    async def set_number(self, was: Number, *, state: NumberState, assigned_to: str) -> dict[str, JsonValue]:
        """Release (available, nobody) or reassign one number; what putting it back needs.

        Raises Stale where it is not as it `was`.
        """
        ...

    async def restore_number(self, number: str, kept: dict[str, JsonValue]) -> None:
        """Raises Stale where somebody changed it since."""
        ...
