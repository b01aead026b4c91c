"""A request as a card: what a person must know to decide, in the order in which it matters. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from pydantic import TypeAdapter, ValidationError

from bot.slack.views.calling import call
from bot.slack.views.kit import MARKS, Block, File, Message, actions, bullets, button, context, fields, message, section
from bot.slack.views.text import Names, line, mention, mentions, paragraph, plain, shown, tail, utc, when
from bot.words.action import Plan
from bot.words.params import duration_text
from bot.words.report import Fact, PersonId, Status
from bot.words.request import OPEN, Mode, Request, Review, State, Vote
from bot.words.spelling import span

MOST_EFFECTS = 15
MOST_FACTS = 10
MOST_WARNINGS = 5
MOST_DIFFERENCES = 10
MOST_LINES = 12
"""Of what a run says of itself: its last ones."""
_MARKS: Mapping[State, Status] = {
    State.ASKED: Status.RUNNING,
    State.DENIED: Status.REFUSED,
    State.WAITING: Status.WAITING,
    State.CLEARED: Status.RUNNING,
    State.REJECTED: Status.REFUSED,
    State.EXPIRED: Status.REFUSED,
    State.WITHDRAWN: Status.REFUSED,
    State.STALE: Status.WARNING,
    State.RUNNING: Status.RUNNING,
    State.DONE: Status.OK,
    State.FAILED: Status.FAILED,
    State.UNKNOWN: Status.UNKNOWN,
    State.UNDOING: Status.RUNNING,
    State.UNDONE: Status.UNDONE,
}
_HAPPENED = frozenset({State.DONE, State.FAILED, State.UNDONE})
"""States whose outcome is the headline: what happened matters more than what was to happen."""


@dataclass(frozen=True)
class CardFacts:
    """What a card says and the request does not hold."""

    undoable: bool = False
    """Its action can be undone by the machine."""
    now: datetime | None = None
    """When it is drawn; a time of today is said without its day."""


def plan_of(request: Request) -> Plan | None:
    """The words of the stored plan, without what its action observed; None also for one that cannot be read."""
    if request.plan is None:
        return None
    try:
        return Plan.model_validate({name: request.plan[name] for name in Plan.model_fields if name in request.plan})
    except ValidationError:
        return None


def headline(request: Request) -> str:
    plan = plan_of(request)
    return plan.headline if plan else f"/ops {request.typed}"


def phrase_of(request: Request) -> str:
    """What is typed to approve one's own request."""
    plan = plan_of(request)
    return (plan.confirm_phrase or plan.target) if plan else ""


def state_words(request: Request) -> str:
    """`waits for approval`, `done`, …"""
    match request.state:
        case State.ASKED:
            return "plan is being made"
        case State.DENIED:
            return "refused"
        case State.WAITING:
            return _waits(request)
        case State.CLEARED:
            return "approved, about to run"
        case State.REJECTED:
            return "rejected"
        case State.EXPIRED:
            return "expired"
        case State.WITHDRAWN:
            return "withdrawn"
        case State.STALE:
            return "not run: the plan no longer holds"
        case State.RUNNING:
            return "running"
        case State.DONE if request.overdue:
            return "should have ended, could not be"
        case State.DONE:
            return "done, ends by itself" if request.ends_at else "done"
        case State.FAILED:
            return "failed"
        case State.UNKNOWN:
            return "OUTCOME UNKNOWN"
        case State.UNDOING:
            return "being undone"
        case State.UNDONE:
            return "undone"
        case _:
            assert_never(request.state)


def _waits(request: Request) -> str:
    match request.needs.mode if request.needs else Mode.OTHERS:
        case Mode.CONFIRM:
            return "waits to be confirmed"
        case Mode.OTHERS:
            return "waits for approval"
        case Mode.TYPED:
            return "waits for its phrase to be typed"


def request_card(request: Request, votes: Sequence[Vote], facts: CardFacts, names: Names) -> Message:
    plan = plan_of(request)
    left_out = 0
    ended = request.state in _HAPPENED and bool(request.outcome)
    first = request.outcome if ended else headline(request)
    told = [f"{mark(request)} *{line(first, 1500)}*", _status(request, facts.now)]
    if ended:
        told += _agreed(request, votes, facts.now)
    blocks = [section("\n".join(told))]
    if not ended and (outcome := _outcome(request)):
        blocks.append(section(outcome))
    if marks := _marks(request):
        blocks.append(section("\n".join(marks)))
    if plan is not None and not ended:
        details, left_out = _plan_blocks(plan, _asked(request, plan), facts.now)
        blocks += details
    if request.progress:
        blocks.append(section(tail(request.progress, MOST_LINES)))
    if request.differences:
        differences, more = bullets([line(text, 400) for text in request.differences], MOST_DIFFERENCES)
        left_out += more
        blocks.append(section(f"*What has changed since*\n{differences}"))
    blocks += _receipt(request, facts.now)
    if left_out:
        blocks.append(context(f"{left_out} more in the whole plan, as a file in this thread."))
    if plan is not None and request.state in OPEN | {State.DONE}:
        undo = _undo(plan, facts)
        blocks.append(context(undo) if ended else section(undo))
    if not ended and (agreed := _agreed(request, votes, facts.now)):
        blocks.append(section("\n".join(agreed)))
    blocks += call(request, phrase_of(request), facts.now)
    if request.note:
        blocks.append(section(f"*Note:* {paragraph(request.note, 1000)}"))
    blocks += actions(_buttons(request, facts, sum(vote.approve for vote in votes)), f"request:{request.id}")
    fallback = f"{request.id} {state_words(request)}: {line(headline(request), 500)}"
    file = File(f"{request.id}-plan.txt", f"{request.id}: the whole plan", whole_plan(request, names))
    return message(fallback, blocks, file if left_out else None)


def mark(request: Request) -> str:
    return MARKS[Status.FAILED if request.overdue else _MARKS[request.state]]


def minimal_card(request: Request) -> Message:
    """Headline, state and buttons: what is left where Slack refuses the card."""
    text = f"{request.id} {state_words(request)}: {line(headline(request), 500)}"
    return message(
        text,
        [
            section(f"{mark(request)} {text}"),
            *actions(_buttons(request, CardFacts()), f"request:{request.id}"),
        ],
    )


def _status(request: Request, now: datetime | None) -> str:
    asked = f"asked by {mention(request.requester)}"
    if request.on_behalf_of:
        asked += f" for {mention(request.on_behalf_of)}"
    at = when(request.asked_at, now, "at" if now is not None else "")
    told = f"*{request.id}* *{state_words(request)}*, {asked} {at}"
    by = mention(request.ended_by) if request.ended_by else ""
    if request.state is State.UNDONE:
        return f"{told}\nUndone by {by or 'itself, as its time was over'}."
    return f"{told}\nSaid by {by}." if by and request.state is State.DONE else told


def _outcome(request: Request) -> str:
    said = paragraph(request.outcome, 1500)
    by = mention(request.ended_by) if request.ended_by else ""
    match request.state:
        case State.REJECTED:
            return f"Rejected by {by or 'an approver'}{f': {said}' if said else '.'}"
        case State.WITHDRAWN:
            return f"Taken back by {by or 'its requester'}. Nothing was run."
        case State.EXPIRED:
            return said or "Nobody answered in time; nothing was run."
        case State.UNKNOWN:
            return (
                f"*It may or may not have worked.* {said}\nIt is not tried again by itself. Look at the target, then"
                " say how it ended."
            )
        case _:
            return said


def _marks(request: Request) -> list[str]:
    """What makes this request unlike others."""
    marks = []
    if request.break_glass:
        marks.append(f"*Glass broken:* {line(request.break_glass, 500)}")
        if request.needs and request.needs.skipped:
            marks.append(f"Passed over and told: {mentions(request.needs.skipped)}")
    if request.review is Review.OPEN:
        marks.append("*Not reviewed yet:* one of those who were passed over has to look at it.")
    if request.review is Review.REVIEWED and request.reviewed_by:
        marks.append(f"Reviewed by {mention(request.reviewed_by)}")
    if request.needs and request.needs.overrides_freeze:
        marks.append(f"*Overrides a freeze:* {line(request.override, 500)}")
    if request.self_approved:
        marks.append(f"*Self-approved:* {mention(request.requester)} alone said yes, by typing the phrase.")
    return marks


def _plan_blocks(plan: Plan, asked: Sequence[Fact], now: datetime | None) -> tuple[list[Block], int]:
    """Effects, warnings, facts; and how many of them did not fit."""
    blocks: list[Block] = []
    effects, left_out = bullets([line(text, 600) for text in plan.effects], MOST_EFFECTS)
    if effects:
        blocks.append(section(effects if len(plan.effects) > 1 else effects.removeprefix("• ")))
    warnings, more = bullets([line(text, 500) for text in plan.warnings], MOST_WARNINGS, 1500)
    left_out += more
    if warnings:
        blocks.append(section(f"*Mind this*\n{warnings}"))
    found = [*asked, *plan.facts]
    blocks += fields([(line(fact.label, 80), shown(fact.value, now=now)) for fact in found[:MOST_FACTS]])
    return blocks, left_out + max(len(found) - MOST_FACTS, 0)


_ASKED = {
    "reason": ("Why", frozenset({"reason", "why"})),
    "for_": ("For how long", frozenset({"for", "ends", "until"})),
}


def _asked(request: Request, plan: Plan) -> list[Fact]:
    """Why and for how long, whatever action it is, where its plan does not say so itself."""
    said = {fact.label.casefold() for fact in plan.facts}
    found = []
    for name, (label, others) in _ASKED.items():
        value = request.params.get(name)
        if value and not said & {label.casefold(), *others}:
            found.append(Fact(label=label, value=_length(str(value)) if name == "for_" else str(value)))
    return found


def _length(value: str) -> str:
    """A length of time as it is typed; anything else as it is."""
    try:
        return duration_text(TypeAdapter(timedelta).validate_python(value))
    except ValueError:
        return value


def _receipt(request: Request, now: datetime | None) -> list[Block]:
    """What the run itself reports."""
    kept = request.undo_receipt if request.state is State.UNDONE else request.receipt
    told = [Fact.model_validate(fact) for fact in _list((kept or {}).get("facts"))]
    return fields([(line(fact.label, 80), shown(fact.value, now=now)) for fact in told[:MOST_FACTS]])


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _undo(plan: Plan, facts: CardFacts) -> str:
    word = "Can be undone" if facts.undoable else "Cannot be undone"
    return f"*{word}*{f': {line(plan.undo_note, 600)}' if plan.undo_note else '.'}"


def _agreed(request: Request, votes: Sequence[Vote], now: datetime | None) -> list[str]:
    """Who has said yes; how long it took, and when it ends."""
    told, needs = [], request.needs
    for vote in votes:
        if vote.approve:
            word = "Confirmed" if vote.person in request.owners and needs and needs.mode is Mode.CONFIRM else "Approved"
            at = when(vote.at, now, "at" if now is not None else "")
            told.append(f"{word} by {mention(vote.person)} {at}{' by typing the phrase' * vote.typed}.")
    if request.started_at and request.finished_at and request.state in _HAPPENED:
        told.append(f"It took {span((request.finished_at - request.started_at).total_seconds())}.")
    if request.overdue and request.ends_at and request.end_again_at:
        told.append(f"Should have ended {when(request.ends_at, now)}; tried again {when(request.end_again_at, now)}.")
    elif request.ends_at and request.state is State.DONE:
        told.append(f"Ends by itself {when(request.ends_at, now)}.")
    return [" ".join(told)] if told else []


def _buttons(request: Request, facts: CardFacts, yes: int = 0) -> list[Block]:
    id = request.id
    review = [button("Mark reviewed", "review", id)] if request.review is Review.OPEN else []
    match request.state:
        case State.WAITING:
            return deciding(request, yes)
        case State.DONE if facts.undoable and request.receipt is not None:
            timed = [button("End now", "end", id), button("Extend 1 h", "extend", id)] if request.ends_at else []
            undo = [] if timed else [button("Undo", "undo", id)]
            return [*timed, *undo, *review, button("Whole story", "show", id)]
        case State.STALE | State.EXPIRED | State.REJECTED | State.FAILED:
            return [button("Ask again", "ask_again", id), *review, button("Whole story", "show", id)]
        case State.UNKNOWN:
            worked = button("It worked", "reconcile_done", id)
            failed = button("It failed", "reconcile_failed", id)
            return [worked, failed, *review, button("Whole story", "show", id)]
        case State.DONE | State.UNDONE | State.WITHDRAWN | State.DENIED:
            return [*review, button("Whole story", "show", id)]
        case State.ASKED | State.CLEARED | State.RUNNING | State.UNDOING:
            return []
        case _:
            assert_never(request.state)


def deciding(request: Request, yes: int = 0) -> list[Block]:
    """`yes` is how many have approved already."""
    id, needs = request.id, request.needs
    many = needs.count if needs else 1
    label = "Approve and run" if many <= 1 else f"Approve ({min(yes + 1, many)} of {many})"
    reject = button("Reject…", "reject", id, style="danger")
    match needs.mode if needs else Mode.OTHERS:
        case Mode.CONFIRM:
            return [button("Run it", "confirm", id, style="primary"), button("Cancel", "withdraw", id)]
        case Mode.OTHERS:
            approve = button(label, "approve", id, style="primary")
            return [approve, reject, button("Withdraw", "withdraw", id)]
        case Mode.TYPED:
            others = bool(needs and set(needs.approvers) - request.owners)
            typed = button("Type to approve…", "type_phrase", id, style="primary")
            voting = [button(label, "approve", id), reject] if others else []
            return [typed, *voting, button("Withdraw", "withdraw", id)]


def whole_plan(request: Request, names: Names) -> str:
    """Everything the card is made of, as plain text."""
    plan = plan_of(request)
    by = names(request.requester)
    told = [f"{request.id}: {headline(request)}", f"{state_words(request)}; asked by {by}, {utc(request.asked_at)}", ""]
    if plan is not None:
        told += [f"- {effect}" for effect in plan.effects]
        told += [f"Warning: {warning}" for warning in plan.warnings]
        told += [f"{fact.label}: {plain(fact.value, names)}" for fact in plan.facts]
        told += [f"Undo: {plan.undo_note}"] if plan.undo_note else []
    told += [f"Changed since: {difference}" for difference in request.differences]
    return "\n".join(told) + "\n"


def may_act(request: Request, person: PersonId) -> bool:
    """Whether it waits for this person, as far as the stored request tells; decided again at the click."""
    return request.state is State.WAITING and request.needs is not None and person in request.needs.approvers
