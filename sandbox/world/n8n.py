"""A stand-in for n8n's public API over real HTTP, in the manner of 2.41 or of 2.8, with its traps.

A retry answers 200 when the new run ends, however it ends, and 500 when somebody stops it; goes on when the caller has
left; and is never deduplicated. Held against a real 2.41.1 by tests/n8n.
"""

import asyncio
import base64
import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware
from sandbox.world.n8n_state import Failure, Flavour, Run, Workflow, believable

_STATUSES = {
    "2.41": {"canceled", "crashed", "error", "new", "running", "success", "unknown", "waiting"},
    "2.8": {"canceled", "error", "running", "success", "waiting"},
}
_EXECUTIONS_QUERY = {
    "2.41": {
        "limit",
        "cursor",
        "includeData",
        "ignoreDataSizeLimit",
        "redactExecutionData",
        "status",
        "workflowId",
        "projectId",
        "startedAfter",
        "startedBefore",
    },
    "2.8": {"limit", "cursor", "includeData", "status", "workflowId", "projectId"},
}
_SCOPES = (
    (re.compile(r"GET .*/executions"), "execution:list"),
    (re.compile(r"GET .*/executions/\w+"), "execution:read"),
    (re.compile(r"POST .*/retry"), "execution:retry"),
    (re.compile(r"POST .*/stop"), "execution:stop"),
    (re.compile(r"GET .*/workflows"), "workflow:list"),
    (re.compile(r"GET .*/workflows/\w+"), "workflow:read"),
    (re.compile(r"POST .*/(activate|publish)"), "workflow:activate"),
    (re.compile(r"POST .*/(deactivate|unpublish)"), "workflow:deactivate"),
)


class FakeN8n(Watched):
    def __init__(self, api_key: str, *, flavour: Flavour = "2.41", now: datetime | None = None) -> None:
        super().__init__()
        self.api_key = api_key
        self.flavour: Flavour = flavour
        workflows, runs = believable(now or datetime.now(UTC))
        self.workflows = {workflow.id: workflow for workflow in workflows}
        self.runs = {run.id: run for run in runs}
        self.retry_seconds = 0.05
        """How long a retried run takes where nobody says that it is to `end`."""
        self.fails_again: set[str] = {"Qx8DnPz3BvTw1KrE"}
        """Workflows whose retried runs fail too."""
        self.ready = True
        self.starting_up = False
        """Pages instead of answers: "starting up" with 200."""
        self.without_routes = False
        """A little later in its start: it answers 404 and a page, as to any address it does not know."""
        self.scopes = {scope for _, scope in _SCOPES}
        """What the key may do."""
        self._going: set[asyncio.Task[None]] = set()
        self._over: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[recorder(self.heard), middleware(self.faults), self._guard])
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/healthz/readiness", self._readiness)
        api = "/api/v1"
        app.router.add_get(f"{api}/executions", self._list_runs)
        app.router.add_get(f"{api}/executions/{{id}}", self._one_run)
        app.router.add_post(f"{api}/executions/{{id}}/retry", self._retry)
        app.router.add_get(f"{api}/workflows", self._list_workflows)
        app.router.add_get(f"{api}/workflows/{{id}}", self._one_workflow)
        app.router.add_post(f"{api}/workflows/{{id}}/activate", self._publish)
        app.router.add_post(f"{api}/workflows/{{id}}/deactivate", self._unpublish)
        if self.flavour == "2.41":
            app.router.add_get(f"{api}/discover", self._discover)
            app.router.add_post(f"{api}/workflows/{{id}}/publish", self._publish)
            app.router.add_post(f"{api}/workflows/{{id}}/unpublish", self._unpublish)
            app.router.add_post(f"{api}/executions/{{id}}/stop", self._stop)
        return app

    def fail(self, workflow_id: str, failure: Failure, *, data: str = "kept") -> Run:
        """A new failed run, now."""
        now = datetime.now(UTC)
        run = Run(self._next_id(), self.workflows[workflow_id], "error", now, now, failure)
        run.data = data  # type: ignore[assignment]  # a literal of Kept
        self.runs[run.id] = run
        return run

    def _next_id(self) -> int:
        return max(self.runs) + 1

    # -- every request

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith("/api/"):
            if self.starting_up:
                return web.Response(text="<p>n8n is starting up. Please wait</p>", content_type="text/html")
            if self.without_routes:
                page = f"<!DOCTYPE html><pre>Cannot {request.method} {request.path}</pre>"
                return web.Response(text=page, content_type="text/html", status=404)
            if request.headers.get("X-N8N-API-KEY") != self.api_key:  # a good key as Bearer is refused too
                return web.json_response({"message": "Unauthorized"}, status=401)
            call = f"{request.method} {request.path}"
            scope = next((scope for pattern, scope in _SCOPES if pattern.fullmatch(call)), None)
            if scope is not None and scope not in self.scopes:
                return web.json_response({"message": "Forbidden"}, status=403)
        return await handler(request)

    async def _alive(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readiness(self, request: web.Request) -> web.Response:
        if self.ready and not self.starting_up:
            return web.json_response({"status": "ok"})
        return web.json_response({"status": "error"}, status=503)

    async def _discover(self, request: web.Request) -> web.Response:
        found = {"scopes": sorted(self.scopes), "resources": {}, "filters": {}, "specUrl": "/openapi.yml"}
        return web.json_response({"data": found})

    # -- executions

    async def _list_runs(self, request: web.Request) -> web.Response:
        query = request.query
        if unknown := sorted(set(query) - _EXECUTIONS_QUERY[self.flavour]):
            return web.json_response({"message": f"Unknown query parameter '{unknown[0]}'"}, status=400)
        status = query.get("status")
        if status is not None and status not in _STATUSES[self.flavour]:
            return web.json_response({"message": "request/query/status Invalid enum value"}, status=400)
        limit = min(int(query.get("limit", "100")), 250)  # more is not refused
        last = json.loads(base64.b64decode(query["cursor"]))["lastId"] if "cursor" in query else None
        wanted = [
            run
            for run in sorted(self.runs.values(), key=lambda run: run.id, reverse=True)
            if (run.status == status if status else run.status not in ("running", "new"))
            and (last is None or run.id < int(last))
            and query.get("workflowId", run.workflow.id) == run.workflow.id
            and _within(run, query.get("startedAfter"), query.get("startedBefore"))
        ]
        page = wanted[:limit]
        more = {"lastId": str(page[-1].id), "limit": limit} if len(wanted) > limit else None
        with_data = query.get("includeData") == "true"
        return web.json_response(
            {
                "data": [run.public(self.flavour, with_data=with_data, listed=True) for run in page],
                "nextCursor": base64.b64encode(json.dumps(more).encode()).decode() if more else None,
            }
        )

    async def _one_run(self, request: web.Request) -> web.Response:
        run = self._run(request)
        if run is None:
            return web.json_response({"message": "Not Found"}, status=404)
        with_data = request.query.get("includeData") == "true"
        if with_data and run.data == "pruned":
            return web.json_response({"message": "Data for this execution is unavailable"}, status=404)
        return web.json_response(run.public(self.flavour, with_data=with_data, listed=False))

    async def _retry(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        if not id_.isdigit():
            return web.json_response({"message": "Execution ID is invalid"}, status=400)
        original = self._run(request)
        if original is None:
            message = f'The execution with the ID "{id_}" does not exist.'
            return web.json_response({"message": message}, status=404)
        if original.status == "success":
            message = "The execution succeeded, so it cannot be retried."
            return web.json_response({"message": message}, status=409)
        self.effects.append(Effect("retry", str(original.id)))
        run = Run(self._next_id(), original.workflow, "running", datetime.now(UTC), None, mode="retry")
        run.retry_of = original.id
        self.runs[run.id] = run
        going = asyncio.ensure_future(self._finish(original, run))
        self._going.add(going)
        going.add_done_callback(self._going.discard)
        await asyncio.shield(going)
        if run.status == "canceled":  # it ran, and somebody stopped it
            return web.json_response({"message": "Internal server error"}, status=500)
        answer = run.public(self.flavour, with_data=True, listed=True)
        for absent in ("stoppedAt", "retrySuccessId"):
            del answer[absent]
        if self.flavour == "2.41":
            answer["storedAt"] = "db"
        return web.json_response(answer)

    def end(self, id_: str) -> None:
        """A retried run that is under way ends now."""
        self._over[int(id_)].set()

    async def _finish(self, original: Run, run: Run) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over[run.id].wait(), self.retry_seconds)
        if run.status == "canceled":
            return
        again = run.workflow.id in self.fails_again
        run.status = "error" if again else "success"
        run.failure = original.failure if again else None
        run.stopped = datetime.now(UTC)
        if not again:
            original.retry_success = run.id

    async def _stop(self, request: web.Request) -> web.Response:
        run = self._run(request)
        if run is None:
            return web.json_response({"message": "Failed to find execution to stop"}, status=404)
        if run.status not in ("running", "waiting"):
            message = f"Only running or waiting executions can be stopped and {run.id} is currently {run.status}"
            return web.json_response({"message": message}, status=409)
        self.effects.append(Effect("stop", str(run.id)))
        run.status, run.stopped = "canceled", datetime.now(UTC)
        self._over[run.id].set()
        whole = run.public(self.flavour, with_data=False, listed=True)
        return web.json_response({key: whole[key] for key in ("mode", "startedAt", "stoppedAt", "finished", "status")})

    def _run(self, request: web.Request) -> Run | None:
        id_ = request.match_info["id"]
        return self.runs.get(int(id_)) if id_.isdigit() else None

    # -- workflows

    async def _list_workflows(self, request: web.Request) -> web.Response:
        limit = min(int(request.query.get("limit", "100")), 250)
        start = int(base64.b64decode(request.query["cursor"])) if "cursor" in request.query else 0
        found = list(self.workflows.values())
        page = found[start : start + limit]
        more = start + limit < len(found)
        return web.json_response(
            {
                "data": [workflow.public(self.flavour, listed=True) for workflow in page],
                "nextCursor": base64.b64encode(str(start + limit).encode()).decode() if more else None,
            }
        )

    async def _one_workflow(self, request: web.Request) -> web.Response:
        return self._shown(self._workflow(request))

    async def _publish(self, request: web.Request) -> web.Response:
        """Without a versionId the latest draft goes live."""
        workflow = self._workflow(request)
        if workflow is not None:
            asked = json.loads(await request.text() or "{}").get("versionId")
            if asked is not None and asked not in workflow.versions:
                return web.json_response({"message": "Version not found"}, status=404)
            workflow.active_version = asked or workflow.draft_version
            self.effects.append(Effect("publish", f"{workflow.id} {workflow.active_version}"))
        return self._shown(workflow)

    async def _unpublish(self, request: web.Request) -> web.Response:
        workflow = self._workflow(request)
        if workflow is not None:
            workflow.active_version = None
            self.effects.append(Effect("unpublish", workflow.id))
        return self._shown(workflow)

    def _workflow(self, request: web.Request) -> Workflow | None:
        return self.workflows.get(request.match_info["id"])

    def _shown(self, workflow: Workflow | None) -> web.Response:
        if workflow is None:
            return web.json_response({"message": "Not Found"}, status=404)
        return web.json_response(workflow.public(self.flavour, listed=False))


def _within(run: Run, after: str | None, before: str | None) -> bool:
    if after is None and before is None:
        return True
    return run.started is not None and (
        (after is None or run.started > datetime.fromisoformat(after))
        and (before is None or run.started < datetime.fromisoformat(before))
    )
