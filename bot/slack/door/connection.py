"""How the app reaches Slack: its clients, and the sockets over which Slack answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.door.arrival import APP_TOKEN, arrived
from bot.slack.door.payload_shapes import bolt_can_read
from bot.words.clean import whole_json
from bot.words.proxies import proxy_for

log = structlog.get_logger(__name__)

PING_S = 5.0
DEAF_AFTER = 4
"""Pings without an answer before the connection is built anew."""


def web_client(base_url: str, **settings: Any) -> AsyncWebClient:
    """Through the proxy that every other call takes: Slack's own client reads no NO_PROXY."""
    client = AsyncWebClient(base_url=base_url, **settings)
    client.proxy = proxy_for(base_url)
    return client


@dataclass(frozen=True)
class Clients:
    """One session for both: `patient` waits once for a 429, `strict` never does."""

    patient: AsyncWebClient
    strict: AsyncWebClient


class _Whole(AsyncWebClient):
    """Sends no half of a character: for one that a vendor cut in two, Slack would refuse the whole message."""

    async def api_call(self, api_method: str, **given: Any) -> AsyncSlackResponse:
        return await super().api_call(api_method, **{name: whole_json(each) for name, each in given.items()})


@asynccontextmanager
async def clients(token: str, base_url: str = "https://slack.com/api/") -> AsyncIterator[Clients]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:

        def made(*retries: Any) -> AsyncWebClient:
            client = _Whole(token=token, base_url=base_url, session=session, timeout=30)
            client.proxy = proxy_for(base_url)
            client.retry_handlers.extend(retries)
            return client

        yield Clients(made(AsyncRateLimitErrorRetryHandler(max_retry_count=1)), made())


class _Handler(AsyncSocketModeHandler):
    async def handle(self, client: Any, req: Any) -> None:
        """As Bolt does; `authorizations` of an odd shape are left out."""
        if not bolt_can_read(req.payload):
            del req.payload["authorizations"]
        await super().handle(client, req)


@dataclass
class SocketMode:
    """`async with SocketMode(app, token, url) as socket`; reconnects by itself, and is rebuilt where that fails."""

    app: AsyncApp
    app_token: str
    base_url: str = "https://slack.com/api/"
    ping_s: float = PING_S
    waits: Callable[[str], None] = field(default=lambda _: None)
    """Told why Slack is waited for at the start."""
    _handler: AsyncSocketModeHandler | None = None
    _watchdog: asyncio.Task[None] | None = None
    _built_at: float = field(default=0.0)

    @property
    def connected(self) -> bool:
        """A pong has come lately: what the client itself says of its connection is not to be trusted."""
        if self._handler is None:
            return False
        client = self._handler.client
        session = client.current_session
        return session is not None and not session.closed and not self._deaf()

    async def __aenter__(self) -> Self:
        """Waits while Slack is away. Raises Misconfigured where it refuses the token."""
        await arrived(self._build_in_time, APP_TOKEN, self.waits)
        self._watchdog = asyncio.create_task(self._watch(), name="socket watchdog")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            with suppress(asyncio.CancelledError):
                await self._watchdog
        await self._drop()

    def _deaf(self) -> bool:
        client = self._handler.client if self._handler else None
        heard = max(client.last_ping_pong_time or 0.0, self._built_at) if client else 0.0
        return time.time() - heard > self.ping_s * DEAF_AFTER

    async def _build_in_time(self) -> None:
        try:
            async with asyncio.timeout(self.ping_s * DEAF_AFTER):
                await self._build()
        except BaseException:
            await self._drop()
            raise

    async def _build(self) -> None:
        # The token goes to the handler's own client: with another address than Slack's it would be lost otherwise.
        client = web_client(self.base_url, token=self.app_token)
        self._handler = _Handler(self.app, self.app_token, web_client=client, ping_interval=self.ping_s)
        self._built_at = time.time()
        # Asked for here: the client itself would ask for ever, whatever Slack answers.
        opened = await client.apps_connections_open(app_token=self.app_token)
        self._handler.client.wss_uri = str(opened["url"])
        self._handler.client.proxy = proxy_for(str(opened["url"]))
        await self._handler.connect_async()  # type: ignore[no-untyped-call]
        self._built_at = time.time()

    async def _drop(self) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            with suppress(Exception):
                await asyncio.wait_for(handler.close_async(), 5)  # type: ignore[no-untyped-call]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.ping_s)
            if not self._deaf():
                continue
            log.warning("socket_deaf")
            await self._drop()
            try:
                await self._build_in_time()
            except Exception as error:
                log.warning("socket_not_rebuilt", error=str(error))
