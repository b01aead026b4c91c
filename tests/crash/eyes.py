"""What stands in the local Slack, kept up to date over its events: a copy of each message, read once and then told."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from sandbox.blocks import elements_of
from sandbox.seen import Message

_CARD = re.compile(r"(R\d+) ")


@dataclass(frozen=True)
class Card:
    """A message that shows a request; its text begins with the request's name."""

    message: Message
    request: str

    @property
    def place(self) -> tuple[str, str]:
        return self.message.channel, self.message.ts

    @property
    def text(self) -> str:
        return str(self.message.raw["text"])

    @property
    def buttons(self) -> dict[str, str]:
        """Labels by action."""
        return {
            element["action_id"]: element["text"]["text"]
            for block in self.message.blocks
            for element in elements_of(block)
            if element["type"] == "button"
        }


@dataclass
class Eyes:
    """`run` until cancelled, as one person; `seen` is called with every card that came or changed."""

    url: str
    person: str
    seen: Callable[[Card], None]
    cards: dict[tuple[str, str], Card] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    """Texts that only this person saw."""
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        async with (
            aiohttp.ClientSession(self.url) as session,
            session.ws_connect("/sandbox/events", params={"as": self.person}, max_msg_size=0) as changes,
        ):
            async for change in changes:
                event = change.json()
                self.open.set()
                if event["type"] in ("message", "message_changed"):
                    self._look(event["message"])

    def of(self, request: str, action: str) -> Iterator[Card]:
        """Copies of a request's card with that button."""
        return (card for card in list(self.cards.values()) if card.request == request and action in card.buttons)

    def _look(self, raw: dict[str, Any]) -> None:
        if raw["ephemeral"]:
            self.told.append(Message(raw).text_all)
            return
        found = _CARD.match(raw["text"])
        # What a click in a thread asks for is shown there; words about a request are one block, a card is more.
        is_card = raw["thread_ts"] in (None, raw["ts"]) or len(raw["blocks"]) > 1
        if raw["bot"] and found and is_card:
            card = Card(Message(raw), found[1])
            self.cards[card.place] = card
            self.seen(card)
