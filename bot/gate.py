"""The one way in over HTTP: a request is verified before anything of it is parsed; only then its route sees it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from types import TracebackType
from typing import Literal, Self

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

Headers = Mapping[str, Sequence[str]]
"""Every value that was given, by the header's name in lower case."""
Verifier = Callable[[Headers, bytes], bool]
"""Whether headers and raw body come from whom the route trusts. Raises nothing, and parses nothing of the body."""

# aiohttp writes a traceback, and what was sent, for each request that is no HTTP; a failure of ours is logged here.
_QUIET = logging.getLogger("bot.gate.aiohttp")
_QUIET.setLevel(logging.CRITICAL)

SENT_WITHIN_S = 10.0
"""A body that takes longer to arrive is not waited for."""


@dataclass(frozen=True)
class Verified:
    """A request that its route's verifier has passed."""

    headers: Headers
    body: bytes


class Malformed(Exception):
    """Verified, and still not what the route takes; the sentence goes to the log, the sender hears 400."""


@dataclass(frozen=True)
class Route:
    """One address that others may call. There is no route without a verifier."""

    method: Literal["GET", "POST"]
    path: str
    verify: Verifier
    handle: Callable[[Verified], Awaitable[web.Response]]
    """May raise Malformed."""
    largest: int = 0
    """Bytes that a body may have."""


def anybody(headers: Headers, body: bytes) -> bool:
    """The verifier of routes that change nothing and tell nothing secret; they take no body."""
    return not body


@dataclass
class Gate:
    """`async with Gate(routes, host, port) as gate` serves them; every other request is refused without being read."""

    routes: Sequence[Route]
    host: str
    port: int
    _runner: web.AppRunner | None = None

    @property
    def open(self) -> bool:
        return self._runner is not None

    @property
    def address(self) -> str:
        """With the port that was taken, for port 0."""
        if self._runner is None:
            raise RuntimeError("not started")
        return f"http://{self.host}:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        application = web.Application()
        for route in self.routes:
            application.router.add_route(route.method, route.path, _passing(route))
        # What is signed is what was sent: nothing is unpacked before it is verified.
        runner = web.AppRunner(application, access_log=None, auto_decompress=False, logger=_QUIET)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


def _passing(route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def take(request: web.Request) -> web.Response:
        body = await _body(request, route.largest)
        if not isinstance(body, bytes):
            return _refused(route, body)
        headers = {name.lower(): request.headers.getall(name) for name in request.headers}
        if not route.verify(headers, body):
            return _refused(route, 401)
        try:
            return await route.handle(Verified(headers, body))
        except Malformed as error:
            log.warning("http_malformed", path=route.path, error=str(error))
            return web.Response(status=400)
        except Exception as error:
            reference = token_hex(4)
            log.error("http_failed", path=route.path, reference=reference, exc_info=error)
            return web.Response(status=500, text=f"reference {reference}")

    return take


async def _body(request: web.Request, largest: int) -> bytes | int:
    """The raw body, or the status to refuse it with."""
    if (request.content_length or 0) > largest:
        return 413
    try:
        async with asyncio.timeout(SENT_WITHIN_S):
            body = bytearray()
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > largest:
                    return 413
            return bytes(body)
    except TimeoutError:
        return 408
    except (web.RequestPayloadError, OSError, ValueError):
        return 400  # not chunked as it says


def _refused(route: Route, status: int) -> web.Response:
    # Nothing of the request is told: what is not verified may be anybody's words.
    log.warning("http_refused", path=route.path, status=status)
    return web.Response(status=status)
