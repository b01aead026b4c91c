"""Two small web services of the demo world: the storefront, which is well, and payments, which is not always."""

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from aiohttp import web

from sandbox.world.misbehaving import Faults, middleware

Mood = Literal["well", "slow", "failing", "moody"]
"""`moody` fails for the first 20 s of every minute."""


class WebService:
    """Stand-in with /health, /graphql and a page; its mood can be switched at any time."""

    def __init__(
        self, name: str, *, mood: Mood = "well", token: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        """`token`, where given, is demanded as a bearer token."""
        self.name = name
        self.mood: Mood = mood
        self.token = token
        self.faults = Faults()
        self._clock = clock

    def app(self) -> web.Application:
        app = web.Application(middlewares=[middleware(self.faults)])
        app.router.add_get("/", self._page)
        app.router.add_get("/health", self._health)
        app.router.add_post("/graphql", self._graphql)
        return app

    @property
    def failing(self) -> bool:
        return self.mood == "failing" or (self.mood == "moody" and self._clock() % 60 < 20)

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=f"<html><title>{self.name}</title></html>", content_type="text/html")

    async def _health(self, request: web.Request) -> web.Response:
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"error": "unauthorized"}, status=401)
        if self.mood == "slow":
            await asyncio.sleep(0.4)
        checks = {"database": "ok", "queue": "stuck" if self.failing else "ok"}
        status = "failing" if self.failing else "ok"
        return web.json_response({"status": status, "checks": checks}, status=503 if self.failing else 200)

    async def _graphql(self, request: web.Request) -> web.Response:
        query = (await request.json()).get("query", "")
        if "system_status" not in query:
            return web.json_response({"errors": [{"message": "Cannot query that field"}], "data": None})
        return web.json_response({"data": {"system_status": {"healthy": not self.failing}}})
