"""Who must act on a request, by name, and until when. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.slack.views.kit import Block, context
from bot.slack.views.text import NEAR, line, plain, utc
from bot.words.report import PersonId
from bot.words.request import Mode, Needs, Request, State

MOST_NAMED = 6


def call(request: Request, phrase: str, now: datetime | None) -> list[Block]:
    """Who must act, by name, and until when: a time that counts down in every reader's own words."""
    needs = request.needs
    if needs is None or request.state is not State.WAITING:
        return []
    elements = [*_asks(request, needs, phrase), clock(request.expires_at, now, "  Open until")]
    said = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}
    return [said, context(f"{line(needs.rule[:1].upper() + needs.rule[1:], 100)}: {line(needs.reason, 300)}.")]


def clock(at: datetime, now: datetime | None, word: str) -> Block:
    """An element of rich text, `Open until 2:54 PM (in 30 minutes)`, that counts down while it is looked at."""
    until = "{time}" if now is not None and abs(now - at) < NEAR else "{date_short_pretty} at {time}"
    return {
        "type": "date",
        "timestamp": int(at.timestamp()),
        "format": f"{word} {until} ({{ago}})",
        "fallback": f"{word} {utc(at)}",
    }


def _asks(request: Request, needs: Needs, phrase: str) -> list[Block]:
    others = tuple(person for person in needs.approvers if person not in request.owners)
    owner = request.on_behalf_of or request.requester
    match needs.mode:
        case Mode.CONFIRM:
            return [*_people(needs.approvers or (owner,), "or"), _bold(": run it?")]
        case Mode.OTHERS:
            many = "" if needs.count == 1 else f" ({needs.count} of you)"
            return [*(_people(others, "or") or [_bold("Nobody")]), _bold(f": approve?{many}")]
        case Mode.TYPED:
            also = [_bold(" Or "), *_people(others, "or"), _bold(": approve?")] if others else []
            typed: Block = {
                "type": "text",
                "text": plain(phrase, str) if phrase else str(request.id),
                "style": {"code": True},
            }
            return [*_people((owner,), "or"), _bold(": type "), typed, _bold(" to approve your own request."), *also]


def _people(people: Sequence[PersonId], word: str) -> list[Block]:
    """`@Leo or @Mia`."""
    shown_first = people[:MOST_NAMED]
    made: list[Block] = []
    for place, person in enumerate(shown_first):
        if place:
            last = place == len(people) - 1
            made.append(_bold(f" {word} " if last else ", "))
        made.append(
            {"type": "user", "user_id": person} if person[:1] in "UW" else _bold(person.removeprefix("machine:"))
        )
    if len(people) > MOST_NAMED:
        made.append(_bold(f" {word} {len(people) - MOST_NAMED} more"))
    return made


def _bold(text: str) -> Block:
    return {"type": "text", "text": text, "style": {"bold": True}}
