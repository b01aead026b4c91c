"""A vendor whose answers a test writes down beforehand, over real HTTP."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

import httpx
from aiohttp import web

from integrations.plumbing.outbound import Service
from integrations.plumbing.section import Outside

Step = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "k3y-that-must-not-be-seen"


class Vendor:
    """Answers with each step in turn, the last one for ever."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.requests: list[web.Request] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.requests.append(request)
        step = self.steps[min(len(self.requests), len(self.steps)) - 1]
        return await step(request)

    def service(
        self,
        http: httpx.AsyncClient,
        *,
        timeout: float = 20.0,
        key: str = KEY,
        url: str | None = None,
        redact: Callable[[str], str] = str,
    ) -> Service:
        return Service(
            Outside(http, lambda reference: key, redact),
            name="acme",
            base_url=url or self.url,
            timeout=timedelta(seconds=timeout),
            credentials=lambda: {"X-Key": key},
            credential_setting="services.acme.api_key",
        )


def says(
    body: str = '{"name": "x"}',
    *,
    status: int = 200,
    media: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Step:
    async def step(request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, status=status, content_type=media, headers=headers)

    return step


def hangs_up(after: bytes | None = None) -> Step:
    """Drop the connection, in the middle of an answer if there is an `after`."""

    async def step(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        if after is not None:
            await response.prepare(request)
            await response.write(after)
        assert request.transport is not None
        request.transport.close()
        return response

    return step
