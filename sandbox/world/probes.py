"""Stand-ins for services of which the bot only tries the key, over real HTTP: Resend, Apollo and Clearbit."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.world.heard import Watched, recorder
from sandbox.world.misbehaving import middleware

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Probed(Watched, ABC):
    """What all three have in common."""

    def __init__(self, api_key: str) -> None:
        super().__init__()
        self.api_key = api_key

    def app(self) -> web.Application:
        app = web.Application(middlewares=[recorder(self.heard), middleware(self.faults), self._guard])
        self._routes(app.router)
        return app

    @abstractmethod
    def _routes(self, router: web.UrlDispatcher) -> None: ...

    @abstractmethod
    def _refusal(self, request: web.Request) -> web.Response | None: ...

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        return self._refusal(request) or await handler(request)


class FakeResend(_Probed):
    """Refuses whoever does not say what program it is; a key that only sends may read one mail, but no domains."""

    def __init__(self, api_key: str) -> None:
        super().__init__(api_key)
        self.sending_only = False
        self.reads_mails = True
        """Whether a key that only sends may list mails: it could once, and the documentation says otherwise."""
        self.invalid_key_status = 400
        self.domains = {"mail.acme.example": "verified", "news.acme.example": "pending"}

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the key is in DEMO_RESEND_API_KEY."""
        return {"kind": "resend", "url": url, "api_key": "env:DEMO_RESEND_API_KEY"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_RESEND_API_KEY": self.api_key}

    def _routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/domains", self._domains)
        router.add_get("/emails", self._emails)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if not request.headers.get("User-Agent"):
            return web.Response(text="error code: 1010", status=403)
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            return _resend(401, "missing_api_key", "Missing API Key")
        if given != self.api_key:
            name = "invalid_api_key" if self.invalid_key_status == 403 else "validation_error"
            return _resend(self.invalid_key_status, name, "API key is invalid")
        if self.sending_only and not (request.path == "/emails" and self.reads_mails):
            return _resend(401, "restricted_api_key", "This API key is restricted to only send emails")
        return None

    async def _domains(self, request: web.Request) -> web.Response:
        found = [
            {
                "id": f"d91cd9bd-1176-453e-8fc1-35364d38020{number}",
                "name": name,
                "status": status,
                "created_at": "2026-01-12 09:30:00.000000+00",
                "region": "eu-west-1",
                "capabilities": {"sending": "enabled", "receiving": "disabled"},
            }
            for number, (name, status) in enumerate(self.domains.items())
        ]
        return web.json_response({"object": "list", "has_more": False, "data": found})

    async def _emails(self, request: web.Request) -> web.Response:
        mail = {
            "object": "email",
            "id": "4ef9a417-02e9-4d39-ad75-9611e0fcc33c",
            "to": ["ana@customer.example"],
            "from": "Acme <hello@mail.acme.example>",
            "created_at": "2026-03-03 22:13:42.674981+00",
            "subject": "Your order is on its way",
            "bcc": [],
            "cc": [],
            "reply_to": [],
            "last_event": "delivered",
        }
        return web.json_response({"object": "list", "has_more": True, "data": [mail]})


class FakeApollo(_Probed):
    """Says of a bad key in plain text that it is bad, of none in JSON; counts calls in the headers of good answers."""

    def __init__(self, api_key: str) -> None:
        super().__init__(api_key)
        self.limits = {"minute": 200, "hourly": 400, "24-hour": 2000}
        self.used = {"minute": 12, "hourly": 350, "24-hour": 1200}
        self.tells_limits = True

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the key is in DEMO_APOLLO_API_KEY."""
        return {"kind": "apollo", "url": url, "api_key": "env:DEMO_APOLLO_API_KEY"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_APOLLO_API_KEY": self.api_key}

    def _routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/api/v1/users/api_profile", self._profile)
        router.add_get("/api/v1/auth/health", self._health)

    def _refusal(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("x-api-key", "")
        if request.path == "/api/v1/auth/health" or given == self.api_key:
            return None
        if not given:
            return web.json_response({"message": "Please provide an API key.", "error_code": "NO_KEY"}, status=422)
        return web.Response(text="Invalid access credentials.", status=401)

    async def _profile(self, request: web.Request) -> web.Response:
        headers = {}
        for window, limit in self.limits.items() if self.tells_limits else ():
            self.used[window] = min(self.used[window] + 1, limit)
            headers[f"x-rate-limit-{window}"] = str(limit)
            headers[f"x-{window}-usage"] = str(self.used[window])
            headers[f"x-{window}-requests-left"] = str(limit - self.used[window])
        who = {"id": "66302798d03b9601c7934ebf", "name": "Ana Ruiz", "email": "ana@acme.example"}
        return web.json_response(who, headers=headers)

    async def _health(self, request: web.Request) -> web.Response:
        """Well, whatever the key."""
        known = request.headers.get("x-api-key") == self.api_key
        return web.json_response({"healthy": True, "is_logged_in": known})


class FakeClearbit(_Probed):
    """Finds the domain of one company; of any other it says that there is none."""

    def __init__(self, api_key: str) -> None:
        super().__init__(api_key)
        self.companies = {"clearbit": "clearbit.com"}

    def section(self, url: str) -> dict[str, Any]:
        """Its table of an ops.toml; the key is in DEMO_CLEARBIT_API_KEY."""
        return {"kind": "clearbit", "url": url, "api_key": "env:DEMO_CLEARBIT_API_KEY"}

    def environment(self) -> dict[str, str]:
        return {"DEMO_CLEARBIT_API_KEY": self.api_key}

    def _routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/v1/domains/find", self._find)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.api_key}":
            return None
        return _clearbit(401, "auth_invalid", "Invalid API key provided.")

    async def _find(self, request: web.Request) -> web.Response:
        domain = self.companies.get(request.query.get("name", "").casefold())
        if domain is None:
            return _clearbit(404, "unknown_record", "Unknown company.")
        return web.json_response({"name": "Clearbit", "domain": domain, "logo": f"https://logo.example/{domain}"})


def _resend(status: int, name: str, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message, "name": name}, status=status)


def _clearbit(status: int, type_: str, message: str) -> web.Response:
    return web.json_response({"error": {"type": type_, "message": message}}, status=status)
