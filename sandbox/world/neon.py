"""A stand-in for one project of Neon's REST API over real HTTP, with its traps.

Changes are operations that go on after the answer; while one does, others are a 423; the list of allowed addresses is
replaced as a whole, and an empty one lets everyone in.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware

_AT = "2026-03-01T09:00:00Z"
_VERBS = {
    "suspend": ("suspend_compute", "idle"),
    "start": ("start_compute", "active"),
    "restart": ("suspend_compute", "active"),
}


@dataclass
class Endpoint:
    id: str
    branch: str
    type: str = "read_write"
    state: str = "active"
    disabled: bool = False
    restarts: int = 0

    def public(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "host": f"{self.id}.eu-central-1.aws.neon.tech",
            "project_id": "shop-1",
            "name": "",
            "branch_id": self.branch,
            "autoscaling_limit_min_cu": 0.25,
            "autoscaling_limit_max_cu": 2,
            "region_id": "aws-eu-central-1",
            "type": self.type,
            "current_state": self.state,
            "settings": {},
            "pooler_enabled": False,
            "pooler_mode": "transaction",
            "disabled": self.disabled,
            "passwordless_access": True,
            "creation_source": "console",
            "created_at": _AT,
            "updated_at": _AT,
            "proxy_host": "eu-central-1.aws.neon.tech",
            "suspend_timeout_seconds": 300,
            "provisioner": "k8s-neonvm",
        }


class FakeNeon(Watched):
    def __init__(self, api_key: str) -> None:
        super().__init__()
        self.api_key = api_key
        self.id = "shop-1"
        self.endpoints = {
            each.id: each
            for each in (
                Endpoint("ep-main-1", "br-main"),
                Endpoint("ep-replica-1", "br-main", type="read_only"),
                Endpoint("ep-staging-1", "br-staging", state="idle"),
            )
        }
        self.ips: list[str] = ["198.51.100.1", "198.51.100.32/28"]
        self.protected_only = False
        self.respelled: dict[str, str] = {}
        """What an entry of the list is told as, once it was written."""
        self.overwritten = ""
        """An entry that somebody takes off again right after a change, with a list that was read before it."""
        self.operations: dict[str, dict[str, Any]] = {}
        self.operation_seconds = 0.05
        self.ends_as = "finished"
        self.scoped_to_project = True
        self.previews = 0
        """Branches beside main and staging."""
        self.at_once = 10_000
        """Branches on one page at most."""
        """Such a key may not ask whose it is, nor for consumption."""
        self.paid = False
        self.compute_quota = 360_000
        self._going: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: {"code": "", "message": error.reason.lower()})
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        project = "/projects/{project}"
        app.router.add_get(project, self._project)
        app.router.add_patch(project, self._patch)
        app.router.add_get(f"{project}/endpoints", self._list)
        app.router.add_get(f"{project}/endpoints/{{endpoint}}", self._one)
        app.router.add_post(f"{project}/endpoints/{{endpoint}}/{{verb}}", self._turn)
        app.router.add_get(f"{project}/branches", self._branches)
        app.router.add_get(f"{project}/operations/{{operation}}", self._operation)
        app.router.add_get("/consumption_history/v2/projects", self._history)
        app.router.add_get("/auth", self._auth)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the key is in DEMO_NEON_API_KEY."""
        asked = {"kind": "neon", "url": url, "project": self.id, "pausable": ["ep-main-1", "ep-staging-1"]}
        return {**asked, "api_key": "env:DEMO_NEON_API_KEY", "every": "1s"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_NEON_API_KEY": self.api_key}

    @property
    def locked(self) -> bool:
        return any(each["status"] in ("scheduling", "running") for each in self.operations.values())

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return _error(401, "", "supplied credentials do not pass authentication")
        if request.match_info.get("project", self.id) != self.id:
            return _error(404, "NOT_FOUND", "project not found")
        if request.method != "GET" and self.locked:
            return _error(423, "LOCKED", "project already has running conflicting operations")
        return await handler(request)

    def _shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": "shop",
            "platform_id": "aws",
            "region_id": "aws-eu-central-1",
            "provisioner": "k8s-neonvm",
            "data_storage_bytes_hour": 0,
            "data_transfer_bytes": 3_400_000_000,
            "written_data_bytes": 900_000_000,
            "compute_time_seconds": 324_000,
            "active_time_seconds": 400_000,
            "cpu_used_sec": 320_000,
            "pg_version": 17,
            "proxy_host": "aws.neon.tech",
            "branch_logical_size_limit": 0,
            "branch_logical_size_limit_bytes": 0,
            "store_passwords": True,
            "creation_source": "console",
            "history_retention_seconds": 86_400,
            "created_at": _AT,
            "updated_at": _AT,
            "synthetic_storage_size": 2_500_000_000,
            "consumption_period_start": _month(0),
            "consumption_period_end": _month(1),
            "owner_id": "org-acme",
            "org_id": "org-acme",
            "settings": {
                "quota": {"compute_time_seconds": self.compute_quota},
                "allowed_ips": {"ips": self.ips, "protected_branches_only": self.protected_only},
            },
        }

    async def _project(self, request: web.Request) -> web.Response:
        return web.json_response({"project": self._shown()})

    async def _patch(self, request: web.Request) -> web.Response:
        allowed = (await request.json())["project"]["settings"]["allowed_ips"]
        self.ips = [self.respelled.get(each, each) for each in allowed["ips"]]
        self.protected_only = allowed.get("protected_branches_only", False)
        self.effects.append(Effect("allowed", " ".join(self.ips)))
        shown = self._shown()
        going = self._begin("apply_config", lambda: self.ips.remove(self.overwritten) if self.overwritten else None)
        return web.json_response({"project": shown, "operations": [going]})

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"endpoints": [each.public() for each in self.endpoints.values()]})

    async def _one(self, request: web.Request) -> web.Response:
        endpoint = self.endpoints.get(request.match_info["endpoint"])
        if endpoint is None:
            return _error(404, "NOT_FOUND", "endpoint not found")
        return web.json_response({"endpoint": endpoint.public()})

    async def _turn(self, request: web.Request) -> web.Response:
        endpoint, verb = self.endpoints.get(request.match_info["endpoint"]), request.match_info["verb"]
        if endpoint is None:
            return _error(404, "NOT_FOUND", "endpoint not found")
        if verb == "restart" and endpoint.state != "active":
            return _error(400, "BAD_REQUEST", "endpoint is not active")
        action, state = _VERBS[verb]
        self.effects.append(Effect(verb, endpoint.id))

        def over() -> None:
            endpoint.state = state
            endpoint.restarts += verb == "restart"

        going = self._begin(action, over)
        return web.json_response({"endpoint": endpoint.public(), "operations": [going]})

    def _begin(self, action: str, over: Callable[[], None]) -> dict[str, Any]:
        operation: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "project_id": self.id,
            "action": action,
            "status": "running",
            "failures_count": 0,
            "created_at": _AT,
            "updated_at": _AT,
            "total_duration_ms": 0,
        }
        self.operations[operation["id"]] = operation

        async def wait() -> None:
            await asyncio.sleep(self.operation_seconds)
            operation["status"] = self.ends_as
            if self.ends_as == "finished":
                over()
            else:
                operation["error"] = "compute did not start"

        task = asyncio.ensure_future(wait())
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        return dict(operation)

    async def _operation(self, request: web.Request) -> web.Response:
        operation = self.operations.get(request.match_info["operation"])
        if operation is None:
            return _error(404, "NOT_FOUND", "operation not found")
        return web.json_response({"operation": operation})

    async def _branches(self, request: web.Request) -> web.Response:
        def branch(id_: str, name: str, default: bool) -> dict[str, Any]:
            return {
                "id": id_,
                "project_id": self.id,
                "name": name,
                "current_state": "ready",
                "state_changed_at": _AT,
                "creation_source": "console",
                "default": default,
                "protected": default,
                "cpu_used_sec": 0,
                "compute_time_seconds": 0,
                "active_time_seconds": 0,
                "written_data_bytes": 0,
                "data_transfer_bytes": 0,
                "created_at": _AT,
                "updated_at": _AT,
            }

        names = ("staging", *(f"preview-{number}" for number in range(self.previews)), "main")
        found = [branch(f"br-{name}", name, name == "main") for name in names]
        first, size = int(request.query.get("cursor", "0")), min(int(request.query.get("limit", "10000")), self.at_once)
        left = first + size < len(found)
        pages = (
            {"pagination": {"sort_by": "updated_at", "sort_order": "DESC", "next": str(first + size)}} if left else {}
        )
        return web.json_response({"branches": found[first : first + size], "annotations": {}, **pages})

    async def _history(self, request: web.Request) -> web.Response:
        if self.scoped_to_project or not self.paid:
            return _error(403, "", "this endpoint is not available on your plan")
        if missing := {"org_id", "from", "to", "granularity", "metrics"} - request.query.keys():
            return _error(400, "", f"missing {', '.join(sorted(missing))}")
        days = [
            {
                "timeframe_start": _AT,
                "timeframe_end": _AT,
                "metrics": [
                    {"metric_name": "compute_unit_seconds", "value": 36_000},
                    {"metric_name": "public_network_transfer_bytes", "value": 1_500_000_000},
                ],
            }
        ] * 2
        period = {"period_id": "p", "period_plan": "launch", "period_start": _AT, "consumption": days}
        return web.json_response({"projects": [{"project_id": self.id, "periods": [period]}]})

    async def _auth(self, request: web.Request) -> web.Response:
        if self.scoped_to_project:
            return _error(403, "", "not allowed for project-scoped keys")
        return web.json_response({"account_id": "org-acme", "auth_method": "api_key_org"})


def _month(ahead: int) -> str:
    """When this month began, or the next one will."""
    first = datetime.now(UTC).date().replace(day=1)
    return f"{(first + timedelta(days=32 * ahead)).replace(day=1)}T00:00:00Z"


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"request_id": "r-1", "code": code, "message": message}, status=status)
