"""POST /api/<method>: who calls, whether they may, and the answer in Slack's words."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.faults import Faults
from sandbox.model import JSON, SlackError
from sandbox.payloads import Payloads
from sandbox.web_api.call import Call
from sandbox.web_api.limits import Limits
from sandbox.web_api.methods import METHODS, Method
from sandbox.workspace import Workspace


@dataclass
class WebApi:
    workspace: Workspace
    faults: Faults
    payloads: Payloads
    emit: Callable[[JSON], None]
    new_link: Callable[[], str]
    """A fresh WebSocket address for apps.connections.open."""
    base_url: str = ""
    limits: Limits = field(default_factory=Limits)

    async def handle(self, request: web.Request) -> web.Response:
        if self.faults.settings.web_api_down:
            return web.Response(status=503, text="upstream connect error")
        name = request.match_info["method"]
        try:
            args = await _arguments(request)
            wait = self._wait(name, args)
            if wait is not None:
                return web.json_response(
                    {"ok": False, "error": "ratelimited"},
                    status=429,
                    headers={"Retry-After": str(wait)},
                )
            reply = {"ok": True, **self._answer(name, args, request.headers)}
        except SlackError as refused:
            reply = {"ok": False, "error": refused.code, **refused.extra}
        # The bot's self-check reads its scopes from here, as there is no method that tells them.
        scopes = ",".join(sorted(self.workspace.app.scopes))
        return web.json_response(reply, headers={"X-OAuth-Scopes": scopes})

    def _wait(self, name: str, args: JSON) -> int | None:
        wait = self.faults.rate_limited(name)
        if wait is None and self.faults.settings.enforce_rate_limits:
            wait = self.limits.wait(name, METHODS.get(name), args, self.workspace.clock())
        return wait

    def _answer(self, name: str, args: JSON, headers: Mapping[str, str]) -> JSON:
        app = self.workspace.app
        if name == "api.test":
            return {"args": args}
        method = METHODS.get(name)
        if method is None and name != "apps.connections.open":
            raise SlackError("unknown_method", req_method=name)
        token = _token(args, headers)
        if method is None:
            self._authenticate(token, app.app_token, other=app.bot_token)
            return {"url": self.new_link()}
        self._authenticate(token, app.bot_token, other=app.app_token)
        self._check_scope(method, args)
        if error := self.faults.refused(name, str(args.get("channel") or "")):
            raise SlackError(error)
        call = Call(self.workspace, self.payloads, args, self.base_url, self.emit)
        return method.answer(call)

    def _authenticate(self, token: str, wanted: str, *, other: str) -> None:
        if not token:
            raise SlackError("not_authed")
        if hmac.compare_digest(token, other):
            raise SlackError("not_allowed_token_type")
        if not hmac.compare_digest(token, wanted):
            raise SlackError("invalid_auth")

    def _check_scope(self, method: Method, args: JSON) -> None:
        needed = method.scope
        channel = self.workspace.channel(str(args.get("channel") or ""))
        private = str(args.get("is_private", "")).lower() in ("true", "1")
        if method.im_scope and channel is not None and channel.kind == "dm":
            needed = method.im_scope
        elif method.private_scope and (private or (channel is not None and channel.is_private)):
            needed = method.private_scope
        granted = self.workspace.app.scopes
        if needed is not None and needed not in granted:
            raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(granted)))


async def _arguments(request: web.Request) -> JSON:
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json() if request.can_read_body else {}
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        args.update(body)
    elif request.method == "POST":
        args.update(await request.post())
    return args


def _token(args: JSON, headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return str(args.get("token") or "")
