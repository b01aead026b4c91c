"""Answers to one person, or openly to a channel, by whichever way still works."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from bot.slack.outbox.taking import Taking
from bot.slack.views.kit import File, Message, Picture, words
from bot.slack.views.place import Origin
from bot.slack.views.text import cut
from bot.tell.chart import NotDrawn, Painter
from bot.words.clean import whole
from bot.words.report import Chart

log = structlog.get_logger(__name__)

TOO_MUCH = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})
"""Errors that go away with the blocks."""

ALT = 1000
"""Characters that Slack keeps of a picture's description."""
NOT_TAKEN = "The chart is missing: Slack did not take the picture."

SLACKS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
"""Where Slack's response_urls lie."""
PATIENCE = aiohttp.ClientTimeout(total=10)

Send = Callable[[dict[str, Any]], Awaitable[object]]


class Unreachable(Exception):
    """No way to tell them is left; the log has the words."""


@dataclass(frozen=True)
class Teller:
    client: AsyncWebClient
    """Should wait and try again once after a 429."""
    painter: Painter = field(default_factory=Painter)
    taking: Taking = field(default_factory=Taking)

    async def privately(self, origin: Origin, message: Message) -> None:
        """By the response_url, else as an ephemeral message, else as a direct one.

        Raises: Unreachable
        """
        direct = origin.channel is None or origin.channel.startswith("D")

        async def ephemeral(content: dict[str, Any]) -> None:
            if direct:
                raise Unreachable("nothing is ephemeral there")
            await self.client.chat_postEphemeral(
                channel=str(origin.channel), user=origin.who, thread_ts=origin.thread, **content
            )

        answer = {"response_type": "ephemeral", "replace_original": False}
        ways = [self._respond(origin, answer), ephemeral, *self._dms(origin)]
        await self._first(message, ways)
        if message.file:
            await self._upload(message.file, await self._dm_channel(origin), None)
        if message.chart:
            missing = await self._picture(message.chart, lambda: self._dm_channel(origin), None)
            if missing:
                await self._first(words(missing), ways)

    def _dms(self, origin: Origin) -> tuple[Send, ...]:
        """Those in which it was said, which may be those of two other people; then the bot's own with that person."""

        def to(channel: str) -> Send:
            async def dm(content: dict[str, Any]) -> None:
                await self.client.chat_postMessage(channel=channel, **content)

            return dm

        own = to(origin.who)
        return (to(origin.channel), own) if origin.channel and origin.channel.startswith("D") else (own,)

    async def openly(self, origin: Origin, message: Message) -> None:
        """To everybody where it was said, or at least to whoever said it. Raises: Unreachable"""

        async def post(content: dict[str, Any]) -> None:
            await self.client.chat_postMessage(channel=origin.channel or origin.who, thread_ts=origin.thread, **content)

        answer: dict[str, Any] = {"response_type": "in_channel", "replace_original": False}
        if origin.thread:
            answer["thread_ts"] = origin.thread
        await self._first(message, [self._respond(origin, answer), post, *self._dms(origin)])
        if message.file:
            await self._upload(message.file, origin.channel or await self._dm_channel(origin), origin.thread)
        if message.chart:
            missing = await self._picture(message.chart, lambda: self._open_channel(origin), origin.thread)
            if missing:
                await self._first(words(missing), [self._respond(origin, answer), post])

    def _respond(self, origin: Origin, how: dict[str, Any]) -> Send:
        async def respond(content: dict[str, Any]) -> None:
            url = origin.response_url or ""
            if not url or not is_slacks(url, self.client.base_url) or self.client.session is None:
                raise Unreachable("there is no response_url" if not url else "response_url: not an address of Slack's")
            # The session of the Web API's client; a new one for each answer would cost a connection each.
            async with self.client.session.post(
                URL(url), json={**how, **content}, timeout=PATIENCE, allow_redirects=False
            ) as answered:
                if answered.status != 200:
                    raise Unreachable(f"response_url: {answered.status} {(await answered.text())[:100]}")

        return respond

    async def _first(self, message: Message, ways: list[Send]) -> None:
        """The first way that works, with blocks, or with the text alone where the blocks are refused."""
        failures = []
        for send in ways:
            refused: Message | None = None
            for way in (*self.taking.ways(message), Message(message.text)):
                try:
                    await send(way.payload())
                    if way.blocks:
                        self.taking.sent(way, refused)
                    return
                except SlackApiError as error:
                    code = str(error.response.get("error"))
                    failures.append(code)
                    if code not in TOO_MUCH:
                        break
                    refused = refused or (way if way.instead else None)
                except (Unreachable, aiohttp.ClientError, TimeoutError, OSError) as error:
                    failures.append(str(error) or type(error).__name__)
                    if "invalid_blocks" not in str(error):
                        break
                    refused = refused or (way if way.instead else None)
        log.warning("not_told", failures=failures, text=message.text)
        raise Unreachable("; ".join(failures))

    async def _dm_channel(self, origin: Origin) -> str:
        opened = await self.client.conversations_open(users=[origin.who])
        return str(opened["channel"]["id"])

    async def _open_channel(self, origin: Origin) -> str:
        return origin.channel or await self._dm_channel(origin)

    async def _picture(self, chart: Chart, where: Callable[[], Awaitable[str]], thread: str | None) -> str:
        """Follows an answer that was given, so nothing of it may raise. Gives what to say where there is none."""
        try:
            made = await picture(self.painter, chart)
            if await upload(self.client, made, await where(), thread):
                return ""
        except NotDrawn as error:
            return f"The chart could not be drawn: {error}."
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("chart_not_shared", error=str(error))
        return NOT_TAKEN

    async def _upload(self, file: File, channel: str, thread: str | None) -> None:
        await upload(self.client, file, channel, thread)


def is_slacks(url: str, api: str) -> bool:
    """Whether an address out of a payload is one that Slack gives, or lies where the Web API that we were told to use
    does: whatever else it is, nothing is sent there."""
    try:
        to, own = URL(url), URL(api)
        origin = to.origin()
    except (ValueError, TypeError):
        return False
    if to.user is not None or to.password is not None:
        return False
    return (to.scheme == "https" and to.host in SLACKS and to.port == 443) or origin == own.origin()


async def picture(painter: Painter, chart: Chart) -> Picture:
    """Raises: NotDrawn"""
    title = cut(chart.title, 150) or "Chart"
    name = "".join(letter if letter.isalnum() else "-" for letter in title.lower())[:60]
    return Picture(f"{name}.png", title, await painter.png(chart), cut(chart.alt or title, ALT))


async def upload(client: AsyncWebClient, file: File | Picture, channel: str, thread: str | None) -> bool:
    """Share a file where the message it completes stands; False where Slack does not take it."""
    try:
        await client.files_upload_v2(
            filename=file.name,
            title=file.title,
            content=whole(file.content) if isinstance(file.content, str) else file.content,
            alt_txt=file.alt if isinstance(file, Picture) else None,
            channel=channel,
            thread_ts=thread,
        )
    except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("file_not_shared", file=file.name, error=str(error))
        return False
    return True
