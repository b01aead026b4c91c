"""Be tested: what was tried, with which rights, how long it took, what to do."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from integrations.capabilities.checks import Health
from integrations.capabilities.named import Named


@dataclass(frozen=True)
class Trial:
    """One step of a test."""

    what: str
    """The step in plain words: `list executions`."""
    health: Health
    took: timedelta
    detail: str = ""
    remedy: str = ""
    """The remedy where it is not OK."""


@runtime_checkable
class Testable(Named, Protocol):
    """Can be tried out step by step: reached, credential accepted, each right that the bot uses, quota left."""

    async def test(self) -> tuple[Trial, ...]:
        """Reads only. A step that fails does not end the test; one that would change something is left out."""
        ...


@dataclass(frozen=True)
class Credential:
    """One secret as ops.toml refers to it; never its value."""

    setting: str
    """`services.n8n.api_key`."""
    reference: str
    """`env:N8N_API_KEY`."""
    proved_by: str = ""
    """The only proof of it where no health check carries it: `a run of reindex that ends well`."""
    doubt: str = ""
    """Why a health check that carries it and goes well does not prove it; empty where it does."""


@dataclass(frozen=True)
class Rights:
    """The rights of a credential, as far as the vendor tells."""

    has: tuple[str, ...] = ()
    unneeded: tuple[str, ...] = ()
    """Of those, what no command of ours uses."""
    lacking: tuple[tuple[str, str], ...] = ()
    """Right, and the commands that need it."""
    note: str = ""
    """Where the vendor does not tell, why, and what the least rights are."""
    narrowest: bool = False
    """The vendor has no credential that may less: what is unneeded cannot be taken away."""


@runtime_checkable
class Credentialed(Named, Protocol):
    """Proves itself with secrets that are rotated."""

    def credentials(self) -> tuple[Credential, ...]: ...

    async def rights(self) -> Rights:
        """Reads only."""
        ...
