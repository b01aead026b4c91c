"""What people are told, in words; no blocks, no I/O."""

from bot.ask.parse import Incomplete
from bot.words.exceptions import NotUnderstood
from bot.words.ports import Voted
from bot.words.report import Suggestion
from bot.words.request import Answer, Mode, Needs, Request, Vote
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


def told(voted: Voted, vote: Vote) -> Answer:
    request = voted.request
    match voted.verdict:
        case NotCounted(reason=reason):
            return Answer(text=f"Not counted: {reason}.", request=request.id)
        case Waiting(missing=missing):
            return Answer(text=f"Counted. {missing} more approval(s) needed for {request.id}.", request=request.id)
        case Rejected():
            return Answer(text=f"You rejected {request.id}.", request=request.id)
        case Clearance():
            word = "confirmed" if vote.person in request.owners else "approved"
            return Answer(text=f"You {word} {request.id}; it runs now.", request=request.id)
