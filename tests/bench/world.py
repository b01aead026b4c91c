"""`python -m tests.bench.world DSN ADDRESSES`: Slack's Web API, the demo's services, and services that take 200 ms.

ADDRESSES is a file that is written when everything listens.
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from aiohttp import web

from sandbox.server import Sandbox
from sandbox.workspace import Workspace
from sandbox.world import World
from sandbox.world.vendors import vendors

SLOW_S = 0.2
SLOW_SERVICES = 20
DEAD = ("ci", "web")
"""Of every kind's services, those that give no answer."""


class Slow:
    """Takes its time with every answer, and remembers the longest it really took."""

    def __init__(self) -> None:
        self._longest_ms = 0.0

    def app(self) -> web.Application:
        application = web.Application()
        application.add_routes([web.get("/health", self._answer), web.get("/longest", self._tell)])
        return application

    async def _answer(self, _: web.Request) -> web.Response:
        began = time.perf_counter()
        await asyncio.sleep(SLOW_S)
        self._longest_ms = max(self._longest_ms, (time.perf_counter() - began) * 1000)
        return web.json_response({"status": "ok"})

    async def _tell(self, _: web.Request) -> web.Response:
        """Milliseconds of the slowest answer since the last time this was asked."""
        longest, self._longest_ms = self._longest_ms, 0.0
        return web.json_response(longest)


class Dead:
    """Takes every call and answers none; counts them."""

    def __init__(self) -> None:
        self._asked = 0

    def app(self) -> web.Application:
        application = web.Application()
        application.add_routes([web.get("/asked", self._tell), web.route("*", "/{rest:.*}", self._hold)])
        return application

    async def _hold(self, _: web.Request) -> web.Response:
        self._asked += 1
        await asyncio.sleep(60)
        return web.Response(status=504)

    async def _tell(self, _: web.Request) -> web.Response:
        """Calls since the last time this was asked."""
        asked, self._asked = self._asked, 0
        return web.json_response(asked)


async def main(dsn: str, addresses: Path) -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    runner = web.AppRunner(Slow().app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    for _ in range(SLOW_SERVICES):  # each at an address of its own, as services are
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    ports = [address[1] for address in runner.addresses]
    dead = web.AppRunner(Dead().app(), access_log=None, shutdown_timeout=0.1)
    await dead.setup()
    await web.TCPSite(dead, "127.0.0.1", 0).start()
    dead_port = dead.addresses[0][1]
    async with Sandbox(Workspace.demo()) as slack, World(dsn, others=vendors()) as world:
        slow = {
            f"service-{number:02}": {"kind": "http", "url": f"http://127.0.0.1:{port}/health"}
            for number, port in enumerate(ports, start=1)
        }
        found = {
            "slack": slack.base_url,
            "slow_port": ports[0],
            "services": {name: table for name, table in world.services().items() if name not in world.others},
            "slow_services": slow,
            "every_service": {
                name: table | ({"url": f"http://127.0.0.1:{dead_port}"} if name in DEAD else {})
                for name, table in world.services().items()
            },
            "dead_port": dead_port,
            "environment": world.environment(),
        }
        addresses.with_suffix(".part").write_text(json.dumps(found))
        addresses.with_suffix(".part").rename(addresses)
        await stopped.wait()
    await runner.cleanup()
    await dead.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
