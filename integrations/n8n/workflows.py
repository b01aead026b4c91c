"""n8n's workflows: turning any of them on and off, and pausing those that ops.toml names as campaigns."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import JsonValue

from bot.words.exceptions import OpsError, OutcomeUnknown, Refused, Stale
from integrations.capabilities import Flipped, Switch, Switchable, Workflow
from integrations.n8n.api import N8nApi, no_workflow
from integrations.n8n.api import Workflow as Theirs
from integrations.plumbing.addressing import segment
from integrations.plumbing.base import Part
from integrations.plumbing.flipping import flipped

_VERSION = "version "
_CARRIED_OUT = timedelta(seconds=15)
"""n8n 2.41 answers a publication before it carries it out, at the latest at its next look at its own queue."""
_SETTLES = "n8n carries this out within 15 s."
_FAILED_RUNS = 250
"""How many are looked through for each workflow's last failure."""


class TurnableWorkflows(Part[N8nApi]):
    """Workflows."""

    def __init__(self, name: str, url: str, api: N8nApi) -> None:
        super().__init__(name, api)
        self._url = url

    async def workflows(self) -> tuple[Workflow, ...]:
        """Without archived ones. `last_failed_at` is of the newest 250 failed runs that no retry mended."""
        failed: dict[str, datetime] = {}
        looked = 0
        async for run in self._api.failed_runs(None):
            at = run.stoppedAt or run.startedAt
            if at is not None and run.retrySuccessId is None:
                failed[run.workflowId] = max(at, failed.get(run.workflowId, at))
            if (looked := looked + 1) == _FAILED_RUNS:
                break
        newer = await self._api.is_newer()
        found = [each async for each in self._api.workflows() if not each.isArchived]
        return tuple(self._shown(each, newer, failed.get(each.id)) for each in found)

    def _shown(self, workflow: Theirs, newer: bool, failed_at: datetime | None = None) -> Workflow:
        draft = not workflow.active and bool(workflow.versionId)
        return Workflow(
            id=workflow.id,
            name=workflow.name,
            active=workflow.active,
            version=_version(workflow),
            detail="turning it on publishes its latest draft, which may never have run" if draft else "",
            last_failed_at=failed_at,
            link=f"{self._url}/workflow/{workflow.id}",
            settles_within=_CARRIED_OUT if newer else timedelta(0),
        )

    async def turn(self, workflow: Workflow, *, on: bool) -> dict[str, JsonValue]:
        """Off: /unpublish, on: /publish of the version that the plan showed."""
        await self._as_it_was(workflow.id, active=workflow.active, version=workflow.version)
        if workflow.active is on:
            raise Stale(f"{workflow.name} is {'on' if on else 'off'} already.")
        await self._turned(workflow, on=on)
        return {"version": workflow.version}

    async def turn_back(self, workflow: Workflow, kept: dict[str, JsonValue]) -> None:
        # Once it is off, a draft that was saved since is no obstacle: what is published again is the version that ran.
        version = "" if workflow.active else workflow.version
        await self._as_it_was(workflow.id, active=not workflow.active, version=version)
        await self._turned(workflow, on=workflow.active)

    async def _turned(self, workflow: Workflow, *, on: bool) -> None:
        if on and not workflow.version and await self._api.is_newer():
            raise Refused(f"Which version of {workflow.name} to publish is not known; publish it in n8n.")
        await _flip(self._api, workflow.id, version=workflow.version, on=on)

    async def _as_it_was(self, id_: str, *, active: bool, version: str) -> None:
        """Raises Stale where it is not."""
        now = await self._api.workflow(id_)
        if now.isArchived:
            raise Stale(f"{now.name} was archived meanwhile.")
        if now.active is not active:
            raise Stale(f"{now.name} was turned {'on' if now.active else 'off'} meanwhile.")
        if version and _version(now) not in ("", version):
            what = "published" if now.active else "saved as its draft"
            raise Stale(f"{now.name}: another version was {what} meanwhile.")


class PausableWorkflows(Part[N8nApi]):
    """Switches."""

    def __init__(self, name: str, api: N8nApi, pausable: Sequence[str], tag: str) -> None:
        """`pausable` are names or ids, `tag` one that pausable workflows carry."""
        super().__init__(name, api)
        self._pausable = pausable
        self._tag = tag

    async def switches(self) -> tuple[Switchable, ...]:
        """The workflows that ops.toml lets us pause."""
        return tuple([_switchable(found) async for found in self._api.workflows() if self._may_pause(found)])

    async def pause(self, ids: Sequence[str]) -> Flipped:
        """A workflow whose call ends openly is looked at; OutcomeUnknown only where that leaves it open."""

        async def pause(id_: str) -> Switchable:
            before = await self._api.workflow(id_)
            was = _switchable(before)
            if not self._may_pause(before):
                raise Stale(f"{was.name} is not among the workflows that may be paused")
            if was.state is not Switch.RUNNING:
                raise Stale(f"{was.name} was not running any more")
            await _flip(self._api, id_, on=False)
            return was

        return await flipped(ids, pause, verb="paused", note=await self._note())

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        """Publishes the very version that ran before."""

        async def resume(thing: Switchable) -> Switchable:
            before = await self._api.workflow(thing.id)
            version = thing.detail.removeprefix(_VERSION) if thing.detail.startswith(_VERSION) else ""
            if not self._may_pause(before):
                raise Stale(f"{before.name} is not among the workflows that may be resumed")
            if before.isArchived or before.active:
                raise Stale(f"{before.name} was {'archived' if before.isArchived else 'started'} meanwhile")
            if not version and await self._api.is_newer():
                raise Stale(f"{before.name}: which version ran is not known; publish it in n8n")
            await _flip(self._api, thing.id, version=version, on=True)
            return _switchable(before)

        return await flipped(things, resume, verb="resumed", note=await self._note())

    async def _note(self) -> str:
        return _SETTLES if await self._api.is_newer() else ""

    def _may_pause(self, workflow: Theirs) -> bool:
        tags = {tag.name for tag in workflow.tags}
        return workflow.id in self._pausable or workflow.name in self._pausable or bool(self._tag and self._tag in tags)


async def _flip(api: N8nApi, id_: str, *, on: bool, version: str = "") -> None:
    """Source: POST /workflows/{id}/publish and /unpublish, before 2.41 /activate and /deactivate.

    A call that ends openly is looked at: OutcomeUnknown only where it did not show yet, as it may be under way still.
    """
    verb = ("publish" if on else "unpublish") if await api.is_newer() else ("activate" if on else "deactivate")
    body = {"versionId": version} if on and version else None
    try:
        missing = no_workflow(id_)
        await api.service.post(f"/workflows/{segment(id_, missing)}/{verb}", Theirs, body=body, missing=missing)
    except OutcomeUnknown as unknown:
        try:
            now = await api.workflow(id_)
        except OpsError:
            raise unknown from None
        if now.active is not on or (on and version and now.live_version not in ("", version)):
            raise


def _version(workflow: Theirs) -> str:
    """The version that runs, or that would if it were turned on."""
    return workflow.live_version if workflow.active else workflow.versionId or ""


def _switchable(workflow: Theirs) -> Switchable:
    """`detail` names the live version: `resume` needs it, as publishing takes the latest draft otherwise."""
    state = Switch.OTHER if workflow.isArchived else Switch.RUNNING if workflow.active else Switch.PAUSED
    detail = f"{_VERSION}{workflow.live_version}" if workflow.live_version else ""
    return Switchable(workflow.id, workflow.name, state, detail or ("archived" if workflow.isArchived else ""))
