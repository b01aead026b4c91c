"""Slack as the driver plays it, kept cheap: slash commands over sockets and signed POSTs, answers timed at arrival.

The Web API is the sandbox's, in another process: what is asked of it through here is handed on.
"""

import asyncio
import itertools
import json
import re
import time
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import aiohttp
from aiohttp import WSMsgType, web

from sandbox.app_config import AppConfig
from sandbox.http_mode import signature

Kind = Literal["slash_commands", "interactive"]
Payload = Mapping[str, Any]

ANA, MIA, OPS = "U0ANA0001", "U0MIA0001", "C0DEMO002"
"""Of the demo workspace: ana asks, mia approves, in #ops."""


class Line(Protocol):
    """A way to one bot."""

    async def deliver(self, kind: Kind, payload: Payload) -> str:
        """The ack's body, empty where nothing is said in it. Raises ConnectionError."""
        ...


@dataclass
class Front:
    """Takes the bots' sockets and what they post to response_urls."""

    sandbox_url: str
    url: str = ""
    _sockets: dict[str, web.WebSocketResponse] = field(default_factory=dict)
    _opened: asyncio.Condition = field(default_factory=asyncio.Condition)
    _acks: dict[str, asyncio.Future[str]] = field(default_factory=dict)
    _answers: dict[str, asyncio.Future[str]] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Front"]:
        async with aiohttp.ClientSession() as session:

            async def web_api(request: web.Request) -> web.Response:
                method, name = request.match_info["method"], request.match_info["bot"]
                if method == "apps.connections.open":
                    link = f"{self.url.replace('http', 'ws', 1)}/{name}/link"
                    return web.json_response({"ok": True, "url": link})
                passed = ("Authorization", "Content-Type")
                headers = {key: request.headers[key] for key in passed if key in request.headers}
                asked = f"{self.sandbox_url}/api/{method}?{request.query_string}"
                body = await request.read()
                async with session.request(request.method, asked, data=body or None, headers=headers) as reply:
                    return web.Response(body=await reply.read(), content_type="application/json", status=reply.status)

            application = web.Application()
            application.add_routes([
                web.post("/response/{number}", self._respond),
                web.post("/{bot}/api/{method}", web_api),
                web.get("/{bot}/api/{method}", web_api),
                web.get("/{bot}/link", self._link),
            ])  # fmt: skip
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield self
            finally:
                await runner.cleanup()

    def api_url(self, bot: str) -> str:
        """The SLACK_API_URL of a bot that connects to us."""
        return f"{self.url}/{bot}/api/"

    async def connected(self, bot: str) -> "SocketLine":
        async with asyncio.timeout(60), self._opened:
            await self._opened.wait_for(lambda: bot in self._sockets)
        return SocketLine(self, bot)

    async def ask(self, line: Line, command: str, words: str, *, anew: bool = False) -> tuple[float, bool]:
        """Milliseconds until the answer is with the person, and whether it came in the ack.

        `anew`: in a channel where nobody has asked before.
        """
        number = str(next(self._numbers))
        answered = self._answers[number] = asyncio.get_running_loop().create_future()
        channel = f"C0NEW{number}" if anew else OPS
        payload = _slash(command, words, channel, f"{self.url}/response/{number}", number)
        began = time.perf_counter()
        try:
            ack = await line.deliver("slash_commands", payload)
            if not ack:
                async with asyncio.timeout(30):
                    await answered
            return (time.perf_counter() - began) * 1000, bool(ack)
        finally:
            del self._answers[number]

    async def send(self, bot: str, kind: Kind, payload: Payload) -> str:
        envelope_id = f"envelope-{next(self._numbers)}"
        acked = self._acks[envelope_id] = asyncio.get_running_loop().create_future()
        envelope = {"envelope_id": envelope_id, "payload": payload, "type": kind, "accepts_response_payload": True}
        try:
            await self._sockets[bot].send_str(json.dumps(envelope))
            async with asyncio.timeout(30):
                ack: str = await acked
            return ack
        finally:
            del self._acks[envelope_id]

    async def _link(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": AppConfig.app_id}})
        async with self._opened:
            self._sockets[request.match_info["bot"]] = socket
            self._opened.notify_all()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acked(message.data)
        finally:
            del self._sockets[request.match_info["bot"]]
        return socket

    def _acked(self, text: str) -> None:
        ack = json.loads(text)
        waiting = self._acks.get(ack["envelope_id"])
        if waiting is not None and not waiting.done():
            waiting.set_result(json.dumps(ack["payload"]) if ack.get("payload") else "")

    async def _respond(self, request: web.Request) -> web.Response:
        body = await request.text()
        waiting = self._answers.get(request.match_info["number"])
        if waiting is not None and not waiting.done():
            waiting.set_result(body)
        return web.Response(text="ok")


@dataclass(frozen=True)
class SocketLine:
    front: Front
    bot: str

    async def deliver(self, kind: Kind, payload: Payload) -> str:
        return await self.front.send(self.bot, kind, payload)


@dataclass(frozen=True)
class HttpLine:
    """Signed POSTs on kept connections, one for each that is under way."""

    port: int
    _idle: "list[_Connection]" = field(default_factory=list)

    async def deliver(self, kind: Kind, payload: Payload) -> str:
        fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        body = urllib.parse.urlencode(fields).encode()
        timestamp = str(int(time.time()))
        head = (
            "POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nUser-Agent: Slackbot 1.0\r\n"
            f"X-Slack-Request-Timestamp: {timestamp}\r\n"
            f"X-Slack-Signature: {signature(AppConfig.signing_secret, timestamp, body)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection = self._idle.pop() if self._idle else await self._opened()
        status, answer = await connection.exchange(head.encode() + body)
        self._idle.append(connection)
        if status != 200:
            raise ConnectionError(f"the bot answered {status}: {answer[:200]!r}")
        return answer.decode()

    async def _opened(self) -> "_Connection":
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", self.port)
        return connection

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


class _Connection(asyncio.Protocol):
    """As much of HTTP/1.1 as it takes to read one answer after another."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._read = b""

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._transport is None:
            raise ConnectionError("the bot closed the connection")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(30):
            return await self._waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, separator, body = self._read.partition(b"\r\n\r\n")
        if not separator:
            return
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        assert length is not None, head
        if len(body) >= int(length[1]) and self._waiting is not None and not self._waiting.done():
            self._read = b""
            self._waiting.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("the bot closed the connection"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _slash(command: str, words: str, channel: str, response_url: str, number: str) -> Payload:
    return {
        "token": AppConfig.verification_token,
        "team_id": "T0HANDRAIL",
        "team_domain": "demo",
        "channel_id": channel,
        "channel_name": "ops",
        "user_id": ANA,
        "user_name": "ana",
        "command": command,
        "text": words,
        "api_app_id": AppConfig.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": f"1000.{number}.bench",
    }


def approval(request: str) -> Payload:
    """mia presses *Approve* on the card of `request`."""
    now = f"{time.time():.6f}"
    return {
        "type": "block_actions",
        "user": {"id": MIA, "username": "mia", "name": "mia", "team_id": "T0HANDRAIL"},
        "api_app_id": AppConfig.app_id,
        "token": AppConfig.verification_token,
        "container": {"type": "message", "message_ts": now, "channel_id": OPS, "is_ephemeral": False},
        "trigger_id": f"1000.{request}.bench",
        "team": {"id": "T0HANDRAIL", "domain": "demo"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": OPS, "name": "ops"},
        "state": {"values": {}},
        "response_url": "",
        "actions": [
            {
                "type": "button",
                "action_id": "approve",
                "block_id": "decide",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": request,
                "action_ts": now,
            }
        ],
    }
