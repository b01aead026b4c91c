"""n8n's public API: what is read of its answers, and how its listings are walked.

Of a run's data only the failing node and its message are ever read; the rest may hold anything and goes nowhere.
"""

import re
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, Field

from bot.words.exceptions import NotUnderstood, OpsError, Refused, TryLater
from integrations.plumbing.addressing import segment
from integrations.plumbing.outbound import Answer, Query, Service, Unreadable
from integrations.plumbing.shape import Shape

_PAGE = 100
_PAGES = 25
"""Pages read at most in one listing of executions: 2,500 runs."""
MOST_RUNS = _PAGE * _PAGES
_WORKFLOW_PAGE = 50
"""Small, because the listing carries every node of every workflow."""
_NEWER_LASTS_S = 600.0

RIGHTS: Final[Mapping[str, str]] = {
    "execution:list": "errors, retry, health, stats",
    "execution:read": "errors, execution, retry",
    "execution:retry": "retry",
    "execution:stop": "stop",
    "workflow:list": "workflows, errors, stats",
    "workflow:read": "workflows on and off, pause, resume",
    "workflow:activate": "workflows on, resume",
    "workflow:deactivate": "workflows off, pause",
}
"""The scopes of an API key that we use, and what for."""

_RIGHT_OF: Final = (
    (re.compile(r"GET /executions"), "execution:list"),
    (re.compile(r"GET /executions/\d+"), "execution:read"),
    (re.compile(r"POST /executions/\d+/retry"), "execution:retry"),
    (re.compile(r"POST /executions/\d+/stop"), "execution:stop"),
    (re.compile(r"GET /workflows"), "workflow:list"),
    (re.compile(r"GET /workflows/\w+"), "workflow:read"),
    (re.compile(r"POST /workflows/\w+/(activate|publish)"), "workflow:activate"),
    (re.compile(r"POST /workflows/\w+/(deactivate|unpublish)"), "workflow:deactivate"),
)

M = TypeVar("M", bound=BaseModel)


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Id = Annotated[str, BeforeValidator(_text)]
"""Sent as text; the published contract of 2.8 says number."""


class Run(Shape):
    """An execution. Field names are n8n's."""

    id: Annotated[_Id, Field(pattern=r"^[0-9]+$")]
    status: str
    workflowId: _Id
    startedAt: datetime | None = None
    stoppedAt: datetime | None = None
    retryOf: _Id | None = None
    retrySuccessId: _Id | None = None
    data: dict[str, Any] | None = Field(default=None, repr=False)
    dataTooLargeToDisplay: bool = False

    @property
    def number(self) -> int:
        """Later runs have higher ones."""
        return int(self.id)

    def why(self) -> tuple[str | None, str | None]:
        """Failing node and message, as far as n8n shows them.

        `message` is often n8n's general advice; what the service itself said is in `description`.
        """
        if self.status == "success":
            return None, None
        if self.dataTooLargeToDisplay:
            return None, "n8n holds back this run's data because it is too large"
        result = _dig(self.data, "resultData")
        error = _dig(result, "error")
        node = _dig(error, "node", "name") or _dig(error, "node") or _dig(result, "lastNodeExecuted")
        node = node if isinstance(node, str) else None
        if error is None and node:
            attempts = _dig(result, "runData", node)
            error = _dig(attempts[-1], "error") if isinstance(attempts, list) and attempts else None
        advice, said = _words(error, "message"), _words(error, "description")
        message = f"{said} ({advice})" if said and advice and said not in advice else advice or said
        if not message and _dig(self.data, "redactionInfo", "isRedacted"):
            message = "n8n redacts this workflow's data"
        return node, message or None


class _Runs(Shape):
    data: tuple[Run, ...]
    nextCursor: str | None = None


class _Tag(Shape):
    name: str


class _Version(Shape):
    versionId: str


class Workflow(Shape):
    """Field names are n8n's."""

    id: _Id
    name: str
    active: bool
    isArchived: bool = False
    versionId: str | None = None
    """The latest draft."""
    activeVersionId: str | None = None
    activeVersion: _Version | None = None
    tags: tuple[_Tag, ...] = ()

    @property
    def live_version(self) -> str:
        """The version that runs now, which need not be the latest draft; empty where n8n does not say."""
        return self.activeVersionId or (self.activeVersion.versionId if self.activeVersion else "")


class _Workflows(Shape):
    data: tuple[Workflow, ...]
    nextCursor: str | None = None


class _Scopes(Shape):
    scopes: tuple[str, ...] = ()


class _Discovery(Shape):
    data: _Scopes = _Scopes()


def _dig(value: Any, *path: str) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _words(error: Any, field: str) -> str:
    found = _dig(error, field)
    return " ".join(found.split()).rstrip(".") if isinstance(found, str) else ""


class _Forbidden(Refused):
    """The key lacks a right; which, the call knows."""


class N8nService(Service):
    """Based at /api/v1. n8n does not say which right a key lacks, and answers pages while it starts."""

    below = "/api/v1"
    header = "X-N8N-API-KEY"

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        if answer.status == 404 and answer.media == "text/html":
            return TryLater(f"{self.name} does not serve its API; it is starting, or its address is wrong.")
        error = super().error_of(answer, write=write, missing=missing)
        return _Forbidden(str(error)) if answer.status == 403 else error

    def lacking(self, call: str, error: OpsError) -> OpsError:
        """The same error with the right that `call` needs, like `GET /executions`."""
        right = next((right for pattern, right in _RIGHT_OF if pattern.fullmatch(call)), None)
        return Refused(f"{error} Its key needs the scope {right}.") if right else error

    async def get(
        self,
        path: str,
        shape: type[M],
        *,
        params: Query | None = None,
        missing: OpsError | None = None,
    ) -> M:
        try:
            return await super().get(path, shape, params=params, missing=missing)
        except _Forbidden as error:
            raise self.lacking(f"GET {path}", error) from None

    async def tell(self, path: str, *, method: str = "POST", **more: Any) -> Answer:
        try:
            return await super().tell(path, method=method, **more)
        except _Forbidden as error:
            raise self.lacking(f"{method} {path}", error) from None


class N8nApi:
    """Typed calls; `service` is based at /api/v1."""

    def __init__(self, service: N8nService) -> None:
        self.service = service
        self._newer = False
        self._newer_until = 0.0

    async def is_newer(self) -> bool:
        """Whether it knows crashed and new runs, publish and unpublish: 2.41 does, 2.8 does not.

        Only the newer has GET /discover.
        """
        if time.monotonic() >= self._newer_until:
            self._newer = await self.scopes() is not None
            self._newer_until = time.monotonic() + _NEWER_LASTS_S
        return self._newer

    async def scopes(self) -> tuple[str, ...] | None:
        """The scopes of the key; None where this n8n does not tell. Source: GET /discover."""
        try:
            return (await self.service.get("/discover", _Discovery)).data.scopes
        except NotUnderstood:
            return None

    async def run(self, execution_id: str) -> Run:
        """With its data where n8n still has it and it is of a size we read. Source: GET /executions/{id}."""
        if not (execution_id.isascii() and execution_id.isdigit() and len(execution_id) <= 18 and int(execution_id)):
            raise NotUnderstood(f"{execution_id[:40]!r} is not the number of an execution, like 4711.")
        path = f"/executions/{int(execution_id)}"
        try:
            return await self.service.get(path, Run, params={"includeData": "true"})
        except (NotUnderstood, Unreadable):  # data that was pruned is a 404 although the run is there
            return await self.service.get(path, Run, missing=no_execution(execution_id))

    async def runs(self, query: Mapping[str, str], *, must_reach: Run | None = None) -> AsyncIterator[Run]:
        """Newest first, without data; running ones only where `query` asks for their status. 2,500 at most.

        Raises Refused where those do not reach back to `must_reach`. Source: GET /executions.
        """
        params = {**query, "limit": str(_PAGE), "includeData": "false"}
        for _ in range(_PAGES):
            page = await self.service.get("/executions", _Runs, params=params)
            for run in page.data:
                yield run
            if page.nextCursor is None or not page.data:
                return
            params = {**params, "cursor": page.nextCursor}
        if must_reach is not None:
            raise Refused(
                f"More than {_PAGE * _PAGES:,} runs came after execution {must_reach.id}: whether it was retried "
                "cannot be told from here. Look in n8n."
            )

    async def failed_runs(self, workflow_id: str | None) -> AsyncIterator[Run]:
        """Newest first. Times are the caller's to filter: 2.8 refuses startedAfter."""
        query = {"workflowId": workflow_id} if workflow_id else {}
        crashed: list[Run] = []
        if await self.is_newer():
            crashed = [run async for run in self.runs({**query, "status": "crashed"})]
        async for run in self.runs({**query, "status": "error"}):
            while crashed and crashed[0].number > run.number:
                yield crashed.pop(0)
            yield run
        for run in crashed:
            yield run

    async def retries_of(self, original: Run) -> tuple[Run, ...]:
        """Oldest first, those that have not ended too. Raises Refused where there are too many runs to look through."""
        found: dict[int, Run] = {}
        for status in ("", "running", *(("new",) if await self.is_newer() else ())):
            query = {"workflowId": original.workflowId, **({"status": status} if status else {})}
            async for run in self.runs(query, must_reach=original):
                if run.number <= original.number:
                    break
                if run.retryOf == original.id:
                    found[run.number] = run
        return tuple(found[number] for number in sorted(found))

    async def workflow(self, workflow_id: str) -> Workflow:
        """Source: GET /workflows/{id}."""
        missing = no_workflow(workflow_id)
        path = f"/workflows/{segment(workflow_id, missing)}"
        return await self.service.get(path, Workflow, params={"excludePinnedData": "true"}, missing=missing)

    async def workflows(self) -> AsyncIterator[Workflow]:
        """All, at most 1,250. Source: GET /workflows."""
        params = {"limit": str(_WORKFLOW_PAGE), "excludePinnedData": "true"}
        for _ in range(_PAGES):
            page = await self.service.get("/workflows", _Workflows, params=params)
            for found in page.data:
                yield found
            if page.nextCursor is None or not page.data:
                return
            params = {**params, "cursor": page.nextCursor}


def no_execution(execution_id: str) -> NotUnderstood:
    return NotUnderstood(f"n8n has no execution {execution_id}; it may have been deleted.")


def no_workflow(workflow_id: str) -> NotUnderstood:
    return NotUnderstood(f"n8n has no workflow {workflow_id}.")
