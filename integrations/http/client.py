"""A web address that can be looked at: its status, one field of its JSON, a GraphQL query, its speed.

What else the team's own service can do, jobs and switches, is in `web_jobs`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from integrations.capabilities import Checked, Credential, Health, Named, Rights, Trial
from integrations.http.jobs import Endpoints, WebJobs, WebJobSection, WebSwitches, WebSwitchSection, same, within
from integrations.plumbing.breaker import Breaker
from integrations.plumbing.key_holder import well
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.section import Outside, SecretRef, Section, TimeLimit, Url
from integrations.plumbing.trying import Step, tried

_DOUBT = "carried by its health check, which may be open to all"


class WebSection(Section):
    kind: Literal["http"]
    url: Url
    """The whole address to look at."""
    status: tuple[int, ...] = ()
    """Statuses that mean well; any 2xx if left out."""
    field: str = ""
    """Path into the JSON answer, like `checks.database`."""
    equals: str | int | float | bool | None = None
    """The value that this field must have."""
    graphql: str = ""
    """A query to post; an answer with `errors` is not well. The answer's `data` is what `field` looks into."""
    slow: TimeLimit | None = None
    """Slower than this is degraded."""
    headers: Mapping[str, SecretRef] = Field(default_factory=dict)
    """Header names with where to find their values, like `Authorization = "env:SHOP_AUTH"`."""
    timeout: TimeLimit = timedelta(seconds=10)
    """For its switches; a job has its own limit."""
    jobs: tuple[WebJobSection, ...] = ()
    """Jobs that `/ops job` may start here."""
    switches: tuple[WebSwitchSection, ...] = ()
    """Switches that `/ops pause` and `/ops resume` may turn off and on here."""

    rights: ClassVar[str] = (
        "Whatever its address, its jobs and its switches demand; a header of a job or a switch is sent with that alone."
    )
    undo: ClassVar[str] = "What was paused is resumed. What a job did stays done."

    @model_validator(mode="after")
    def _whole(self) -> "WebSection":
        if (self.equals is None) != (not self.field):
            raise ValueError("write field and equals together, or neither")
        return self


def web(name: str, section: WebSection, outside: Outside) -> tuple[Named, ...]:
    """One client, and more where ops.toml names jobs or switches."""
    own = Endpoints(name, section.url, section.headers, outside)
    switches = WebSwitches(name, section.switches, own, section.timeout) if section.switches else None
    keyed = any((section.headers, *(job.headers for job in section.jobs), *(each.headers for each in section.switches)))
    clients: list[Named] = [(KeyedWeb if keyed else Web)(name, section, outside, switches)]
    if section.jobs:
        # A breaker of their own: a job that takes its time says nothing of the service's health.
        clients.append(WebJobs(name, section.jobs, replace(own, outside=replace(outside, breaker=Breaker()))))
    if switches is not None:
        clients.append(switches)
    return tuple(clients)


class Web:
    """Checkable, Testable."""

    kind = "http"

    def __init__(self, name: str, section: WebSection, outside: Outside, switches: WebSwitches | None = None) -> None:
        """`switches` are those of the same service, whose states are read to try it out."""
        self.name = name
        self.deadline: timedelta = section.deadline
        self._section = section
        self._switches = switches
        address = urlsplit(section.url)
        self._path = section.url[len(f"{address.scheme}://{address.netloc}") :] or "/"
        self._service = Service(
            outside,
            name=name,
            base_url=f"{address.scheme}://{address.netloc}",
            timeout=section.deadline,
            credentials=lambda: {header: outside.secrets(ref) for header, ref in section.headers.items()},
            credential_setting=f"services.{name}.headers",
        )

    async def check(self) -> Checked:
        """Source: GET url, or POST url with a GraphQL query."""
        query = self._section.graphql
        answer = await self._service.look(
            self._path,
            limit=self.deadline,
            method="POST" if query else "GET",
            body={"query": query} if query else None,
        )
        if isinstance(answer, Checked):
            return answer
        return self._status(answer) or self._content(answer) or self._speed(answer) or Checked(Health.OK)

    async def test(self) -> tuple[Trial, ...]:
        """Jobs are not tried: a trial would do what they do."""
        where = f"services.{self.name}"

        async def look() -> None:
            well(await self.check())

        steps = [Step("look at its address", look, f"Check {where}.url, and what it says of itself.")]
        if self._switches is not None:
            steps += [
                Step(
                    f"read the state of {section.name}",
                    partial(self._switches.look_at, section.name),
                    f"Check {where}.switches.{at}.",
                )
                for at, section in enumerate(self._section.switches)
            ]
        return await tried(*steps)

    def _status(self, answer: Answer) -> Checked | None:
        expected = self._section.status
        if answer.status in expected or (not expected and answer.good):
            return None
        if answer.status in (401, 403) and self._section.headers:
            where = f"services.{self.name}.headers"
            return Checked(Health.DEGRADED, f"it refused our credential ({answer.status}); check {where}")
        if 300 <= answer.status < 400:
            where = f"services.{self.name}.url"
            return Checked(
                Health.DEGRADED, f"it sends us elsewhere ({answer.status}); write its final address in {where}"
            )
        down = answer.status >= 500
        return Checked(Health.DOWN if down else Health.DEGRADED, f"it answers {answer.status}")

    def _content(self, answer: Answer) -> Checked | None:
        if not self._section.field and not self._section.graphql:
            return None
        try:
            found: Any = answer.json()
        except (ValueError, RecursionError):
            return Checked(Health.UNKNOWN, answer.no_json)
        if self._section.graphql:
            if not isinstance(found, dict) or found.get("errors"):
                return Checked(Health.DEGRADED, "its answer to the query has errors")
            found = found.get("data")
        if not self._section.field:
            return None
        try:
            found = within(found, self._section.field)
        except KeyError:
            return Checked(Health.UNKNOWN, f"its answer has no {self._section.field}")
        wanted = self._section.equals
        if same(found, wanted):
            return None
        shown = (
            self._service.clean(json.dumps(found))[:80] if isinstance(found, str | int | float) else "something else"
        )
        return Checked(Health.DEGRADED, f"it says {self._section.field} is {shown}, not {json.dumps(wanted)}")

    def _speed(self, answer: Answer) -> Checked | None:
        slow = self._section.slow
        if slow is None or answer.seconds <= slow.total_seconds():
            return None
        return Checked(
            Health.DEGRADED, f"it took {answer.seconds * 1000:.0f} ms, more than {slow.total_seconds() * 1000:.0f} ms"
        )


class KeyedWeb(Web):
    """Credentialed, beside what it is where no header is sent."""

    def credentials(self) -> tuple[Credential, ...]:
        """Those of its jobs and switches, too. A look at an address that may be open to all proves none of them; where
        that is all there is, they stay in doubt."""
        where, section = f"services.{self.name}", self._section
        acts = [f"a run of {job.name} that ends well" for job in section.jobs]
        reads = [f"reading the state of {switch.name}" for switch in section.switches]
        found = list(_of(where, section.headers, _any_of([*reads, *acts])))
        for job, proof in zip(section.jobs, acts, strict=True):
            found += _of(f"{where}.jobs.{job.name}", job.headers, proof)
        for at, (switch, proof) in enumerate(zip(section.switches, reads, strict=True)):
            found += _of(f"{where}.switches.{at}", switch.headers, proof)
        if not section.jobs and not section.switches:
            return tuple(replace(each, doubt=_DOUBT) for each in found)
        return tuple(found)

    async def rights(self) -> Rights:
        note = "Only what its address, its jobs and its switches demand; what a header may do is not ours to ask."
        return Rights(note=note)


def _of(where: str, headers: Mapping[str, SecretRef], proved_by: str) -> Iterator[Credential]:
    return (Credential(f"{where}.headers.{header}", reference, proved_by) for header, reference in headers.items())


def _any_of(proofs: Sequence[str]) -> str:
    """The first stands for the rest: one is enough, and a list of twenty helps nobody."""
    return f"{proofs[0]}, or another of its jobs and switches," if len(proofs) > 1 else "".join(proofs)
