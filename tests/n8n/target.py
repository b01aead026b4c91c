"""The outside service which the test workflows call: its answer is chosen by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from aiohttp import web
from aiohttp.test_utils import TestServer

Mode = Literal["fail", "ok", "slow"]


class Target:
    """A payment service on loopback.

    `POST /charge` answers as `mode` says: "fail" is 503, "ok" is 200, and "slow" is 200 once
    `release` is called. `POST /slow` is always slow. `GET /order` is always 200.
    """

    def __init__(self) -> None:
        self.mode: Mode = "fail"
        self.hits = 0
        """Calls of /charge and /slow, counted as they arrive."""
        self.lookups = 0
        """Calls of /order."""
        self.url = ""
        self._arrived = asyncio.Condition()
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let every slow call, waiting or to come, be answered."""
        self._released.set()

    async def wait_for_hits(self, count: int, timeout: float = 30) -> None:
        """Return when `count` calls in all have arrived. Raises: TimeoutError, in seconds."""
        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(lambda: self.hits >= count)

    async def order(self, request: web.Request) -> web.Response:
        self.lookups += 1
        return web.json_response({"order": 4711, "cents": 1999})

    async def charge(self, request: web.Request) -> web.Response:
        return await self._answer(self.mode)

    async def slow(self, request: web.Request) -> web.Response:
        return await self._answer("slow")

    async def _answer(self, mode: Mode) -> web.Response:
        async with self._arrived:
            self.hits += 1
            self._arrived.notify_all()
        if mode == "fail":
            return web.json_response({"error": "card network is down"}, status=503)
        if mode == "slow":
            await self._released.wait()
        return web.json_response({"charged": True})


@asynccontextmanager
async def serving() -> AsyncIterator[Target]:
    target = Target()
    app = web.Application()
    app.router.add_get("/order", target.order)
    app.router.add_post("/charge", target.charge)
    app.router.add_post("/slow", target.slow)
    async with TestServer(app) as server:
        target.url = str(server.make_url("/")).rstrip("/")
        try:
            yield target
        finally:
            target.release()
