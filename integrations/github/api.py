"""GitHub's API for one repository's Actions: what is read of its answers, its limits, and its logs behind redirects."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import httpx
from cachetools import LRUCache

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.capabilities import Checked, Health
from integrations.plumbing.allowance import RateHeaders
from integrations.plumbing.outbound import Answer, Query, Service
from integrations.plumbing.section import Outside
from integrations.plumbing.shape import Shape
from integrations.plumbing.unreached import unreached

HIDDEN: Final = "or the token may not see it: it needs Actions: read for this repository"
_VERSION: Final = "2022-11-28"
_KEPT_ANSWERS = 64
_KEPT_BYTES = 1_000_000
_SECONDARY = timedelta(minutes=1)
"""How long to wait where GitHub says no time."""
T = TypeVar("T")

_PAGE = "100"
_PAGES = 25
_BROKEN = (httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeError)
_GOING = ("in_progress", "queued", "waiting", "pending", "requested")


class Run(Shape):
    """A run of a workflow, in its latest attempt. Field names are GitHub's."""

    id: int
    name: str | None = None
    display_title: str = ""
    workflow_id: int
    run_attempt: int = 1
    status: str | None = None
    conclusion: str | None = None
    created_at: datetime
    updated_at: datetime
    run_started_at: datetime | None = None
    html_url: str = ""

    @property
    def going(self) -> bool:
        return self.status != "completed"


class Step(Shape):
    name: str
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


class Job(Shape):
    id: int
    run_attempt: int = 1
    name: str
    status: str
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    html_url: str | None = ""
    steps: tuple[Step, ...] = ()

    @property
    def failed(self) -> bool:
        return self.conclusion in ("failure", "timed_out")

    @property
    def failing_step(self) -> Step | None:
        return next((step for step in self.steps if step.conclusion in ("failure", "timed_out")), None)


class Flow(Shape):
    """A workflow."""

    id: int
    name: str
    path: str
    state: str
    html_url: str = ""


class _Page(Shape, Generic[T]):
    total_count: int

    def items(self) -> tuple[T, ...]:
        raise NotImplementedError


class _Runs(_Page[Run]):
    workflow_runs: tuple[Run, ...]

    def items(self) -> tuple[Run, ...]:
        return self.workflow_runs


class _Jobs(_Page[Job]):
    jobs: tuple[Job, ...]

    def items(self) -> tuple[Job, ...]:
        return self.jobs


class Flows(_Page[Flow]):
    workflows: tuple[Flow, ...]

    def items(self) -> tuple[Flow, ...]:
        return self.workflows


class _Dispatched(Shape):
    workflow_run_id: int
    html_url: str = ""


class _Once(Service):
    """Asks once by httpx, which leaves a signed address as it is."""

    async def answer(self, path: str, *, limit: timedelta) -> Answer:
        """Whatever its status. Raises OpsError where none came."""
        try:
            return await self._send("GET", path, limit=limit)
        except _BROKEN as error:
            raise self.failure_of(error, write=False, limit=limit) from None

    async def look(
        self, path: str, *, limit: timedelta, method: str = "GET", body: Mapping[str, Any] | None = None
    ) -> Answer | Checked:
        """Not by the quick probe, which knows neither what is left of the hour's requests nor what is known already."""
        try:
            return await self._send(method, path, body=body, limit=limit)
        except _BROKEN as error:
            return unreached(error, limit)
        except OpsError as error:
            return Checked(Health.UNKNOWN, str(error))


class GitHubService(_Once):
    """A repeated read that found nothing new costs none of the hourly requests; with none left, nothing is sent."""

    rate = RateHeaders("x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset", "this hour")

    def __init__(self, outside: Outside, **settings: Any) -> None:
        super().__init__(outside, **settings)
        self._known: LRUCache[tuple[str, str], Answer] = LRUCache(_KEPT_ANSWERS)

    def wanted(self, method: str, path: str, params: Query | None) -> Mapping[str, str]:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": _VERSION}
        known = self._known.get((path, str(params))) if method == "GET" else None
        return headers | ({"If-None-Match": known.headers["etag"]} if known is not None else {})

    async def _send(
        self,
        method: str,
        path: str,
        *,
        limit: timedelta,
        params: Query | None = None,
        body: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Answer:
        key = (path, str(params))
        known = self._known.get(key)
        answer = await super()._send(method, path, limit=limit, params=params, body=body, **more)
        if method == "GET" and answer.status == 304 and known is not None:
            return known
        small = answer.whole and len(answer.body) <= _KEPT_BYTES
        if method == "GET" and answer.status == 200 and "etag" in answer.headers and small:
            self._known[key] = answer
        return answer

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        said = self.said(answer)
        if answer.status in (403, 429):
            if self.allowance.gone:
                return self.allowance.used_up()
            if answer.retry_after is not None or "rate limit" in said.lower():
                return TryLater(f"{self.name} asks us to slow down{said}.", after=answer.retry_after or _SECONDARY)
        if answer.status == 403 and write and "not accessible by" not in said.lower():
            return Refused(f"{self.name} refused (403){said}.")
        if answer.status == 403:
            right = "Actions: write" if write else "Actions: read"
            return Refused(f"{super().error_of(answer, write=write)} Its token needs {right} for this repository.")
        if answer.status == 404 and missing is None:
            return NotUnderstood(f"{self.name} does not know what was asked for (404), {HIDDEN}.")
        return super().error_of(answer, write=write, missing=missing)


class GitHubApi:
    """Typed calls on one repository."""

    def __init__(self, outside: Outside, service: GitHubService, repository: str, url: str, timeout: timedelta) -> None:
        self.service = service
        self.timeout = timeout
        self._outside = outside
        self._actions = f"/repos/{repository}/actions"
        self._secure = urlsplit(url).scheme == "https"

    @property
    def proof(self) -> str:
        """The cheapest path that proves the token and the repository."""
        return f"{self._actions}/workflows?per_page=1"

    async def runs(self, *, status: str, created: str = "") -> tuple[tuple[Run, ...], bool]:
        """Newest first, at most 100, and whether there were more. Source: GET /repos/{o}/{r}/actions/runs."""
        params = {"status": status, "per_page": _PAGE, "exclude_pull_requests": "true"}
        page = await self.service.get(
            f"{self._actions}/runs", _Runs, params=params | ({"created": created} if created else {})
        )
        return page.workflow_runs, page.total_count > len(page.workflow_runs)

    async def going(self) -> tuple[Run, ...]:
        """Source: GET /repos/{o}/{r}/actions/runs, all pages."""
        found: dict[int, Run] = {}
        for status in _GOING:
            params = {"status": status, "exclude_pull_requests": "true"}
            found |= {run.id: run for run in await self._all(f"{self._actions}/runs", _Runs, params)}
        return tuple(found[id_] for id_ in sorted(found, reverse=True))

    async def run(self, run_id: str) -> Run:
        """Source: GET /repos/{o}/{r}/actions/runs/{id}."""
        return await self.service.get(f"{self._actions}/runs/{number(run_id)}", Run, missing=no_run(run_id))

    async def jobs(self, run_id: int, *, every_attempt: bool = False) -> tuple[Job, ...]:
        """Source: GET /repos/{o}/{r}/actions/runs/{id}/jobs, all pages."""
        params = {"filter": "all" if every_attempt else "latest"}
        return await self._all(f"{self._actions}/runs/{run_id}/jobs", _Jobs, params, no_run(str(run_id)))

    async def log(self, job: Job) -> tuple[str, ...]:
        """Its lines. Raises NotUnderstood where it has expired. Source: GET /repos/{o}/{r}/actions/jobs/{id}/logs.

        The answer names an address that is good for a minute; the token is not for whoever answers there.
        """
        asked = await self.service.answer(f"{self._actions}/jobs/{job.id}/logs", limit=self.timeout)
        if asked.status == 410:
            raise NotUnderstood(f"The log of job {job.name!r} has expired.")
        if asked.status != 302:
            raise self.service.error_of(asked, write=False)
        address = urlsplit(asked.headers.get("location", ""))
        if not address.hostname or (address.scheme != "https" and (self._secure or address.scheme != "http")):
            raise TryLater(f"{self.service.name} does not say where its log is.")
        store = _Once(
            self._outside,
            name=f"{self.service.name}'s log store",
            base_url=f"{address.scheme}://{address.netloc}",
            timeout=self.timeout,
        )
        found = await store.answer(f"{address.path}?{address.query}", limit=self.timeout)
        if found.status in (403, 404, 410):
            raise NotUnderstood(f"The log of job {job.name!r} has expired.")
        if not found.good:
            raise store.error_of(found, write=False)
        return tuple(found.body.decode("utf-8-sig", "replace").splitlines())

    async def rerun(self, run: Run) -> None:
        """Source: POST /repos/{o}/{r}/actions/runs/{id}/rerun-failed-jobs, 201."""
        await self.service.tell(f"{self._actions}/runs/{run.id}/rerun-failed-jobs", missing=no_run(str(run.id)))

    async def cancel(self, run: Run) -> None:
        """Source: POST /repos/{o}/{r}/actions/runs/{id}/cancel, 202; 409 where it is over."""
        await self.service.tell(f"{self._actions}/runs/{run.id}/cancel", missing=no_run(str(run.id)))

    async def flows(self) -> tuple[Flow, ...]:
        """Source: GET /repos/{o}/{r}/actions/workflows, all pages."""
        return await self._all(f"{self._actions}/workflows", Flows, {})

    async def _all(
        self, path: str, shape: type[_Page[T]], params: Mapping[str, str], missing: OpsError | None = None
    ) -> tuple[T, ...]:
        """Raises Refused where there are more than are read: a part is never told as the whole."""
        found: list[T] = []
        for number in range(1, _PAGES + 1):
            page = await self.service.get(
                path, shape, params={**params, "per_page": _PAGE, "page": str(number)}, missing=missing
            )
            found += page.items()
            if not page.items() or len(found) >= page.total_count:
                return tuple(found)
        raise Refused(f"{self.service.name} lists {page.total_count:,} of these, and only {len(found):,} can be read.")

    async def flow(self, flow_id: str) -> Flow:
        """Source: GET /repos/{o}/{r}/actions/workflows/{id}."""
        return await self.service.get(f"{self._actions}/workflows/{number(flow_id)}", Flow)

    async def enable(self, flow_id: str, *, on: bool) -> None:
        """Looks where it ends openly. Source: PUT /repos/{o}/{r}/actions/workflows/{id}/enable and /disable, 204."""
        path = f"{self._actions}/workflows/{number(flow_id)}/{'enable' if on else 'disable'}"
        try:
            await self.service.tell(path, method="PUT")
        except OutcomeUnknown as unknown:
            try:
                now = await self.flow(flow_id)
            except OpsError:
                raise unknown from None
            if (now.state == "active") is not on:
                raise

    async def dispatch(self, flow: str, ref: str, inputs: Mapping[str, str]) -> _Dispatched | None:
        """The run that it started, where GitHub tells: a 204 does not.

        Source: POST /repos/{o}/{r}/actions/workflows/{id}/dispatches.
        """
        body = {"ref": ref, "inputs": dict(inputs), "return_run_details": True}
        answer = await self.service.tell(f"{self._actions}/workflows/{flow}/dispatches", body=body)
        if answer.status == 204:
            return None
        try:
            return _Dispatched.model_validate(answer.json())
        except ValueError:  # it runs all the same
            return None


def number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotUnderstood(f"{text[:40]!r} is not the number of a run, like 17654321098.")
    return int(text)


def no_run(run_id: str) -> NotUnderstood:
    return NotUnderstood(f"There is no run {run_id}, {HIDDEN}.")


def within(lines: Sequence[str], step: Step | None) -> tuple[tuple[datetime, str], ...]:
    """The step's lines by the times in front of them, as its name is not in the log; all of them without a step."""
    found: list[tuple[datetime, str]] = []
    for line in lines:
        stamp, _, text = line.partition(" ")
        try:
            at = datetime.fromisoformat(stamp)
        except ValueError:
            if found:  # goes on from the line before
                found.append((found[-1][0], line))
            continue
        if at.tzinfo is not None:
            found.append((at, text))
    if step is None or step.started_at is None:
        return tuple(found)
    end = step.completed_at or datetime.now(UTC)
    # The step's times are whole seconds.
    return tuple((at, text) for at, text in found if step.started_at <= at < end + timedelta(seconds=1))
