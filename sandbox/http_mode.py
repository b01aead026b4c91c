"""HTTP mode: signed POSTs to the app's own URL."""

import asyncio
import hashlib
import hmac
import json
import urllib.parse
from dataclasses import dataclass

import aiohttp

from sandbox.model import JSON
from sandbox.socket_mode import NotDelivered
from sandbox.workspace import Workspace


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature over the raw body."""
    signed = f"v0:{timestamp}:".encode() + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@dataclass
class HttpMode:
    workspace: Workspace
    endpoint: str | None = None
    _session: aiohttp.ClientSession | None = None

    async def deliver(self, kind: str, payload: JSON, accepts_response: bool, retry: JSON) -> JSON:
        """The response's JSON, or its plain text as `{"text": …}`. Raises: NotDelivered."""
        if self.endpoint is None:
            raise NotDelivered("dispatch_failed")
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        body, content_type = _encoded(kind, payload)
        timestamp = str(self.workspace.now())
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.workspace.app.signing_secret, timestamp, body),
        }
        attempt = retry.get("retry_attempt", 0)
        if attempt:
            timed_out = retry.get("retry_reason") == "timeout"
            headers["X-Slack-Retry-Num"] = str(attempt)
            headers["X-Slack-Retry-Reason"] = "http_timeout" if timed_out else "http_error"
        try:
            async with self._session.post(self.endpoint, data=body, headers=headers) as response:
                text = await response.text()
                status, answered_as = response.status, response.content_type
                again = response.headers.get("X-Slack-No-Retry") != "1"
        except (aiohttp.ClientError, asyncio.IncompleteReadError) as problem:
            raise NotDelivered("dispatch_failed") from problem
        if status != 200:
            raise NotDelivered("dispatch_failed", retry=again)
        return _decoded(text, answered_as)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _encoded(kind: str, payload: JSON) -> tuple[bytes, str]:
    match kind:
        case "slash_commands":
            return urllib.parse.urlencode(payload).encode(), "application/x-www-form-urlencoded"
        case "interactive":
            form = urllib.parse.urlencode({"payload": json.dumps(payload)})
            return form.encode(), "application/x-www-form-urlencoded"
        case _:
            return json.dumps(payload).encode(), "application/json"


def _decoded(text: str, content_type: str) -> JSON:
    if not text:
        return {}
    if content_type == "application/json" or text.startswith("{"):
        try:
            answer = json.loads(text)
        except ValueError as problem:
            raise NotDelivered("dispatch_failed", retry=False) from problem
        return answer if isinstance(answer, dict) else {}
    return {"text": text}
