"""A lookup that somebody follows, and what keeps it."""

from datetime import datetime, timedelta
from typing import Protocol

from pydantic import AwareDatetime, JsonValue

from bot.words.ports import Entry
from bot.words.report import Frozen, PersonId


class Follow(Frozen):
    """A lookup that goes on telling what is new in a thread until its time is over or somebody stops it."""

    id: int
    action: str
    params: dict[str, JsonValue]
    by: PersonId
    channel: str
    thread: str | None
    cursor: str
    until: AwareDatetime


class Follows(Protocol):
    async def start(self, follow: Follow, entry: Entry) -> Follow:
        """`follow.id` is ignored; the stored one is returned."""
        ...

    async def stop(self, follow_id: int, entry: Entry) -> Follow | None:
        """None where it was over already."""
        ...

    async def take(self, now: datetime, every: timedelta) -> tuple[Follow, ...]:
        """Lease the ones not looked at for `every`; those whose time is over are ended and left out."""
        ...

    async def move_on(self, follow_id: int, cursor: str) -> None: ...
