"""The demo world: what the bot's services stand for in `make demo` and in tests, over real HTTP and a real database."""

import asyncio
import contextlib
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Self

import asyncpg
from aiohttp.web import AppRunner, TCPSite

from sandbox.world.n8n import FakeN8n
from sandbox.world.n8n_state import Failure, Flavour
from sandbox.world.seed import seed
from sandbox.world.vendors import StandIn
from sandbox.world.web import WebService

# Made up, and of use against these stand-ins only.
_N8N_KEY = "n8n_api_demo_0f6f5f2c9c1e"
_PAYMENTS_TOKEN = "pay_demo_7d1b9d"  # noqa: S105

_LIVE_ERRORS = (
    ("hubspot", "upsertContact", "HubSpot answered 429: rate limit reached at contact {}"),
    ("unleashed", "listSalesOrders", "Read timed out after 30000 ms on page {}"),
    ("hubspot", "syncBusiness", "Property 'abn_number' does not exist on company {}"),
)


class World:
    """`async with World(dsn) as world`: an n8n, a storefront, payments, and tables in the schema `demo` of `dsn`."""

    def __init__(
        self,
        dsn: str | None,
        *,
        flavour: Flavour = "2.41",
        port: int = 0,
        pulse: float | None = None,
        moody: bool = False,
        others: Mapping[str, StandIn] = MappingProxyType({}),
    ) -> None:
        """Without a `dsn` there are no tables. `port` is the first of those it takes, one a service; 0 takes free ones.
        With a `pulse`, something goes wrong every so many seconds. `moody` payments fail for the first 20 s of every
        minute. `others` are served beside, each under the name it has here."""
        self.dsn = dsn
        self.n8n = FakeN8n(_N8N_KEY, flavour=flavour)
        self.storefront = WebService("storefront")
        self.payments = WebService("payments-api", token=_PAYMENTS_TOKEN, mood="moody" if moody else "well")
        self.others = others
        self.urls: Mapping[str, str] = {}
        self._port = port
        self._pulse = pulse
        self._closing = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as opened:
            if self.dsn is not None:
                await seed(self.dsn)
            apps = {"n8n": self.n8n.app(), "storefront": self.storefront.app(), "payments-api": self.payments.app()}
            apps |= {name: other.app() for name, other in self.others.items()}
            urls = {}
            for number, (name, app) in enumerate(apps.items()):
                runner = AppRunner(app, access_log=None, shutdown_timeout=0.1)
                await runner.setup()
                opened.push_async_callback(runner.cleanup)
                await TCPSite(runner, "127.0.0.1", self._port + number if self._port else 0).start()
                urls[name] = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self.urls = MappingProxyType(urls)
            if self._pulse is not None:
                beating = asyncio.create_task(self._beat(self._pulse))
                opened.push_async_callback(_end, beating)
            self._closing = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    def services(self) -> dict[str, dict[str, Any]]:
        """The `[services.*]` tables of an ops.toml for this world."""
        tables: dict[str, dict[str, Any]] = {
            "n8n": {
                "kind": "n8n",
                "url": self.urls["n8n"],
                "api_key": "env:DEMO_N8N_API_KEY",
                "pausable_tag": "campaign",
            },
            "storefront": {
                "kind": "http",
                "url": f"{self.urls['storefront']}/health",
                "field": "checks.database",
                "equals": "ok",
                "slow": "5s",
            },
            "payments-api": {
                "kind": "http",
                "url": f"{self.urls['payments-api']}/health",
                "headers": {"Authorization": "env:DEMO_PAYMENTS_AUTH"},
                "slow": "5s",
            },
        }
        if self.dsn is not None:
            tables["shop-db"] = {
                "kind": "postgres",
                "dsn": "env:DEMO_DATABASE_URL",
                "logs": [
                    {"table": "demo.integration_logs", "duration": "duration_ms"},
                    {
                        "table": "demo.workflow_execution_logs",
                        "key": "execution_id",
                        "at": "finished_at",
                        "origin": "workflow_name",
                        "operation": "",
                        "message": "error_message",
                        "level": "status",
                        "levels": ["error"],
                    },
                ],
                "rate_limits": {"table": "demo.rate_limits", "allow_list": {"table": "demo.ip_allow_list"}},
                "switches": {"table": "demo.campaigns", "running": ["active"]},
                "rows": [
                    {
                        "table": "demo.businesses",
                        "columns": ["id", "business_name", "phone_number", "hubspot_company_id"],
                        "masked": ["phone_number"],
                        "findable": ["phone_number"],
                    },
                    {"table": "demo.toll_free_numbers", "columns": ["number", "status", "assigned_to", "created_at"]},
                ],
                "numbers": {"table": "demo.toll_free_numbers"},
                "retention": [{"table": "demo.integration_logs", "keep": "12h"}],
            }
        return tables | {name: other.section(self.urls[name]) for name, other in self.others.items()}

    def environment(self) -> dict[str, str]:
        """The variables that `services` refers to."""
        found = {"DEMO_N8N_API_KEY": self.n8n.api_key, "DEMO_PAYMENTS_AUTH": f"Bearer {self.payments.token}"}
        for other in self.others.values():
            found |= other.environment()
        return found | ({"DEMO_DATABASE_URL": self.dsn} if self.dsn is not None else {})

    def secret(self, reference: str) -> str:
        """A resolver for `env:NAME` that knows this world's variables only. Raises KeyError."""
        return self.environment()[reference.removeprefix("env:")]

    async def _beat(self, every: float) -> None:
        chance = random.Random()
        while True:
            await asyncio.sleep(every)
            if chance.random() < 0.25:
                failure = Failure(
                    "HubSpot: upsert contact", "The service is receiving too many requests from you", http_code="429"
                )
                self.n8n.fail("kT3vQe8LwYc1ZsRb", failure)
            if self.dsn is not None:
                source, operation, message = chance.choice(_LIVE_ERRORS)
                connection = await asyncpg.connect(self.dsn)
                try:
                    await connection.execute(
                        "INSERT INTO demo.integration_logs (created_at, source, operation, level, message) "
                        "VALUES ($1, $2, $3, 'error', $4)",
                        datetime.now(UTC),
                        source,
                        operation,
                        message.format(chance.randint(10**6, 10**7)),
                    )
                finally:
                    await connection.close()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
