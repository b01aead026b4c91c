"""The outside service, in the harness and over real HTTP: it counts every effect the moment it arrives."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web


@dataclass(frozen=True)
class Effect:
    key: str
    what: str
    """`done` or `undone`."""
    process: str
    at: float
    """Seconds since the epoch, as everywhere in the harness."""


@dataclass
class World:
    """`async with World(chance, lease_s) as world`. One effect in fifteen takes longer than a lease, which must be
    renewed then."""

    chance: random.Random
    lease_s: float
    effects: list[Effect] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.add_routes([web.get("/things/{key}", self._look), web.post("/effects", self._act)])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _look(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.chance.uniform(0.0, 0.05))
        return web.json_response({"colour": f"colour of {request.match_info['key']}"})

    async def _act(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.effects.append(Effect(body["key"], body["what"], body["process"], time.time()))
        slow = self.chance.random() < 1 / 15
        await asyncio.sleep(self.lease_s * 1.4 if slow else self.chance.uniform(0.0, 0.25))
        return web.json_response({})
