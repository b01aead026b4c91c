"""A request as a card: what a person must know to decide, in the order in which it matters. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from pydantic import ValidationError

from bot.slack.views.kit import Block, File, Message, actions, bullets, button, context, fields, message, section
from bot.slack.views.text import Names, code, line, mention, mentions, paragraph, plain, shown, tail, utc, when
from bot.words.action import Plan
from bot.words.report import Fact, PersonId
from bot.words.request import OPEN, Mode, Needs, Request, Review, State, Vote

MOST_EFFECTS = 15
MOST_FACTS = 10
MOST_WARNINGS = 5
MOST_DIFFERENCES = 10
MOST_LINES = 12
"""Of what a run says of itself: its last ones."""
_HAPPENED = frozenset({State.DONE, State.FAILED, State.UNDONE})
"""States whose outcome is the headline: what happened matters more than what was to happen."""


@dataclass(frozen=True)
class CardFacts:
    """What a card says and the request does not hold."""

    undoable: bool = False
    """Its action can be undone by the machine."""


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
    blocks = [section(f"*{line(first, 1500)}*\n{_status(request)}")]
    if not ended and (outcome := _outcome(request)):
        blocks.append(section(outcome))
    if marks := _marks(request):
        blocks.append(section("\n".join(marks)))
    if plan is not None:
        details, left_out = _plan_blocks(plan, done=ended)
        blocks += details
    if request.progress:
        blocks.append(section(tail(request.progress, MOST_LINES)))
    if request.differences:
        differences, more = bullets([line(text, 400) for text in request.differences], MOST_DIFFERENCES)
        left_out += more
        blocks.append(section(f"*What has changed since*\n{differences}"))
    blocks += _receipt(request)
    if left_out:
        blocks.append(context(f"{left_out} more in the whole plan, as a file in this thread."))
    if plan is not None and request.state in OPEN | {State.DONE}:
        blocks.append(section(_undo(plan, facts)))
    if who := _who(request, votes):
        blocks.append(section(who))
    if request.note:
        blocks.append(section(f"*Note:* {paragraph(request.note, 1000)}"))
    blocks += actions(_buttons(request, facts), f"request:{request.id}")
    fallback = f"{request.id} {state_words(request)}: {line(headline(request), 500)}"
    file = File(f"{request.id}-plan.txt", f"{request.id}: the whole plan", whole_plan(request, names))
    return message(fallback, blocks, file if left_out else None)


def minimal_card(request: Request) -> Message:
    """Headline, state and buttons: what is left where Slack refuses the card."""
    text = f"{request.id} {state_words(request)}: {line(headline(request), 500)}"
    return message(text, [section(text), *actions(_buttons(request, CardFacts()), f"request:{request.id}")])


def _status(request: Request) -> str:
    asked = f"asked by {mention(request.requester)}"
    if request.on_behalf_of:
        asked += f" on behalf of {mention(request.on_behalf_of)}"
    told = f"*{request.id}* · *{state_words(request)}* · {asked} {when(request.asked_at)}"
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


def _plan_blocks(plan: Plan, *, done: bool) -> tuple[list[Block], int]:
    """Effects, warnings, facts; and how many of them did not fit. Once it is done, what was to be is one line."""
    blocks: list[Block] = []
    if done:
        told = [f"Was: {line(plan.headline, 400)}"]
        told += [f"{line(fact.label, 80)}: {shown(fact.value)}" for fact in plan.facts[:MOST_FACTS]]
        return [context(*told[:10])], 0
    effects, left_out = bullets([line(text, 600) for text in plan.effects], MOST_EFFECTS)
    if effects:
        blocks.append(section(effects))
    warnings, more = bullets([line(text, 500) for text in plan.warnings], MOST_WARNINGS, 1500)
    left_out += more
    if warnings:
        blocks.append(section(f"*Warning*\n{warnings}"))
    blocks += fields([(line(fact.label, 80), shown(fact.value)) for fact in plan.facts[:MOST_FACTS]])
    return blocks, left_out + max(len(plan.facts) - MOST_FACTS, 0)


def _receipt(request: Request) -> list[Block]:
    """What the run itself reports."""
    kept = request.undo_receipt if request.state is State.UNDONE else request.receipt
    told = [Fact.model_validate(fact) for fact in _list((kept or {}).get("facts"))]
    return fields([(line(fact.label, 80), shown(fact.value)) for fact in told[:MOST_FACTS]])


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _undo(plan: Plan, facts: CardFacts) -> str:
    word = "Can be undone" if facts.undoable else "Cannot be undone"
    return f"*{word}*{f': {line(plan.undo_note, 600)}' if plan.undo_note else '.'}"


def _who(request: Request, votes: Sequence[Vote]) -> str:
    """Who must act and until when; who has said yes; when it ends."""
    told = []
    needs = request.needs
    if needs is not None and request.state is State.WAITING:
        told.append(_call(request, needs))
        told.append(f"Expires {when(request.expires_at)}. {_cited(needs)}.")
    for vote in votes:
        if vote.approve:
            word = "Confirmed" if vote.person in request.owners and needs and needs.mode is Mode.CONFIRM else "Approved"
            told.append(f"{word} by {mention(vote.person)} {when(vote.at)}{' by typing the phrase' * vote.typed}")
    if request.overdue and request.ends_at and request.end_again_at:
        told.append(f"Should have ended {when(request.ends_at)}; tried again {when(request.end_again_at)}.")
    elif request.ends_at and request.state is State.DONE:
        told.append(f"Ends by itself {when(request.ends_at)}.")
    return "\n".join(told)


def _cited(needs: Needs) -> str:
    """`Rule '*': another person approves`."""
    return f"{line(needs.rule[:1].upper() + needs.rule[1:], 100)}: {line(needs.reason, 300)}"


def _call(request: Request, needs: Needs) -> str:
    others = tuple(person for person in needs.approvers if person not in request.owners)
    roles = f" ({line(', '.join(needs.roles), 200)})" if needs.roles else ""
    owner = mention(request.on_behalf_of or request.requester)
    match needs.mode:
        case Mode.CONFIRM:
            return f"{mentions(needs.approvers) or owner}: confirm the plan to run it."
        case Mode.OTHERS:
            many = "One of" if needs.count == 1 else f"{needs.count} of"
            return f"{many} {mentions(others) or 'nobody'}{roles} has to approve."
        case Mode.TYPED:
            also = f" Or one of {mentions(others)}{roles} approves." if others else ""
            return f"{owner}: type {code(phrase_of(request))} to approve your own request.{also}"


def _buttons(request: Request, facts: CardFacts) -> list[Block]:
    id = request.id
    review = [button("Mark reviewed", "review", id)] if request.review is Review.OPEN else []
    match request.state:
        case State.WAITING:
            return deciding(request)
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


def deciding(request: Request) -> list[Block]:
    id, needs = request.id, request.needs
    approve = button("Approve", "approve", id, style="primary")
    reject = button("Reject", "reject", id, style="danger")
    match needs.mode if needs else Mode.OTHERS:
        case Mode.CONFIRM:
            return [button("Run it", "confirm", id, style="primary"), button("Cancel", "withdraw", id)]
        case Mode.OTHERS:
            return [approve, reject, button("Withdraw", "withdraw", id)]
        case Mode.TYPED:
            others = bool(needs and set(needs.approvers) - request.owners)
            typed = button("Type to approve…", "type_phrase", id, style="primary")
            voting = [{key: value for key, value in approve.items() if key != "style"}, reject] if others else []
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
