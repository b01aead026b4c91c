"""A stand-in for GitHub Actions of one repository over real HTTP, with its traps.

A rerun is the same run's next attempt; logs are at another address, which must not be told the token and forgets them;
a token that may not see something is told that it is not there; reads that found nothing new cost nothing.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiohttp import web

from sandbox.world.github_state import ROOT, Attempt, Flow, Run, base, iso, repository, user
from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware

T = TypeVar("T")


@dataclass
class FakeGitHub(Watched):
    token: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    rerun_seconds: float = 0.05
    ends_as: str = "success"
    """How reruns and dispatched runs end."""
    tells_dispatched: bool = True
    may_write: bool = True
    may_read: bool = True
    hourly: int = 5000
    remaining: int = 5000
    scopes: str = ""
    """Of a classic token; a fine-grained one has none."""
    log_lines: tuple[str, ...] = (
        "Run npm test",
        "42 passing, 1 failing",
        "##[warning]Node 18 is deprecated",
        "##[error]checkout total: expected 19.99, got 20",
        "##[error]Process completed with exit code 1.",
    )
    more_jobs: int = 0
    """That every run begins with before its own two, all of them well."""
    logs_expired: bool = False
    log_host: str = ""
    """Where logs are, with a slash at the end; this stand-in itself if empty."""
    log_requests: list[dict[str, str]] = field(default_factory=list)
    """Headers of those who asked for a log."""
    flows: dict[int, Flow] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    _going: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        flows = (
            Flow(501, "Tests", "tests.yml"),
            Flow(502, "Deploy", "deploy.yml"),
            Flow(503, "Clean up", "clean.yml"),
            Flow(504, "Old nightly", "nightly.yml", "disabled_inactivity"),
        )
        self.flows = {flow.id: flow for flow in flows}
        self.add(9001, 501, "success", minutes=300)
        self.add(9002, 501, "failure", minutes=45)
        self.add(9003, 502, "timed_out", minutes=20)
        self.add(9004, 502, None, minutes=2, status="in_progress")
        self.add(9005, 501, "cancelled", minutes=70)

    def add(self, id_: int, flow: int, conclusion: str | None, *, minutes: float, status: str = "completed") -> Run:
        started = self.now - timedelta(minutes=minutes)
        ended = started + timedelta(seconds=60) if conclusion else None
        self.runs[id_] = Run(id_, self.flows[flow], [Attempt(started, ended, conclusion)], started, status)
        return self.runs[id_]

    def section(self, url: str) -> dict[str, Any]:
        """The `[services.*]` table of an ops.toml for it."""
        job = {"name": "clean-up", "what": "Deletes previews that nobody uses.", "workflow": "clean.yml"}
        asked = {"kind": "github", "url": url, "repository": "acme/shop", "token": "env:DEMO_GITHUB_TOKEN"}
        return {**asked, "every": "1s", "jobs": [job]}

    def environment(self) -> dict[str, str]:
        return {"DEMO_GITHUB_TOKEN": self.token}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[recorder(self.heard), middleware(self.faults), self._guard])
        app.router.add_get("/rate_limit", self._rate)
        app.router.add_get("/raw-logs/{job}", self._raw_log)
        app.router.add_get(f"{ROOT}/workflows", self._list_flows)
        app.router.add_get(f"{ROOT}/workflows/{{id}}", self._one_flow)
        app.router.add_put(f"{ROOT}/workflows/{{id}}/{{verb:enable|disable}}", self._turn)
        app.router.add_post(f"{ROOT}/workflows/{{id}}/dispatches", self._dispatch)
        app.router.add_get(f"{ROOT}/runs", self._list_runs)
        app.router.add_get(f"{ROOT}/runs/{{id}}", self._one_run)
        app.router.add_get(f"{ROOT}/runs/{{id}}/jobs", self._list_jobs)
        app.router.add_post(f"{ROOT}/runs/{{id}}/rerun-failed-jobs", self._rerun)
        app.router.add_post(f"{ROOT}/runs/{{id}}/cancel", self._cancel)
        app.router.add_get(f"{ROOT}/jobs/{{id}}/logs", self._log)
        return app

    # -- every request

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith("/raw-logs/"):
            return await handler(request)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._no("Bad credentials", 401)
        if "User-Agent" not in request.headers:
            return self._no("Request forbidden by administrative rules", 403)
        if self.remaining <= 0:
            return self._counted(self._no("API rate limit exceeded for user ID 1.", 403))
        if request.path.startswith("/repos/") and not self.may_read:
            return self._counted(self._no("Not Found", 404))
        if request.method != "GET" and not self.may_write:
            return self._counted(self._no("Resource not accessible by personal access token", 403))
        answer = await handler(request)
        if request.method == "GET" and isinstance(answer, web.Response) and answer.status == 200:
            etag = f'W/"{hashlib.sha256(answer.body or b"").hexdigest()}"'  # type: ignore[arg-type]  # bytes
            if request.headers.get("If-None-Match") == etag:
                return self._counted(web.Response(status=304, headers={"ETag": etag}), cost=0)
            answer.headers["ETag"] = etag
        return self._counted(answer)

    def _counted(self, answer: web.StreamResponse, cost: int = 1) -> web.StreamResponse:
        self.remaining = max(self.remaining - cost, 0)
        reset = int(datetime.now(UTC).timestamp()) + 600
        counts = {"Limit": self.hourly, "Remaining": self.remaining, "Reset": reset}
        answer.headers.update({f"X-RateLimit-{name}": str(count) for name, count in counts.items()})
        if self.scopes:
            answer.headers["X-OAuth-Scopes"] = self.scopes
        return answer

    def _no(self, message: str, status: int) -> web.Response:
        said = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
        return web.json_response(said, status=status)

    async def _rate(self, request: web.Request) -> web.Response:
        used = self.hourly - self.remaining
        rate = {"limit": self.hourly, "remaining": self.remaining, "reset": 1_800_000_000, "used": used}
        return web.json_response({"resources": {"core": rate, "search": rate}, "rate": rate})

    # -- workflows

    async def _list_flows(self, request: web.Request) -> web.Response:
        found = [flow.public(base(request)) for flow in self.flows.values()]
        return web.json_response({"total_count": len(found), "workflows": _page(request, found)})

    async def _one_flow(self, request: web.Request) -> web.Response:
        flow = self._flow(request)
        return self._no("Not Found", 404) if flow is None else web.json_response(flow.public(base(request)))

    async def _turn(self, request: web.Request) -> web.Response:
        flow = self._flow(request)
        if flow is None:
            return self._no("Not Found", 404)
        verb = request.match_info["verb"]
        flow.state = "active" if verb == "enable" else "disabled_manually"
        self.effects.append(Effect(verb, str(flow.id)))
        return web.Response(status=204)

    async def _dispatch(self, request: web.Request) -> web.Response:
        flow, body = self._flow(request), json.loads(await request.text())
        if flow is None:
            return self._no("Not Found", 404)
        if flow.file != "clean.yml":
            return self._no("Workflow does not have 'workflow_dispatch' trigger", 422)
        if unknown := sorted(set(body["inputs"]) - {"older_than", "dry_run"}):
            return self._no(f"Unexpected inputs provided: {unknown}", 422)
        self.effects.append(Effect("dispatch", f"{body['ref']} {json.dumps(body['inputs'], sort_keys=True)}"))
        run = self.add(max(self.runs) + 1, flow.id, None, minutes=0, status="queued")
        run.event = "workflow_dispatch"
        self._later(run)
        if not self.tells_dispatched or not body.get("return_run_details"):
            return web.Response(status=204)
        public = self._public(run, base(request))
        return web.json_response({"workflow_run_id": run.id, "run_url": public["url"], "html_url": public["html_url"]})

    def _flow(self, request: web.Request) -> Flow | None:
        id_ = request.match_info["id"]
        return next((flow for flow in self.flows.values() if id_ in (str(flow.id), flow.file)), None)

    # -- runs

    async def _list_runs(self, request: web.Request) -> web.Response:
        query = request.query
        earliest = datetime.fromisoformat(query["created"].removeprefix(">=")) if "created" in query else None
        wanted = query.get("status")
        found = [
            run
            for run in sorted(self.runs.values(), key=lambda run: run.created, reverse=True)
            if wanted in (None, run.status, run.latest.conclusion) and (earliest is None or run.created >= earliest)
        ]
        page = _page(request, found)
        return web.json_response(
            {"total_count": len(found), "workflow_runs": [self._public(run, base(request)) for run in page]}
        )

    async def _one_run(self, request: web.Request) -> web.Response:
        run = self._run(request)
        return self._no("Not Found", 404) if run is None else web.json_response(self._public(run, base(request)))

    async def _list_jobs(self, request: web.Request) -> web.Response:
        run = self._run(request)
        if run is None:
            return self._no("Not Found", 404)
        numbers = range(1, len(run.attempts) + 1) if request.query.get("filter") == "all" else [len(run.attempts)]
        jobs = [job for number in numbers for job in self._jobs(run, number, base(request))]
        return web.json_response({"total_count": len(jobs), "jobs": _page(request, jobs)})

    async def _rerun(self, request: web.Request) -> web.Response:
        run = self._run(request)
        if run is None:
            return self._no("Not Found", 404)
        if run.status != "completed":
            return self._no("This workflow is already running", 403)
        if datetime.now(UTC) - run.created > timedelta(days=30):
            return self._no("Unable to retry this workflow run because it was created over a month ago", 403)
        self.effects.append(Effect("rerun", str(run.id)))
        run.attempts.append(Attempt(datetime.now(UTC), None, None))
        run.status = "in_progress"
        self._later(run)
        return web.json_response({}, status=201)

    async def _cancel(self, request: web.Request) -> web.Response:
        run = self._run(request)
        if run is None:
            return self._no("Not Found", 404)
        if run.status == "completed":
            return self._no("Cannot cancel a workflow run that is completed.", 409)
        self.effects.append(Effect("cancel", str(run.id)))
        self._later(run, "cancelled")
        return web.json_response({}, status=202)

    def _later(self, run: Run, conclusion: str = "") -> None:
        async def end() -> None:
            await asyncio.sleep(self.rerun_seconds)
            if run.status != "completed":
                run.status = "completed"
                run.latest.ended, run.latest.conclusion = datetime.now(UTC), conclusion or self.ends_as

        task = asyncio.ensure_future(end())
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    def _run(self, request: web.Request) -> Run | None:
        id_ = request.match_info["id"]
        return self.runs.get(int(id_)) if id_.isdigit() else None

    # -- logs

    async def _log(self, request: web.Request) -> web.Response:
        job = request.match_info["id"]
        if self.logs_expired:
            return self._no("Server Error: log has expired", 410)
        host = self.log_host or f"{base(request)}/"
        return web.Response(status=302, headers={"Location": f"{host}raw-logs/{job}?sig=short-lived-do-not-show"})

    async def _raw_log(self, request: web.Request) -> web.Response:
        self.log_requests.append(dict(request.headers))
        if "Authorization" in request.headers:  # Azure's storage takes no two proofs
            return web.Response(text="<Error>InvalidAuthenticationInfo</Error>", status=400, content_type="text/xml")
        run = self.runs[int(request.match_info["job"]) // 100]
        attempt = run.attempts[int(request.match_info["job"]) % 100 // 10 - 1]
        at = attempt.started + timedelta(seconds=5)
        lines = [f"{attempt.started:%Y-%m-%dT%H:%M:%S}.1000000Z Set up job, do-not-show-setup"]
        lines += [f"{at:%Y-%m-%dT%H:%M:%S}.{n:07}Z {line}" for n, line in enumerate(self.log_lines)]
        lines += [f"{at + timedelta(seconds=20):%Y-%m-%dT%H:%M:%S}.0000000Z Post job cleanup, do-not-show-after"]
        return web.Response(text="\ufeff" + "\n".join(lines), content_type="text/plain")

    # -- as GitHub shows them

    def _public(self, run: Run, base: str) -> dict[str, Any]:
        url = f"{base}{ROOT}/runs/{run.id}"
        updated = run.latest.ended or run.latest.started
        author = {"name": "Ana Ruiz", "email": "ana@example.com"}
        whole = repository(base)
        return {
            "id": run.id,
            "name": run.flow.name,
            "node_id": f"WFR_{run.id}",
            "head_branch": "main",
            "head_sha": "a" * 40,
            "path": f".github/workflows/{run.flow.file}",
            "display_title": "Round the total",
            "run_number": run.id - 9000,
            "run_attempt": len(run.attempts),
            "event": run.event,
            "status": run.status,
            "conclusion": run.latest.conclusion,
            "workflow_id": run.flow.id,
            "url": url,
            "pull_requests": [],
            "html_url": f"https://github.com/acme/shop/actions/runs/{run.id}",
            "created_at": iso(run.created),
            "updated_at": iso(updated),
            "run_started_at": iso(run.latest.started),
            "actor": user(base),
            "triggering_actor": user(base),
            "check_suite_id": 1,
            "check_suite_node_id": "CS_1",
            "previous_attempt_url": None,
            "workflow_url": f"{base}{ROOT}/workflows/{run.flow.id}",
            **{
                f"{name}_url": f"{url}/{name}"
                for name in ("jobs", "logs", "check_suite", "artifacts", "cancel", "rerun")
            },
            "head_commit": {
                "id": "a" * 40,
                "tree_id": "b" * 40,
                "message": "Round the total",
                "timestamp": iso(run.created),
                "author": author,
                "committer": author,
            },
            "repository": whole,
            "head_repository": whole,
        }

    def _jobs(self, run: Run, attempt: int, base: str) -> list[dict[str, Any]]:
        found = run.attempts[attempt - 1]
        status = "completed" if found.conclusion else run.status
        steps = [
            self._step(1, "Set up job", "success", found.started, 2),
            self._step(2, "npm test", found.conclusion, found.started + timedelta(seconds=5), 10),
            self._step(3, "Post job", "success", found.started + timedelta(seconds=20), 2),
        ]
        return [
            {
                "id": run.id * 100 + attempt * 10 + number,
                "run_id": run.id,
                "run_attempt": attempt,
                "run_url": f"{base}{ROOT}/runs/{run.id}",
                "node_id": "CR_1",
                "head_sha": "a" * 40,
                "head_branch": "main",
                "url": f"{base}{ROOT}/jobs/{number}",
                "html_url": f"https://github.com/acme/shop/actions/job/{number}",
                "status": status,
                "conclusion": found.conclusion if name == "build" else "success",
                "created_at": iso(found.started),
                "started_at": iso(found.started),
                "completed_at": iso(found.ended),
                "name": name,
                "steps": steps if name == "build" else [],
                "check_run_url": f"{base}/check-runs/1",
                "labels": ["ubuntu-latest"],
                "runner_id": 1,
                "runner_name": "GitHub Actions 2",
                "runner_group_id": 2,
                "runner_group_name": "GitHub Actions",
                "workflow_name": run.flow.name,
            }
            for number, name in (*((10**9 + n, f"check {n}") for n in range(self.more_jobs)), (0, "lint"), (1, "build"))
            if found.conclusion or name == "build"
        ]

    def _step(self, number: int, name: str, conclusion: str | None, at: datetime, seconds: int) -> dict[str, Any]:
        return {
            "number": number,
            "name": name,
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion,
            "started_at": iso(at),
            "completed_at": iso(at + timedelta(seconds=seconds)) if conclusion else None,
        }


def _page(request: web.Request, found: list[T]) -> list[T]:
    """30 at a time, or `per_page`, which is at most 100 whatever was asked for."""
    size = min(int(request.query.get("per_page", "30")), 100)
    first = (int(request.query.get("page", "1")) - 1) * size
    return found[first : first + size]
