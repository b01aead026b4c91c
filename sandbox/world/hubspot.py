"""A stand-in for HubSpot's account information over real HTTP, with its traps.

How many calls are used is counted elsewhere and may not be known just now, which HubSpot shows as 0; a day's limit that
is used up and ten seconds that are full are both a 429.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.world.heard import Watched, recorder
from sandbox.world.misbehaving import middleware

_ID = "aeb5f871-7f07-4993-9211-075dc63e7cbf"


class FakeHubSpot(Watched):
    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token
        self.leaked = ""
        """An older token that somebody else may hold; it is taken until it is `revoked`."""
        self.revoked = False
        self.used, self.limit = 187_500, 250_000
        self.fetch_status = "SUCCESS"
        self.resets_at: datetime | None = datetime.now(UTC) + timedelta(hours=5)
        self.spent = False
        """The day's limit is used up: every call is a 429."""
        self.full = 0
        """So many calls to come are over what ten seconds allow."""
        self.more: list[dict[str, Any]] = []
        """Other counts beside the usual one."""

    def app(self) -> web.Application:
        wrong = recorder(self.heard, lambda error: _error("OBJECT_NOT_FOUND", "resource not found"))
        app = web.Application(middlewares=[wrong, middleware(self.faults), self._guard])
        app.router.add_get("/account-info/v3/details", self._details)
        app.router.add_get("/account-info/v3/api-usage/daily/private-apps", self._usage)
        return app

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the token is in DEMO_HUBSPOT_TOKEN."""
        return {"kind": "hubspot", "url": url, "token": "env:DEMO_HUBSPOT_TOKEN"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_HUBSPOT_TOKEN": self.token}

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        taken = {self.token} if self.revoked or not self.leaked else {self.token, self.leaked}
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in taken:
            said = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
            return web.json_response(_error("INVALID_AUTHENTICATION", said), status=401)
        if self.spent:
            return _limited("DAILY", "You have reached your daily limit.")
        if self.full > 0:
            self.full -= 1
            return _limited("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.")
        answer = await handler(request)
        answer.headers["X-HubSpot-RateLimit-Daily"] = str(self.limit)
        answer.headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(self.limit - self.used, 0))
        return answer

    async def _details(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "portalId": 24_680_135,
                "accountType": "STANDARD",
                "timeZone": "US/Eastern",
                "companyCurrency": "USD",
                "additionalCurrencies": [],
                "utcOffset": "-05:00",
                "utcOffsetMilliseconds": -18_000_000,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    async def _usage(self, request: web.Request) -> web.Response:
        known = self.fetch_status in ("SUCCESS", "CACHED")
        usage = {
            "name": "private-apps-api-calls-daily",
            "usageLimit": self.limit if known else 0,
            "currentUsage": self.used if known else 0,
            "collectedAt": "2026-03-01T06:46:40.789Z",
            "fetchStatus": self.fetch_status,
        }
        if self.resets_at is not None:
            usage["resetsAt"] = self.resets_at.isoformat()
        return web.json_response({"results": [usage, *self.more]})


def _error(category: str, message: str) -> dict[str, Any]:
    return {"status": "error", "message": message, "correlationId": _ID, "category": category}


def _limited(policy: str, message: str) -> web.Response:
    """Of a shape of its own, without `category`."""
    said = {
        "status": "error",
        "message": message,
        "errorType": "RATE_LIMIT",
        "correlationId": _ID,
        "policyName": policy,
        "requestId": _ID,
    }
    return web.json_response(said, status=429)
