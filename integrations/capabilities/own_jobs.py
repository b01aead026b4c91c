"""Jobs of the team's own: an endpoint, a workflow dispatch, a local program."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bot.words.exceptions import NotUnderstood
from integrations.capabilities.named import Named


@dataclass(frozen=True)
class JobParam:
    name: str
    hint: str = ""
    pattern: str = ""
    """A regular expression that the whole value must match; empty takes anything that is no control character."""
    required: bool = False


@dataclass(frozen=True)
class Job:
    name: str
    what: str
    """One sentence of ops.toml."""
    params: tuple[JobParam, ...] = ()
    destructive: bool = True

    def checked(self, params: Mapping[str, str]) -> dict[str, str]:
        """The values in the order in which ops.toml names them. Raises NotUnderstood for what it does not let people
        type; a value is not repeated, as it may be anything."""
        known = {param.name: param for param in self.params}
        for name in params:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                takes = f"It takes {', '.join(known)}." if known else "It takes nothing."
                instead = f"Did you mean {close[0]}?" if close else takes
                hint = f"job {self.name} {close[0]}=" if close else f"job {self.name}"
                raise NotUnderstood(f"{self.name} has no {name!r}. {instead}", hint=hint)
        for name, param in known.items():
            hint = f"job {self.name} {name}="
            if name not in params:
                if param.required:
                    raise NotUnderstood(f"{self.name} needs {name}. {param.hint}".strip(), hint=hint)
            elif problem := _problem(param, params[name]):
                raise NotUnderstood(f"{name} does not look right: {problem}. {param.hint}".strip(), hint=hint)
        return {name: params[name] for name in known if name in params}


@dataclass(frozen=True)
class JobEnd:
    sentence: str
    output: str = ""
    """Its last lines, redacted, at most 3,000 characters."""
    link: str = ""


def unheard(_lines: str) -> None:
    """Nobody listens to how a job goes on."""


@runtime_checkable
class OwnJobs(Named, Protocol):
    def jobs(self) -> tuple[Job, ...]: ...

    def told(self, job: str, params: Mapping[str, str]) -> str:
        """The exact call, or the program with its arguments, that `run_job` would run. No secret is in it.

        Raises NotUnderstood for an unknown job, or what ops.toml does not let people type.
        """
        ...

    async def run_job(self, job: str, params: Mapping[str, str], tell: Callable[[str], None] = unheard) -> JobEnd:
        """`tell` is given the last lines of what it said so far, redacted, where that is known before it ends.

        Raises NotUnderstood as `told`, Refused where it ended badly, OutcomeUnknown where its end is not known."""
        ...


def _problem(param: JobParam, value: str) -> str:
    """Why this value is not taken; empty where it is."""
    if any(0xD800 <= ord(each) <= 0xDFFF or each == "\0" for each in value):
        return "it holds a character that cannot be sent"
    if not param.pattern:
        return "" if value.isprintable() else "it holds a character that cannot be seen"
    return "" if re.fullmatch(param.pattern, value) else f"it must match {param.pattern}"
