"""Neon's REST API, as far as we use it: shapes of its answers, a method a call, and operations that are waited for."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

from pydantic import AliasPath, Field

from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.pace import Pace
from integrations.plumbing.polling import until
from integrations.plumbing.shape import Shape

_ID = re.compile(r"[a-z0-9-]{1,60}")
"""As Neon describes its ids."""
_BRANCHES, _PAGES = "1000", 20
_METRICS = "compute_unit_seconds,public_network_transfer_bytes,private_network_transfer_bytes"


class Locked(TryLater):
    """423: another operation of the project is under way, and nothing was done."""


class Quota(Shape):
    """0 or nothing: no limit."""

    compute_time_seconds: int = 0
    data_transfer_bytes: int = 0
    written_data_bytes: int = 0


class AllowedIps(Shape):
    """An empty list lets everyone in."""

    ips: tuple[str, ...] = ()
    protected_branches_only: bool = False


class Settings(Shape):
    quota: Quota = Quota()
    allowed_ips: AllowedIps = AllowedIps()


class Project(Shape):
    id: str
    name: str
    org_id: str = ""
    compute_time_seconds: int
    data_transfer_bytes: int
    written_data_bytes: int
    synthetic_storage_size: int = 0
    consumption_period_start: datetime
    consumption_period_end: datetime
    settings: Settings = Settings()


class Endpoint(Shape):
    id: str
    name: str = ""
    branch_id: str
    type: str
    current_state: str
    """init, active or idle, which is suspended."""
    disabled: bool = False


class Operation(Shape):
    id: str
    action: str
    status: str
    error: str = ""


class Changed(Shape):
    operations: tuple[Operation, ...] = ()


class _One(Shape):
    project: Project


class _Patched(Changed):
    project: Project


class Endpoints(Shape):
    endpoints: tuple[Endpoint, ...]


class _Endpoint(Shape):
    endpoint: Endpoint


class _Operation(Shape):
    operation: Operation


class _Branch(Shape):
    id: str
    name: str
    default: bool = False


class _Branches(Shape):
    branches: tuple[_Branch, ...]
    next: Annotated[str, Field(validation_alias=AliasPath("pagination", "next"))] = ""


class _Metric(Shape):
    metric_name: str
    value: float


class _Frame(Shape):
    metrics: tuple[_Metric, ...] = ()


class _Period(Shape):
    consumption: tuple[_Frame, ...] = ()


class _Consumer(Shape):
    periods: tuple[_Period, ...] = ()


class _History(Shape):
    projects: tuple[_Consumer, ...] = ()


class Who(Shape):
    account_id: str
    auth_method: str
    """api_key_user or api_key_org."""


T = TypeVar("T")


class NeonService(Service):
    pace = Pace(700, timedelta(minutes=1), at_once=40)
    """Neon grants it to all that an account does."""

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        if answer.status == 423:
            return Locked(f"{self.name} is busy with another operation (423){self.said(answer)}.")
        return super().error_of(answer, write=write, missing=missing)


class NeonApi:
    """One project."""

    def __init__(self, service: NeonService, project: str, *, settle: timedelta, every: timedelta) -> None:
        self.service = service
        self._at = f"/projects/{project}"
        self._settle = settle
        self._every = every
        name = service.name
        self.unknown_project = NotUnderstood(
            f"{name} knows no project {project!r}, or the key does not reach it. Check services.{name}.project."
        )

    @property
    def endpoints_path(self) -> str:
        return f"{self._at}/endpoints"

    async def project(self) -> Project:
        """Source: GET /projects/{project_id}"""
        return (await self.service.get(self._at, _One, missing=self.unknown_project)).project

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """Source: GET /projects/{project_id}/endpoints"""
        return (await self.service.get(self.endpoints_path, Endpoints, missing=self.unknown_project)).endpoints

    async def endpoint(self, id_: str) -> Endpoint:
        """Source: GET /projects/{project_id}/endpoints/{endpoint_id}"""
        missing = no_endpoint(id_)
        return (await self.service.get(f"{self.endpoints_path}/{_id(id_)}", _Endpoint, missing=missing)).endpoint

    async def default_branch(self) -> str:
        """Its id; empty where there is none. Source: GET /projects/{project_id}/branches"""
        return next((branch.id for branch in await self._branches() if branch.default), "")

    async def branch_names(self) -> Mapping[str, str]:
        return {each.id: each.name for each in await self._branches()}

    async def _branches(self) -> tuple[_Branch, ...]:
        """All pages. Raises Refused where there are more than are read."""
        found: list[_Branch] = []
        params = {"limit": _BRANCHES}
        for _ in range(_PAGES):
            page = await self.service.get(f"{self._at}/branches", _Branches, params=params)
            found += page.branches
            if not page.next or not page.branches:
                return tuple(found)
            params = {**params, "cursor": page.next}
        raise Refused(f"{self.service.name} has more than {len(found):,} branches.")

    async def main_endpoint(self, wanted: str) -> Endpoint:
        """The one called `wanted`, or else that writes to the default branch. Raises Misconfigured."""
        found = await self.endpoints()
        where = f"services.{self.service.name}.endpoint"
        there = ", ".join(each.id for each in found) or "none"
        if wanted:
            named = [each for each in found if wanted in (each.id, each.name)]
        else:
            named = [each for each in found if each.type == "read_write"]
            if len(named) > 1:
                main = await self.default_branch()
                named = [each for each in named if each.branch_id == main]
        if len(named) != 1:
            raise Misconfigured(f"{where}: {wanted or 'which endpoint is meant'!r} is not clear; write one of {there}.")
        return named[0]

    async def turn(self, id_: str, verb: str, ready: Callable[[Endpoint], None]) -> None:
        """Waits for the end, and before that until nothing else is going on. `ready` raises where the endpoint, looked
        at before each try, is not to be turned: what was waited for may have changed it.

        Source: POST /projects/{project_id}/endpoints/{endpoint_id}/restart, suspend, start: answered before it is done
        """
        path = f"{self.endpoints_path}/{_id(id_)}/{verb}"
        missing = no_endpoint(id_)

        async def sent() -> Changed:
            ready(await self.endpoint(id_))
            return await self.service.post(path, Changed, missing=missing)

        changed = await self.unlocked(sent)
        await self._finished(changed.operations, f"the {verb} of {id_}")

    async def allow(self, ips: Sequence[str], *, protected_branches_only: bool) -> AllowedIps:
        """Replaces the whole list, never by an empty one. Raises Locked, at once: by the time that it could be written
        the list may be another. Source: PATCH /projects/{project_id}"""
        if not ips:
            raise Refused("An empty list would let everyone in: it is never written.")
        allowed = {"ips": list(ips), "protected_branches_only": protected_branches_only}
        body = {"project": {"settings": {"allowed_ips": allowed}}}
        changed = await self.service.post(self._at, _Patched, method="PATCH", body=body)
        await self._finished(changed.operations, "the new list")
        return changed.project.settings.allowed_ips

    async def consumed(self, project: Project, until_: datetime) -> Mapping[str, float]:
        """Since the period began, by metric. Raises Refused or NotUnderstood where the plan does not tell.

        Source: GET /consumption_history/v2/projects; not in the description of 2025
        """
        params = {
            "from": project.consumption_period_start.strftime("%Y-%m-%dT00:00:00Z"),
            "to": until_.strftime("%Y-%m-%dT%H:00:00Z"),
            "granularity": "daily",
            "org_id": project.org_id,
            "project_ids": project.id,
            "metrics": _METRICS,
        }
        found = await self.service.get("/consumption_history/v2/projects", _History, params=params)
        sums: dict[str, float] = {}
        for consumer in found.projects:
            for metric in (m for period in consumer.periods for frame in period.consumption for m in frame.metrics):
                sums[metric.metric_name] = sums.get(metric.metric_name, 0.0) + metric.value
        return sums

    async def who(self) -> Who:
        """Whose key it is; of a person's and an organisation's. Source: GET /auth"""
        return await self.service.get("/auth", Who)

    async def unlocked(self, call: Callable[[], Awaitable[T]]) -> T:
        """Raises Locked where it stays so: nothing was done then, and it may be sent again."""
        end = time.monotonic() + self._settle.total_seconds()
        while True:
            try:
                return await call()
            except Locked:
                if time.monotonic() + self._every.total_seconds() > end:
                    raise
                await asyncio.sleep(self._every.total_seconds())

    async def _finished(self, operations: Sequence[Operation], what: str) -> None:
        """Raises Refused where one failed, OutcomeUnknown where one is not over in time."""
        for operation in operations:

            async def over(id_: str = operation.id) -> Operation | None:
                found = (await self.service.get(f"{self._at}/operations/{id_}", _Operation)).operation
                return None if found.status in ("scheduling", "running", "cancelling") else found

            ended = await until(over, limit=self._settle, every=self._every, new=True)
            if ended is None:
                waited = f"{self._settle.total_seconds():g} s"
                raise OutcomeUnknown(
                    f"{self.service.name} accepted {what}; {operation.action} was not over after {waited}."
                )
            if ended.status not in ("finished", "skipped"):
                why = f": {self.service.clean(ended.error)}" if ended.error else ""
                raise Refused(f"{self.service.name} accepted {what}, and {ended.action} ended as {ended.status}{why}.")


def no_endpoint(id_: str) -> NotUnderstood:
    return NotUnderstood(f"Neon knows no endpoint {id_[:60]!r} in this project.")


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise no_endpoint(text)
    return text
