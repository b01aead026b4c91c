"""How a stand-in misbehaves when a test or a demo wants it to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web
from aiohttp.typedefs import Middleware


class Kind(StrEnum):
    STATUS = "status"
    """Answers `status` with JSON and does nothing."""
    SLOW = "slow"
    """Takes `seconds` more."""
    GARBAGE = "garbage"
    """Does the work, answers text that is no JSON and says it were."""
    TRUNCATED = "truncated"
    """Does the work, and drops the connection in the middle of the answer."""
    HTML = "html"
    """A proxy's page with `status` instead of the work."""
    GATEWAY = "gateway"
    """Does the work, and a proxy answers 504 instead."""
    DROPPED = "dropped"
    """Does the work, and drops the connection without a word."""
    HUGE = "huge"
    """Does the work, and pads the answer to 9 MB."""


@dataclass
class Fault:
    kind: Kind
    times: int = 1
    only: str = ""
    """Part of `METHOD /path` that it is limited to."""
    status: int = 503
    retry_after: str | None = None
    seconds: float = 0.0


@dataclass
class Faults:
    armed: list[Fault] = field(default_factory=list)

    def arm(self, fault: Fault) -> None:
        self.armed.append(fault)

    def clear(self) -> None:
        self.armed.clear()

    def take(self, request: web.Request) -> Fault | None:
        for fault in self.armed:
            if fault.times > 0 and fault.only in f"{request.method} {request.path}":
                fault.times -= 1
                return fault
        return None


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def middleware(faults: Faults) -> Middleware:
    @web.middleware
    async def apply(request: web.Request, handler: _Handler) -> web.StreamResponse:
        fault = faults.take(request)
        return await handler(request) if fault is None else await _misbehave(fault, request, handler)

    return apply


async def _misbehave(fault: Fault, request: web.Request, handler: _Handler) -> web.StreamResponse:
    headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
    page = "<html><body><h1>Bad gateway</h1>internal-host-17 said token=do-not-repeat</body></html>"
    match fault.kind:
        case Kind.STATUS:
            return web.json_response({"message": f"Injected {fault.status}"}, status=fault.status, headers=headers)
        case Kind.HTML:
            return web.Response(text=page, content_type="text/html", status=fault.status, headers=headers)
        case Kind.SLOW:
            await asyncio.sleep(fault.seconds)
            return await handler(request)
    done = await handler(request)
    body = done.body if isinstance(done, web.Response) and isinstance(done.body, bytes) else b""
    match fault.kind:
        case Kind.GARBAGE:
            return web.Response(body=b'{"id": 12,,, ', content_type="application/json")
        case Kind.GATEWAY:
            return web.Response(text=page, content_type="text/html", status=504)
        case Kind.HUGE:
            return web.Response(body=body + b" " * 9_000_000, content_type="application/json")
        case Kind.DROPPED:
            _hang_up(request)
            return web.Response(status=500)
        case Kind.TRUNCATED:
            response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100000"})
            await response.prepare(request)
            await response.write(body[:200])
            _hang_up(request)
            return response
    raise AssertionError(fault.kind)


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
