"""/ops requests: what waits, for whom, until when."""

from dataclasses import dataclass

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Line, Moment, Person, Report, Suggestion, Value
from bot.words.request import Mode, Request, Review, State
from bot.words.spelling import counted
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
        are = "is" if len(requests) == 1 else "are"
        lead = f"{counted(len(requests), 'request')} {are} open." if requests else "No request is open."
        return Report(title="Open requests", lead=lead, lines=tuple(_line(request) for request in requests))


def _line(request: Request) -> Line:
    """Who asked, who may decide and until when, as a sentence."""
    said: list[Value] = ["asked by ", Person(id=request.requester)]
    if request.state is State.WAITING and request.needs:
        for place, person in enumerate(request.needs.approvers[:5]):
            said += [", for " if place == 0 else " or ", Person(id=person)]
        said += [", open ", Moment(at=request.expires_at, said="until")]
    if request.ends_at:
        said += [", ends ", Moment(at=request.ends_at)]
    headline = str((request.plan or {}).get("headline") or request.typed)
    return Line(
        text=f"{request.id} {_waits_for(request)}: {headline}",
        detail=tuple(said),
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
