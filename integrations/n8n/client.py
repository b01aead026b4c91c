"""n8n: its health, its failed executions, retrying and stopping them, and its workflows. Speaks 2.8 and 2.41."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from urllib.parse import quote

from cachetools import LRUCache
from pydantic import Field

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.capabilities import (
    Checked,
    ErrorEvent,
    ErrorPage,
    Execution,
    Health,
    Level,
    LogLine,
    LogPage,
    Named,
    Rights,
    Trial,
)
from integrations.n8n.api import RIGHTS, N8nApi, N8nService, Run, no_execution
from integrations.n8n.statistics import RunStatistics
from integrations.n8n.workflows import PausableWorkflows, TurnableWorkflows
from integrations.plumbing.base import Client
from integrations.plumbing.outbound import Answer, Service, Unread
from integrations.plumbing.polling import until
from integrations.plumbing.section import KeySection, Outside, SecretRef, TimeLimit, Url
from integrations.plumbing.trying import Step, tried

_DETAILS = 100
"""Failed runs whose reason is read for one listing, newest first."""
_AT_ONCE = 5
_LONGEST_RUN = timedelta(days=1)
"""A run that failed since then started at most this long before."""
_NAMES_LAST_S = 300.0
_NAMES_AGAIN_S = 30.0
"""After a listing that failed."""
_UNENDED = ("new", "running", "waiting")
_LOOK_AGAIN = timedelta(seconds=0.5)


class N8nSection(KeySection):
    kind: Literal["n8n"]
    url: Url
    """Where n8n is, without /api/v1."""
    api_key: SecretRef
    """Needs the scopes execution:list, execution:read, execution:retry, execution:stop, workflow:list, workflow:read,
    and to turn workflows on and off workflow:activate and workflow:deactivate."""
    retry_deadline: TimeLimit = timedelta(seconds=60)
    """How long to wait for the end of a retried run."""
    pausable: tuple[str, ...] = ()
    """Workflows that may be paused, by name or id."""
    pausable_tag: str = ""
    """Workflows that carry this tag may be paused too."""
    readiness: str = Field(default="/healthz/readiness", pattern=r"^/[A-Za-z0-9_/-]+$")
    """n8n's N8N_ENDPOINT_HEALTH moves it."""

    rights: ClassVar[str] = ", ".join(RIGHTS)
    undo: ClassVar[str] = (
        "A workflow turned off or paused is published again in the very version that ran. "
        "A retried or stopped run cannot be taken back."
    )


def n8n(name: str, section: N8nSection, outside: Outside) -> tuple[Named, ...]:
    """One client, one for its workflows, one that counts its runs, and one more where ops.toml lets some be paused."""
    url = section.url.rstrip("/")
    api = N8nApi(N8nService.of(name, section, outside))
    client, turnable = N8n(name, section, outside, api), TurnableWorkflows(name, url, api)
    counted = RunStatistics(name, api)
    if not section.pausable and not section.pausable_tag:
        return (client, turnable, counted)
    return (client, turnable, counted, PausableWorkflows(name, api, section.pausable, section.pausable_tag))


class N8n(Client[N8nApi, N8nSection]):
    """Checkable, Testable, Credentialed, ErrorSource, LogSource, RetriesCurrent, Stoppable."""

    current_means = "its latest saved draft, published or not"

    def __init__(self, name: str, section: N8nSection, outside: Outside, api: N8nApi) -> None:
        super().__init__(name, section, api)
        self._url = section.url.rstrip("/")
        self._open = Service(outside, name=name, base_url=self._url, timeout=section.timeout)
        self._service = api.service
        self._names: Mapping[str, str] = {}
        self._names_until = 0.0
        self._names_lock = asyncio.Lock()
        self._reasons: LRUCache[str, tuple[str | None, str | None]] = LRUCache(1000)

    # -- be checked

    async def check(self) -> Checked:
        """Source: GET /healthz/readiness, then GET /executions to prove the credential."""
        ready = await self._open.look(self._section.readiness, limit=self.deadline)
        if isinstance(ready, Checked):
            return ready
        if (trouble := _not_ready(ready)) is not None:
            return trouble
        left = timedelta(seconds=max(self.deadline.total_seconds() - ready.seconds, 0.1))
        asked = await self._service.look("/executions?limit=1", limit=left)
        if isinstance(asked, Checked):
            return Checked(Health.DEGRADED, f"it is ready, but its API is not: {asked.detail}")
        if not asked.good:
            error = self._service.error_of(asked, write=False)
            if asked.status == 403:
                error = self._service.lacking("GET /executions", error)
            return Checked(Health.DEGRADED, f"it is ready, but: {error}")
        return _odd(asked) if asked.media != "application/json" else Checked(Health.OK)

    # -- list errors

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Failed runs that no retry has mended. With `match`, the newest 100 are looked through."""
        wanted = (match or "").casefold()
        room = _DETAILS if wanted else min(limit, _DETAILS)
        runs: list[Run] = []
        truncated = False
        async for run in self._api.failed_runs(None):
            if _before(run, since):
                break
            if run.retrySuccessId is not None or not _failed_since(run, since):
                continue
            if truncated := len(runs) == room:
                break
            runs.append(run)
        turns = asyncio.Semaphore(_AT_ONCE)
        events = await asyncio.gather(*(self._event(run, turns) for run in runs))
        found = [e for e in events if wanted in f"{e.origin} {e.operation} {e.message}".casefold()]
        found.sort(key=lambda event: event.at, reverse=True)
        return ErrorPage(tuple(found[:limit]), truncated=truncated or len(found) > limit)

    async def _event(self, run: Run, turns: asyncio.Semaphore) -> ErrorEvent:
        async with turns:
            if run.id not in self._reasons:  # a run that ended does not change
                try:
                    self._reasons[run.id] = (await self._api.run(run.id)).why()
                except NotUnderstood:
                    self._reasons[run.id] = (None, None)
            seen = await self._execution(run, self._reasons[run.id])
        return ErrorEvent(
            key=run.id,
            at=seen.stopped_at or seen.started_at or datetime.fromtimestamp(0).astimezone(),
            origin=seen.workflow,
            operation=seen.failing_node or "",
            message=seen.error or "n8n does not say why",
            link=seen.link,
        )

    async def logs(self, *, since: datetime, level: Level, match: str | None, limit: int) -> LogPage:
        """A line for each failed run that no retry has mended, whatever the `level`."""
        page = await self.errors(since=since, match=match, limit=limit)
        lines = tuple(
            LogLine(e.key, e.at, Level.ERROR, " / ".join(filter(None, (e.origin, e.operation))), e.message, e.link)
            for e in page.events
        )
        return LogPage(lines, page.truncated, "n8n keeps no other log than its failed runs; those mended are left out.")

    # -- list and retry executions

    async def failed(
        self, *, workflow: str | None = None, since: datetime | None = None, limit: int = 20
    ) -> tuple[Execution, ...]:
        """Those mended by a retry too, with `retried_by`."""
        workflow_id = await self._workflow_id(workflow) if workflow else None
        found: list[Execution] = []
        async for run in self._api.failed_runs(workflow_id):
            if len(found) == limit or (since and _before(run, since)):
                break
            if since is None or _failed_since(run, since):
                found.append(await self._execution(run))
        return tuple(found)

    async def execution(self, execution_id: str) -> Execution:
        run = await self._api.run(execution_id)
        return await self._execution(run, run.why())

    async def retries_of(self, execution_id: str) -> tuple[Execution, ...]:
        """Raises Refused where more than 2,500 runs of its workflow came since: then it cannot be told."""
        return await self._retries(await self._api.run(execution_id))

    async def _retries(self, original: Run) -> tuple[Execution, ...]:
        return tuple([await self._execution(run) for run in await self._api.retries_of(original)])

    async def retry(self, execution_id: str, *, current_workflow: bool) -> Execution:
        """Source: POST /executions/{id}/retry, which answers 200 when the new run ends, also when it failed.

        n8n starts another run at each call: so an execution that was mended, or is being retried, is refused here.
        """
        original = await self._api.run(execution_id)
        if original.status in _UNENDED:  # n8n would start it a second time beside itself
            raise Refused(f"Execution {original.id} is {original.status}: it can be retried when it has ended.")
        if original.status == "canceled":  # n8n would
            raise Refused(f"Execution {original.id} was stopped; what somebody stopped is not run again from here.")
        if original.retrySuccessId is not None:
            raise Refused(f"Execution {original.id} was already retried with success, as {original.retrySuccessId}.")
        before = await self._api.retries_of(original)
        if going := [run.id for run in before if run.status in _UNENDED]:
            raise Refused(f"Execution {original.id} is being retried now, as {', '.join(going)}.")
        try:
            run = await self._service.post(
                f"/executions/{original.id}/retry",
                Run,
                body={"loadWorkflow": current_workflow},
                limit=self._section.retry_deadline,
                missing=no_execution(original.id),
            )
        except OutcomeUnknown as error:
            new = await self._new_since(original, {run.id for run in before})
            if isinstance(error, Unread) and len(new) == 1 and new[0].stoppedAt is not None:
                return await self._ended_retry(new[0])
            raise OutcomeUnknown(f"{error} {_trace(new)}") from error
        return await self._execution(run, run.why())

    async def _ended_retry(self, run: Run) -> Execution:
        """Its reason is a kindness: that it ran must not pass for nothing, whatever we may not read of it."""
        try:
            return await self.execution(run.id)
        except OpsError:
            return await self._execution(run)

    async def _new_since(self, original: Run, known: set[str]) -> list[Run]:
        """Retries that were not there before our call; none where we cannot tell."""
        try:
            return [run for run in await self._api.retries_of(original) if run.id not in known]
        except OpsError:
            return []

    # -- stop

    async def running(self) -> tuple[Execution, ...]:
        """Newest first: running ones, waiting ones, and in 2.41 those that have not begun."""
        found: dict[int, Run] = {}
        for status in ("running", "waiting", *(("new",) if await self._api.is_newer() else ())):
            async for run in self._api.runs({"status": status}):
                found[run.number] = run
        return tuple([await self._execution(found[number]) for number in sorted(found, reverse=True)])

    async def stop(self, execution_id: str) -> Execution:
        """Source: POST /executions/{id}/stop, which 2.8 does not have. Waits until the run is over."""
        if not await self._api.is_newer():
            raise Refused("This n8n is too old to stop a run from outside (2.41 can); stop it in n8n.")
        run = await self._api.run(execution_id)
        if run.status not in _UNENDED:
            raise Refused(f"Execution {run.id} is over: {run.status}.")
        try:
            await self._service.tell(f"/executions/{run.id}/stop", missing=no_execution(run.id))
        except OutcomeUnknown as error:
            ended = await self._ended(run.id)
            if ended is None or ended.status != "canceled":
                raise error from None
            return await self._execution(ended)
        ended = await self._ended(run.id)
        if ended is None:
            raise OutcomeUnknown(f"{self.name} accepted to stop execution {run.id}, but its end was not seen.")
        return await self._execution(ended)

    async def _ended(self, execution_id: str) -> Run | None:
        """The run once it is over; None where it is not within the time limit, or cannot be read."""

        async def over() -> Run | None:
            run = await self._api.run(execution_id)
            return None if run.status in _UNENDED else run

        try:
            return await until(over, limit=self._section.timeout, every=_LOOK_AGAIN)
        except OutcomeUnknown:
            return None

    # -- be tested

    async def test(self) -> tuple[Trial, ...]:
        where = f"services.{self.name}"
        return await tried(
            Step("is it ready", self._readiness, f"look at n8n's log; check {where}.url"),
            Step("list executions", lambda: _first(self._api.runs({})), f"give {where}.api_key execution:list"),
            Step("list workflows", lambda: _first(self._api.workflows()), f"give {where}.api_key workflow:list"),
        )

    async def _readiness(self) -> None:
        ready = await self._open.look(self._section.readiness, limit=self._section.timeout)
        trouble = ready if isinstance(ready, Checked) else _not_ready(ready)
        if trouble is not None:
            raise TryLater(f"{self.name}: {trouble.detail}")

    async def rights(self) -> Rights:
        has = await self._api.scopes()
        if has is None:
            return Rights(note=f"This n8n does not tell what a key may do. It needs {', '.join(RIGHTS)}.")
        return Rights(
            has=has,
            unneeded=tuple(right for right in has if right not in RIGHTS),
            lacking=tuple((right, use) for right, use in RIGHTS.items() if right not in has),
        )

    # -- in words

    async def _execution(self, run: Run, why: tuple[str | None, str | None] = (None, None)) -> Execution:
        node, message = why
        return Execution(
            id=run.id,
            workflow_id=run.workflowId,
            workflow=(await self._workflow_names()).get(run.workflowId, run.workflowId),
            status=run.status,
            started_at=run.startedAt,
            stopped_at=run.stoppedAt,
            failing_node=node,
            error=self._service.clean(message) if message else None,
            retry_of=run.retryOf,
            retried_by=run.retrySuccessId,
            link=f"{self._url}/workflow/{quote(run.workflowId, safe='')}/executions/{run.id}",
        )

    async def _workflow_names(self) -> Mapping[str, str]:
        async with self._names_lock:
            if time.monotonic() >= self._names_until:
                try:
                    self._names = {found.id: found.name async for found in self._api.workflows()}
                    self._names_until = time.monotonic() + _NAMES_LAST_S
                except OpsError:  # a name is a kindness: the id does
                    self._names_until = time.monotonic() + _NAMES_AGAIN_S
            return self._names

    async def _workflow_id(self, words: str) -> str:
        names = await self._workflow_names()
        if words in names:
            return words
        found = [id_ for id_, name in names.items() if name.casefold() == words.casefold()]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotUnderstood(f"{len(found)} workflows are called {words!r}: {', '.join(found)}. Say which.")
        known = ", ".join(sorted(names.values())[:5])
        instead = f" There are: {known}{' and more' if len(names) > 5 else ''}." if known else ""
        raise NotUnderstood(f"n8n has no workflow called {words!r}.{instead}")


async def _first(listing: AsyncIterator[object]) -> None:
    async for _ in listing:
        return


def _failed_since(run: Run, since: datetime) -> bool:
    at = run.stoppedAt or run.startedAt
    return at is not None and at >= since


def _before(run: Run, since: datetime) -> bool:
    """So old that none after it in a listing can have failed since."""
    return run.startedAt is not None and run.startedAt < since - _LONGEST_RUN


def _trace(new: Sequence[Run]) -> str:
    if not new:
        return "No new run is listed yet."
    return "n8n lists " + ", ".join(f"run {run.id} ({run.status})" for run in new) + "."


def _not_ready(ready: Answer) -> Checked | None:
    if b"starting up" in ready.body[:200]:
        return Checked(Health.DEGRADED, "it is starting up")
    if ready.status == 503:
        return Checked(Health.DOWN, "it says it is not ready: its database is not connected or not migrated")
    if ready.status >= 500:
        return Checked(Health.DOWN, f"it answers {ready.status}")
    if ready.status == 429:
        return Checked(Health.DEGRADED, "it asks us to slow down")
    return None if ready.status == 200 and ready.media == "application/json" else _odd(ready)


def _odd(answer: Answer) -> Checked:
    if answer.media == "text/html" and answer.status in (200, 404):
        return Checked(Health.UNKNOWN, "it answers a page instead of its API; it may be starting")
    media = answer.media or "without a content type"
    return Checked(Health.UNKNOWN, f"it answers {answer.status} {media}, which is not n8n's way")
