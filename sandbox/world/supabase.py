"""A stand-in for Supabase's Management API over real HTTP: one project, with its traps.

The health of parts demands their names; logs answer 200 with an error beside the result, and for 24 hours at most; a
change of the network restrictions is stored before it is applied; read-only mode comes back by itself.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware

PARTS = ("auth", "db", "db_postgres_user", "pooler", "realtime", "rest", "storage", "pg_bouncer")
_TEMPLATE = re.compile(r"from (\w+) as t\b.* limit (\d+)$")
_TABLES = ("edge_logs", "postgres_logs", "function_logs", "function_edge_logs", "auth_logs")


def _micro(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


class FakeSupabase(Watched):
    def __init__(self, token: str, *, now: datetime | None = None) -> None:
        super().__init__()
        self.token = token
        self.ref = "abcdefghijklmnopqrst"
        at = now or datetime.now(UTC)
        self.status = "ACTIVE_HEALTHY"
        self.parts = dict.fromkeys(PARTS, "ACTIVE_HEALTHY")
        self.errors: dict[str, str] = {}
        self.logs: dict[str, list[dict[str, Any]]] = {
            "edge_logs": [
                {
                    "id": "e1",
                    "timestamp": _micro(at - timedelta(minutes=4)),
                    "method": "GET",
                    "path": "/rest/v1/orders",
                    "event_message": "GET | 200 | /rest/v1/orders",
                    "status_code": 200,
                },
                {
                    "id": "e2",
                    "timestamp": _micro(at - timedelta(minutes=3)),
                    "method": "POST",
                    "path": "/rest/v1/orders",
                    "event_message": "POST | 500 | /rest/v1/orders",
                    "status_code": 500,
                },
            ],
            "postgres_logs": [
                {
                    "id": "p1",
                    "timestamp": _micro(at - timedelta(minutes=2)),
                    "level": "ERROR",
                    "event_message": 'duplicate key value violates unique constraint "orders_external_id"',
                },
                {
                    "id": "p2",
                    "timestamp": _micro(at - timedelta(minutes=1)),
                    "level": "LOG",
                    "event_message": "checkpoint complete",
                },
            ],
            "function_logs": [
                {
                    "id": "f1",
                    "timestamp": _micro(at - timedelta(seconds=90)),
                    "level": "error",
                    "event_type": "Log",
                    "event_message": "TypeError: cart is undefined",
                },
            ],
            "function_edge_logs": [],
            "auth_logs": [],
        }
        self.log_error: object = None
        """Put beside the result of every question about logs."""
        self.broken_log = ""
        """One of them whose questions have an error."""
        self.questions: list[str] = []
        self.read_only = False
        self.lifted_until: datetime | None = None
        self.disk = (8.0e9, 7.9e9)
        self.allowed: dict[str, list[str]] = {"dbAllowedCidrs": ["198.51.100.0/24"], "dbAllowedCidrsV6": []}
        self.entitlement = "allowed"
        self.applied = True
        self.settle_seconds = 0.05
        self.stuck = False
        """Changes are stored and never applied."""
        self.banned = ["203.0.113.7", "192.0.2.9"]
        self.functions = {"send-receipt": "ACTIVE", "sync-hubspot": "ACTIVE"}
        self.backups = [("COMPLETED", at - timedelta(hours=20)), ("FAILED", at - timedelta(hours=1))]
        self.pitr = False
        self._going: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[recorder(self.heard), middleware(self.faults), self._guard])
        base = "/v1/projects/{ref}"
        app.router.add_get(base, self._project)
        app.router.add_get(f"{base}/health", self._health)
        app.router.add_get(f"{base}/analytics/endpoints/logs.all", self._logs)
        app.router.add_get(f"{base}/readonly", self._readonly)
        app.router.add_post(f"{base}/readonly/temporary-disable", self._disable)
        app.router.add_get(f"{base}/config/disk/util", self._disk)
        app.router.add_get(f"{base}/network-restrictions", self._restrictions)
        app.router.add_patch(f"{base}/network-restrictions", self._change)
        app.router.add_post(f"{base}/network-bans/retrieve", self._bans)
        app.router.add_delete(f"{base}/network-bans", self._unban)
        app.router.add_get(f"{base}/functions", self._functions)
        app.router.add_get(f"{base}/database/backups", self._backups)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the token is in DEMO_SUPABASE_TOKEN."""
        asked = {"kind": "supabase", "url": url, "project": self.ref, "token": "env:DEMO_SUPABASE_TOKEN"}
        return {**asked, "own_address": "198.51.100.4", "settle": "20s", "every": "1s", "per_minute": 6000}

    def environment(self) -> dict[str, str]:
        return {"DEMO_SUPABASE_TOKEN": self.token}

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"message": "Unauthorized"}, status=401)
        if request.match_info.get("ref") != self.ref:
            return web.json_response({"message": "Project not found"}, status=404)
        return await handler(request)

    async def _project(self, request: web.Request) -> web.Response:
        database = {
            "host": f"db.{self.ref}.supabase.co",
            "version": "17.4.1",
            "postgres_engine": "17",
            "release_channel": "ga",
        }
        return web.json_response(
            {
                "id": self.ref,
                "ref": self.ref,
                "organization_id": "demo",
                "organization_slug": "demo",
                "name": "shop",
                "region": "eu-central-1",
                "created_at": "2024-03-01T10:00:00Z",
                "status": self.status,
                "database": database,
            }
        )

    async def _health(self, request: web.Request) -> web.Response:
        asked = request.query.getall("services", [])
        if not asked or set(asked) - set(PARTS):
            return web.json_response({"message": "services: Required"}, status=400)
        if self.status in ("INACTIVE", "PAUSING"):
            return web.json_response({"message": "Project is not active"}, status=400)
        found = [
            {"name": name, "healthy": self.parts[name] == "ACTIVE_HEALTHY", "status": self.parts[name]}
            | ({"error": self.errors[name]} if name in self.errors else {})
            for name in asked
        ]
        return web.json_response(found)

    # -- logs

    async def _logs(self, request: web.Request) -> web.Response:
        sql = request.query.get("sql", "")
        self.questions.append(sql)
        asked = _TEMPLATE.search(sql)
        if asked is None or asked[1] not in _TABLES:
            return web.json_response({"result": [], "error": "Syntax error: unexpected end of query"})
        since, until = (_moment(request.query[f"iso_timestamp_{end}"]) for end in ("start", "end"))
        if until - since > timedelta(hours=24):
            return web.json_response({"message": "The time range must be at most 24 hours"}, status=400)
        if self.log_error is not None or self.broken_log == asked[1]:
            return web.json_response({"result": [], "error": self.log_error or "Resources exceeded"})
        rows = [row for row in self.logs[asked[1]] if _micro(since) <= row["timestamp"] <= _micro(until)]
        if "status_code >= 500" in sql:
            rows = [row for row in rows if row["status_code"] >= 500]
        if "error_severity in" in sql or "lower(m.level) in" in sql:
            rows = [row for row in rows if str(row["level"]).lower() in ("error", "fatal", "panic", "warning")]
        rows.sort(key=lambda row: -row["timestamp"])
        return web.json_response({"result": rows[: int(asked[2])]})

    # -- read-only mode

    async def _readonly(self, request: web.Request) -> web.Response:
        lifted = self.lifted_until is not None and self.lifted_until > datetime.now(UTC)
        until = self.lifted_until.isoformat() if lifted and self.lifted_until else ""
        return web.json_response(
            {"enabled": self.read_only, "override_enabled": lifted, "override_active_until": until}
        )

    async def _disable(self, request: web.Request) -> web.Response:
        self.effects.append(Effect("temporary-disable", self.ref))
        if not self.stuck:
            self.lifted_until = datetime.now(UTC) + timedelta(minutes=15)
        return web.Response(status=201)

    async def _disk(self, request: web.Request) -> web.Response:
        size, used = self.disk
        metrics = {"fs_size_bytes": size, "fs_avail_bytes": size - used, "fs_used_bytes": used}
        return web.json_response({"timestamp": datetime.now(UTC).isoformat(), "metrics": metrics})

    # -- who gets in

    async def _restrictions(self, request: web.Request) -> web.Response:
        status = "applied" if self.applied else "stored"
        return web.json_response({"entitlement": self.entitlement, "config": self.allowed, "status": status})

    async def _change(self, request: web.Request) -> web.Response:
        if self.entitlement != "allowed":
            return web.json_response({"message": "Network restrictions are not on your plan"}, status=403)
        asked = await request.json()
        for key in ("dbAllowedCidrs", "dbAllowedCidrsV6"):
            for cidr in asked.get("add", {}).get(key, []):
                if cidr not in self.allowed.setdefault(key, []):
                    self.allowed[key].append(cidr)
                self.effects.append(Effect("allow", cidr))
            for cidr in asked.get("remove", {}).get(key, []):
                if cidr in self.allowed.get(key, []):
                    self.allowed[key].remove(cidr)
                self.effects.append(Effect("disallow", cidr))
        self.applied = False
        if not self.stuck:
            going = asyncio.ensure_future(self._apply())
            self._going.add(going)
            going.add_done_callback(self._going.discard)
        listed = [
            {"address": cidr, "type": "v6" if key.endswith("V6") else "v4"}
            for key, cidrs in self.allowed.items()
            for cidr in cidrs
        ]
        return web.json_response({"entitlement": "allowed", "config": {"dbAllowedCidrs": listed}, "status": "stored"})

    async def _apply(self) -> None:
        await asyncio.sleep(self.settle_seconds)
        self.applied = True

    async def _bans(self, request: web.Request) -> web.Response:
        return web.json_response({"banned_ipv4_addresses": self.banned}, status=201)

    async def _unban(self, request: web.Request) -> web.Response:
        for address in json.loads(await request.text())["ipv4_addresses"]:
            if address in self.banned:
                self.banned.remove(address)
            self.effects.append(Effect("unban", address))
        return web.Response(status=200)

    # -- the rest

    async def _functions(self, request: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "id": f"fn-{slug}",
                    "slug": slug,
                    "name": slug,
                    "status": status,
                    "version": 3,
                    "created_at": 1_700_000_000_000,
                    "updated_at": 1_750_000_000_000,
                }
                for slug, status in self.functions.items()
            ]
        )

    async def _backups(self, request: web.Request) -> web.Response:
        backups = [
            {"id": number, "is_physical_backup": False, "status": status, "inserted_at": at.isoformat()}
            for number, (status, at) in enumerate(self.backups, 1)
        ]
        return web.json_response(
            {
                "region": "eu-central-1",
                "walg_enabled": True,
                "pitr_enabled": self.pitr,
                "backups": backups,
                "physical_backup_data": {},
            }
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
