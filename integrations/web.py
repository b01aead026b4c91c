"""A web address that can be looked at: its status, one field of its JSON, a GraphQL query, its speed.

What else the team's own service can do, jobs and switches, is in `web_jobs`.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from integrations.breaker import Breaker
from integrations.capabilities import Checked, Health, Named
from integrations.http import Answer, Service
from integrations.section import Outside, SecretRef, Section, TimeLimit, Url
from integrations.web_jobs import Endpoints, WebJobs, WebJobSection, WebSwitches, WebSwitchSection, same, within


class WebSection(Section):
    kind: Literal["http"]
    url: Url
    """The whole address to look at."""
    status: tuple[int, ...] = ()
    """Statuses that mean well; any 2xx if left out."""
    field: str = ""
    """Path into the JSON answer, like `checks.database`."""
    equals: str | int | float | bool | None = None
    """What that field must be."""
    graphql: str = ""
    """A query to post; an answer with `errors` is not well. The answer's `data` is what `field` looks into."""
    slow: TimeLimit | None = None
    """Slower than this is degraded."""
    headers: Mapping[str, SecretRef] = Field(default_factory=dict)
    """Header names with where to find their values, like `Authorization = "env:SHOP_AUTH"`."""
    timeout: TimeLimit = timedelta(seconds=10)
    """For its switches; a job has its own limit."""
    jobs: tuple[WebJobSection, ...] = ()
    """What `/ops job` may start here."""
    switches: tuple[WebSwitchSection, ...] = ()
    """What `/ops pause` and `/ops resume` may turn off and on here."""

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
    clients: list[Named] = [Web(name, section, outside)]
    own = Endpoints(name, section.url, section.headers, outside)
    if section.jobs:
        # A breaker of their own: a job that takes its time says nothing of the service's health.
        clients.append(WebJobs(name, section.jobs, replace(own, outside=replace(outside, breaker=Breaker()))))
    if section.switches:
        clients.append(WebSwitches(name, section.switches, own, section.timeout))
    return tuple(clients)


class Web:
    """Checkable."""

    kind = "http"

    def __init__(self, name: str, section: WebSection, outside: Outside) -> None:
        self.name = name
        self.deadline: timedelta = section.deadline
        self._section = section
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

    def _status(self, answer: Answer) -> Checked | None:
        expected = self._section.status
        if answer.status in expected or (not expected and answer.good):
            return None
        if answer.status in (401, 403) and self._section.headers:
            where = f"services.{self.name}.headers"
            return Checked(Health.DEGRADED, f"it refused our credential ({answer.status}); check {where}")
        down = answer.status >= 500
        return Checked(Health.DOWN if down else Health.DEGRADED, f"it answers {answer.status}")

    def _content(self, answer: Answer) -> Checked | None:
        if not self._section.field and not self._section.graphql:
            return None
        try:
            found: Any = answer.json()
        except (ValueError, RecursionError):
            return Checked(Health.UNKNOWN, f"it answers {answer.media or 'without a content type'}, not JSON")
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
