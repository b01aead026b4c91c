"""GitHub Actions of one repository: failed runs and their logs, rerunning and cancelling, workflows, and own jobs."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from cachetools import LRUCache
from pydantic import Field

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused
from integrations.capabilities import (
    Checked,
    ErrorEvent,
    ErrorPage,
    Execution,
    Level,
    LogLine,
    LogPage,
    Named,
    Rights,
    Trial,
)
from integrations.github.api import Flows, GitHubApi, GitHubService, Job, Run, within
from integrations.github.workflows import DispatchedJobs, DispatchSection, RepositoryWorkflows
from integrations.plumbing.base import Client
from integrations.plumbing.checking import checked
from integrations.plumbing.polling import until
from integrations.plumbing.section import Outside, SecretRef, TimeLimit, TokenSection, Url
from integrations.plumbing.trying import Step, tried

_DETAILS = 30
"""Failed runs whose failing step is read for one listing, newest first."""
_LOGS = 5
"""Failed runs whose log is read for one listing: each is a file."""
_AT_ONCE = 5
_RERUN_WITHIN = timedelta(days=30)
"""GitHub reruns no older run; so one that failed since then was made at most this long before."""
_ENDS = {"success": "success", "failure": "error", "timed_out": "error", "startup_failure": "error",
         "cancelled": "canceled"}  # fmt: skip
_USED_SCOPES = ("repo", "public_repo", "workflow")
_MARKS = {"##[error]": Level.ERROR, "##[warning]": Level.WARNING, "##[debug]": Level.DEBUG}
_RANK = list(Level)


class GitHubSection(TokenSection):
    kind: Literal["github"]
    token: SecretRef
    """A fine-grained token for the one repository, with Actions: read; and write, to rerun, cancel, turn off, start."""
    repository: str = Field(pattern=r"^[A-Za-z0-9_-]{1,39}/[A-Za-z0-9_.-]{1,100}$")
    """Like `acme/shop`."""
    url: Url = "https://api.github.com"
    """For GitHub Enterprise Server https://HOST/api/v3."""
    settle: TimeLimit = timedelta(minutes=2)
    """How long to wait for the end of a rerun, a cancelled run or a job; what takes longer is said to be going on."""
    every: TimeLimit = timedelta(seconds=3)
    """How often it is asked meanwhile."""
    jobs: tuple[DispatchSection, ...] = ()
    """Jobs that `/ops job` may start here."""

    rights: ClassVar[str] = (
        "A fine-grained token with Actions: read for the one repository; Actions: write for retry, stop, workflows on "
        "and off, and jobs."
    )
    undo: ClassVar[str] = (
        "A workflow turned off is turned on again. A rerun, a cancelled run and a job cannot be undone."
    )


def github(name: str, section: GitHubSection, outside: Outside) -> tuple[Named, ...]:
    """One client, one for the workflows, and one more where ops.toml names jobs."""
    service = GitHubService.of(name, section, outside)
    api = GitHubApi(outside, service, section.repository, section.url, section.timeout)
    client, flows = GitHub(name, section, api), RepositoryWorkflows(name, api)
    if not section.jobs:
        return (client, flows)
    return (client, flows, DispatchedJobs(name, section.jobs, api, section.settle, section.every))


class GitHub(Client[GitHubApi, GitHubSection]):
    """Checkable, Testable, Credentialed, ErrorSource, LogSource, Executions, Stoppable."""

    kind = "github"

    def __init__(self, name: str, section: GitHubSection, api: GitHubApi) -> None:
        super().__init__(name, section, api)
        self._service = api.service
        self._failing: LRUCache[tuple[int, int], tuple[Job, ...]] = LRUCache(500)

    # -- be checked and tested

    async def check(self) -> Checked:
        """Source: GET /repos/{o}/{r}/actions/workflows; costs nothing while nothing has changed."""
        return await checked(self._service, self._api.proof, Flows, limit=self.deadline)

    async def test(self) -> tuple[Trial, ...]:
        remedy = f"give services.{self.name}.token Actions: read for {self._section.repository}"
        return await tried(
            Step("list workflows", self._api.flows, remedy),
            Step("list runs", lambda: self._api.runs(status="failure"), remedy),
        )

    async def rights(self) -> Rights:
        """Source: the header X-OAuth-Scopes, which only classic tokens have."""
        asked = await self._service.look("/rate_limit", limit=self._section.timeout)
        if isinstance(asked, Checked) or not asked.good:
            return Rights(note="GitHub did not tell what the token may do.")
        has = tuple(filter(None, (scope.strip() for scope in asked.headers.get("x-oauth-scopes", "").split(","))))
        if not has:
            return Rights(note=f"GitHub does not tell what a fine-grained token may do. {self._section.rights}")
        lacking = () if {"repo", "public_repo"} & set(has) else (("repo", "all of it"),)
        return Rights(
            has=has,
            unneeded=tuple(scope for scope in has if scope not in _USED_SCOPES),
            lacking=lacking,
            note="A classic token reaches all repositories of its owner; a fine-grained one can be kept to this one.",
        )

    # -- errors and logs

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Failed runs, by their failing step. With `match`, the newest 30 are looked through."""
        runs, more = await self._failed(since)
        chosen = runs[: _DETAILS if match else min(limit, _DETAILS)]
        turns = asyncio.Semaphore(_AT_ONCE)
        events = await asyncio.gather(*(self._event(run, turns) for run in chosen))
        wanted = (match or "").casefold()
        found = [e for e in events if wanted in f"{e.origin} {e.operation} {e.message}".casefold()]
        return ErrorPage(tuple(found[:limit]), truncated=more or len(chosen) < len(runs) or len(found) > limit)

    async def _event(self, run: Run, turns: asyncio.Semaphore) -> ErrorEvent:
        async with turns:
            jobs = await self._failing_jobs(run)
        return ErrorEvent(
            key=f"{run.id}#{run.run_attempt}",
            at=run.updated_at,
            origin=run.name or str(run.workflow_id),
            operation=_places(jobs[:1]),
            message=f"{run.conclusion}: {_places(jobs) or 'no job of it began'}",
            link=run.html_url,
        )

    async def logs(self, *, since: datetime, level: Level, match: str | None, limit: int) -> LogPage:
        """The lines of the failing steps of the newest 5 failed runs."""
        runs, more = await self._failed(since)
        notes = [f"Only the newest {_LOGS} failed runs were read."] if more or len(runs) > _LOGS else []
        wanted, found = (match or "").casefold(), list[LogLine]()
        for run in runs[:_LOGS]:
            for job in await self._failing_jobs(run):
                try:
                    lines = await self._lines(run, job)
                except NotUnderstood as error:
                    notes.append(str(error))
                else:
                    found += [each for each in lines if _RANK.index(each.level) >= _RANK.index(level)]
        found = [each for each in found if each.at >= since and wanted in each.message.casefold()]
        found.sort(key=lambda each: (each.at, each.key), reverse=True)
        return LogPage(tuple(found[:limit]), truncated=len(found) > limit, note=" ".join(notes))

    async def _lines(self, run: Run, job: Job) -> list[LogLine]:
        step = job.failing_step
        lines = within(await self._api.log(job), step)
        return [
            LogLine(
                key=f"{job.id}-{count:06}",
                at=at,
                level=_MARKS.get(_mark(text), Level.INFO),
                origin=f"{run.name or run.workflow_id} / {_places((job,))}",
                message=self._service.clean(text.removeprefix(_mark(text))),
                link=job.html_url or run.html_url,
            )
            for count, (at, text) in enumerate(lines)
            if text.strip()
        ]

    async def _failing_jobs(self, run: Run) -> tuple[Job, ...]:
        key = (run.id, run.run_attempt)
        if key not in self._failing:  # an attempt that ended does not change
            self._failing[key] = tuple(job for job in await self._api.jobs(run.id) if job.failed)
        return self._failing[key]

    async def _failed(self, since: datetime) -> tuple[list[Run], bool]:
        """Those whose latest attempt failed since, newest first; and whether there were too many to list."""
        created = f">={(since - _RERUN_WITHIN).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        pages = await asyncio.gather(
            *(self._api.runs(status=status, created=created) for status in ("failure", "timed_out"))
        )
        found = [run for runs, _ in pages for run in runs if run.updated_at >= since]
        return sorted(found, key=lambda run: run.updated_at, reverse=True), any(more for _, more in pages)

    # -- executions

    async def failed(
        self, *, workflow: str | None = None, since: datetime | None = None, limit: int = 20
    ) -> tuple[Execution, ...]:
        """By their latest attempt: what a rerun mended is not among them."""
        runs, _ = await self._failed(since or datetime.now(UTC) - _RERUN_WITHIN)
        if workflow is not None:
            flows = await self._api.flows()
            ids = {flow.id for flow in flows if workflow.casefold() in (str(flow.id), flow.name.casefold(), flow.path)}
            if not ids:
                known = ", ".join(flow.name for flow in flows[:5]) or "none"
                raise NotUnderstood(f"{self._section.repository} has no workflow {workflow!r}. There are: {known}.")
            runs = [run for run in runs if run.workflow_id in ids]
        return tuple(_execution(run) for run in runs[:limit])

    async def execution(self, execution_id: str) -> Execution:
        """The run in its latest attempt."""
        return await self._detailed(await self._api.run(execution_id))

    async def _detailed(self, run: Run, id_: str = "") -> Execution:
        if _status(run.status, run.conclusion) != "error":
            return _execution(run, id_)
        jobs: tuple[Job, ...] = ()
        said: list[str] = []
        try:  # the why is a kindness: a rerun that ended must not pass for one that did not
            jobs = await self._failing_jobs(run)
            if jobs:
                said = [line.message for line in await self._lines(run, jobs[0]) if line.level is Level.ERROR]
        except OpsError:
            pass
        error = self._service.clean("; ".join(said)) or run.conclusion
        return _execution(run, id_, node=_places(jobs) or None, error=error)

    async def retries_of(self, execution_id: str) -> tuple[Execution, ...]:
        """Its attempts after the first, as `RUN#ATTEMPT`: GitHub reruns under the same id."""
        run = await self._api.run(execution_id)
        if run.run_attempt == 1:
            return ()
        jobs = await self._api.jobs(run.id, every_attempt=True)
        found = []
        for attempt in range(2, run.run_attempt):
            ended = [job for job in jobs if job.run_attempt == attempt]
            failed = next((job for job in ended if job.failed), None)
            stopped = any(job.conclusion == "cancelled" for job in ended)
            found.append(
                Execution(
                    id=f"{run.id}#{attempt}",
                    workflow_id=str(run.workflow_id),
                    workflow=run.name or str(run.workflow_id),
                    status="error" if failed else "canceled" if stopped else "success" if ended else "not listed",
                    started_at=min((job.started_at for job in ended if job.started_at), default=None),
                    stopped_at=max((job.completed_at for job in ended if job.completed_at), default=None),
                    failing_node=_places((failed,)) if failed else None,
                    retry_of=str(run.id),
                    link=f"{run.html_url}/attempts/{attempt}",
                )
            )
        return (*found, _execution(run, f"{run.id}#{run.run_attempt}"))

    async def retry(self, execution_id: str, *, current_workflow: bool) -> Execution:
        """Reruns the failed jobs as the same run's next attempt, of the same commit.

        One that has not ended within `settle` is given back as it is then: that it began is known.
        """
        if current_workflow:
            raise Refused("GitHub reruns the commit that failed; to run the present one, start the workflow anew.")
        run = await self._api.run(execution_id)
        if run.going:
            raise Refused(f"Run {run.id} is {run.status}: it can be rerun when it has ended.")
        if run.conclusion == "success":
            raise Refused(f"Run {run.id} succeeded in attempt {run.run_attempt}: it has no failed jobs.")
        if datetime.now(UTC) - run.created_at > _RERUN_WITHIN:
            raise Refused(f"Run {run.id} is older than 30 days; GitHub does not rerun it.")
        try:
            await self._api.rerun(run)
        except OutcomeUnknown as error:
            raise OutcomeUnknown(f"{error} {await self._trace(run)}") from error
        seen = await self._until_over(run, attempt=run.run_attempt + 1)
        if seen is None:
            raise OutcomeUnknown(f"{self.name} accepted to rerun {run.id}, but shows no new attempt of it.")
        return await self._detailed(seen, f"{seen.id}#{seen.run_attempt}")

    async def _trace(self, before: Run) -> str:
        try:
            now = await self._api.run(str(before.id))
        except OpsError:
            return "Whether there is a new attempt cannot be read."
        if now.run_attempt == before.run_attempt:
            return "No new attempt is listed yet."
        return f"GitHub lists attempt {now.run_attempt} ({now.conclusion or now.status})."

    async def _until_over(self, run: Run, *, attempt: int) -> Run | None:
        """The run once this attempt is over, or as it was last seen in it; None where it never was."""
        last: Run | None = None

        async def over() -> Run | None:
            nonlocal last
            try:
                now = await self._api.run(str(run.id))
            except NotUnderstood:  # deleted, or hidden from our token since: no look will tell more
                raise
            except OpsError:  # whatever the reason: our call was accepted
                return None
            if now.run_attempt >= attempt:
                last = now
                return None if now.going else now
            return None

        try:
            return await until(over, limit=self._section.settle, every=self._section.every) or last
        except OutcomeUnknown:
            return last

    # -- stop

    async def running(self) -> tuple[Execution, ...]:
        return tuple(_execution(run) for run in await self._api.going())

    async def stop(self, execution_id: str) -> Execution:
        """Cancels, and waits until it is over; steps with `always()` run on for a while."""
        run = await self._api.run(execution_id)
        if not run.going:
            raise Refused(f"Run {run.id} is over: {run.conclusion}.")
        unknown: OutcomeUnknown | None = None
        try:
            await self._api.cancel(run)
        except OutcomeUnknown as error:
            unknown = error
        seen = await self._until_over(run, attempt=run.run_attempt)
        if seen is None or seen.going:
            raise unknown or OutcomeUnknown(f"{self.name} accepted to cancel run {run.id}, but its end was not seen.")
        return _execution(seen)


def _mark(text: str) -> str:
    """The mark that GitHub puts in front of a line that is not plain."""
    return next((mark for mark in _MARKS if text.startswith(mark)), "")


def _status(status: str | None, conclusion: str | None) -> str:
    if status == "completed":
        return _ENDS.get(conclusion or "", conclusion or "unknown")
    return {"in_progress": "running", "waiting": "waiting"}.get(status or "", "new")


def _execution(run: Run, id_: str = "", *, node: str | None = None, error: str | None = None) -> Execution:
    return Execution(
        id=id_ or str(run.id),
        workflow_id=str(run.workflow_id),
        workflow=run.name or str(run.workflow_id),
        status=_status(run.status, run.conclusion),
        started_at=run.run_started_at or run.created_at,
        stopped_at=None if run.going else run.updated_at,
        failing_node=node,
        error=error,
        retry_of=str(run.id) if id_ else None,
        link=run.html_url,
    )


def _places(jobs: tuple[Job, ...]) -> str:
    """`build / Run tests, lint / Check`."""
    return ", ".join(f"{job.name} / {job.failing_step.name}" if job.failing_step else job.name for job in jobs[:5])
