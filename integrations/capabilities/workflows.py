"""Workflows: list, turn on and off, stop a run."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from integrations.capabilities.executions import Execution
from integrations.capabilities.named import Named


@dataclass(frozen=True)
class Workflow:
    id: str
    name: str
    active: bool
    version: str = ""
    """The version to name when this very state is turned on again; empty where the vendor has none."""
    detail: str = ""
    last_failed_at: datetime | None = None
    link: str = ""
    settles_within: timedelta = timedelta(0)
    """How long after its answer the service may carry a change out."""


@runtime_checkable
class Workflows(Named, Protocol):
    async def workflows(self) -> tuple[Workflow, ...]: ...

    async def turn(self, workflow: Workflow, *, on: bool) -> dict[str, JsonValue]:
        """Turn it on or off from the state it carries; what turning it back needs.

        Raises Stale where it is not as it was, Refused with the vendor's reason.
        """
        ...

    async def turn_back(self, workflow: Workflow, kept: dict[str, JsonValue]) -> None:
        """Raises Stale where somebody changed it since."""
        ...


@runtime_checkable
class Stoppable(Named, Protocol):
    """Runs can be stopped, for good."""

    async def running(self) -> tuple[Execution, ...]: ...

    async def stop(self, execution_id: str) -> Execution:
        """Raises Refused where it is over already, NotUnderstood for an unknown id."""
        ...
