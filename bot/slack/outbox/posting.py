"""One message to Slack: paced, with limits obeyed, and every refusal sorted into what can be done about it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.outbox import refusals
from bot.slack.outbox.answering import NOT_TAKEN, TOO_MUCH, picture, upload
from bot.slack.outbox.drawing import Ways
from bot.slack.outbox.taking import Taking
from bot.slack.views.kit import File, Message, Picture, words
from bot.tell.chart import NotDrawn, Painter
from bot.words.report import Chart

log = structlog.get_logger(__name__)

BURST = 4
"""Posts that a channel takes at once; after them one a second. Slack: one a second, short bursts allowed."""

_UNUSABLE = frozenset({
    "channel_not_found", "not_in_channel", "is_archived", "restricted_action", "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel", "user_not_found", "cannot_dm_bot", "user_disabled",
    "messages_tab_disabled", "is_inactive", "ekm_access_denied", "team_access_not_granted", "access_denied",
    "no_permission",
})  # fmt: skip
_NO_THREAD = frozenset({
    "thread_not_found", "cannot_reply_to_message", "message_not_found", "restricted_action_thread_locked",
    "restricted_action_non_threadable_channel",
})  # fmt: skip
_GONE = frozenset({
    "message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", "is_inactive", "is_archived",
    "not_in_channel",
})  # fmt: skip
_ACCESS = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
})  # fmt: skip


class Gone(Exception):
    """What was to be changed is not there, or may not be changed any more. Trying again is no use."""


class Unusable(Exception):
    """Nothing can be said in that place; another one may do."""


class Later(Exception):
    """Slack wants a pause, or is out of order."""

    def __init__(self, why: str, after: timedelta, *, limited: bool = False) -> None:
        super().__init__(why)
        self.why, self.after, self.limited = why, after, limited


@dataclass(frozen=True)
class Sent:
    channel: str
    ts: str
    thread_gone: bool = False
    """The thread it was meant for takes nothing: it stands in the channel."""


@dataclass
class Poster:
    """`client` must not wait for a 429 by itself: here it is obeyed without holding up other channels."""

    client: AsyncWebClient
    timer: Callable[[], float] = time.monotonic
    painter: Painter = field(default_factory=Painter)
    taking: Taking = field(default_factory=Taking)
    _slots: dict[str, float] = field(default_factory=dict)
    """By channel: when the next post fits, had none of the burst been used."""
    _paused: dict[tuple[str, str], float] = field(default_factory=dict)
    """By method and channel: until when Slack wants to hear nothing."""
    _joined: set[str] = field(default_factory=set)

    async def post(self, where: tuple[str, str | None], ways: Ways) -> Sent:
        """Raises: Unusable, Later"""
        channel, thread = where
        await self._fits(channel)
        refused: Message | None = None
        tried = self._tried(ways)
        for way in tried:
            try:
                sent = await self._post(channel, thread, way)
            except SlackApiError as error:
                code = refusals.code(error)
                if code in TOO_MUCH and way is not tried[-1]:
                    log.warning("plainer", channel=channel, error=code)
                    refused = refused or (way if way.instead else None)
                    continue
                if thread and code in _NO_THREAD:
                    return replace(await self.post((channel, None), ways), thread_gone=True)
                if code in ("not_in_channel", "channel_not_found") and await self._join(channel):
                    return await self.post(where, ways)
                raise self._sorted(error, "chat.postMessage", channel) from error
            if way.blocks:
                self.taking.sent(way, refused)
            if way.file is not None:
                await self._share(way.file, sent, thread)
            if way.chart is not None:
                await self._draw(way.chart, sent, thread)
            return sent
        raise Unusable("no way to say it")

    async def direct(self, person: str) -> str | None:
        """Id of the direct messages with somebody; None where there are none to be had. Raises: Later"""
        self._refuse_paused("conversations.open", "")
        try:
            opened = await self.client.conversations_open(users=[person])
        except SlackApiError as error:
            sorted_out = self._sorted(error, "conversations.open", "")
            if isinstance(sorted_out, Later):
                raise sorted_out from error
            return None
        return str(opened["channel"]["id"])

    async def edit(self, channel: str, ts: str, ways: Ways) -> Sent:
        """Raises: Gone, Later"""
        tried = self._tried(ways)
        for way in tried:
            self._refuse_paused("chat.update", "")
            try:
                await self.client.chat_update(channel=channel, ts=ts, **_content(way))
            except SlackApiError as error:
                code = refusals.code(error)
                if code in TOO_MUCH and way is not tried[-1]:
                    log.warning("plainer", channel=channel, error=code)
                    continue
                sorted_out = self._sorted(error, "chat.update", "")
                if code in _GONE or isinstance(sorted_out, Unusable):
                    raise Gone(code) from error
                raise sorted_out from error
            return Sent(channel, ts)
        raise Gone("no way to say it")

    def _tried(self, ways: Ways) -> Ways:
        return tuple(plainer for way in ways for plainer in self.taking.ways(way))

    async def _post(self, channel: str, thread: str | None, way: Message) -> Sent:
        self._refuse_paused("chat.postMessage", channel)
        answer = await self.client.chat_postMessage(
            channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False, **_content(way)
        )
        return Sent(str(answer["channel"]), str(answer["ts"]))

    async def _share(self, file: File | Picture, sent: Sent, thread: str | None) -> bool:
        if await upload(self.client, file, sent.channel, thread or sent.ts):
            return True
        return await self._join(sent.channel) and await upload(self.client, file, sent.channel, thread or sent.ts)

    async def _draw(self, chart: Chart, sent: Sent, thread: str | None) -> None:
        """What it completes was posted, and must not be posted again: so nothing of this raises."""
        try:
            if await self._share(await picture(self.painter, chart), sent, thread):
                return
            missing = NOT_TAKEN
        except NotDrawn as error:
            missing = f"The chart could not be drawn: {error}."
        try:
            await self._post(sent.channel, thread or sent.ts, words(missing))
        except (SlackApiError, aiohttp.ClientError, Later, TimeoutError, OSError) as error:
            log.warning("chart_missing", channel=sent.channel, error=str(error))

    async def _join(self, channel: str) -> bool:
        """Once: a public channel that the bot is not in yet."""
        if channel in self._joined or not channel.startswith("C"):
            return False
        self._joined.add(channel)
        try:
            await self.client.conversations_join(channel=channel)
        except SlackApiError as error:
            log.info("not_joined", channel=channel, error=refusals.code(error))
            return False
        return True

    async def _fits(self, channel: str) -> None:
        """Waits for this channel's turn."""
        now = self.timer()
        slot = max(self._slots.get(channel, 0.0), now - BURST + 1)
        self._slots[channel] = slot + 1
        if slot > now:
            await asyncio.sleep(slot - now)

    def _refuse_paused(self, method: str, channel: str) -> None:
        left = self._paused.get((method, channel), 0.0) - self.timer()
        if left > 0:
            raise Later(f"{method} is limited", timedelta(seconds=left))

    def _sorted(self, error: SlackApiError, method: str, channel: str) -> Exception:
        code = refusals.code(error)
        if code == "ratelimited" or refusals.status(error) == 429:
            after = refusals.retry_after(error, 30)
            self._paused[method, channel] = self.timer() + after
            return Later(f"{method} is limited", timedelta(seconds=after), limited=True)
        if code in _UNUSABLE:
            return Unusable(code)
        if code in _ACCESS:
            log.error("slack_refuses_the_bot", error=code)
            return Later(code, timedelta(minutes=1))
        if refusals.status(error) >= 500 or code in ("internal_error", "fatal_error", "service_unavailable"):
            return Later(code, timedelta(seconds=5))
        return Unusable(code)


def _content(way: Message) -> dict[str, Any]:
    # An edit without blocks keeps none: said openly, as an empty list.
    return {"text": way.text, "blocks": list(way.blocks)}
