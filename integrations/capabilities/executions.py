"""List and retry executions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


@dataclass(frozen=True)
class Execution:
    """One run of a workflow."""

    id: str
    workflow_id: str
    workflow: str
    """The workflow's name; its id where the name cannot be read."""
    status: str
    """success, error, crashed, canceled, running, waiting or new; else the vendor's own word."""
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

    @property
    def going(self) -> bool:
        return self.status in ("running", "waiting", "new")

    @property
    def when(self) -> datetime | None:
        return self.stopped_at or self.started_at

    @property
    def shortly(self) -> str:
        """Its error in at most 300 characters of one line; empty where there is none."""
        flat = " ".join((self.error or "").split())
        return flat if len(flat) <= 300 else f"{flat[:299]}…"

    @property
    def why(self) -> str:
        """Where it failed and with what, as the end of a sentence."""
        node = f" at node {self.failing_node!r}" if self.failing_node else ""
        return f"{node}: {self.shortly}" if self.error else node

    @property
    def ended(self) -> str:
        """How it went, as in "retry 4712 ended well"."""
        if self.status == "success":
            return "ended well"
        return f"failed{self.why}" if self.failed else f"is {self.status}"


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
        """Every retry of this run that is still listed, oldest first, running ones too.

        Raises Refused where so many runs came since that it cannot be told.
        """
        ...

    async def retry(self, execution_id: str, *, current_workflow: bool) -> Execution:
        """Run it again and wait for the end; the new run, whatever its status.

        Raises Refused where the service says no, where it was mended by a retry already or is being retried now;
        OutcomeUnknown when the answer did not come: the run may be going on.
        """
        ...


@runtime_checkable
class RetriesCurrent(Executions, Protocol):
    """Can also retry with the workflow as it is now."""

    @property
    def current_means(self) -> str:
        """Words that complete "it runs with …" and say what "as it is now" means there."""
        ...
