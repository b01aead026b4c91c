"""What several kinds of service can do in the same way: the Protocols that commands are written against.

Clients translate their vendor's errors into `bot.errors` at the door, so a command rarely needs `try`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Named(Protocol):
    """Every client: `name` is the service's name in ops.toml, `kind` its kind."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...


# -- be checked --------------------------------------------------------------------------------


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


@runtime_checkable
class Checkable(Named, Protocol):
    """Can be looked at. `deadline` comes from ops.toml (3 s if not set); the caller enforces it."""

    @property
    def deadline(self) -> timedelta: ...

    async def check(self) -> Checked:
        """DOWN only where the service itself said so or refused the connection; a time-out of ours, an answer we do not
        recognise or a credential that is refused is UNKNOWN or DEGRADED, with the reason."""
        ...


# -- list errors -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ErrorEvent:
    """One error as its source recorded it. Text is from outside."""

    key: str
    """Unique in its source; orders with `at` for tailing."""
    at: datetime
    origin: str
    """What failed: a source column's value, a workflow's name."""
    operation: str
    message: str
    link: str = ""


@dataclass(frozen=True)
class ErrorPage:
    events: tuple[ErrorEvent, ...]
    """Newest first."""
    truncated: bool = False
    """There were more than the limit."""


@runtime_checkable
class ErrorSource(Named, Protocol):
    """Keeps errors that can be listed."""

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Errors at or after `since`, newest first; `match` is a plain substring, case-insensitive."""
        ...


# -- list and retry executions -----------------------------------------------------------------


@dataclass(frozen=True)
class Execution:
    """One run of a workflow."""

    id: str
    workflow_id: str
    workflow: str
    """The workflow's name; its id where the name cannot be read."""
    status: str
    started_at: datetime | None
    stopped_at: datetime | None
    failing_node: str | None = None
    error: str | None = None
    retry_of: str | None = None
    retried_by: str | None = None
    """Id of a retry that ended well."""
    link: str = ""

    @property
    def failed(self) -> bool:
        return self.status in ("error", "crashed")


@runtime_checkable
class Executions(Named, Protocol):
    """Runs workflows whose failed runs can be retried."""

    async def failed(
        self, *, workflow: str | None = None, since: datetime | None = None, limit: int = 20
    ) -> tuple[Execution, ...]:
        """Newest first; without failing node and error. `workflow` is an id or a name."""
        ...

    async def execution(self, execution_id: str) -> Execution:
        """With failing node and error. Raises NotUnderstood for an unknown id."""
        ...

    async def retries_of(self, execution_id: str) -> tuple[Execution, ...]:
        """Every retry of this run that is still listed, oldest first, running ones too."""
        ...

    async def retry(self, execution_id: str, *, current_workflow: bool) -> Execution:
        """Run it again and wait for the end; the new run, whatever its status.

        Raises Refused where the service says no, OutcomeUnknown when the answer did not come: the run may be going on.
        """
        ...


# -- lift rate limits for an address -----------------------------------------------------------


@dataclass(frozen=True)
class RateLimitState:
    """What stands in the way of a network now, and whether it is allowed already."""

    records: int
    """Rate-limit records that would be deleted."""
    sample: tuple[str, ...]
    """A few of them in words, busiest first."""
    allowed: bool
    """Already on the allow-list (False where there is none)."""
    has_allow_list: bool


@runtime_checkable
class RateLimiter(Named, Protocol):
    """Keeps rate-limit records by address, and perhaps an allow-list."""

    async def rate_limits(self, network: str) -> RateLimitState: ...

    async def lift(self, network: str, *, note: str, until: datetime | None) -> dict[str, object]:
        """Delete the records and allow the network, in one transaction; JSON that `restore` needs.

        Only what was absent is inserted, and only what was inserted is taken back.
        """
        ...

    async def restore(self, network: str, lifted: dict[str, object]) -> int:
        """Take back what `lift` inserted; rows removed. Deleted counters are not put back: they are stale by then.

        Raises Stale where somebody changed the allow-list row since.
        """
        ...


# -- be paused ---------------------------------------------------------------------------------


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
    """The service's own word for the state."""


@dataclass(frozen=True)
class Flipped:
    """What a pause or a resume really changed."""

    changed: tuple[Switchable, ...]
    """As they were before."""
    missed: tuple[str, ...] = field(default=())
    """Those that were not as expected any more, with the reason."""


@runtime_checkable
class Switches(Named, Protocol):
    """Holds things that can be paused and resumed: rows with a status column, workflows."""

    async def switches(self) -> tuple[Switchable, ...]: ...

    async def pause(self, ids: Sequence[str]) -> Flipped:
        """Pause exactly these; one that is no longer running is `missed`, never forced."""
        ...

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        """Put exactly these back to the state they carry; one that is no longer paused is `missed`."""
        ...
