"""Sentences for people; no blocks, no I/O."""

from collections.abc import Callable, Sequence

from bot.ask.parse import Incomplete
from bot.words.exceptions import NotUnderstood
from bot.words.ports import Copy, Voted
from bot.words.report import Suggestion
from bot.words.request import Answer, Mode, Needs, Request, State, Vote
from bot.words.verdict import Clearance, NotCounted, Rejected, Waiting


def misunderstood(error: NotUnderstood) -> Answer:
    choices = tuple(Suggestion(label=name, words=words) for name, words in error.choices.items())
    form = error.form if isinstance(error, Incomplete) else ""
    return Answer(text=str(error), hint=error.hint, choices=choices, form=form)


def same_phrase(typed: str, phrase: str) -> bool:
    return " ".join(typed.split()).casefold() == " ".join(phrase.split()).casefold()


def call(request: Request, needs: Needs) -> str:
    match needs.mode:
        case Mode.CONFIRM:
            return f"{request.id}: look at the plan and confirm it."
        case Mode.TYPED:
            return f"{request.id}: look at the plan; to run it, its phrase has to be typed."
        case Mode.OTHERS:
            many = f"{needs.count} of you have" if needs.count > 1 else "one of you has"
            return f"{request.id} needs a decision: {many} to approve or reject the plan."


def refusal(why: str) -> str:
    """Slack's code for a place that takes no message, as the end of a sentence."""
    if why in ("not_in_channel", "channel_not_found"):
        return "Handrail is not a member there"
    if why in ("is_archived", "is_inactive"):
        return "it is archived"
    if why.startswith(("restricted_action", "no_permission", "access_denied", "ekm_")):
        return "Slack lets only some people post there"
    return f"Slack says {why}"


def moved_words(request: str, why: str, place: str, others: str | None) -> str:
    """Why a card stands in direct messages; `place` and `others` are channels as shown, empty where unknown."""
    where = f"in {place}" if place else "where it was asked"
    elsewhere = "" if others is None else f" Others see it in {others or 'the approval channel'}."
    return f"The card of {request} could not be posted {where}: {refusal(why)}. So it is here.{elsewhere}"


def standing(request: Request, copies: Sequence[Copy], name: Callable[[str], str]) -> str:
    """Where the card of a request is to be seen, for whoever asked it."""
    asked = f"{request.id} is asked"
    up = [copy.channel for copy in copies if copy.stands]
    others = [
        f"#{name(channel)}" if name(channel) else "the approval channel"
        for channel in up
        if channel != request.channel and not channel.startswith("D")
    ]
    directly = any(channel.startswith("D") and channel != request.channel for channel in up)
    refused = next((copy.refused for copy in copies if copy.refused and copy.channel == request.channel), "")
    if request.channel in up:
        return f"{asked}; its card is here{f' and in {others[0]}' if others else ''}."
    why = f" It could not be posted here: {refusal(refused)}." if refused else ""
    if directly:
        return f"{asked}; its card is in your direct messages{f' and in {others[0]}' if others else ''}.{why}"
    if others:
        return f"{asked}; its card is in {others[0]}.{why}"
    if copies and all(copy.refused for copy in copies):
        return f"{asked}, but its card could not be posted anywhere.{why} Type show {request.id} to see it."
    return f"{asked}; its card is on its way.{why}"


def told(voted: Voted, vote: Vote) -> Answer:
    request = voted.request
    match voted.verdict:
        case NotCounted(reason=reason):
            back = Suggestion(label="Take my approval back", words=f"withdraw {request.id}")
            waits = request.state is State.WAITING and voted.earlier is not None and voted.earlier.approve
            return Answer(
                text=f"Not counted: {reason}.", request=request.id, choices=(back,) if waits and vote.approve else ()
            )
        case Waiting(missing=missing):
            more = "1 more approval is" if missing == 1 else f"{missing} more approvals are"
            return Answer(text=f"You approved {request.id}; {more} needed before it runs.", request=request.id)
        case Rejected():
            return Answer(text=f"You rejected {request.id}.", request=request.id)
        case Clearance():
            word = "confirmed" if vote.person in request.owners else "approved"
            return Answer(text=f"You {word} {request.id}; it runs now.", request=request.id)
