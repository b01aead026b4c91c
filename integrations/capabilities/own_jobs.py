"""Jobs of the team's own: an endpoint, a workflow dispatch, a local program."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from integrations.capabilities.named import Named


@dataclass(frozen=True)
class JobParam:
    name: str
    hint: str = ""
    pattern: str = ""
    """A full regular expression; empty takes what the kind takes."""
    required: bool = False


@dataclass(frozen=True)
class Job:
    name: str
    what: str
    """One sentence of ops.toml."""
    params: tuple[JobParam, ...] = ()
    destructive: bool = True


@dataclass(frozen=True)
class JobEnd:
    sentence: str
    output: str = ""
    """Its last lines, redacted, at most 3,000 characters."""
    link: str = ""


@runtime_checkable
class OwnJobs(Named, Protocol):
    def jobs(self) -> tuple[Job, ...]: ...

    async def run_job(self, job: str, params: Mapping[str, str]) -> JobEnd:
        """Raises Refused where it ended badly, OutcomeUnknown where its end is not known."""
        ...
