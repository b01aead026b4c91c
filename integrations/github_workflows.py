"""A repository's workflows turned on and off, and those of them that ops.toml lets people start as jobs."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from bot.errors import NotUnderstood, OpsError, Refused, Stale
from integrations.capabilities import Flipped, Job, JobEnd, JobParam, Switch, Switchable, Workflow
from integrations.flipping import flipped
from integrations.github_api import Flow, GitHubApi, Run
from integrations.polling import until

_ON = "active"
_WHY_OFF = {
    "disabled_inactivity": "GitHub turned it off after 60 days without activity",
    "disabled_fork": "GitHub turned it off because this is a fork",
}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"write a regular expression; this is none: {error}") from None
    return text


class JobParamSection(_Table):
    name: str = Field(pattern=r"^[a-z_][a-z0-9_-]{0,39}$")
    """As the workflow's input is called."""
    hint: str = ""
    pattern: Annotated[str, AfterValidator(_expression)] = Field(default=r"[\w./:@ -]{1,200}", max_length=500)
    """A regular expression that the whole value must match."""
    required: bool = False


class JobSection(_Table):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """What people type."""
    what: str = Field(max_length=200)
    """One sentence on what it does."""
    workflow: str = Field(pattern=r"^[\w.-]{1,100}$")
    """The workflow's file, like `cleanup.yml`, or its id; it must have `on: workflow_dispatch`."""
    ref: str = Field(default="main", pattern=r"^[\w./-]{1,200}$")
    """Branch or tag that it runs on."""
    inputs: Mapping[str, str] = Field(default_factory=dict)
    """Inputs that are always given like this."""
    params: tuple[JobParamSection, ...] = ()
    """Inputs that people type."""
    destructive: bool = True


class RepositoryWorkflows:
    """Workflows, Switches."""

    kind = "github"

    def __init__(self, name: str, api: GitHubApi) -> None:
        self.name = name
        self._api = api

    async def workflows(self) -> tuple[Workflow, ...]:
        """`last_failed_at` is of the newest 100 failed runs."""
        runs, _ = await self._api.runs(status="failure")
        failed: dict[int, datetime] = {}
        for run in runs:
            failed[run.workflow_id] = max(run.updated_at, failed.get(run.workflow_id, run.updated_at))
        return tuple(
            _workflow(flow, failed.get(flow.id)) for flow in await self._api.flows() if flow.state != "deleted"
        )

    async def turn(self, workflow: Workflow, *, on: bool) -> dict[str, JsonValue]:
        if workflow.active is on:
            raise Stale(f"{workflow.name} is {'on' if on else 'off'} already.")
        state = await self._as_it_was(workflow, active=workflow.active)
        await self._api.enable(workflow.id, on=on)
        return {"state": state}

    async def turn_back(self, workflow: Workflow, kept: dict[str, JsonValue]) -> None:
        await self._as_it_was(workflow, active=not workflow.active)
        await self._api.enable(workflow.id, on=workflow.active)

    async def switches(self) -> tuple[Switchable, ...]:
        """Those that GitHub turned off by itself are none to resume."""
        return tuple(_switchable(flow) for flow in await self._api.flows() if flow.state != "deleted")

    async def pause(self, ids: Sequence[str]) -> Flipped:
        return await flipped(ids, lambda id_: self._flip(id_, Switch.RUNNING), verb="paused")

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        return await flipped(things, lambda thing: self._flip(thing.id, Switch.PAUSED), verb="resumed")

    async def _flip(self, id_: str, expected: Switch) -> Switchable:
        was = _switchable(await self._api.flow(id_))
        if was.state is not expected:
            raise Stale(f"{was.name} was not {expected.value} any more")
        await self._api.enable(id_, on=expected is Switch.PAUSED)
        return was

    async def _as_it_was(self, workflow: Workflow, *, active: bool) -> str:
        """Raises Stale where it is not."""
        now = await self._api.flow(workflow.id)
        if (now.state == _ON) is not active:
            raise Stale(f"{now.name} was changed meanwhile: it is {now.state} now.")
        return now.state


class DispatchedJobs:
    """OwnJobs: a workflow's `workflow_dispatch`."""

    kind = "github"

    def __init__(
        self, name: str, jobs: Sequence[JobSection], api: GitHubApi, settle: timedelta, every: timedelta
    ) -> None:
        self.name = name
        self._jobs = {job.name: job for job in jobs}
        self._api = api
        self._settle = settle
        self._every = every

    def jobs(self) -> tuple[Job, ...]:
        return tuple(
            Job(
                name=job.name,
                what=job.what,
                params=tuple(JobParam(p.name, p.hint, p.pattern, p.required) for p in job.params),
                destructive=job.destructive,
            )
            for job in self._jobs.values()
        )

    async def run_job(self, job: str, params: Mapping[str, str]) -> JobEnd:
        """A run that GitHub does not name, or that takes longer than `settle`, is said to have been started."""
        if job not in self._jobs:
            raise NotUnderstood(f"{self.name} has no job {job!r}.", hint=f"one of: {', '.join(self._jobs)}")
        section = self._jobs[job]
        begun = await self._api.dispatch(section.workflow, section.ref, {**section.inputs, **_checked(section, params)})
        if begun is None:
            return JobEnd(f"{job} was started; GitHub does not say as which run, so look there for how it ends.")

        async def over() -> Run | None:
            try:
                now = await self._api.run(str(begun.workflow_run_id))
            except NotUnderstood:  # it is listed a moment after it is named
                return None
            return None if now.going else now

        try:
            ended = await until(over, limit=self._settle, every=self._every)
        except OpsError:  # it runs, whatever we may not read of it
            ended = None
        where = f"run {begun.workflow_run_id}"
        if ended is None:
            return JobEnd(f"{job} was started as {where} and has not ended yet.", link=begun.html_url)
        if ended.conclusion != "success":
            raise Refused(f"{job} ran as {where} and ended as {ended.conclusion}.")
        return JobEnd(f"{job} ran as {where} and ended well.", link=begun.html_url)


def _checked(job: JobSection, params: Mapping[str, str]) -> dict[str, str]:
    """Raises NotUnderstood for what ops.toml does not let people type."""
    known = {param.name: param for param in job.params}
    if unknown := sorted(params.keys() - known.keys()):
        takes = f"it takes {', '.join(known)}" if known else "it takes nothing"
        raise NotUnderstood(f"{job.name} has no {unknown[0]!r}; {takes}.", hint=f"job {job.name}")
    for name, param in known.items():
        if name not in params:
            if param.required:
                raise NotUnderstood(f"{job.name} needs {name}. {param.hint}".strip(), hint=f"job {job.name} {name}=")
        elif not re.fullmatch(param.pattern, params[name]):
            raise NotUnderstood(f"{name} does not look right: it must match {param.pattern}.", hint=f"job {job.name}")
    return dict(params)


def _switchable(flow: Flow) -> Switchable:
    state = {_ON: Switch.RUNNING, "disabled_manually": Switch.PAUSED}.get(flow.state, Switch.OTHER)
    return Switchable(str(flow.id), flow.name, state, flow.state)


def _workflow(flow: Flow, failed_at: datetime | None) -> Workflow:
    return Workflow(
        id=str(flow.id),
        name=flow.name,
        active=flow.state == _ON,
        detail=_WHY_OFF.get(flow.state, ""),
        last_failed_at=failed_at,
        link=flow.html_url,
    )
