"""Health checks over aiohttp say the same as over httpx."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from aiohttp import web

from integrations import open_services
from integrations.capabilities import Checkable, Checked, Health
from integrations.plumbing.probe import probe_session

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def good(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def away(_: web.Request) -> web.Response:
    return web.Response(status=503)


async def elsewhere(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/secret"})


async def silent(_: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def cut_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"status":')
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.fixture
async def address() -> AsyncIterator[str]:
    application = web.Application()
    for handler in (good, away, elsewhere, silent, cut_off):
        application.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def checked(url: str, *, over_aiohttp: bool, field: str = "") -> Checked:
    deadline = "1s" if url.endswith("/silent") else "20s"
    section = {"kind": "http", "url": url, "deadline": deadline} | ({"field": field, "equals": "ok"} if field else {})
    async with httpx.AsyncClient() as http, probe_session() as probes:
        session = probes if over_aiohttp else None
        services = open_services({"it": section}, http, lambda _: "", probes=session)
        return await services.having(Checkable)[0].check()


@pytest.mark.parametrize("over_aiohttp", [True, False], ids=["aiohttp", "httpx"])
@pytest.mark.parametrize(
    ("path", "field", "health", "detail"),
    [
        ("good", "status", Health.OK, ""),
        ("away", "", Health.DOWN, "it answers 503"),
        ("elsewhere", "", Health.DEGRADED, "it sends us elsewhere (302); write its final address in services.it.url"),
        ("silent", "", Health.UNKNOWN, "no answer within 1 s"),
        ("cut_off", "status", Health.UNKNOWN, "its answer was cut off"),
    ],
)
async def test_both_ways_say_the_same(
    address: str, over_aiohttp: bool, path: str, field: str, health: Health, detail: str
) -> None:
    """A redirect is not followed: it would carry a credential to wherever it points."""
    assert await checked(f"{address}/{path}", over_aiohttp=over_aiohttp, field=field) == Checked(health, detail)


@pytest.mark.parametrize("over_aiohttp", [True, False], ids=["aiohttp", "httpx"])
async def test_refused_is_down_and_an_unknown_host_is_unknown(over_aiohttp: bool, nobodys_port: int) -> None:
    refused = await checked(f"http://127.0.0.1:{nobodys_port}/", over_aiohttp=over_aiohttp)
    assert refused == Checked(Health.DOWN, "it refused the connection")

    nowhere = await checked("http://no-such-host.invalid/", over_aiohttp=over_aiohttp)
    assert nowhere.health is Health.UNKNOWN
