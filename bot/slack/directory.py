"""Reads user groups, names and channels from Slack in the background, so that no decision ever waits for Slack."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import OpsError
from bot.people import Group, People, Snapshot
from bot.ports import Clock
from bot.report import PersonId

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=3)
_FAILED = (SlackApiError, aiohttp.ClientError, TimeoutError, OSError, KeyError)


async def forget(_snapshot: Snapshot) -> None:
    """Keeps nothing."""


@dataclass
class SlackReader:
    """`client` should wait and try again once after a 429: these methods are the slowest of Slack's."""

    client: AsyncWebClient
    people: People
    clock: Clock
    keep: Callable[[Snapshot], Awaitable[None]] = forget
    """Where a snapshot is kept for the terminal and the next start."""

    async def run(self) -> None:
        """Read for ever, at once at first."""
        while True:
            await self.refresh()
            await asyncio.sleep(EVERY.total_seconds())

    async def refresh(self) -> None:
        """Never raises: what cannot be read stays as it was, with the reason, and People refuses it when it is old."""
        known = self.people.snapshot
        groups, names, channels = await asyncio.gather(
            self._groups(known.groups), self._names(known.names), self._channels(known.channels)
        )
        snapshot = Snapshot(groups=groups, names=names, channels=channels)
        self.people.learn(snapshot)
        try:
            await self.keep(snapshot)
        except OpsError as error:
            log.warning("people_not_kept", error=str(error))

    async def _groups(self, known: Mapping[str, Group]) -> dict[str, Group]:
        read: dict[str, Group] = {}
        for group in self.people.groups():
            try:
                answer = await self.client.usergroups_users_list(usergroup=group)
                members = tuple(PersonId(str(person)) for person in answer["users"])
                read[group] = Group(members=members, read_at=self.clock())
            except _FAILED as error:
                log.warning("group_unreadable", group=group, error=why(error))
                problem = f"its user group {group} could not be read: {why(error)}"
                read[group] = known.get(group, Group()).model_copy(update={"problem": problem})
        return read

    async def _names(self, known: Mapping[str, str]) -> Mapping[str, str]:
        try:
            members = await self._pages("users_list", "members")
        except _FAILED as error:
            log.warning("people_unreadable", error=why(error))
            return known
        return {str(member["id"]): _name(member) for member in members}

    async def _channels(self, known: Mapping[str, str]) -> Mapping[str, str]:
        try:
            found = await self._pages("conversations_list", "channels", types="public_channel,private_channel")
        except _FAILED as error:
            log.warning("channels_unreadable", error=why(error))
            return known
        return {str(channel["id"]): str(channel["name"]) for channel in found}

    async def _pages(self, method: str, key: str, **arguments: Any) -> Sequence[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = ""
        for _ in range(50):
            more = {"cursor": cursor} if cursor else {}
            answer = await getattr(self.client, method)(limit=200, **arguments, **more)
            found += answer[key]
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return found


def _name(member: Mapping[str, Any]) -> str:
    profile = member.get("profile") or {}
    return str(profile.get("display_name") or member.get("real_name") or member.get("name") or member["id"])


def why(error: Exception) -> str:
    """Slack's own word for it, where it has one."""
    if isinstance(error, SlackApiError):
        data = error.response.data
        return str(data.get("error")) if isinstance(data, dict) else f"status {error.response.status_code}"
    return str(error) or type(error).__name__
