"""A small real Bolt app, connected to the local Slack over Socket Mode or HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox


def bolt_app(slack: Sandbox, **options: Any) -> AsyncApp:
    defaults: dict[str, Any] = {
        "client": web_client(slack),
        "signing_secret": slack.workspace.app.signing_secret,
        "process_before_response": True,
    }
    return AsyncApp(**{**defaults, **options})


def web_client(slack: Sandbox, token: str = "xoxb-sandbox") -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=slack.api_url)


@asynccontextmanager
async def over_socket_mode(slack: Sandbox, app: AsyncApp) -> AsyncIterator[Any]:
    handler: Any = AsyncSocketModeHandler(app, "xapp-sandbox", web_client=web_client(slack, "xapp-sandbox"))
    await handler.connect_async()
    try:
        yield handler
    finally:
        await handler.close_async()
        await asyncio.sleep(0)


@asynccontextmanager
async def over_http(slack: Sandbox, app: AsyncApp) -> AsyncIterator[str]:
    runner = web.AppRunner(app.server(port=0, path="/slack/events").web_app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    slack.listen_at(endpoint)
    try:
        yield endpoint
    finally:
        slack.listen_at(None)
        await runner.cleanup()
