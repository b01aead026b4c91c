"""Reads groups, names and channels from Slack in the background: nothing ever waits for Slack to know who may."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.directory import Group, People, Snapshot
from bot.slack.outbox import refusals
from bot.words.exceptions import OpsError
from bot.words.ports import Clock
from bot.words.report import PersonId

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=3)
_FAILED = (SlackApiError, aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError)
LOOKUP_S = 3.0
"""Longest wait for one channel's name."""
Keep = Callable[[Snapshot, datetime], Awaitable[None]]


@dataclass
class PeopleReader:
    """Fills `People` and keeps what it read, for the terminal and the next start.

    Nobody waits for a listing: what is read is known at once, page by page, and one channel is looked up by `know`.
    """

    client: AsyncWebClient
    people: People
    keep: Keep
    clock: Clock
    read: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when everything has been read once."""
    _asked: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Refresh for ever."""
        while True:
            await self.refresh()
            self.read.set()
            await asyncio.sleep(EVERY.total_seconds())

    async def refresh(self) -> None:
        """Never raises: what cannot be read stays as it was, until it is too old to count."""
        await asyncio.gather(self._groups(), self._people(), self._channels())
        await self._kept()

    async def know(self, channel: str | None) -> None:
        """Find out the name of a channel that is not known, once; in time for what is said there to be judged."""
        if channel is None or self.knows(channel):
            return
        self._asked.add(channel)
        try:
            async with asyncio.timeout(LOOKUP_S):
                answer = await self.client.conversations_info(channel=channel)
            name = str(answer["channel"]["name"])
        except _FAILED as error:
            log.warning("channel_unknown", channel=channel, error=_why(error))
            return
        self._learn_channels({channel: name})
        await self._kept()

    def knows(self, channel: str) -> bool:
        """Whether `know` would find out nothing new. Direct messages have no name."""
        return channel[:1] not in "CG" or channel in self._asked or bool(self.people.channel_name(channel))

    async def _kept(self) -> None:
        try:
            await self.keep(self.people.snapshot, self.clock())
        except OpsError as error:
            log.warning("people_not_kept", error=str(error))

    async def _groups(self) -> None:
        known, ids = self.people.snapshot.groups, self.people.groups()
        groups = await asyncio.gather(*(self._group(id, known.get(id, Group())) for id in ids))
        self._learn(groups=dict(zip(ids, groups, strict=True)))

    async def _people(self) -> None:
        self._learn(names=await self._names(self.people.snapshot.names))

    async def _channels(self) -> None:
        """A name that was given away belongs to who has it now; what was deleted is forgotten at the end."""
        seen: dict[str, str] = {}
        try:
            async for page in channel_pages(self.client):
                seen |= page
                self._learn_channels(page)
        except _FAILED as error:
            log.warning("channels_unreadable", error=_why(error))
            return
        self._learn(channels=seen)

    def _learn_channels(self, found: Mapping[str, str]) -> None:
        names = set(found.values())
        others = {id: name for id, name in self.people.snapshot.channels.items() if name not in names}
        self._learn(channels=others | dict(found))

    def _learn(self, **parts: Any) -> None:
        self.people.learn(self.people.snapshot.model_copy(update=parts))

    async def _group(self, id: str, known: Group) -> Group:
        try:
            answer = await self.client.usergroups_users_list(usergroup=id)
            members = tuple(sorted(PersonId(str(person)) for person in answer["users"]))
        except _FAILED as error:
            log.warning("group_unreadable", group=id, error=_why(error))
            return known.model_copy(update={"problem": f"user group {id}: {_why(error)}"})
        return Group(members=members, read_at=self.clock())

    async def _names(self, known: Mapping[str, str]) -> Mapping[str, str]:
        names: dict[str, str] = {}
        try:
            for member in await self._pages("users_list", "members"):
                profile = member.get("profile") or {}
                name = profile.get("display_name") or member.get("real_name") or member.get("name")
                names[str(member["id"])] = str(name or member["id"])
        except _FAILED as error:
            log.warning("names_unreadable", error=_why(error))
            return known
        return names

    async def _pages(self, method: str, key: str, **arguments: Any) -> list[Mapping[str, Any]]:
        return [
            each async for page in pages(getattr(self.client, method), key, limit=200, **arguments) for each in page
        ]


async def channel_pages(client: AsyncWebClient) -> AsyncIterator[dict[str, str]]:
    """Names without # by id, of all channels that the bot may see, in the largest pages that Slack gives."""
    kinds = "public_channel,private_channel"
    async for page in pages(client.conversations_list, "channels", limit=1000, types=kinds, exclude_archived=True):
        yield {str(channel["id"]): str(channel["name"]) for channel in page}


async def pages(method: Any, key: str, **arguments: Any) -> AsyncIterator[list[Mapping[str, Any]]]:
    """All there are: a listing that was cut off is not the whole. Raises as `method` does."""
    cursor = ""
    while True:
        answer = await method(**arguments, **({"cursor": cursor} if cursor else {}))
        yield answer[key]
        following = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not following or following == cursor:
            return
        cursor = following


def _why(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return refusals.code(error)
    return str(error) or type(error).__name__
