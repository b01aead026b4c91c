"""Slack's requests over HTTP: signed by Slack with the app's secret, or not taken at all."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.gate import Gate, Headers, Malformed, Route, Verified
from bot.slack.door.payload_shapes import bolt_can_read
from bot.words.exceptions import Misconfigured

PATH = "/slack/events"
LARGEST = 4 * 1024 * 1024
FRESH_S = 300
"""How far the timestamp of a request may lie from our clock; Slack's own advice."""
_HEADERS = ("x-slack-request-timestamp", "x-slack-signature")


@dataclass(frozen=True)
class SignedBySlack:
    """The verifier of what Slack sends: HMAC-SHA256 over version, timestamp and raw body.

    Raises Misconfigured for an empty secret, with which anybody could sign.
    """

    secret: str
    timer: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if not self.secret.strip():
            raise Misconfigured("SLACK_SIGNING_SECRET is empty; copy it from the app's Basic Information")

    def __call__(self, headers: Headers, body: bytes) -> bool:
        given = [headers.get(name, ()) for name in _HEADERS]
        if any(len(values) != 1 for values in given):
            return False
        [timestamp], [signature] = given
        if not re.fullmatch(r"\d{1,12}", timestamp, re.ASCII) or abs(self.timer() - int(timestamp)) > FRESH_S:
            return False
        signed = b"v0:" + timestamp.encode() + b":" + body
        expected = "v0=" + hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        # As bytes: a signature with other letters than ASCII's is wrong, and no exception.
        return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape"))


@dataclass
class HttpMode:
    """`async with HttpMode(app, secret, host, port)`: Slack's requests at /slack/events, on a gate of their own."""

    app: AsyncApp
    secret: str
    host: str
    port: int
    _gate: Gate | None = None

    @property
    def route(self) -> Route:
        return Route("POST", PATH, SignedBySlack(self.secret), self._take, largest=LARGEST)

    @property
    def connected(self) -> bool:
        return self._gate is not None and self._gate.open

    @property
    def address(self) -> str:
        """With the port that was taken, for port 0."""
        if self._gate is None:
            raise RuntimeError("not started")
        return self._gate.address

    async def __aenter__(self) -> Self:
        self._gate = await Gate([self.route], self.host, self.port).__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            await gate.__aexit__(kind, error, trace)

    async def _take(self, request: Verified) -> web.Response:
        # As in Socket Mode: parsed here, and no header reaches Bolt, which takes orders from some.
        bolt = AsyncBoltRequest(body=payload(request), mode="socket_mode")
        try:
            answered = await self.app.async_dispatch(bolt)
        except Exception as error:  # not even its error handler could read it
            raise Malformed(f"no payload of Slack's: {type(error).__name__}") from error
        return await to_aiohttp_response(answered)


def payload(request: Verified) -> dict[str, Any]:
    """What Slack sent, out of a form, a form's `payload`, or JSON. Raises Malformed."""
    kind = next(iter(request.headers.get("content-type", ())), "").partition(";")[0].strip().lower()
    try:
        text = request.body.decode()
        if kind == "application/x-www-form-urlencoded":
            form = dict(parse_qsl(text, keep_blank_values=True))
            if "payload" not in form:
                return dict(form)
            text = form["payload"]
        elif kind != "application/json":
            raise Malformed(f"{kind[:80]!r} is neither a form nor JSON")
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not readable: {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise Malformed("no JSON object")
    if not bolt_can_read(found):
        raise Malformed("authorizations of an odd shape")
    return found
