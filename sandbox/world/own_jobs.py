"""A back office of the team's own: endpoints that start jobs, and a crawler that can be paused."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware


class FakeBackOffice(Watched):
    """Stand-in. Whoever calls shows the shared secret in X-Ops-Key; its health is open to all."""

    def __init__(self, key: str = "backoffice-key-0001") -> None:
        super().__init__()
        self.key = key
        self.paused = {"crawler": False, "mailer": False}
        self.loaded = {"orders": 1204, "customers": 310}
        """Records that the last import brought, by table."""
        self.keys: list[str] = []
        """Idempotency keys, as they came."""
        self.stubborn = False
        """Takes the word, and goes on as before."""

    def section(self, url: str) -> dict[str, Any]:
        """The `[services.*]` table of an ops.toml for it."""
        table = {"name": "table", "hint": "orders or customers.", "pattern": "orders|customers", "required": True}
        days = {"name": "days", "pattern": "[0-9]{1,3}"}
        region = {"name": "region", "hint": "Like eu/west.", "required": True}
        return {
            "kind": "http",
            "url": f"{url}/health",
            "headers": {"X-Ops-Key": "env:DEMO_BACKOFFICE_KEY"},
            "jobs": [
                {
                    "name": "reindex",
                    "what": "Builds the search index of a table anew.",
                    "path": "/jobs/reindex",
                    "inputs": {"full": True},
                    "params": [table, days],
                    "idempotency": "Idempotency-Key",
                },
                {
                    "name": "export",
                    "what": "Sends last month's orders to the accountants.",
                    "path": "/jobs/export",
                    "into": "query",
                    "inputs": {"dry": False},
                    "params": [days],
                    "destructive": False,
                },
                {
                    "name": "etl-replay",
                    "what": "Imports the last day of a table again.",
                    "path": "/jobs/etl-replay",
                    "params": [table],
                },
                {
                    "name": "drop-cache",
                    "what": "Empties the cache of one region.",
                    "method": "DELETE",
                    "path": "/cache/{region}",
                    "params": [region],
                },
            ],
            "switches": [
                {
                    "name": name,
                    "state": f"/{name}",
                    "field": "state.paused",
                    "equals": True,
                    "pause": f"/{name}/pause",
                    "resume": f"/{name}/resume",
                    "settle": "1s",
                }
                for name in self.paused
            ],
        }

    def environment(self) -> dict[str, str]:
        return {"DEMO_BACKOFFICE_KEY": self.key}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[recorder(self.heard), middleware(self.faults), self._guard])
        app.router.add_get("/health", self._health)
        app.router.add_post("/jobs/reindex", self._reindex)
        app.router.add_post("/jobs/export", self._export)
        app.router.add_post("/jobs/etl-replay", self._replay)
        app.router.add_delete("/cache/{region}", self._drop)
        app.router.add_get("/{switch:crawler|mailer}", self._state)
        app.router.add_post("/{switch:crawler|mailer}/{verb:pause|resume}", self._turn)
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path != "/health" and request.headers.get("X-Ops-Key") != self.key:
            return web.json_response({"error": {"message": "wrong key"}}, status=401)
        return await handler(request)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _reindex(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        if body.get("table") not in ("orders", "customers"):
            return web.json_response({"message": "no such table"}, status=422)
        self.effects.append(Effect("reindex", f"{body['table']} {body.get('days', 'all')} full={body['full']}"))
        told = f"reading {body['table']}\nasked with {request.headers['X-Ops-Key']}\n1,204 rows\n"
        return web.Response(text=told, content_type="text/plain")

    async def _export(self, request: web.Request) -> web.Response:
        self.effects.append(Effect("export", request.query_string))
        return web.json_response({"queued": True}, status=202)

    async def _replay(self, request: web.Request) -> web.Response:
        table = (await request.json())["table"]
        if table not in self.loaded:
            return web.json_response({"message": "no such table"}, status=422)
        self.loaded[table] = 1204
        self.effects.append(Effect("replay", table))
        return web.Response(text=f"imported 1,204 records of {table}\n", content_type="text/plain")

    async def _drop(self, request: web.Request) -> web.Response:
        self.effects.append(Effect("drop", request.match_info["region"]))
        return web.Response(status=204)

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response({"state": {"paused": self.paused[request.match_info["switch"]]}})

    async def _turn(self, request: web.Request) -> web.Response:
        name, verb = request.match_info["switch"], request.match_info["verb"]
        self.effects.append(Effect(verb, name))
        if not self.stubborn:
            self.paused[name] = verb == "pause"
        return web.Response(status=204)
