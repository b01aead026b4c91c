"""Reads groups, names and channels from Slack in the background: nothing ever waits for Slack to know who may."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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
_PAGES = 50
Keep = Callable[[Snapshot, datetime], Awaitable[None]]


@dataclass(frozen=True)
class PeopleReader:
    """Fills `People` and keeps what it read, for the terminal and the next start."""

    client: AsyncWebClient
    people: People
    keep: Keep
    clock: Clock

    async def run(self) -> None:
        """Refresh for ever; the first time is the caller's."""
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            await self.refresh()

    async def refresh(self) -> None:
        """Never raises: what cannot be read stays as it was, until it is too old to count."""
        known = self.people.snapshot
        ids = self.people.groups()
        groups, names, channels = await asyncio.gather(
            asyncio.gather(*(self._group(id, known.groups.get(id, Group())) for id in ids)),
            self._names(known.names),
            self._channels(known.channels),
        )
        snapshot = Snapshot(groups=dict(zip(ids, groups, strict=True)), names=names, channels=channels)
        self.people.learn(snapshot)
        try:
            await self.keep(snapshot, self.clock())
        except OpsError as error:
            log.warning("people_not_kept", error=str(error))

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

    async def _channels(self, known: Mapping[str, str]) -> Mapping[str, str]:
        try:
            found = await self._pages("conversations_list", "channels", types="public_channel,private_channel")
        except _FAILED as error:
            log.warning("channels_unreadable", error=_why(error))
            return known
        return {str(channel["id"]): str(channel["name"]) for channel in found}

    async def _pages(self, method: str, key: str, **arguments: Any) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = ""
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = await getattr(self.client, method)(limit=200, **arguments, **more)
            found += answer[key]
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return found


def _why(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return refusals.code(error)
    return str(error) or type(error).__name__
