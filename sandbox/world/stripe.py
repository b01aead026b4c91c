"""A stand-in for one account of Stripe's REST API over real HTTP, with its traps.

Writes come as forms; a key that makes them idempotent repeats what was said; there is no call that sends an event
again, and what happens while a webhook endpoint is disabled is not sent to it later.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.world.heard import Effect, Watched, recorder
from sandbox.world.misbehaving import middleware

_DAY = 24 * 3600
_RIGHTS = {"/v1/balance": "rak_balance_read", "/v1/events": "rak_event_read"}
_DOCS = "https://stripe.com/docs/error-codes/"


@dataclass
class Endpoint:
    id: str
    url: str
    status: str = "enabled"

    def public(self, livemode: bool) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": None,
            "application": None,
            "created": 1_740_000_000,
            "description": None,
            "enabled_events": ["invoice.paid", "charge.failed"],
            "livemode": livemode,
            "metadata": {},
            "status": self.status,
            "url": self.url,
        }


@dataclass
class Event:
    id: str
    type: str
    created: int
    pending: int = 1
    delivered: bool = False

    def public(self, livemode: bool) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "event",
            "api_version": "2025-09-30.clover",
            "created": self.created,
            "data": {"object": {"id": f"in_{self.id[4:]}", "object": self.type.partition(".")[0]}},
            "livemode": livemode,
            "pending_webhooks": self.pending,
            "type": self.type,
            "request": {"id": None, "idempotency_key": None},
        }


class FakeStripe(Watched):
    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.livemode = True
        self.rights = {"rak_balance_read", "rak_event_read", "rak_webhook_read", "rak_webhook_write"}
        self.endpoints = {
            each.id: each
            for each in (
                Endpoint("we_1Qshop", "https://shop.example.com/webhooks/stripe"),
                Endpoint("we_1Qbooks", "https://books.example.com/stripe"),
                Endpoint("we_1Qold", "https://old.example.com/stripe", status="disabled"),
            )
        }
        now = int(time.time())
        self.events = [
            Event("evt_1Qpaid", "invoice.paid", now - 600, pending=2),
            Event("evt_1Qfailed", "charge.failed", now - 1800),
            Event("evt_1Qfine", "invoice.paid", now - 1900, pending=0, delivered=True),
            Event("evt_1Qlost", "customer.subscription.deleted", now - 5 * _DAY),
            Event("evt_1Qforgotten", "invoice.paid", now - 31 * _DAY),
        ]
        """Newest first."""
        self.versions: list[str] = []
        """The Stripe-Version of each call."""
        self.idempotent: dict[str, dict[str, Any]] = {}
        """What was said, by Idempotency-Key."""

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: _error(error.reason, code="resource_missing"))
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        app.router.add_get("/v1/balance", self._balance)
        app.router.add_get("/v1/events", self._events)
        app.router.add_get("/v1/webhook_endpoints", self._list)
        app.router.add_get("/v1/webhook_endpoints/{endpoint}", self._one)
        app.router.add_post("/v1/webhook_endpoints/{endpoint}", self._update)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the key is in DEMO_STRIPE_KEY."""
        pausable = ["we_1Qshop", "https://old.example.com/stripe"]
        return {"kind": "stripe", "url": url, "key": "env:DEMO_STRIPE_KEY", "pausable": pausable}

    def environment(self) -> dict[str, str]:
        return {"DEMO_STRIPE_KEY": self.key}

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.versions.append(request.headers.get("Stripe-Version", ""))
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return _refused(401, "Invalid API Key provided: rk_live_****seen")
        right = _RIGHTS.get(request.path, f"rak_webhook_{'read' if request.method == 'GET' else 'write'}")
        if right not in self.rights:
            said = f"The provided key 'rk_live_****seen' does not have the required permissions: {right}."
            return _refused(403, said, code="more_permissions_required_for_application")
        return await handler(request)

    async def _balance(self, request: web.Request) -> web.Response:
        money = [{"amount": 1_284_350, "currency": "usd", "source_types": {"card": 1_284_350}}]
        said = {"object": "balance", "available": money, "pending": money, "livemode": self.livemode}
        return web.json_response(said)

    async def _events(self, request: web.Request) -> web.Response:
        asked = request.query
        since = max(int(asked.get("created[gte]", 0)), int(time.time()) - 30 * _DAY)
        found = [each for each in self.events if each.created >= since]
        if "delivery_success" in asked:
            found = [each for each in found if each.delivered is (asked["delivery_success"] == "true")]
        return self._page(request, [each.public(self.livemode) for each in found])

    async def _list(self, request: web.Request) -> web.Response:
        return self._page(request, [each.public(self.livemode) for each in self.endpoints.values()])

    def _page(self, request: web.Request, found: list[dict[str, Any]]) -> web.Response:
        limit = int(request.query.get("limit", 10))
        if not 1 <= limit <= 100:
            return _refused(400, "Invalid integer: limit must be between 1 and 100", code="parameter_invalid_integer")
        after = request.query.get("starting_after")
        ids = [each["id"] for each in found]
        if after is not None and after not in ids:
            return _refused(400, f"No such object: '{after}'", code="resource_missing")
        start = ids.index(after) + 1 if after is not None else 0
        more = start + limit < len(found)
        page = {"object": "list", "url": request.path, "has_more": more, "data": found[start : start + limit]}
        return web.json_response(page)

    async def _one(self, request: web.Request) -> web.Response:
        endpoint = self.endpoints.get(request.match_info["endpoint"])
        return web.json_response(endpoint.public(self.livemode)) if endpoint else self._no_such(request)

    async def _update(self, request: web.Request) -> web.Response:
        endpoint = self.endpoints.get(request.match_info["endpoint"])
        if endpoint is None:
            return self._no_such(request)
        key = request.headers.get("Idempotency-Key", "")
        if key in self.idempotent:
            return web.json_response(self.idempotent[key], headers={"Idempotent-Replayed": "true"})
        disabled = str((await request.post()).get("disabled"))
        if disabled not in ("true", "false"):
            return _refused(400, f"Invalid boolean: {disabled}")
        endpoint.status = "disabled" if disabled == "true" else "enabled"
        self.effects.append(Effect(endpoint.status, endpoint.id))
        said = endpoint.public(self.livemode)
        if key:
            self.idempotent[key] = said
        return web.json_response(said)

    def _no_such(self, request: web.Request) -> web.Response:
        said = f"No such webhook endpoint: '{request.match_info['endpoint']}'"
        return _refused(404, said, code="resource_missing")


def _error(message: str, *, code: str = "") -> dict[str, Any]:
    told = {"type": "invalid_request_error", "message": message}
    return {"error": told | ({"code": code, "doc_url": f"{_DOCS}{code.replace('_', '-')}"} if code else {})}


def _refused(status: int, message: str, *, code: str = "") -> web.Response:
    return web.json_response(_error(message, code=code), status=status, headers={"Request-Id": "req_1Q"})
