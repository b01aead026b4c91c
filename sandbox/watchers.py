"""Tells the open pages and test drivers what changed; costs nothing while nobody watches."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from sandbox import page_shapes
from sandbox.model import JSON, Channel, Message, View


@dataclass(eq=False)
class Watcher:
    person: str
    changes: asyncio.Queue[JSON] = field(default_factory=asyncio.Queue)


@dataclass
class Watchers:
    watching: set[Watcher] = field(default_factory=set)

    def message(self, kind: str, message: Message, channel: Channel) -> None:
        if not self.watching:
            return
        change: JSON = {"type": kind, "message": page_shapes.message(message)}
        for watcher in self.watching:
            if _sees(watcher.person, message, channel):
                watcher.changes.put_nowait(change)

    def deleted(self, message: Message, channel: Channel) -> None:
        for watcher in self.watching:
            if _sees(watcher.person, message, channel):
                watcher.changes.put_nowait({"type": "message_deleted", "channel": message.channel, "ts": message.ts})

    def views(self, person: str, stack: list[View]) -> None:
        self._tell(person, lambda: {"type": "views", "views": [page_shapes.view(v) for v in stack]})

    def home(self, view: View) -> None:
        self._tell(view.person, lambda: {"type": "home", "view": page_shapes.view(view)})

    def toast(self, person: str, text: str) -> None:
        self._tell(person, lambda: {"type": "toast", "text": text})

    def connected(self, connected: bool) -> None:
        for watcher in self.watching:
            watcher.changes.put_nowait({"type": "connected", "connected": connected})

    def channels(self, channels: Collection[Channel]) -> None:
        for watcher in self.watching:
            visible = [page_shapes.channel(each) for each in channels if each.visible_to(watcher.person)]
            watcher.changes.put_nowait({"type": "channels", "channels": visible})

    def _tell(self, person: str, change: Callable[[], JSON]) -> None:
        for watcher in self.watching:
            if watcher.person == person:
                watcher.changes.put_nowait(change())


def _sees(person: str, message: Message, channel: Channel) -> bool:
    if message.ephemeral_to is not None:
        return message.ephemeral_to == person
    return channel.visible_to(person)
