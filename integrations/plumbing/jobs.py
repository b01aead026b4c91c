"""Jobs of the team's own, whatever runs them: their tables of ops.toml, and finding one by name."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.words.exceptions import NotUnderstood
from integrations.capabilities import Job, JobParam

OUTPUT_LIMIT = 3000
"""Characters of a job's output that are kept: its last ones."""
PLACE = re.compile(r"\{([a-z_][a-z0-9_-]*)\}")
"""Where what people typed is put."""
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[^\n\t -~\xa0-\U0010ffff]")


class Table(BaseModel):
    """A table below a service's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"write a regular expression; this is none: {error}") from None
    return text


def _each_once(named: tuple["N", ...]) -> tuple["N", ...]:
    names = [each.name for each in named]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{twice[0]} is there twice; call one of them otherwise")
    return named


_TAKEN = ("job", "params", "service", "reason", "override", "because", "journal")
"""Words of `/ops job` itself: a param of that name would never get what people type."""


def _own_name(text: str) -> str:
    if text in _TAKEN:
        raise ValueError(f"{text}= is a word of /ops job itself; call it otherwise")
    return text


class JobParamSection(Table):
    name: Annotated[str, AfterValidator(_own_name)] = Field(pattern=r"^[a-z_][a-z0-9_-]{0,39}$")
    """The word that people type before the `=`."""
    hint: str = ""
    """A hint at what to type after it."""
    pattern: Annotated[str, AfterValidator(_expression)] = Field(default=r"[\w./:@ -]{1,200}", max_length=500)
    """A regular expression that the whole value must match."""
    required: bool = False
    """Whether the job starts only with it."""


class JobSection(Table):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """The word that people type."""
    what: str = Field(min_length=3, max_length=200)
    """One sentence on what it does."""
    params: Annotated[tuple[JobParamSection, ...], AfterValidator(_each_once)] = ()
    """The parameters that people may type for it."""
    destructive: bool = True
    """Whether somebody else approves it; otherwise its requester's own confirmation is enough."""

    def job(self) -> Job:
        params = tuple(JobParam(each.name, each.hint, each.pattern, each.required) for each in self.params)
        return Job(self.name, self.what, params, self.destructive)


N = TypeVar("N", JobParamSection, JobSection)
S = TypeVar("S", bound=JobSection)


class JobList(Generic[S]):
    """The jobs of one service."""

    def __init__(self, service: str, sections: Sequence[S]) -> None:
        self._service = service
        self._sections = {section.name: section for section in sections}

    def jobs(self) -> tuple[Job, ...]:
        return tuple(section.job() for section in self._sections.values())

    def meant(self, job: str, params: Mapping[str, str]) -> tuple[S, dict[str, str]]:
        """A job's table and its checked values. Raises NotUnderstood."""
        section = self._sections.get(job)
        if section is None:
            close = difflib.get_close_matches(job, self._sections, n=1)
            hint = f"job {close[0]}" if close else "jobs"
            raise NotUnderstood(f"{self._service} has no job {job!r}.", hint=hint)
        return section, section.job().checked(params)


def readable(tail: bytes | bytearray, *, cut: bool, secrets: Iterable[str], redact: Callable[[str], str]) -> str:
    """The last OUTPUT_LIMIT characters of what a terminal would show of an output, without secrets.

    `cut`: something came before it. It is shortened last of all, so that no half of a secret is left.
    """
    text = tail.decode("utf-8", "replace").replace("\r\n", "\n")
    if cut:  # it may begin in the middle of a secret
        text = text.partition("\n")[2] or text[len(text) // 2 :]
    text = "\n".join(line.rpartition("\r")[2] for line in text.split("\n"))
    text = _CONTROL.sub("", text)
    # Of a secret of several lines each one is hidden: the others may not have been said yet, or not be held any more.
    parts = {part for secret in secrets for part in (secret, *(each for each in secret.split("\n") if len(each) > 5))}
    for secret in sorted(filter(None, parts), key=len, reverse=True):
        text = text.replace(secret, "[redacted]")
    text = redact(text).strip()
    return text if len(text) <= OUTPUT_LIMIT else f"…{text[1 - OUTPUT_LIMIT :]}"
