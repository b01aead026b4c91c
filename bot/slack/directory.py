"""People, groups and channels from memory, refreshed in the background: no decision ever waits for Slack."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.policy import Role
from bot.ports import Clock, Roster
from bot.report import PersonId
from bot.settings import PersonSetting

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=3)
OLDEST = timedelta(hours=1)
"""Members of a group read longer ago than this do not count: somebody may have left it."""
_FAILED = (SlackApiError, aiohttp.ClientError, TimeoutError, OSError, ValueError)


@dataclass(frozen=True)
class Membership:
    people: frozenset[PersonId]
    read_at: datetime


@dataclass
class SlackDirectory:
    """Fulfils `bot.ports.Directory`. Before the first `refresh` every role that is a user group is unreadable."""

    client: AsyncWebClient
    roles: Mapping[str, Role]
    people: Mapping[str, PersonSetting]
    clock: Clock
    _groups: dict[str, Membership] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)
    _names: dict[PersonId, str] = field(default_factory=dict)
    _channels: dict[str, str] = field(default_factory=dict)
    _roster: Roster | None = None

    def roster(self) -> Roster:
        now = self.clock()
        if self._roster is None or now - self._roster.read_at > timedelta(seconds=1):
            self._roster = self._made(now)
        return self._roster

    def name(self, person: PersonId) -> str:
        if person.startswith("machine:"):
            return person.removeprefix("machine:")
        configured = next((name for name, setting in self.people.items() if setting.slack == person), None)
        return configured or self._names.get(person) or person

    def channel_name(self, channel: str) -> str:
        """Without the #; the id where it is not known."""
        return self._channels.get(channel, channel)

    def channel_id(self, wanted: str) -> str | None:
        """Of `#name` or an id, as ops.toml has it; None where there is no such channel."""
        name = wanted.removeprefix("#")
        if wanted in self._channels:
            return wanted
        return next((id for id, known in self._channels.items() if known == name), None)

    async def run(self) -> None:
        """Refresh for ever, the first time at once unless that has been done."""
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            await self.refresh()

    async def refresh(self) -> None:
        """Never raises: what cannot be read stays as it was, until it is too old to count."""
        await asyncio.gather(self._read_groups(), self._read_people(), self._read_channels())
        self._roster = None

    def _made(self, now: datetime) -> Roster:
        members: dict[str, frozenset[PersonId]] = {}
        unreadable: dict[str, str] = {}
        for role, setting in self.roles.items():
            named = {person.slack for person in self.people.values() if role in person.roles}
            known = self._groups.get(setting.group) if setting.group else None
            if setting.group and (known is None or now - known.read_at > OLDEST):
                # Whom ops.toml names is known still; of the group nobody counts.
                unreadable[role] = self._problems.get(setting.group, f"user group {setting.group} was not read yet")
                known = None
            members[role] = frozenset(named | (known.people if known else frozenset()))
        return Roster(members=members, unreadable=unreadable, read_at=now)

    async def _read_groups(self) -> None:
        for group in {role.group for role in self.roles.values() if role.group}:
            try:
                answer = await self.client.usergroups_users_list(usergroup=group)
                people = frozenset(PersonId(str(person)) for person in answer["users"])
            except _FAILED as error:
                self._problems[group] = f"user group {group}: {_why(error)}"
                log.warning("group_unreadable", group=group, error=_why(error))
            else:
                self._problems.pop(group, None)
                self._groups[group] = Membership(people, self.clock())

    async def _read_people(self) -> None:
        try:
            for member in await self._pages("users_list", "members"):
                profile = member.get("profile") or {}
                name = profile.get("display_name") or member.get("real_name") or member.get("name")
                self._names[PersonId(str(member["id"]))] = str(name or member["id"])
        except _FAILED as error:
            log.warning("people_unreadable", error=_why(error))

    async def _read_channels(self) -> None:
        try:
            found = await self._pages("conversations_list", "channels", types="public_channel,private_channel")
            self._channels = {str(channel["id"]): str(channel["name"]) for channel in found}
        except _FAILED as error:
            log.warning("channels_unreadable", error=_why(error))

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


def _why(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        data = error.response.data
        return str(data.get("error")) if isinstance(data, dict) else f"status {error.response.status_code}"
    return str(error) or type(error).__name__
