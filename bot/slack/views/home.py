"""The Home tab: what needs me, what is wrong, what runs out, what I asked for last. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.slack.views import cards
from bot.slack.views.calling import clock
from bot.slack.views.kit import MARKS, Block, View, actions, button, context, header, section, sound
from bot.slack.views.text import code, line, mention, when
from bot.words.dashboard import Dashboard, Known
from bot.words.ports import Freeze
from bot.words.report import PersonId, Status
from bot.words.request import Request, RequestId, Review, State
from bot.words.spelling import counted, lasting
from bot.words.unread import unread

MOST = 8
_MINE = frozenset({"confirm", "type_phrase", "withdraw"})
_OTHERS = frozenset({"confirm", "approve", "reject"})
"""Buttons for whoever asked, and for whoever else decides."""
_IS = {Status.DOWN: "is down", Status.DEGRADED: "is degraded", Status.UNKNOWN: "could not be asked"}


@dataclass(frozen=True)
class HomeFacts:
    """What one person's Home is made of."""

    person: PersonId
    board: Dashboard
    now: datetime
    may: Callable[[str], bool] = field(default=lambda words: False)
    """Whether they may ask for the command of these words."""
    freeze: Freeze | None = None
    barred: frozenset[RequestId] = frozenset()
    """Requests that they were to decide when they were planned, and may not any more."""
    unread: tuple[str, ...] = ()
    """Roles whose members cannot be read right now."""


def home(facts: HomeFacts) -> View:
    board, person = facts.board, facts.person
    needs = [
        each
        for each in board.open
        if waits_for(each, person) and each.id not in board.voted and each.id not in facts.barred
    ]
    left = [each for each in board.open if each not in needs and each.state is State.DONE and each.ends_at]
    overdue = [each for each in left if each.overdue]
    timed = sorted((each for each in left if not each.overdue), key=lambda each: each.ends_at or facts.now)
    troubled = [each for each in board.services if _status(each) is not Status.OK]
    blocks = [section(f"*{_headline(len(needs), len(troubled) + len(overdue))}*"), *_doors(facts)]
    if facts.unread:
        blocks.append(section(f"{MARKS[Status.UNKNOWN]} {line(unread(facts.unread), 500)}"))
    if needs:
        blocks += [header("What needs you"), *_needs(needs, facts)]
    blocks += [header("What is wrong"), *_wrong(overdue, troubled, facts)]
    if running := _running_out(timed, facts):
        blocks += [header("Running out"), *running]
    if recent := [each for each in board.recent if each not in needs]:
        blocks += [header("Recent"), *(_recent(each, facts.now) for each in recent)]
    kept = [block for block in (sound(block, "home") for block in blocks) if block is not None]
    return {"type": "home", "blocks": kept[:100]}


def waits_for(request: Request, person: PersonId) -> bool:
    """Whether this person has to do something about it, as far as the stored request tells."""
    if request.review is Review.OPEN:
        return request.needs is not None and person in request.needs.skipped
    if request.state is State.UNKNOWN:
        return request.needs is not None and person in request.needs.approvers
    if request.overdue:
        return person in request.owners or (request.needs is not None and person in request.needs.approvers)
    return cards.may_act(request, person)


def _headline(needs: int, wrong: int) -> str:
    if not needs and not wrong:
        return "Nothing needs you, and nothing is known to be wrong."
    told = "Nothing needs you" if not needs else f"{counted(needs, 'request')} need{'s' if needs == 1 else ''} you"
    return f"{told}." if not wrong else f"{told}; {counted(wrong, 'thing')} {'is' if wrong == 1 else 'are'} wrong."


def _doors(facts: HomeFacts) -> list[Block]:
    check = [button("Check health", "say", "health fresh=yes")] if facts.may("health") else []
    return actions([button("Run something…", "pick_command", style="primary"), *check], "home")


def _more(found: Sequence[object], words: str) -> list[Block]:
    return [context(f"{len(found) - MOST} more: type {code(f'/ops {words}')}")] if len(found) > MOST else []


# -- what needs you ----------------------------------------------------------------------------


def _needs(requests: Sequence[Request], facts: HomeFacts) -> list[Block]:
    blocks: list[Block] = []
    for request in requests[:MOST]:
        blocks.append(section(_told(request, facts.now)))
        blocks += actions(_deciding(request, facts), f"request:{request.id}")
    return blocks + _more(requests, "requests")


def _told(request: Request, now: datetime) -> str:
    asked = f"asked by {mention(request.requester)} {when(request.asked_at, now, 'at')}"
    until = ""
    if request.state is State.WAITING:
        until = f", open {when(request.expires_at, now, 'until')}"
    elif request.ends_at and request.state is State.DONE:
        said = "since" if request.overdue else "ends by itself at"
        until = f", {when(request.ends_at, now, said)}"
    return (
        f"{cards.mark(request)} *{line(cards.headline(request), 500)}*\n"
        f"{request.id} {cards.state_words(request)}{until}; {asked}"
    )


def _deciding(request: Request, facts: HomeFacts) -> list[Block]:
    """What this person may press, and no more; decided again at the click."""
    id, show = request.id, button("Show plan", "show", request.id)
    if request.review is Review.OPEN:
        return [button("Mark reviewed", "review", id), show]
    if request.state is State.UNKNOWN:
        worked, failed = button("It worked", "reconcile_done", id), button("It failed", "reconcile_failed", id)
        return [*([worked, failed] if facts.may("reconcile") else []), show]
    if request.overdue:
        return [*_ending(request, facts), show]
    mine = _MINE if facts.person in request.owners else _OTHERS
    made = cards.deciding(request, facts.board.yes.get(id, 0))
    return [*(each for each in made if each["action_id"] in mine), show]


# -- what is wrong -----------------------------------------------------------------------------


def _wrong(overdue: Sequence[Request], troubled: Sequence[Known], facts: HomeFacts) -> list[Block]:
    blocks: list[Block] = []
    for request in overdue[:MOST]:
        blocks.append(section(_told(request, facts.now)))
        blocks += actions([*_ending(request, facts), button("Show", "show", request.id)], f"request:{request.id}")
    worst_first = sorted(troubled, key=lambda each: (-list(Status).index(_status(each)), each.service))
    for each in worst_first[:MOST]:
        status = _status(each)
        lasted = each.seen_at - each.since
        long = f" for {lasting(lasted.total_seconds())}" if lasted.total_seconds() >= 60 else ""
        told = f"{MARKS[status]} *{line(each.service, 100)}* {_IS[status]}{long}"
        look = button("Look", "say", f"health {each.service} fresh=yes") if facts.may("health") else None
        blocks.append(section(told, look))
    return blocks + _more(worst_first, "health") + [context(_checked(troubled, facts))]


def _checked(troubled: Sequence[Known], facts: HomeFacts) -> str:
    services = facts.board.services
    if not services:
        return "No service has been checked yet."
    well = len(services) - len(troubled)
    at = when(min(each.seen_at for each in services), facts.now, "at")
    told = f"{MARKS[Status.OK]} {counted(well, 'service')} healthy. " if well else ""
    return f"{told}Last checked {at}."


def _status(known: Known) -> Status:
    """UNKNOWN for a word of another version."""
    try:
        status = Status(known.health)
    except ValueError:
        return Status.UNKNOWN
    return status if status is Status.OK or status in _IS else Status.UNKNOWN


# -- running out -------------------------------------------------------------------------------


def _running_out(timed: Sequence[Request], facts: HomeFacts) -> list[Block]:
    blocks: list[Block] = []
    if freeze := facts.freeze:
        told = f"Freeze: {' '.join(freeze.reason.split())[:500]}. Nothing destructive runs"
        blocks.append(_clocked(Status.WARNING, told, "until", freeze.until, facts.now))
    for request in timed[:MOST]:
        done = str((request.receipt or {}).get("headline") or cards.headline(request))
        told = f"{' '.join(done.split())[:500]} ({request.id})"
        blocks.append(_clocked(Status.RUNNING, told, "Ends at", request.ends_at, facts.now))
        buttons = [*_extending(request, facts), *_ending(request, facts), button("Show", "show", request.id)]
        blocks += actions(buttons, f"request:{request.id}")
    blocks += _more(timed, "requests")
    for key in facts.board.keys[:MOST]:
        age = lasting((facts.now - key.since).total_seconds())
        told = f"{MARKS[Status.WARNING]} *The key of {line(key.service, 100)} is {age} old*\n{code(key.setting)}"
        rotate = button("Rotate", "say", f"keys rotate {key.service}") if facts.may("keys rotate") else None
        blocks.append(section(told, rotate))
    return blocks


def _clocked(status: Status, told: str, word: str, at: datetime | None, now: datetime) -> Block:
    """A line in bold with a clock that counts down in every reader's own zone."""
    elements: list[Block] = [
        {"type": "emoji", "name": MARKS[status].strip(":")},
        {"type": "text", "text": f" {told}", "style": {"bold": True}},
    ]
    elements.append(clock(at, now, f"\n{word}") if at else {"type": "text", "text": "\nuntil somebody lifts it"})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _ending(request: Request, facts: HomeFacts) -> list[Block]:
    return [button("End now", "end", request.id)] if facts.may("end") and facts.may(request.action) else []


def _extending(request: Request, facts: HomeFacts) -> list[Block]:
    return [button("Extend 1 h", "extend", request.id)] if facts.may("extend") and facts.may(request.action) else []


# -- recent ------------------------------------------------------------------------------------


def _recent(request: Request, now: datetime) -> Block:
    told = f"{cards.mark(request)} {line(cards.headline(request), 500)}\n{request.id} {cards.state_words(request)}"
    at = when(request.finished_at or request.asked_at, now, "at" if request.finished_at else "asked at")
    waits = request.state is State.WAITING
    taken = button("Withdraw", "withdraw", request.id) if waits else button("Show", "show", request.id)
    return section(f"{told}, {at}", taken)
