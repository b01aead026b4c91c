"""Be checked: is it reachable, does it work."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


class Health(StrEnum):
    """Worst last. UNKNOWN means that we could not find out."""

    OK = "ok"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    DOWN = "down"


@dataclass(frozen=True)
class Checked:
    """One look at a service."""

    health: Health
    detail: str = ""
    """Why, in plain words; empty when all is well."""
    calls_left: str = ""
    """Calls left of those that the vendor allows: `4,812 of 5,000 this hour`; empty where it tells nothing."""


@runtime_checkable
class Checkable(Named, Protocol):
    """Can be looked at. `deadline` comes from ops.toml (3 s if not set); the caller enforces it."""

    @property
    def deadline(self) -> timedelta: ...

    async def check(self) -> Checked:
        """DOWN only where the service itself said so or refused the connection; a time-out of ours, an answer we do not
        recognise or a credential that is refused is UNKNOWN or DEGRADED, with the reason."""
        ...
