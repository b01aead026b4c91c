"""The local Slack as a running server on 127.0.0.1."""

import copy
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.control import Breakable, Control
from sandbox.delivery import EVENT_RETRY_SECONDS, Delivery
from sandbox.faults import Faults
from sandbox.http_mode import HttpMode
from sandbox.interactions import Interactions
from sandbox.model import JSON, SlackError
from sandbox.payloads import Payloads
from sandbox.response_url import ResponseUrls
from sandbox.socket_mode import SocketMode
from sandbox.web_api.dispatch import WebApi
from sandbox.workspace import Workspace

if TYPE_CHECKING:
    from sandbox.person import Person

PAGE = Path(__file__).parent / "page"
_LOCAL = frozenset({"127.0.0.1", "localhost"})
_UPLOAD_BYTES = 64 * 1024 * 1024


class Sandbox:
    """`async with Sandbox(Workspace.demo()) as slack: …`; port 0 takes any free one."""

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        port: int = 0,
        http_endpoint: str | None = None,
        event_retry_seconds: tuple[float, ...] = EVENT_RETRY_SECONDS,
        breakable: Breakable | None = None,
    ) -> None:
        self.workspace = workspace or Workspace.demo()
        self._seed = _content(self.workspace)
        self.faults = Faults()
        payloads = Payloads(self.workspace)
        self.sockets = SocketMode(self.workspace, self.faults)
        http = HttpMode(self.workspace, http_endpoint)
        self.delivery = Delivery(self.faults, self.sockets, http, event_retry_seconds)
        self.response_urls = ResponseUrls(self.workspace)
        self.interactions = Interactions(self.workspace, self.delivery, payloads, self.response_urls)
        self.web_api = WebApi(self.workspace, self.faults, payloads, self.interactions.emit, self._new_link)
        self._breakable = breakable
        self.base_url = ""
        self._port = port
        self._people: list[Person] = []
        self._runner: web.AppRunner | None = None

    @property
    def api_url(self) -> str:
        """The bot's SLACK_API_URL."""
        return f"{self.base_url}/api/"

    def person(self, name: str) -> "Person":
        from sandbox.person import Person

        person = Person(self.base_url, name)
        self._people.append(person)
        return person

    def listen_at(self, http_endpoint: str | None) -> None:
        """From now on the app is reached by HTTP at that URL; None means Socket Mode."""
        self.delivery.http.endpoint = http_endpoint
        self.workspace.watchers.connected(self.delivery.connected)

    async def start(self) -> None:
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{port}"
        self.response_urls.base_url = self.base_url
        self.web_api.base_url = self.base_url

    async def stop(self) -> None:
        for person in self._people:
            await person.close()
        await self.delivery.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def reset(self) -> None:
        """Back to the workspace as it was given."""
        for name, value in copy.deepcopy(self._seed).items():
            setattr(self.workspace, name, value)
        self.workspace.publish_channels()
        for member in self.workspace.people():
            self.workspace.publish_views(member.id)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[_only_local], client_max_size=_UPLOAD_BYTES)
        control = Control(self.workspace, self.interactions, self.faults, self.reset, self._breakable)
        application.add_routes(
            [
                web.post("/api/{method}", self.web_api.handle),
                web.get("/api/{method}", self.web_api.handle),
                web.get("/link", self.sockets.link),
                web.get("/link/", self.sockets.link),
                web.post("/response/{token}", self._response),
                web.post("/upload/{id}", self._upload),
                web.get("/files/{id}/{name}", self._file),
                *control.routes(),
                web.get("/", _index),
            ]
        )
        if PAGE.is_dir():
            application.router.add_static("/page", PAGE)
        return application

    def _new_link(self) -> str:
        host = self.base_url.removeprefix("http://")
        return f"ws://{host}/link/?ticket={self.sockets.new_ticket()}"

    async def _response(self, request: web.Request) -> web.Response:
        try:
            payload = await _json(request)
            self.response_urls.use(request.match_info["token"], payload)
        except SlackError as refused:
            gone = refused.code in ("expired_url", "used_url", "message_not_found")
            reply = {"ok": False, "error": refused.code, **refused.extra}
            return web.json_response(reply, status=404 if gone else 400)
        return web.json_response({"ok": True})

    async def _upload(self, request: web.Request) -> web.Response:
        file = self.workspace.files.get(request.match_info["id"])
        if file is None:
            return web.Response(status=404, text="file_not_found")
        content = await request.read()
        if request.content_type.startswith("multipart/"):
            part = next(iter((await request.post()).values()), b"")
            content = part.file.read() if isinstance(part, web.FileField) else content
        if len(content) != file.length:
            return web.Response(status=400, text=f"got {len(content)} bytes, expected {file.length}")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def _file(self, request: web.Request) -> web.Response:
        file = self.workspace.files.get(request.match_info["id"])
        if file is None or not file.content:
            return web.Response(status=404, text="file_not_found")
        # Whatever the bot uploaded must not run as a page of ours.
        headers = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=file.content, content_type=file.mimetype, headers=headers)


@web.middleware
async def _only_local(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses other sites' pages: they could reach 127.0.0.1 through a visitor's browser."""
    origin = request.headers.get("Origin")
    if request.host.partition(":")[0] not in _LOCAL or (origin is not None and origin != f"http://{request.host}"):
        return web.Response(status=403, text="the local Slack answers local requests only")
    response: web.StreamResponse = await handler(request)
    return response


async def _index(_: web.Request) -> web.StreamResponse:
    index = PAGE / "index.html"
    if not index.is_file():
        return web.Response(text="The local Slack is running; its page is not installed.")
    return web.FileResponse(index)


async def _json(request: web.Request) -> JSON:
    try:
        payload = await request.json()
    except ValueError:
        raise SlackError("invalid_payload") from None
    if not isinstance(payload, dict):
        raise SlackError("invalid_payload")
    return payload


def _content(workspace: Workspace) -> JSON:
    """What a reset brings back."""
    names = ("members", "channels", "groups", "files", "canvases", "modals", "homes", "offered")
    return {name: copy.deepcopy(getattr(workspace, name)) for name in names}
