"""Delivers what the outbox owes Slack: cards drawn from the stored state, words in their threads."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import structlog

from bot.slack.outbox.drawing import Drawing, Drawn, digest
from bot.slack.outbox.posting import Gone, Later, Poster, Sent, Unusable
from bot.tell.sentences import moved_words
from bot.words.exceptions import OpsError, StoreUnwritable
from bot.words.ports import NoticeKind, Outbox, Place, Posting
from bot.words.spelling import counted

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=1)
"""Longer than AT_ONCE of one channel take at Slack's pace of one a second; a killed process delays them by as much."""
POLL_S = 0.5
NOTE_PAUSES_S = (0.2, 1.0, 3.0)
AT_ONCE = 40
"""Postings taken and not delivered yet."""
STORM = 10
"""More words than this for one channel at once become one message with a count."""
MOST_PEOPLE = 20
"""Who get a card in direct messages, where there is no channel for it."""
LATE = timedelta(seconds=30)
"""A limit shorter than this is not worth a word."""
Post = Callable[[tuple[str, str | None]], Awaitable[Sent]]
"""To a channel and a thread."""
LIMITED = "Slack limits how much may be said here"


def _no_name(_channel: str) -> str:
    return ""


@dataclass
class Deliverer:
    """One per process; `run` until cancelled. `wake` makes it look at once."""

    outbox: Outbox
    drawing: Drawing
    poster: Poster
    approvals_channel: Callable[[], str | None] = lambda: None
    """Its id; None until it is known."""
    channel_name: Callable[[str], str] = _no_name
    """Without #; empty where it is not known."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _queues: dict[str, deque[Posting]] = field(default_factory=dict)
    _workers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self.sweep()
                except OpsError as error:
                    log.warning("outbox_unreadable", error=str(error))
                except Exception:
                    log.exception("outbox_crashed")
                with suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the wake-up.
                    async with asyncio.timeout(POLL_S):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            for worker in self._workers.values():
                worker.cancel()

    async def sweep(self) -> None:
        """Take what is owed and hand it to the worker of its channel."""
        room = AT_ONCE - sum(map(len, self._queues.values()))
        if room <= 0:
            return
        for posting in await self.outbox.take(room, LEASE):
            where = posting.channel or ""
            self._queues.setdefault(where, deque()).append(posting)
            if where not in self._workers:
                self._workers[where] = asyncio.create_task(self._work(where))

    async def settle(self, patience: timedelta = timedelta(seconds=10)) -> None:
        """Sweep once and wait until all that was taken is dealt with."""
        await self.sweep()
        async with asyncio.timeout(patience.total_seconds()):
            while self._workers:
                await asyncio.wait(list(self._workers.values()))

    async def _work(self, where: str) -> None:
        queue = self._queues[where]
        try:
            while queue:
                storm = [posting for posting in queue if _is_talk(posting)]
                if len(storm) > STORM:
                    for posting in storm:
                        queue.remove(posting)
                    await self._guarded(storm)
                else:
                    await self._guarded([queue.popleft()])
        finally:
            del self._workers[where], self._queues[where]

    async def _guarded(self, postings: Sequence[Posting]) -> None:
        try:
            await (self._deliver(postings[0]) if len(postings) == 1 else self._digest(postings))
        except Later as late:
            await self._postpone(postings, late.after, late.why)
            if late.limited and late.after >= LATE:
                await self._say_limited(postings[0])
        except OpsError as error:  # the lease runs out, and another try follows
            log.warning("delivery_not_kept", error=str(error))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await self._postpone(postings, _backoff(postings[0]), f"{type(error).__name__}: {error}")
        except Exception as error:
            log.exception("delivery_crashed", postings=[posting.id for posting in postings])
            await self._postpone(postings, _backoff(postings[0]), f"{type(error).__name__}: {error}")

    async def _deliver(self, posting: Posting) -> None:
        drawn = await self.drawing.draw(posting)
        if drawn is None:
            await self.outbox.give_up(posting, "there is nothing to draw")
            return
        try:
            if posting.is_card and posting.ts and posting.channel:
                sent = await self.poster.edit(posting.channel, posting.ts, drawn.ways)
            elif posting.is_card and posting.channel:
                sent = await self.poster.post((posting.channel, posting.thread), drawn.ways)
            else:
                sent = await self._post(posting, drawn.owner, lambda where: self.poster.post(where, drawn.ways))
        except Gone as gone:
            # Of a card: owed anew, as a fresh message.
            await self.outbox.give_up(posting, str(gone))
            return
        except Unusable as unusable:
            await self._elsewhere(posting, drawn, str(unusable))
            return
        await self._noted(posting, sent, drawn.version)

    async def _elsewhere(self, posting: Posting, drawn: Drawn, why: str) -> None:
        """A card that Slack does not take where it belongs: whoever was to see it there has it in direct messages.

        Its requester, unless they see it where they asked; who decides, unless they see it in the approval channel.
        """
        log.warning("card_moved", request=posting.request, channel=posting.channel, error=why)
        known = self.approvals_channel()
        approvals = known if known != posting.channel else None
        asked_here = drawn.asked_in in (posting.channel, None)
        people = [*([drawn.owner] if drawn.owner and asked_here else []), *(() if approvals else drawn.deciders)]
        channels = [await self.poster.direct(person) for person in people[:MOST_PEOPLE]]
        places = [
            Place(channel=channel) for channel in dict.fromkeys(channels) if channel and channel != posting.channel
        ]
        if not places and approvals:
            places = [Place(channel=approvals)]
        await self.outbox.move_card(posting, places, why)
        if not places:
            log.error("card_nowhere", request=posting.request, error=why)
        if posting.channel and not posting.channel.startswith(("D", "U", "W")):
            told = moved_words(
                str(posting.request), why, self._named(posting.channel), approvals and self._named(approvals)
            )
            for place in places:
                if place.channel != approvals:
                    key = f"moved:{posting.id}:{place.channel}"
                    await self.outbox.post(place.channel, key=key, text=told)

    def _named(self, channel: str) -> str:
        name = self.channel_name(channel)
        return f"#{name}" if name else ""

    async def _noted(self, posting: Posting, sent: Sent, version: int) -> None:
        """It stands in Slack: where that cannot be written down, it would be posted twice, so it is tried again."""
        for pause in NOTE_PAUSES_S:
            try:
                return await self._note(posting, sent, version)
            except StoreUnwritable:
                await asyncio.sleep(pause)
        return await self._note(posting, sent, version)

    async def _note(self, posting: Posting, sent: Sent, version: int) -> None:
        await self.outbox.delivered(
            posting, channel=sent.channel, ts=sent.ts, version=version, thread_gone=sent.thread_gone
        )

    async def _post(self, posting: Posting, owner: str | None, post: Post) -> Sent:
        """Where it belongs, else in the approval channel and to the person whose request it is: there first where it is
        for nobody else. Raises: Gone"""
        places = [(posting.channel, posting.thread)] if posting.channel else []
        known = self.approvals_channel()
        approvals = [(known, None)] if posting.channel and known else []
        people: list[tuple[str, None]] = [(person, None) for person in (posting.to[:1] if not posting.channel else ())]
        people += [(owner, None)] if owner else []
        own = bool(posting.request) and posting.kind is not NoticeKind.MENTION
        places += [*people, *approvals] if own else [*approvals, *people]
        why = "there is nowhere to say it"
        for place in dict.fromkeys(places):
            try:
                return await post((str(place[0]), place[1]))
            except Unusable as unusable:
                why = str(unusable)
                log.warning("channel_unusable", channel=place[0], error=why)
        raise Gone(why)

    async def _digest(self, postings: Sequence[Posting]) -> None:
        """One message for many; each of them is in it, or in its file."""
        ways = digest(postings, self.drawing.names)
        plain = postings[0].model_copy(update={"thread": None})
        try:
            sent = await self._post(plain, None, lambda where: self.poster.post(where, ways))
        except Gone as gone:
            for posting in postings:
                await self.outbox.give_up(posting, str(gone))
            return
        for posting in postings:
            await self._noted(posting, sent, 0)

    async def _postpone(self, postings: Sequence[Posting], after: timedelta, why: str) -> None:
        for posting in postings:
            try:
                await self.outbox.postpone(posting, after, why)
            except OpsError as error:
                log.warning("not_postponed", posting=posting.id, error=str(error))

    async def _say_limited(self, posting: Posting) -> None:
        """Once an hour and channel, through the outbox like everything; never about this very word."""
        if posting.channel is None or posting.text.startswith(LIMITED):
            return
        owed = await self.outbox.backlog(posting.channel)
        text = f"{LIMITED}; {counted(owed, 'message')} {'comes' if owed == 1 else 'come'} late, none is lost."
        await self.outbox.post(posting.channel, key=f"limited:{posting.channel}:{int(time.time() // 3600)}", text=text)


def _is_talk(posting: Posting) -> bool:
    return not posting.is_card and posting.kind is not NoticeKind.MENTION


def _backoff(posting: Posting) -> timedelta:
    return timedelta(seconds=min(2 ** min(posting.attempts, 6), 60))
