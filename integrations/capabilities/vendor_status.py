"""A vendor's own word on how it is, beside what we measure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from integrations.capabilities.checks import Health
from integrations.capabilities.named import Named


@dataclass(frozen=True)
class VendorIncident:
    name: str
    state: str
    """The vendor's word: investigating, monitoring …"""
    since: datetime | None
    link: str = ""


@dataclass(frozen=True)
class VendorState:
    health: Health
    """UNKNOWN where the page cannot be read or is not in the format it should be: never a guess at down."""
    summary: str
    """The vendor's own sentence."""
    affected: tuple[str, ...] = ()
    """Components that are not operational, with their state."""
    incidents: tuple[VendorIncident, ...] = ()
    page: str = ""


@runtime_checkable
class VendorStatus(Named, Protocol):
    @property
    def vendor(self) -> str:
        """As people call it: `vercel`. Services of this kind stand on it."""
        ...

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services that stand on it; empty means all of its kind."""
        ...

    async def vendor_state(self) -> VendorState:
        """Never raises an OpsError: what cannot be read is UNKNOWN with the reason."""
        ...
