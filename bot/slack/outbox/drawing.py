"""From what is owed to what is sent: stored state to blocks, each with what to send where Slack refuses them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from bot.ask.catalogue import Catalogue
from bot.slack.views.cards import CardFacts, minimal_card, request_card
from bot.slack.views.kit import File, Message, bullets, message, section
from bot.slack.views.reports import redacted, report_message
from bot.slack.views.text import Names, cut, line, mention, paragraph
from bot.words.action import Undoable
from bot.words.ports import Posting, Requests
from bot.words.redaction import Redactor
from bot.words.report import Report
from bot.words.request import Request, State

log = structlog.get_logger(__name__)

Ways = tuple[Message, ...]
"""The same, ever plainer: the next is sent where Slack refuses one. The last holds no blocks."""


@dataclass(frozen=True)
class Drawn:
    ways: Ways
    version: int = 0
    """Of the request that was drawn; 0 for what is no card."""
    owner: str | None = None
    """Who is told where its channel cannot be used."""
    deciders: tuple[str, ...] = ()
    """The others whose yes a card asks for, while it waits for them."""
    asked_in: str | None = None


@dataclass(frozen=True)
class Drawing:
    requests: Requests
    catalogue: Catalogue
    names: Names
    redactor: Redactor

    async def draw(self, posting: Posting) -> Drawn | None:
        """None for a request that is not there."""
        if posting.request is not None:
            request = await self.requests.get(posting.request)
            if request is None:
                return None
            if not posting.is_card:
                return Drawn(self._words(posting), owner=request.requester)
            votes = await self.requests.votes(request.id)
            undoable = isinstance(self.catalogue.get(request.action), Undoable)
            facts = CardFacts(undoable, now=datetime.now(UTC))
            plainer = minimal_card(request)
            try:
                ways: Ways = (request_card(request, votes, facts, self.names), plainer)
            except Exception:
                log.exception("card_crashed", request=request.id)
                ways = (plainer,)
            return Drawn(
                _with_text(ways),
                request.version,
                request.on_behalf_of or request.requester,
                deciders=_deciders(request),
                asked_in=request.channel,
            )
        if posting.report is not None:
            report = redacted(Report.model_validate(posting.report), self.redactor)
            return Drawn(_with_text((report_message(report, self.names),)))
        return Drawn(self._words(posting))

    def _words(self, posting: Posting) -> Ways:
        told = paragraph(self.redactor.text(posting.text), 3000)
        text = " ".join([*(mention(person) for person in posting.to[:30]), told])
        return _with_text((message(text, [section(text)]),))


def _deciders(request: Request) -> tuple[str, ...]:
    if request.needs is None or request.state is not State.WAITING:
        return ()
    return tuple(person for person in request.needs.approvers if person not in request.owners)


def _with_text(ways: Ways) -> Ways:
    return (*ways, Message(ways[-1].text))


def digest(postings: Sequence[Posting], names: Names) -> Ways:
    """Many words as one message: counted, those who are meant named once, everything in the file."""
    told = [f"{posting.request or ''} {_gist(posting)}".strip() for posting in postings]
    people = dict.fromkeys(person for posting in postings for person in posting.to)
    shown, left_out = bullets([line(text, 200) for text in told], 12)
    head = f"*{len(postings)} updates at once*"
    whom = " ".join(mention(person) for person in list(people)[:30])
    more = f"\n{left_out} more in the file." if left_out else ""
    whole = [
        f"{', '.join(names(person) for person in posting.to)} {text}".strip()
        for posting, text in zip(postings, told, strict=True)
    ]
    file = File("updates.txt", f"{len(postings)} updates", "\n".join(whole) + "\n")
    blocks = [section(f"{head} {whom}".strip()), section(f"{shown}{more}")]
    return _with_text((message(f"{len(postings)} updates at once {whom}".strip(), blocks, file if left_out else None),))


def _gist(posting: Posting) -> str:
    if posting.report is None:
        return posting.text
    return cut(f"{posting.report.get('title', '')}: {posting.report.get('lead', '')}", 500)
