"""A stand-in for what we ask of OpenAI over real HTTP: its models, and the costs of the organisation by day.

A project's key lists models unless it is restricted; only the admin key is told costs, a few days a page.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.world.heard import Watched, recorder
from sandbox.world.misbehaving import middleware

_DAY = 86_400
_MODELS = ("gpt-5-mini", "gpt-5", "text-embedding-3-small", "gpt-4o-mini-transcribe")
_MAY_NOT = "You have insufficient permissions for this operation. Missing scopes: {}."


class FakeOpenAI(Watched):
    def __init__(self, api_key: str, admin_key: str = "sk-admin-of-the-demo") -> None:
        super().__init__()
        self.api_key = api_key
        self.admin_key = admin_key
        self.restricted = False
        """The project's key may not list models."""
        self.missing_scope_status = 403
        self.quota_left = True
        self.costs_need_quota = False
        """Whether reading costs, too, is refused where no quota is left."""
        self.country_served = True
        self.admin_may_read = True
        self.costs = [(14.25, 1.5), (9.75, 0.0), (21.0, 2.25), (3.5, 0.25)]
        """USD of each day: completions and embeddings. Day by day from the first of the month, then again."""
        self.other_currency: dict[str, float] = {}
        """Once a page."""
        self.page_size = 7
        """Days it gives at most, whatever is asked for."""
        self.names_next_page = True
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: _shape(f"Invalid URL ({error.reason})", "invalid_request_error"))
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/v1/organization/costs", self._costs)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the keys are in DEMO_OPENAI_API_KEY and DEMO_OPENAI_ADMIN_KEY."""
        keys = {"api_key": "env:DEMO_OPENAI_API_KEY", "admin_key": "env:DEMO_OPENAI_ADMIN_KEY"}
        return {"kind": "openai", "url": f"{url}/v1", **keys, "budget": 400}

    def environment(self) -> dict[str, str]:
        return {"DEMO_OPENAI_API_KEY": self.api_key, "DEMO_OPENAI_ADMIN_KEY": self.admin_key}

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        admin = request.path.startswith("/v1/organization/")
        if key not in (self.api_key, self.admin_key):
            shown = f"{key[:3]}****{key[-2:]}"
            return _error(401, f"Incorrect API key provided: {shown}.", "invalid_request_error", "invalid_api_key")
        if admin and (key != self.admin_key or not self.admin_may_read):
            return _error(self.missing_scope_status, _MAY_NOT.format("api.usage.read"), "invalid_request_error")
        if not admin and self.restricted:
            return _error(self.missing_scope_status, _MAY_NOT.format("api.model.read"), "invalid_request_error")
        if not self.country_served:
            told = "Country, region, or territory not supported"
            return _error(403, told, "request_forbidden", "unsupported_country_region_territory")
        if not self.quota_left and (not admin or self.costs_need_quota):
            told = "You exceeded your current quota, please check your plan and billing details."
            return _error(429, told, "insufficient_quota", "insufficient_quota")
        return await handler(request)

    async def _models(self, request: web.Request) -> web.Response:
        found = [
            {"id": id_, "object": "model", "created": 1_754_000_000 + number, "owned_by": "system"}
            for number, id_ in enumerate(_MODELS)
        ]
        return web.json_response({"object": "list", "data": found})

    async def _costs(self, request: web.Request) -> web.Response:
        if "start_time" not in request.query:
            return _error(400, "Missing required parameter: 'start_time'.", "invalid_request_error")
        begin = int(request.query["start_time"])
        days = max((int(self.now().timestamp()) - begin) // _DAY + 1, 0)
        first = int(request.query.get("page", "page_0").removeprefix("page_"))
        last = min(first + min(int(request.query.get("limit", 7)), self.page_size), days)
        found = [self._bucket(begin, day, extra=day == first) for day in range(first, last)]
        more = last < days
        following = f"page_{last}" if more and self.names_next_page else None
        answer = {"object": "page", "data": found, "has_more": more, "next_page": following}
        return web.json_response(answer)

    def _bucket(self, begin: int, day: int, *, extra: bool) -> dict[str, Any]:
        amounts = [(value, "usd") for value in self.costs[day % len(self.costs)] if value]
        if extra:
            amounts += [(value, currency) for currency, value in self.other_currency.items()]
        results = [
            {
                "object": "organization.costs.result",
                "amount": {"value": value, "currency": currency},
                "line_item": None,
                "project_id": None,
                "api_key_id": None,
            }
            for value, currency in amounts
        ]
        at = begin + day * _DAY
        return {"object": "bucket", "start_time": at, "end_time": at + _DAY, "results": results}


def _shape(message: str, type_: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}


def _error(status: int, message: str, type_: str, code: str | None = None) -> web.Response:
    return web.json_response(_shape(message, type_, code), status=status)
