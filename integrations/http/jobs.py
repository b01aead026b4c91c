"""The team's own web service: jobs that a call starts, and switches that a call turns."""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field, RootModel, model_validator

from bot.words.exceptions import NotUnderstood, OpsError, Stale, TryLater
from integrations.capabilities import Flipped, Job, JobEnd, Switch, Switchable, unheard
from integrations.plumbing.answer import Answer
from integrations.plumbing.flipping import flipped
from integrations.plumbing.jobs import PLACE, JobList, JobSection, Table, readable
from integrations.plumbing.outbound import Service
from integrations.plumbing.polling import until
from integrations.plumbing.section import Outside, SecretRef, TimeLimit

_TAIL = 64 * 1024
"""Bytes of an answer that are looked at for a job's output."""
_READABLE = ("application/json", "application/problem+json", "text/plain")
_EVERY = timedelta(seconds=1)


def _path(text: str) -> str:
    parts = urlsplit(text)
    if not text.startswith("/") or text.startswith("//") or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError("write a path on the service's own host, like /jobs/reindex; another host is another service")
    return text


OwnPath = Annotated[str, AfterValidator(_path)]
Value = str | int | float | bool


class WebJobSection(JobSection):
    """`params` that do not stand in the path go into the JSON body, or the query."""

    path: OwnPath
    """On the service's own host. `{name}` stands for what people typed."""
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    into: Literal["json", "query"] = "json"
    """Where inputs and params go."""
    inputs: Mapping[str, Value] = Field(default_factory=dict)
    """Values that are always sent as they stand here."""
    headers: Mapping[str, SecretRef] = Field(default_factory=dict)
    """Besides the service's own: header names with where to find their values."""
    idempotency: str = Field(default="", pattern=r"^[A-Za-z0-9-]{0,60}$")
    """A header that gets a key of its own for each run, like `Idempotency-Key`, so that no proxy doubles it."""
    limit: TimeLimit = timedelta(seconds=30)
    """How long its answer is waited for; after it the outcome is unknown."""

    @model_validator(mode="after")
    def _places_are_filled(self) -> "WebJobSection":
        if self.into == "query" and "?" in self.path:
            raise ValueError("path: write what stands behind the ? into inputs")
        params = {param.name: param for param in self.params}
        for place in PLACE.findall(self.path):
            if place not in params or not params[place].required:
                raise ValueError(f"path: {{{place}}} is no param that is required; add it to params so")
        if doubled := sorted(self.inputs.keys() & params.keys()):
            raise ValueError(f"inputs: people type {doubled[0]}; take it out of inputs or of params")
        return self


class WebSwitchSection(Table):
    name: str = Field(min_length=1, max_length=100)
    """The word that people type."""
    state: OwnPath
    """Read to learn whether it is paused."""
    field: str = Field(min_length=1)
    """Path into that JSON answer, like `crawler.paused`."""
    equals: Value
    """The field's value while it is paused; any other means that it runs."""
    pause: OwnPath
    resume: OwnPath
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Mapping[str, SecretRef] = Field(default_factory=dict)
    """Besides the service's own: header names with where to find their values."""
    settle: TimeLimit = timedelta(seconds=10)
    """How long to wait until `state` says so."""


class _Anything(RootModel[Any]):
    pass


def within(found: Any, path: str) -> Any:
    """The value at `a.b` of a JSON value. Raises KeyError."""
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            raise KeyError(path)
        found = found[part]
    return found


def same(found: object, wanted: object) -> bool:
    """In JSON `true` is not 1."""
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


@dataclass(frozen=True)
class Endpoints:
    """The host that a service of ops.toml is on."""

    name: str
    url: str
    headers: Mapping[str, SecretRef]
    outside: Outside

    @property
    def host(self) -> str:
        address = urlsplit(self.url)
        return f"{address.scheme}://{address.netloc}"

    def service(self, more: Mapping[str, SecretRef], timeout: timedelta, setting: str) -> Service:
        """With its headers and these."""
        return Service(
            self.outside,
            name=self.name,
            base_url=self.host,
            timeout=timeout,
            credentials=lambda: self.secrets(more),
            credential_setting=f"services.{self.name}.{setting if more else 'headers'}",
        )

    def used(self, more: Mapping[str, SecretRef], where: str) -> dict[str, str]:
        """The secrets that `service` sends with these headers, by setting; `where` is where the headers stand."""
        sent = {header: ("headers", reference) for header, reference in self.headers.items()}
        sent |= {header: (f"{where}.headers", reference) for header, reference in more.items()}
        return {
            f"services.{self.name}.{setting}.{header}": self.outside.secrets(reference)
            for header, (setting, reference) in sent.items()
        }

    def secrets(self, more: Mapping[str, SecretRef]) -> dict[str, str]:
        return {header: self.outside.secrets(reference) for header, reference in {**self.headers, **more}.items()}


class WebJobs:
    """OwnJobs."""

    kind = "http"

    def __init__(self, name: str, jobs: Sequence[WebJobSection], own: Endpoints) -> None:
        self.name = name
        self._jobs = JobList(name, jobs)
        self._own = own

    def jobs(self) -> tuple[Job, ...]:
        return self._jobs.jobs()

    def told(self, job: str, params: Mapping[str, str]) -> str:
        section, values = self._jobs.meant(job, params)
        path, given = _call(section, values)
        shown = json.dumps(given, ensure_ascii=False)
        return f"{section.method} {self._own.host}{path}" + (f" with {section.into} {shown}" if given else "")

    async def run_job(self, job: str, params: Mapping[str, str], tell: Callable[[str], None] = unheard) -> JobEnd:
        """Called once, whatever comes of it. Source: METHOD path."""
        section, values = self._jobs.meant(job, params)
        path, given = _call(section, values)
        service = self._own.service(section.headers, section.limit, f"jobs.{job}.headers")
        used = self._own.used(section.headers, f"jobs.{job}")  # after the call it is too late to miss one
        answer = await service.tell(
            path,
            method=section.method,
            params={name: _in_query(value) for name, value in given.items()} if section.into == "query" else None,
            body=given if section.into == "json" and (given or section.method != "DELETE") else None,
            headers={section.idempotency: uuid.uuid4().hex} if section.idempotency else None,
            limit=section.limit,
        )
        await self._own.outside.proofs.worked(used)
        accepted = answer.status == 202
        how = f"was accepted (202) and may still go on at {self.name}" if accepted else f"ended well ({answer.status})"
        return JobEnd(f"{job} {how}.", self._output(answer, used.values()))

    def _output(self, answer: Answer, secrets: Iterable[str]) -> str:
        """Its answer, where that is text or JSON."""
        if answer.media not in _READABLE:
            return ""
        # Of `Bearer abc` the second word alone is a secret too.
        hidden = [each for secret in secrets for each in (secret, *secret.split()[-1:])]
        cut = len(answer.body) > _TAIL
        return readable(answer.body[-_TAIL:], cut=cut, secrets=hidden, redact=self._own.outside.redact)


def _call(section: WebJobSection, values: Mapping[str, str]) -> tuple[str, dict[str, Value]]:
    """The path with its places filled, and what goes into body or query."""
    placed = set(PLACE.findall(section.path))
    for name in placed:
        # What stands before the service may read %2F as a slash before it looks where the dots lead.
        if any(part in ("", ".", "..") for part in re.split(r"[/\\]", values[name])):
            raise NotUnderstood(f"{name} does not look right: it would change the path.", hint=f"job {section.name}")
    path = PLACE.sub(lambda found: quote(values[found[1]], safe=""), section.path)
    return path, {**section.inputs, **{name: value for name, value in values.items() if name not in placed}}


def _in_query(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class WebSwitches:
    """Switches: each has its own address to be looked at, paused and resumed."""

    kind = "http"

    def __init__(self, name: str, switches: Sequence[WebSwitchSection], own: Endpoints, timeout: timedelta) -> None:
        self.name = name
        self._own = own
        self._sections = {section.name: section for section in switches}
        self._where = {section.name: f"switches.{at}" for at, section in enumerate(switches)}
        self._services = {
            section.name: own.service(section.headers, timeout, f"{self._where[section.name]}.headers")
            for section in switches
        }

    async def switches(self) -> tuple[Switchable, ...]:
        """One that cannot be read is neither running nor paused, and says why. Raises what was said where none can."""
        found: list[Switchable] = []
        failed: list[OpsError] = []
        used: dict[str, str] = {}
        for name in self._sections:
            try:
                taken = self._used(name)
                found.append(Switchable(name, name, await self._state(name)))
                used |= taken
            except OpsError as error:
                failed.append(error)
                found.append(Switchable(name, name, Switch.OTHER, f"unknown: {error}"))
        await self._own.outside.proofs.worked(used)
        if failed and len(failed) == len(found):
            raise failed[0]
        return tuple(found)

    async def look_at(self, name: str) -> None:
        """Whether its state can be read. Raises what was said where it cannot."""
        used = self._used(name)
        await self._state(name)
        await self._own.outside.proofs.worked(used)

    def _used(self, name: str) -> dict[str, str]:
        return self._own.used(self._sections[name].headers, self._where[name])

    async def pause(self, ids: Sequence[str]) -> Flipped:
        return await self._turn(ids, Switch.RUNNING, Switch.PAUSED)

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        return await self._turn([thing.id for thing in things], Switch.PAUSED, Switch.RUNNING)

    async def _state(self, name: str) -> Switch:
        """Source: GET state. Raises TryLater where its answer does not tell."""
        section = self._sections[name]
        answer = await self._services[name].get(section.state, _Anything)
        try:
            found = within(answer.root, section.field)
        except KeyError:
            raise TryLater(f"The answer of {self.name} about {name} has no {section.field}.") from None
        return Switch.PAUSED if same(found, section.equals) else Switch.RUNNING

    async def _turn(self, names: Sequence[str], expected: Switch, to: Switch) -> Flipped:
        late: list[str] = []

        async def turn(name: str) -> Switchable:
            if name not in self._sections or await self._state(name) is not expected:
                raise Stale(f"{name} is not {expected.value} any more")
            section = self._sections[name]
            path = section.pause if to is Switch.PAUSED else section.resume
            await self._services[name].tell(path, method=section.method)
            if not await self._says(name, to):
                late.append(name)
            return Switchable(name, name, expected)

        done = await flipped(names, turn, verb=to.value)
        return replace(done, note=f"Told, but not yet said to be {to.value}: {', '.join(late)}.") if late else done

    async def _says(self, name: str, to: Switch) -> bool:
        async def there() -> bool | None:
            return True if await self._state(name) is to else None

        try:
            return bool(await until(there, limit=self._sections[name].settle, every=_EVERY))
        except OpsError:  # it was told, whatever we may not read of it
            return False
