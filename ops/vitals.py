"""What a supervisor may ask: alive, ready, and figures for Prometheus."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import asyncpg
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from bot.gate import Gate, Route, Verified, anybody
from bot.later.due import Jobs
from bot.words.exceptions import OpsError
from bot.words.ports import Outbox

SILENT_S = 30.0
"""Jobs sweep every second; a loop that has not for this long is stuck."""


class Link(Protocol):
    """How Slack reaches the bot."""

    @property
    def connected(self) -> bool: ...


@dataclass
class Vitals:
    pool: asyncpg.Pool
    outbox: Outbox
    jobs: Jobs
    timer: Callable[[], float]
    link: Link | None = None
    """None until Slack has answered."""
    _waits: str = ""

    def waits(self, why: str) -> None:
        """Say why Slack is waited for."""
        self._waits = why

    @property
    def connected(self) -> bool:
        return self.link is not None and self.link.connected

    async def problems(self) -> tuple[str, ...]:
        """Why it is not ready; empty when it is."""
        found = []
        try:
            await self.pool.fetchval("SELECT 1", timeout=3)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            found.append(f"database: {type(error).__name__}")
        if not self.connected:
            found.append(f"slack: {self._waits if self.link is None and self._waits else 'not connected'}")
        if self.timer() - self.jobs.swept_at > SILENT_S:
            found.append("jobs: no sweep lately")
        return tuple(found)

    async def metrics(self) -> bytes:
        registry = CollectorRegistry()

        def gauge(name: str, what: str, value: float) -> None:
            Gauge(f"handrail_{name}", what, registry=registry).set(value)

        gauge("connected", "1 while Slack is heard", self.connected)
        gauge("running", "requests that this process runs now", self.jobs.busy)
        try:
            gauge("outbox_backlog", "messages and cards owed to Slack", await self.outbox.backlog())
            states = await self.pool.fetch("SELECT state, count(*) AS count FROM requests GROUP BY state")
            by_state = Gauge("handrail_requests", "requests by state", ["state"], registry=registry)
            for row in states:
                by_state.labels(row["state"]).set(row["count"])
            gauge("database_up", "1 while the database answers", 1)
        except (OpsError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            gauge("database_up", "1 while the database answers", 0)
        return generate_latest(registry)


def vital_routes(vitals: Vitals) -> tuple[Route, ...]:
    """GET /healthz (the process answers), /readyz (it can work), /metrics: counts and names of states, no secrets."""

    async def healthz(_: Verified) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: Verified) -> web.Response:
        problems = await vitals.problems()
        body = {"status": "not ready" if problems else "ok", "problems": list(problems)}
        return web.json_response(body, status=503 if problems else 200)

    async def metrics(_: Verified) -> web.Response:
        return web.Response(body=await vitals.metrics(), content_type="text/plain")

    answers = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    return tuple(Route("GET", path, anybody, answer) for path, answer in answers.items())


@asynccontextmanager
async def served_vitals(vitals: Vitals, host: str, port: int) -> AsyncIterator[str]:
    """Yields the address."""
    async with Gate(vital_routes(vitals), host, port) as gate:
        yield gate.address
