"""What Handrail is measured against: a bare Bolt app as a newcomer writes it, every setting left as it is.

`python -m tests.bench.bare API_URL PORT`, or without a port over Socket Mode. Only the address of Slack is given, and
that to connect to it.
"""

import asyncio
import sys
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.app_config import AppConfig

HELP = "Type /ops and one of these: health, errors, retry, whitelist, campaigns, requests, show, audit, freeze."
HEALTH = "All is well: n8n, payments-api, shop-db and storefront are ok."


def bare_app(api_url: str) -> AsyncApp:
    client = AsyncWebClient(token=AppConfig.bot_token, base_url=api_url)
    app = AsyncApp(token=AppConfig.bot_token, signing_secret=AppConfig.signing_secret, client=client)

    # The two listeners that the bars name: one acks a text, the other acks and answers once.
    @app.command("/ops")
    async def ops(ack: Any) -> None:
        await ack(HELP)

    @app.command("/health")
    async def health(ack: Any, respond: Any) -> None:
        await ack()
        await respond(HEALTH)

    return app


async def _connected(app: AsyncApp, api_url: str) -> None:
    web_client = AsyncWebClient(token=AppConfig.app_token, base_url=api_url)
    await AsyncSocketModeHandler(app, AppConfig.app_token, web_client=web_client).start_async()  # type: ignore[no-untyped-call]


def main(api_url: str, port: str = "") -> None:
    app = bare_app(api_url)
    if port:
        app.start(port=int(port), host="127.0.0.1")
    else:
        asyncio.run(_connected(app, api_url))


if __name__ == "__main__":
    main(*sys.argv[1:])
