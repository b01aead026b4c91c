"""The Home tab: what waits for me, what is mine, what I may run. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.ask.parse import usage
from bot.slack.views import cards
from bot.slack.views.kit import Block, View, actions, button, context, divider, header, section, sound
from bot.slack.views.text import code, line, mention, when
from bot.words.action import AnyAction, Risk
from bot.words.ports import Freeze
from bot.words.report import PersonId
from bot.words.request import Mode, Request, Review, State
from bot.words.unread import unread

MOST = 8
_GROUPS = {
    Risk.READ: "Look",
    Risk.CHANGE: "Change: you confirm the plan",
    Risk.DESTRUCTIVE: "Change: somebody else approves",
}


@dataclass(frozen=True)
class HomeFacts:
    """What one person's Home is made of."""

    person: PersonId
    open: Sequence[Request]
    commands: Sequence[AnyAction]
    freeze: Freeze | None = None
    unread: tuple[str, ...] = ()
    """Roles whose members cannot be read right now."""


def home(facts: HomeFacts) -> View:
    waiting = [request for request in facts.open if waits_for(request, facts.person)]
    mine = [request for request in facts.open if facts.person in request.owners and request not in waiting]
    blocks: list[Block] = []
    if facts.freeze:
        until = f" until {when(facts.freeze.until)}" if facts.freeze.until else ""
        blocks.append(section(f"*Freeze{until}:* {line(facts.freeze.reason, 500)}\nNothing destructive runs."))
    blocks += [header("Waits for you"), *_requests(waiting, "Nothing waits for you.", deciding=True)]
    blocks += [header("Your open requests"), *_requests(mine, "You have none.", deciding=False)]
    blocks += [divider(), header("Commands"), *_commands(facts.commands, facts.unread)]
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


def _requests(requests: Sequence[Request], none: str, *, deciding: bool) -> list[Block]:
    if not requests:
        return [context(none)]
    blocks: list[Block] = []
    for request in requests[:MOST]:
        asked = f"asked by {mention(request.requester)} {when(request.asked_at)}"
        until = f", expires {when(request.expires_at)}" if request.state is State.WAITING else ""
        ends = (
            f", {'should have ended' if request.overdue else 'ends'} {when(request.ends_at)}"
            if request.ends_at and request.state is State.DONE
            else ""
        )
        told = (
            f"*{line(cards.headline(request), 500)}*\n{request.id} {cards.state_words(request)}; {asked}{until}{ends}"
        )
        blocks.append(section(told))
        blocks += actions(_buttons(request, deciding), f"request:{request.id}")
    if len(requests) > MOST:
        blocks.append(context(f"{len(requests) - MOST} more: type {code('/ops requests')}"))
    return blocks


def _buttons(request: Request, deciding: bool) -> list[Block]:
    show = button("Show plan", "show", request.id)
    if deciding and request.review is Review.OPEN:
        return [button("Mark reviewed", "review", request.id), show]
    if request.overdue:
        return [button("End now", "end", request.id), show]
    if request.state is State.WAITING:
        made = cards.deciding(request)
        others = request.needs is not None and request.needs.mode is Mode.OTHERS
        # Who is asked for a yes is never the one who could take it back.
        return [*(made[: -1 if others else None] if deciding else made[-1:]), show]
    return [show]


def _commands(commands: Sequence[AnyAction], unread_roles: tuple[str, ...]) -> list[Block]:
    """By how much a person must do before it runs."""
    blocks: list[Block] = [context(line(unread(unread_roles), 500))] if unread_roles else []
    if not commands:
        return blocks or [context("You may run nothing yet: no role of yours has a rule for it.")]
    for risk, title in _GROUPS.items():
        group = [action for action in commands if action.risk is risk]
        if group:
            blocks.append(context(f"*{title}*"))
        for action in group[:14]:
            told = f"{code(f'/ops {usage(action)}')}\n{line(action.summary, 300)}"
            blocks.append(section(told, button("Open form", "open_form", action.words)))
        if len(group) > 14:
            blocks.append(context(f"{len(group) - 14} more: type {code('/ops help')}"))
    return blocks
