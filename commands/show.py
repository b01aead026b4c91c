"""/ops show: one request's whole story."""

import asyncio
from dataclasses import dataclass

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.ports import Audited
from bot.words.report import Fact, Line, Moment, Person, Report, Table, Value
from bot.words.request import Request, RequestWord, State, Vote
from commands import Desk, House


class Show(Params):
    positional = ("request",)

    request: RequestWord
    """Any request, like R42."""


@dataclass(frozen=True)
class ShowRequest(Lookup[Show]):
    """One request's whole story."""

    ledger: Desk
    examples = ("show R42",)

    async def answer(self, params: Show) -> Report:
        request = await self.ledger.request(params.request)
        votes, trail = await asyncio.gather(self.ledger.votes(request.id), self.ledger.story(request.id))
        plan = request.plan or {}
        notes = [note for note in (request.note, *request.differences) if note]
        if request.state is State.UNKNOWN:
            seen = await self.ledger.evidence(request)
            notes.append(seen or "The service shows nothing about how it ended.")
        rows = tuple((Moment(at=row.at), row.kind, Person(id=row.actor), _detail(row)) for row in trail)
        return Report(
            title=f"{request.id} is {request.state}",
            lead=request.outcome or str(plan.get("headline") or request.typed),
            facts=tuple(_facts(request)),
            lines=tuple(_vote(vote) for vote in votes),
            table=Table(columns=("When", "What", "Who", "Detail"), rows=rows),
            notes=tuple(notes),
            suggestions=request.choices,
        )


def _facts(request: Request) -> list[Fact]:
    facts = [
        Fact(label="Asked by", value=Person(id=request.requester)),
        Fact(label="Asked", value=Moment(at=request.asked_at)),
        Fact(label="Words", value=request.typed),
        Fact(label="Risk", value=request.risk.value),
    ]
    if request.on_behalf_of:
        facts.append(Fact(label="On behalf of", value=Person(id=request.on_behalf_of)))
    if request.needs:
        facts.append(Fact(label="Rule", value=f"{request.needs.rule}: {request.needs.reason}"))
    if request.override:
        facts.append(Fact(label="Overrides the freeze", value=request.override))
    if request.break_glass:
        facts.append(Fact(label="Glass broken", value=request.break_glass))
    if request.self_approved:
        facts.append(Fact(label="Self-approved", value="yes, by typing the phrase"))
    if request.ends_at:
        facts.append(Fact(label="Ends", value=Moment(at=request.ends_at)))
    return facts


def _vote(vote: Vote) -> Line:
    word = "Approved" if vote.approve else "Rejected"
    how = " by typing the phrase" if vote.typed else ""
    said: tuple[Value, ...] = ("by ", Person(id=vote.person), ", ", Moment(at=vote.at))
    return Line(text=f"{word}{how}", detail=(*said, f": {vote.note}") if vote.note else said)


def _detail(row: Audited) -> str:
    shown = row.detail.get("outcome") or row.detail.get("reason") or row.detail.get("words") or row.detail.get("note")
    return str(shown or "")


def actions(house: House) -> ShowRequest:
    return ShowRequest(house.desk)
