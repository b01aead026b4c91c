"""/ops requests: what waits, for whom, until when."""

from dataclasses import dataclass

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Fact, Line, Moment, Person, Report, Suggestion
from bot.words.request import Mode, Request, Review, State
from commands import Desk, House


class NoParams(Params):
    pass


@dataclass(frozen=True)
class OpenRequests(Lookup[NoParams]):
    """What waits, for whom, until when."""

    ledger: Desk
    examples = ("requests",)

    async def answer(self, params: NoParams) -> Report:
        requests = await self.ledger.open_requests()
        lead = f"{len(requests)} open." if requests else "Nothing is open."
        return Report(title="Open requests", lead=lead, lines=tuple(_line(request) for request in requests))


def _line(request: Request) -> Line:
    facts = [Fact(label="Asked by", value=Person(id=request.requester))]
    if request.state is State.WAITING and request.needs:
        facts.append(Fact(label="Expires", value=Moment(at=request.expires_at)))
        facts += [Fact(label="May decide", value=Person(id=person)) for person in request.needs.approvers[:5]]
    if request.ends_at:
        facts.append(Fact(label="Ends", value=Moment(at=request.ends_at)))
    headline = str((request.plan or {}).get("headline") or request.typed)
    return Line(
        text=f"{request.id} {_waits_for(request)}: {headline}",
        facts=tuple(facts),
        suggestions=(Suggestion(label=f"Show {request.id}", words=f"show {request.id}"),),
    )


def _waits_for(request: Request) -> str:
    """What has to happen next, in words."""
    if request.review is Review.OPEN:
        return "ran without approvers and waits for their review"
    match request.state:
        case State.WAITING if request.needs and request.needs.mode is Mode.CONFIRM:
            return "waits for its requester to confirm"
        case State.WAITING if request.needs and request.needs.mode is Mode.TYPED:
            return "waits for its phrase to be typed"
        case State.WAITING:
            return "waits for approval"
        case State.UNKNOWN:
            return "has an unknown outcome and waits for somebody to reconcile it"
        case State.DONE if request.overdue:
            return "is still in place and could not be ended"
        case State.DONE:
            return "is done and time-boxed"
        case state:
            return f"is {state}"


def actions(house: House) -> OpenRequests:
    return OpenRequests(house.desk)
