"""A repository's workflows turned on and off, and those of them that ops.toml lets people start as jobs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import Field, JsonValue

from bot.words.exceptions import OpsError, Refused, Stale
from integrations.capabilities import Flipped, Job, JobEnd, Switch, Switchable, Workflow, unheard
from integrations.github.api import Flow, GitHubApi, Run
from integrations.plumbing.base import Part
from integrations.plumbing.flipping import flipped
from integrations.plumbing.jobs import JobList, JobSection
from integrations.plumbing.polling import until

_ON = "active"
_WHY_OFF = {
    "disabled_inactivity": "GitHub turned it off after 60 days without activity",
    "disabled_fork": "GitHub turned it off because this is a fork",
}


class DispatchSection(JobSection):
    """`params` are inputs of the workflow."""

    workflow: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    """The workflow's file, like `cleanup.yml`, or its id; it must have `on: workflow_dispatch`."""
    ref: str = Field(default="main", pattern=r"^[A-Za-z0-9_./-]{1,200}$")
    """Branch or tag that it runs on."""
    inputs: Mapping[str, str] = Field(default_factory=dict)
    """Inputs that are always given like this."""


class RepositoryWorkflows(Part[GitHubApi]):
    """Workflows, Switches."""

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


class DispatchedJobs(Part[GitHubApi]):
    """OwnJobs: a workflow's `workflow_dispatch`."""

    def __init__(
        self, name: str, jobs: Sequence[DispatchSection], api: GitHubApi, settle: timedelta, every: timedelta
    ) -> None:
        super().__init__(name, api)
        self._jobs = JobList(name, jobs)
        self._settle = settle
        self._every = every

    def jobs(self) -> tuple[Job, ...]:
        return self._jobs.jobs()

    def told(self, job: str, params: Mapping[str, str]) -> str:
        section, values = self._jobs.meant(job, params)
        inputs = "".join(f" {name}={value}" for name, value in {**section.inputs, **values}.items())
        return f"workflow {section.workflow} on {section.ref}" + (f" with{inputs}" if inputs else "")

    async def run_job(self, job: str, params: Mapping[str, str], tell: Callable[[str], None] = unheard) -> JobEnd:
        """A run that GitHub does not name, or that takes longer than `settle`, is said to have been started."""
        section, values = self._jobs.meant(job, params)
        begun = await self._api.dispatch(section.workflow, section.ref, {**section.inputs, **values})
        if begun is None:
            return JobEnd(f"{job} was started; GitHub does not say as which run, so look there for how it ends.")

        async def over() -> Run | None:
            now = await self._api.run(str(begun.workflow_run_id))
            tell(f"run {begun.workflow_run_id}: {now.status}")
            return None if now.going else now

        try:
            ended = await until(over, limit=self._settle, every=self._every, new=True)
        except OpsError:  # it runs, whatever we may not read of it
            ended = None
        where = f"run {begun.workflow_run_id}"
        if ended is None:
            return JobEnd(f"{job} was started as {where} and has not ended yet.", link=begun.html_url)
        if ended.conclusion != "success":
            raise Refused(f"{job} ran as {where} and ended as {ended.conclusion}.")
        return JobEnd(f"{job} ran as {where} and ended well.", link=begun.html_url)


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
