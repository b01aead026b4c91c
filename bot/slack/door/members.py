"""Reads groups, names and channels from Slack in the background: nothing ever waits for Slack to know who may."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.directory import Group, People, Snapshot
from bot.slack.door.accounts import accounts, is_shared
from bot.slack.outbox import refusals
from bot.words.exceptions import OpsError
from bot.words.ports import Clock
from bot.words.report import PersonId

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=3)
FRESH = timedelta(seconds=30)
"""Before a decision is weighed, what was read longer ago is read anew."""
RENEW_S = 1.5
"""For that; Slack waits three seconds for the ack, and what is known already counts where it takes longer."""
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
    _told: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Accounts, as events told since the last listing began: it may have been read before they changed."""
    _looked: dict[PersonId, datetime] = field(default_factory=dict)
    """When an account was last looked at for itself, of those who decided since the last listing."""
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

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
            found = answer["channel"]
            name = str(found["name"])
        except _FAILED as error:
            log.warning("channel_unknown", channel=channel, error=_why(error))
            return
        self._learn_channels([{**found, "id": channel, "name": name}])
        await self._kept()

    def knows(self, channel: str) -> bool:
        """Whether `know` would find out nothing new. Direct messages have no name."""
        return channel[:1] not in "CG" or channel in self._asked or bool(self.people.channel_name(channel))

    async def account_changed(self, account: Mapping[str, Any]) -> None:
        """What an event tells of somebody who came, left, or is somebody else now."""
        if isinstance(id := account.get("id"), str):
            self._told[id] = account
            self._learn(**accounts(self.people.snapshot, [account]))
            await self._kept()

    async def group_changed(self, id: str) -> None:
        """Read a user group that an event says has changed; nothing where no role names it."""
        if id in self.people.groups():
            await self._groups([id])
            await self._kept()

    async def renew(self, who: PersonId) -> None:
        """Before a decision of theirs is weighed: read anew what is older than `FRESH`. Never raises."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RENEW_S), self._renewing:
                oldest = self.clock() - FRESH
                known = self.people.snapshot.groups
                due = [id for id in self.people.groups() if _read_at(known.get(id, Group())) < oldest]
                looked = self._looked.get(who)
                if due or looked is None or looked < oldest:
                    await asyncio.gather(self._groups(due), self._look_at(who))
                    await self._kept()

    async def _look_at(self, who: PersonId) -> None:
        try:
            account = (await self.client.users_info(user=who))["user"]
        except _FAILED as error:
            log.warning("account_unreadable", who=who, error=_why(error))
            return
        self._looked[who] = self.clock()
        self._told[who] = account
        self._learn(**accounts(self.people.snapshot, [account]))

    async def _kept(self) -> None:
        try:
            await self.keep(self.people.snapshot, self.clock())
        except OpsError as error:
            log.warning("people_not_kept", error=str(error))

    async def _groups(self, ids: Iterable[str] | None = None) -> None:
        """All that roles name, or these."""
        ids, known = tuple(self.people.groups() if ids is None else ids), self.people.snapshot.groups
        read = await asyncio.gather(*(self._group(id, known.get(id, Group())) for id in ids))
        now = self.people.snapshot.groups  # a decision or an event may have read one meanwhile
        newest = {id: max(group, now.get(id, Group()), key=_read_at) for id, group in zip(ids, read, strict=True)}
        self._learn(groups={id: newest.get(id) or now.get(id, Group()) for id in self.people.groups()})

    async def _people(self) -> None:
        self._told.clear()
        self._looked.clear()
        try:
            members = [each async for page in pages(self.client.users_list, "members", limit=200) for each in page]
        except _FAILED as error:
            log.warning("names_unreadable", error=_why(error))
            return
        self._learn(**accounts(Snapshot(), [*members, *self._told.values()]))

    async def _channels(self) -> None:
        """A name that was given away belongs to who has it now; what was deleted is forgotten at the end."""
        seen: set[str] = set()
        try:
            async for page in channel_pages(self.client):
                seen |= {str(channel["id"]) for channel in page}
                self._learn_channels(page)
        except _FAILED as error:
            log.warning("channels_unreadable", error=_why(error))
            return
        now = self.people.snapshot
        self._learn(
            channels={id: name for id, name in now.channels.items() if id in seen}, shared=frozenset(now.shared & seen)
        )

    def _learn_channels(self, page: Iterable[Mapping[str, Any]]) -> None:
        found = {str(channel["id"]): str(channel["name"]) for channel in page}
        shared = {str(channel["id"]) for channel in page if is_shared(channel)}
        names, now = set(found.values()), self.people.snapshot
        others = {id: name for id, name in now.channels.items() if name not in names}
        self._learn(channels=others | found, shared=frozenset((now.shared - found.keys()) | shared))

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


async def channel_pages(client: AsyncWebClient) -> AsyncIterator[list[Mapping[str, Any]]]:
    """All channels that the bot may see, in the largest pages that Slack gives."""
    kinds = "public_channel,private_channel"
    async for page in pages(client.conversations_list, "channels", limit=1000, types=kinds, exclude_archived=True):
        yield page


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


def _read_at(group: Group) -> datetime:
    return group.read_at or datetime.min.replace(tzinfo=UTC)


def _why(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return refusals.code(error)
    return str(error) or type(error).__name__
