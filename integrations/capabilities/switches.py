"""Be paused and resumed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


class Switch(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    OTHER = "other"
    """Neither: ended, draft, archived; never touched."""


@dataclass(frozen=True)
class Switchable:
    """One thing that can be paused."""

    id: str
    name: str
    state: Switch
    detail: str = ""
    """The service's own word for the state, or what ran; `resume` needs it back unchanged."""


@dataclass(frozen=True)
class Flipped:
    """The things that a pause or a resume really changed."""

    changed: tuple[Switchable, ...]
    """As they were before."""
    missed: tuple[str, ...] = field(default=())
    """Those that were not as expected any more, with the reason."""
    note: str = ""
    """A sentence that people must know: that it takes effect a little later …"""


@runtime_checkable
class Switches(Named, Protocol):
    """Holds things that can be paused and resumed: rows with a status column, workflows."""

    async def switches(self) -> tuple[Switchable, ...]: ...

    async def pause(self, ids: Sequence[str]) -> Flipped:
        """Pause exactly these; one that is no longer running is `missed`, never forced."""
        ...

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        """Let exactly these run again as their `detail` says; one that is no longer paused is `missed`.

        Without a `detail` the service's usual way to run is taken; where that is a guess, the thing is `missed`.
        """
        ...


@runtime_checkable
class CautionsPause(Switches, Protocol):
    """Whose pause loses something: said before anybody decides."""

    @property
    def pausing_means(self) -> str:
        """A sentence for the plan."""
        ...
