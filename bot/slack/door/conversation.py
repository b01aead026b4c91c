"""What was said, through the road, to an answer: the same for commands, mentions, clicks and forms."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, assert_never

from cachetools import LRUCache, TTLCache

from bot.ask.parse import Heard, Incomplete
from bot.road import Asked, Reply, Road, Shown
from bot.slack.door.errands import Errands
from bot.slack.outbox.answering import Teller
from bot.slack.views.kit import Message
from bot.slack.views.place import Origin
from bot.slack.views.reports import answer_message, redacted, report_message, words_message
from bot.tell.sentences import standing
from bot.words.action import Change, Lookup
from bot.words.ports import Copy, Outbox
from bot.words.report import PersonId
from bot.words.request import Answer, Request, Said, State, Via

SETTLED_S = 6.0
"""How long an answer waits to learn where the card stands; Slack takes a moment, and one message a second."""
LOOK_S = 0.5


class Places(Protocol):
    """Looks up the names of channels: rules name them by pattern."""

    def knows(self, channel: str) -> bool: ...
    async def know(self, channel: str | None) -> None: ...


class AllKnown:
    """Of a workspace whose channels are all known."""

    def knows(self, channel: str) -> bool:
        return True

    async def know(self, channel: str | None) -> None: ...


@dataclass(frozen=True)
class Conversation:
    road: Road
    teller: Teller
    errands: Errands
    outbox: Outbox
    places: Places = field(default_factory=AllKnown)
    _acks: TTLCache[tuple[object, ...], str] = field(default_factory=lambda: TTLCache(1024, ttl=1.0))
    """By person, place, words and reading of the roster: a second's repetitions cost nothing."""
    _rendered: LRUCache[tuple[object, ...], str] = field(default_factory=lambda: LRUCache(256))
    """By report: the same help and the same health are asked for by many."""

    # -- hearing -----------------------------------------------------------------------------

    def instantly(self, said: Said) -> str | Heard:
        """The ack's body where the answer needs no I/O; else what was heard, for the answer that follows."""
        key = (said.who, said.on_behalf_of, said.channel, said.words, self.road.judge.directory.roster().read_at)
        if (remembered := self._acks.get(key)) is not None:
            return remembered
        heard = self.road.hear(said)
        body = self._instant(heard) if self._is_place_known(heard) else None
        if body is None:
            return heard
        self._acks[key] = body
        return body

    def _is_place_known(self, heard: Heard) -> bool:
        """Help is the same everywhere, unless rules name channels."""
        anywhere = heard.action is not None and heard.action.for_everyone and not self.road.judge.names_channels
        return anywhere or heard.said.channel is None or self.places.knows(heard.said.channel)

    def _instant(self, heard: Heard) -> str | None:
        if isinstance(heard.meaning, Incomplete) and heard.said.via is Via.SLASH:
            return None  # its form is opened, which takes a call
        reply, said = self.road.instant(heard), heard.said
        if not isinstance(reply, Shown):
            return _body(answer_message(reply), "ephemeral") if reply else None
        if reply.report.secret:
            return None  # not to be kept here either
        key = (reply.report, reply.open, said.words)
        body = self._rendered.get(key)
        if body is None:
            message = self.rendered(reply)
            if message.file is not None or message.chart is not None:
                return None  # neither can come with an ack
            if message.instead and self.teller.taking.tables is not True:
                return None  # whether an ack was taken is never heard
            body = _body(message, "in_channel" if reply.open else "ephemeral")
            self._rendered[key] = body
        return body

    def meanwhile(self, heard: Heard) -> str:
        """What is said at once where the answer takes its time; empty for a lookup."""
        return "Making the plan…" if isinstance(heard.action, Change) else ""

    async def hear(self, said: Said | Heard, origin: Origin, *, quietly: bool = True) -> None:
        """Ask and answer. `quietly`: a card in the same channel is answer enough."""
        heard = said if isinstance(said, Heard) else self.road.hear(said)
        await self.places.know(heard.said.channel)
        await self.answer(await self.road.accept(heard), origin, quietly=quietly)

    async def keep(self, said: Said | Heard) -> Reply:
        """When this returns, what was decided is committed. Raises nothing."""
        return await self.road.accept(said if isinstance(said, Heard) else self.road.hear(said))

    # -- answering ---------------------------------------------------------------------------

    async def answer(
        self, reply: Reply, origin: Origin, *, quietly: bool = False, shared_by: PersonId | None = None
    ) -> None:
        match reply:
            case Answer():
                await self.teller.privately(origin, answer_message(reply))
            case Shown():
                message = self.rendered(reply, shared_by)
                openly = (reply.open or shared_by) and not reply.report.secret
                await (self.teller.openly if openly else self.teller.privately)(origin, message)
            case Asked(request=request):
                if request.state is State.ASKED:
                    request = await self.road.prepare(request.id)
                if told := await self._where(request, quietly):
                    await self.teller.privately(origin, answer_message(told))
            case _:
                assert_never(reply)

    async def _where(self, request: Request, quietly: bool) -> Answer | None:
        """What the person hears of their request beside its card; nothing only where that stands before their eyes."""
        if request.state is State.DENIED:
            return Answer(text=f"{request.id}: {request.outcome}", choices=request.choices, request=request.id)
        if request.state is State.ASKED:
            return Answer(text=f"{request.id} is kept; its plan is still being made.", request=request.id)
        copies = await self._settled(request)
        here = any(copy.stands and copy.channel == request.channel for copy in copies)
        if here and quietly:
            return None
        if request.state is not State.WAITING:
            return Answer(text=f"{request.id} is {request.state}.", request=request.id)
        return Answer(text=standing(request, copies, self.road.judge.directory.channel_name), request=request.id)

    async def _settled(self, request: Request) -> tuple[Copy, ...]:
        """The copies of its card, once one stands where it was asked or it is known that none will; soon, anyhow."""
        copies: tuple[Copy, ...] = ()
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_S):
                while True:
                    copies = await self.outbox.copies(request.id)
                    here = any(copy.stands and copy.channel == request.channel for copy in copies)
                    if here or (copies and all(copy.stands or copy.refused for copy in copies)):
                        break
                    await asyncio.sleep(LOOK_S)
        return copies

    def rendered(self, shown: Shown, shared_by: PersonId | None = None) -> Message:
        report = redacted(shown.report, self.road.redactor)
        lookup = isinstance(self.road.catalogue.get(shown.action), Lookup)
        share = shown.said.words if lookup and not shown.open and shared_by is None else ""
        return report_message(
            report,
            self.road.judge.directory.name,
            share=share,
            shared_by=shared_by,
            words=shown.said.words if lookup else "",
            now=self.road.clock(),
        )

    async def tell(self, origin: Origin, text: str) -> None:
        await self.teller.privately(origin, words_message(text))


def _body(message: Message, response_type: str) -> str:
    return json.dumps({"response_type": response_type, **message.payload()}, ensure_ascii=False)
