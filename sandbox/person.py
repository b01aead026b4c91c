"""A person in the local Slack, for tests and tours: says, sees, clicks, fills, submits."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from sandbox.model import JSON
from sandbox.seen import Message, View, chosen, clickable, field_of


class Refused(Exception):
    """The local Slack would not let a person do that."""


class NotSeen(AssertionError):
    """What was waited for did not appear."""


@dataclass(frozen=True)
class SayResult:
    acked: bool
    ack_ms: float
    response: JSON
    rev: int
    """The workspace's count of changes just before: `sees(…, after=result)`."""
    failed: str | None = None
    toast: str | None = None
    ts: str | None = None


PATIENCE_S = 15.0
"""For what is to come: longer than a slow machine needs, as nobody waits for it where all is well."""

T = TypeVar("T")
Wanted = str | Callable[[Message], bool]


@dataclass
class Person:
    base_url: str
    name: str
    _session: aiohttp.ClientSession | None = None
    _typed: dict[str, JSON] = field(default_factory=dict)
    """By view id: what was filled in and not sent yet."""
    _offered: dict[str, list[JSON]] = field(default_factory=dict)
    """By action id: the options that the app served last."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # Looking

    async def state(self) -> JSON:
        """Everything that person sees: GET /sandbox/state."""
        async with self._http().get("/sandbox/state", params={"as": self.name}) as response:
            state: JSON = await response.json()
        return state

    async def messages(self, channel: str) -> list[Message]:
        """All that is visible in a channel (name or id), oldest first."""
        return _messages(await self.state(), channel)

    async def sees(
        self,
        wanted: Wanted,
        *,
        channel: str | None = None,
        thread: str | Message | None = None,
        after: SayResult | Message | None = None,
        timeout: float = PATIENCE_S,
    ) -> Message:
        """The newest visible message that shows the text or satisfies the predicate.

        `after`: only what came or changed after that. Raises: NotSeen, with what is there.
        """
        since = after.rev if after is not None else -1
        root = thread.thread_ts or thread.ts if isinstance(thread, Message) else thread

        def look(state: JSON) -> Message | None:
            for message in reversed(_messages(state, channel)):
                if message.rev > since and _in_thread(message, root) and _matches(message, wanted):
                    return message
            return None

        found = await self._wait(look, timeout)
        if found is None:
            raise NotSeen(f"{self.name} did not see {wanted!r} in {timeout} s; {await self._dump(channel)}")
        return found

    async def does_not_see(
        self,
        wanted: Wanted,
        *,
        channel: str | None = None,
        after: SayResult | Message | None = None,
        within: float = 0.3,
    ) -> None:
        """Raises: AssertionError when such a message is or comes there."""
        try:
            found = await self.sees(wanted, channel=channel, after=after, timeout=within)
        except NotSeen:
            return
        raise AssertionError(f"{self.name} should not see {wanted!r}, but there is:\n{found.text_all}")

    async def view(self, wanted: str | None = None, *, timeout: float = PATIENCE_S) -> View:
        """The modal in front, once there is one (whose text contains `wanted`)."""

        def look(state: JSON) -> View | None:
            top = View(state["views"][-1]) if state.get("views") else None
            return top if top and (wanted is None or wanted in top.text_all) else None

        found = await self._wait(look, timeout)
        if found is None:
            views = [View(raw).text_all for raw in (await self.state())["views"]]
            raise NotSeen(f"{self.name} has no form {wanted or ''!r} in front; open: {views or 'none'}")
        return found

    async def no_view(self, *, timeout: float = PATIENCE_S) -> None:
        """Waits until no modal is open."""
        if not await self._wait(lambda state: state.get("views") == [] or None, timeout):
            views = [View(raw).text_all for raw in (await self.state())["views"]]
            raise NotSeen(f"{self.name} still has open: {views}")

    async def home(self, wanted: str | None = None, *, timeout: float = PATIENCE_S) -> View:
        """Opens the Home tab, and waits until it is filled (with `wanted`)."""
        await self._post("home")

        def look(state: JSON) -> View | None:
            home = View(state["home"]) if state.get("home") else None
            return home if home and (wanted is None or wanted in home.text_all) else None

        found = await self._wait(look, timeout)
        if found is None:
            raise NotSeen(f"{self.name}'s Home does not show {wanted!r}")
        return found

    # Acting

    async def says(self, text: str, *, channel: str = "#ops", thread: str | Message | None = None) -> SayResult:
        """A command when it starts with "/", else a message."""
        ts = thread.thread_ts or thread.ts if isinstance(thread, Message) else thread
        return await self._act("say", channel=channel, text=text, **({"thread_ts": ts} if ts else {}))

    async def clicks(self, label: str, *, on: Message | View) -> SayResult:
        """A button, or an entry of an overflow menu, by its label."""
        for text, block_id, action_id, option in clickable(on.blocks):
            if text == label:
                return await self._use(on, block_id, action_id, option)
        raise Refused(f"there is no {label!r} to click, only {on.buttons}")

    async def fills(self, values: dict[str, Any]) -> None:
        """Types into fields of the form in front, by label; sent with `submits`."""
        view = await self.view()
        for label, value in values.items():
            block = field_of(view, label)
            element = block["element"]
            typed = self._typed.setdefault(view.id, {})
            typed.setdefault(block["block_id"], {})[element["action_id"]] = self._chosen(element, value)

    async def options(self, label: str, typed: str) -> list[str]:
        """What the app offers while `typed` is typed into that field of the form in front."""
        view = await self.view()
        block = field_of(view, label)
        answer = await self._post(
            "options",
            view_id=view.id,
            block_id=block["block_id"],
            action_id=block["element"]["action_id"],
            value=typed,
        )
        if answer["error"]:
            raise Refused(f"the options did not load: {answer['error']}")
        groups = [option for group in answer["option_groups"] or [] for option in group["options"]]
        offered = [*(answer["options"] or []), *groups]
        self._offered[block["element"]["action_id"]] = offered
        return [option["text"]["text"] for option in offered]

    async def submits(self) -> SayResult:
        """Sends the form in front."""
        view = await self.view()
        return await self._act("view/submit", view_id=view.id, values=self._typed.pop(view.id, {}))

    async def closes(self, *, everything: bool = False) -> SayResult:
        """The form in front by its Cancel button, or all of them by the cross."""
        view = await self.view()
        self._typed.pop(view.id, None)
        return await self._act("view/close", view_id=view.id, clear=everything)

    async def shortcut(self, callback_id: str, *, on: Message | None = None) -> SayResult:
        where = {"channel": on.channel, "ts": on.ts} if on else {}
        return await self._act("shortcut", callback_id=callback_id, **where)

    async def joins(self, channel: str) -> None:
        await self._post("join", channel=channel)

    async def leaves(self, channel: str) -> None:
        await self._post("leave", channel=channel)

    def _chosen(self, element: JSON, value: Any) -> Any:
        return chosen(element, value, self._offered.get(element["action_id"], []))

    async def _use(self, on: Message | View, block_id: str, action_id: str, selected: Any) -> SayResult:
        ids = {"block_id": block_id, "action_id": action_id, "selected": selected}
        if isinstance(on, Message):
            return await self._act("click", channel=on.channel, ts=on.ts, **ids)
        return await self._act("view/action", view_id=on.id, values=self._typed.get(on.id, {}), **ids)

    async def _act(self, path: str, **body: Any) -> SayResult:
        answer = await self._post(path, **body)
        return SayResult(
            answer.get("acked", False),
            answer.get("ack_ms", 0.0),
            answer.get("response", {}),
            answer["rev"],
            answer.get("failed"),
            answer.get("toast"),
            answer.get("ts"),
        )

    async def _post(self, path: str, **body: Any) -> JSON:
        async with self._http().post(f"/sandbox/{path}", json={"as": self.name, **body}) as response:
            answer: JSON = await response.json()
        if not answer["ok"]:
            raise Refused(answer["error"])
        return answer

    async def _wait(self, look: Callable[[JSON], T | None], timeout: float) -> T | None:
        """Looks at once and at every change, until something is found or the time is over.

        `look` gets the whole state, or that part of it which has just changed.
        """
        found = look(await self.state())
        if found is not None:
            return found
        try:
            async with (
                asyncio.timeout(timeout),
                self._http().ws_connect("/sandbox/events", params={"as": self.name}) as changes,
            ):
                state: JSON = {}
                async for change in changes:
                    event = change.json()
                    if event["type"] in ("connected", "channels"):
                        # The first word after connecting: nothing is missed from here on.
                        state = await self.state()
                        part = state
                    else:
                        part = _changed_part(event, state)
                    found = look(part)
                    if found is not None:
                        return found
        except TimeoutError:
            pass
        return None

    async def _dump(self, channel: str | None) -> str:
        state = await self.state()
        names = {c["id"]: c["name"] for c in state["channels"]}
        lines = [
            f"--- #{names[m.channel]} {m.ts}{' (only visible to you)' if m.ephemeral else ''} "
            f"{m.buttons or ''}\n{m.text_all}"
            for m in _messages(state, channel)[-8:]
        ]
        return "there is:\n" + "\n".join(lines) if lines else "there is no message"

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(self.base_url)
        return self._session


def _changed_part(event: JSON, state: JSON) -> JSON:
    """A change in the shape of /sandbox/state, without what stayed."""
    match event["type"]:
        case "message" | "message_changed":
            message = event["message"]
            return {"channels": state["channels"], "messages": {message["channel"]: [message]}}
        case "views":
            return {"views": event["views"]}
        case "home":
            return {"home": event["view"]}
        case _:
            return {}


def _messages(state: JSON, channel: str | None) -> list[Message]:
    if "messages" not in state:
        return []
    shown = [c["id"] for c in state["channels"] if channel in (None, c["id"], *_names(c))]
    if not shown:
        raise LookupError(f"there is no channel {channel}")
    found = [Message(raw) for id in shown for raw in state["messages"].get(id, [])]
    return sorted(found, key=lambda message: message.ts)


def _names(channel: JSON) -> tuple[str, str]:
    """What a test may call it: #ops or ops; @handrail for the bot's direct messages."""
    name = str(channel["name"])
    return (f"@{name.lower()}", name) if channel["kind"] == "dm" else (f"#{name}", name)


def _in_thread(message: Message, root: str | None) -> bool:
    return root is None or root in (message.thread_ts, message.ts)


def _matches(message: Message, wanted: Wanted) -> bool:
    return wanted in message.text_all if isinstance(wanted, str) else wanted(message)
