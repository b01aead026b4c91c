"""The control API: what the page, the test driver and the tour use to act as people."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from sandbox import page_shapes
from sandbox.faults import Faults
from sandbox.inputs import NotPossible
from sandbox.interactions import Interactions
from sandbox.model import JSON, Channel, Member, Message, View
from sandbox.page_state import page_state
from sandbox.watchers import Watcher
from sandbox.workspace import Workspace

_DISCONNECTS = ("warning", "refresh_requested", "link_disabled")


class Breakable(Protocol):
    """A world beside the local Slack in which things can be made to go wrong. Raises NotPossible with a sentence."""

    async def listed(self) -> list[JSON]: ...

    async def breaks(self, key: str) -> None: ...

    async def by_hand(self, key: str, deed: str) -> None: ...


class Control:
    """Routes under /sandbox/; every POST is one thing that a person does."""

    def __init__(
        self,
        workspace: Workspace,
        interactions: Interactions,
        faults: Faults,
        reset: Callable[[], None],
        breakable: Breakable | None = None,
    ) -> None:
        self._workspace = workspace
        self._interactions = interactions
        self._delivery = interactions.delivery
        self._faults = faults
        self._reset = reset
        self._breakable = breakable

    def routes(self) -> list[web.RouteDef]:
        acts: dict[str, Callable[[JSON], Awaitable[JSON]]] = {
            "say": self._say,
            "click": self._click,
            "view/action": self._view_action,
            "view/submit": self._submit,
            "view/close": self._close,
            "options": self._options,
            "shortcut": self._shortcut,
            "home": self._home,
            "join": self._join,
            "leave": self._leave,
            "faults": self._set_faults,
            "reset": self._back_to_seed,
            "break": self._break,
            "by-hand": self._by_hand,
        }
        return [
            web.get("/sandbox/people", self._people),
            web.get("/sandbox/state", self._state),
            web.get("/sandbox/events", self._events),
            web.get("/sandbox/faults", self._get_faults),
            web.get("/sandbox/scenarios", self._scenarios),
            *(web.post(f"/sandbox/{name}", self._answered(act)) for name, act in acts.items()),
        ]

    def _answered(
        self, act: Callable[[JSON], Awaitable[JSON]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                body: Any = await request.json() if request.can_read_body else {}
            except ValueError:
                return _refused("the body is not JSON")
            if not isinstance(body, dict):
                return _refused("the body is not an object")
            before = self._workspace.rev
            try:
                return web.json_response({"ok": True, "rev": before, **await act(body)})
            except NotPossible as problem:
                return _refused(str(problem))

        return handle

    # Looking

    async def _people(self, _: web.Request) -> web.Response:
        workspace = self._workspace
        team = {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.domain}
        people = [page_shapes.person(member) for member in workspace.members.values()]
        return web.json_response({"people": people, "team": team})

    async def _state(self, request: web.Request) -> web.Response:
        member = self._workspace.member(request.query.get("as", ""))
        if member is None:
            return _refused("unknown person")
        connected = self._delivery.connected
        return web.json_response(page_state(self._workspace, member.id, connected=connected))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        member = self._workspace.member(request.query.get("as", ""))
        if member is None:
            return _refused("unknown person")
        socket = web.WebSocketResponse(heartbeat=30, timeout=1.0)
        await socket.prepare(request)
        watcher = Watcher(member.id)
        watching = self._workspace.watchers.watching
        watching.add(watcher)
        sending = asyncio.create_task(_send_changes(socket, watcher))
        try:
            # A first word, so that whoever connects knows that nothing is missed from here on.
            watcher.changes.put_nowait({"type": "connected", "connected": self._delivery.connected})
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            watching.discard(watcher)
            sending.cancel()
        return socket

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults_now())

    def _faults_now(self) -> JSON:
        return {**dataclasses.asdict(self._faults.settings), "disconnect": None}

    # Acting

    async def _say(self, body: JSON) -> JSON:
        return await self._interactions.say(
            self._person(body), self._channel(body), _text(body, "text"), body.get("thread_ts")
        )

    async def _click(self, body: JSON) -> JSON:
        person = self._person(body)
        return await self._interactions.click(
            person,
            self._message(person, body),
            _text(body, "block_id"),
            _text(body, "action_id"),
            body.get("selected"),
        )

    async def _view_action(self, body: JSON) -> JSON:
        person = self._person(body)
        return await self._interactions.view_action(
            person,
            self._view(person, body),
            _text(body, "block_id"),
            _text(body, "action_id"),
            body.get("selected"),
            body.get("values") or {},
        )

    async def _submit(self, body: JSON) -> JSON:
        person = self._person(body)
        view = self._view(person, body)
        return await self._interactions.submit(person, view, body.get("values") or {})

    async def _close(self, body: JSON) -> JSON:
        person = self._person(body)
        view = self._view(person, body)
        return await self._interactions.close(person, view, clear=bool(body.get("clear")))

    async def _options(self, body: JSON) -> JSON:
        person = self._person(body)
        return await self._interactions.options(
            person,
            _text(body, "block_id"),
            _text(body, "action_id"),
            str(body.get("value") or ""),
            self._view(person, body) if body.get("view_id") else None,
            None if body.get("view_id") else self._message(person, body),
        )

    async def _shortcut(self, body: JSON) -> JSON:
        person = self._person(body)
        message = self._message(person, body) if body.get("ts") else None
        return await self._interactions.shortcut(person, _text(body, "callback_id"), message)

    async def _home(self, body: JSON) -> JSON:
        return await self._interactions.home(self._person(body))

    async def _join(self, body: JSON) -> JSON:
        return await self._interactions.join(self._person(body), self._channel(body))

    async def _leave(self, body: JSON) -> JSON:
        return await self._interactions.leave(self._person(body), self._channel(body))

    async def _set_faults(self, body: JSON) -> JSON:
        changes = dict(body)
        reason = changes.pop("disconnect", None)
        if reason not in (None, *_DISCONNECTS):
            raise NotPossible(f"unknown disconnect reason {reason!r}")
        try:
            self._faults.update(changes)
        except ValueError as problem:
            raise NotPossible(str(problem)) from problem
        if reason is not None:
            await self._delivery.sockets.disconnect(reason)
        return self._faults_now()

    async def _back_to_seed(self, _: JSON) -> JSON:
        self._reset()
        return {}

    # The world beside Slack

    async def _scenarios(self, _: web.Request) -> web.Response:
        return web.json_response(await self._breakable.listed() if self._breakable else [])

    async def _break(self, body: JSON) -> JSON:
        await self._world().breaks(_text(body, "scenario"))
        return {}

    async def _by_hand(self, body: JSON) -> JSON:
        await self._world().by_hand(_text(body, "scenario"), _text(body, "deed"))
        return {}

    def _world(self) -> Breakable:
        if self._breakable is None:
            raise NotPossible("this local Slack stands alone: there is no world beside it to break")
        return self._breakable

    # Finding

    def _person(self, body: JSON) -> Member:
        member = self._workspace.member(str(body.get("as") or ""))
        if member is None or member.is_bot:
            raise NotPossible("unknown person")
        return member

    def _channel(self, body: JSON) -> Channel:
        name = str(body.get("channel") or "")
        if name == f"@{self._workspace.app.name.lower()}":
            return self._workspace.dm(self._person(body).id)
        channel = self._workspace.channel(name)
        if channel is None:
            raise NotPossible("unknown channel")
        return channel

    def _message(self, person: Member, body: JSON) -> Message:
        channel = self._channel(body)
        message = channel.messages.get(str(body.get("ts") or ""))
        if message is None or not channel.visible_to(person.id) or message.ephemeral_to not in (None, person.id):
            raise NotPossible("no such message")
        return message

    def _view(self, person: Member, body: JSON) -> View:
        view = self._workspace.view(str(body.get("view_id") or ""))
        if view is None or view.person != person.id:
            raise NotPossible("no such view")
        return view


def _refused(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=400)


def _text(body: JSON, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise NotPossible(f"{name} is missing")
    return value


async def _send_changes(socket: web.WebSocketResponse, watcher: Watcher) -> None:
    try:
        while True:
            await socket.send_json(await watcher.changes.get())
    except ConnectionError:
        return
