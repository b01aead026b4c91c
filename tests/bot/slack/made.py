"""Requests of every state and mode, with fixed ids and times."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.words.action import Receipt, Risk
from bot.words.report import Fact, Moment, Person, PersonId, Span
from bot.words.request import Mode, Needs, Request, RequestId, Review, State, Via, Vote

ANA, BEN, MIA, LEO = (PersonId(f"U0{name}0001") for name in ("ANA", "BEN", "MIA", "LEO"))
AT = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
HOSTILE = "<!channel> & <https://evil.example|our docs> *bold* `code` ‮reversed"


def names(person: PersonId) -> str:
    return {ANA: "ana", BEN: "ben", MIA: "mia", LEO: "leo"}.get(person, person)


def needs(mode: Mode = Mode.OTHERS, **more: Any) -> Needs:
    approvers = {Mode.CONFIRM: (ANA,), Mode.OTHERS: (LEO, MIA), Mode.TYPED: (ANA, MIA)}[mode]
    standard: dict[str, Any] = {
        "rule": "default",
        "reason": "another person approves",
        "mode": mode,
        "approvers": approvers,
        "roles": () if mode is Mode.CONFIRM else ("leads",),
        "lives": timedelta(minutes=30),
    }
    return Needs(**{**standard, **more})


def plan(**more: Any) -> dict[str, Any]:
    facts = (
        Fact(label="Workflow", value="Sync orders"),
        Fact(label="Failed", value=Moment(at=AT - timedelta(minutes=12))),
        Fact(label="Ran for", value=Span(seconds=125)),
        Fact(label="Started by", value=Person(id=BEN)),
        Fact(label="Items", value=12345),
        Fact(label="Already retried", value=None),
    )
    return {
        "target": "n8n execution 4711",
        "headline": 'Retry execution 4711 of "Sync orders"',
        "effects": ["the failed run stays; a new one starts at node HTTP Request", "runs the saved workflow"],
        "facts": [fact.model_dump(mode="json") for fact in facts],
        "warnings": ["the workflow was edited after it failed"],
        "undo_note": "a run cannot be taken back",
        "confirm_phrase": "",
        "observed": {"status": "error"},
        **more,
    }


def request(state: State = State.WAITING, mode: Mode = Mode.OTHERS, **more: Any) -> Request:
    standard: dict[str, Any] = {
        "id": RequestId("R42"),
        "version": 3,
        "state": state,
        "action": "retry",
        "typed": "retry 4711",
        "params": {"execution": "4711"},
        "risk": Risk.DESTRUCTIVE,
        "requester": ANA,
        "via": Via.SLASH,
        "channel": "C0DEMO002",
        "asked_at": AT,
        "expires_at": AT + timedelta(minutes=30),
        "target": "n8n execution 4711",
        "plan": plan(),
        "digest": "d" * 64,
        "needs": needs(mode),
    }
    return Request(**{**standard, **_ended(state), **more})


def _ended(state: State) -> dict[str, Any]:
    receipt = Receipt(headline="It runs as execution 4712.", facts=(Fact(label="New run", value="4712"),))
    done = {"receipt": receipt.model_dump(mode="json"), "started_at": AT, "finished_at": AT + timedelta(seconds=9)}
    match state:
        case State.ASKED:
            return {"plan": None, "needs": None, "target": "", "digest": ""}
        case State.DENIED:
            return {"needs": None, "outcome": "Not allowed: only people in these roles may ask this: oncall"}
        case State.REJECTED:
            return {"ended_by": MIA, "outcome": "not on a Friday"}
        case State.EXPIRED:
            return {"outcome": "Nobody answered in time; nothing was run."}
        case State.WITHDRAWN:
            return {"ended_by": ANA, "outcome": "Taken back by its requester."}
        case State.STALE:
            return {
                "outcome": "What the plan showed has changed since.",
                "differences": ("status: error → success", "retried_as: None → 4712"),
            }
        case State.DONE | State.UNDOING:
            return {**done, "outcome": "It runs as execution 4712."}
        case State.UNDONE:
            undo = Receipt(headline="Put back.").model_dump(mode="json")
            return {**done, "outcome": "Put back.", "undo_receipt": undo, "ended_by": ANA}
        case State.FAILED:
            return {"outcome": "n8n said no: the workflow is archived."}
        case State.UNKNOWN:
            return {"outcome": "No answer within 15m; it may have worked."}
        case _:
            return {}


def votes(state: State, mode: Mode = Mode.OTHERS) -> tuple[Vote, ...]:
    if state in (State.ASKED, State.DENIED, State.WAITING, State.EXPIRED, State.WITHDRAWN):
        return ()
    who = {Mode.CONFIRM: ANA, Mode.OTHERS: MIA, Mode.TYPED: ANA}[mode]
    approve = state is not State.REJECTED
    at = AT + timedelta(minutes=3)
    return (Vote(person=who, approve=approve, at=at, digest="d" * 64, typed=mode is Mode.TYPED),)


BROKEN_GLASS: dict[str, Any] = {
    "break_glass": "customers cannot pay, nobody answers",
    "needs": needs(Mode.TYPED, approvers=(ANA,), roles=(), break_glass=True, skipped=(LEO, MIA), reason="broken glass"),
}
REVIEW: dict[str, Any] = {**BROKEN_GLASS, "review": Review.OPEN, "self_approved": True}
