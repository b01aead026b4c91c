"""Weighs one vote with those kept so far, while the ledger holds the row: pure, but for the clock."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.decide.approval import counts, tally
from bot.decide.policy import Decision, NeedsApproval
from bot.words.ports import Clock, Directory, Notice, NoticeKind, Voted
from bot.words.request import Request, State, Vote
from bot.words.verdict import NotCounted, Rejected


@dataclass(frozen=True)
class Scales:
    vote: Vote
    decision: Decision
    """Policy's, of this moment."""
    directory: Directory
    clock: Clock

    def __call__(self, request: Request, votes: Sequence[Vote]) -> Voted:
        """`votes` are those kept so far and, unless its person has voted the same already, this one."""
        kept = [each for each in votes if each is not self.vote]
        earlier = next((each for each in kept if each.person == self.vote.person), None)
        if request.state is not State.WAITING:
            return Voted(request, NotCounted(over(request, kept, self.directory)), earlier)
        if self.clock() >= request.expires_at:
            return Voted(request, NotCounted("it has expired; ask again"), earlier)
        if earlier is not None and not withdraws(earlier, self.vote):
            word = "approved" if earlier.approve else "rejected"
            return Voted(request, NotCounted(f"you have already {word} it"), earlier)
        if not isinstance(self.decision, NeedsApproval):
            return Voted(request, NotCounted(f"it may not run any more: {self.decision.reason}"))
        if refusal := counts(request, self.decision.needs, self.vote):
            return Voted(request, refusal)
        others = [each for each in kept if each is not earlier]
        verdict = tally(request, self.decision.needs, [*others, self.vote])
        notices = (self._rejection(request, verdict),) if isinstance(verdict, Rejected) else ()
        return Voted(request, verdict, notices=notices)

    def _rejection(self, request: Request, verdict: Rejected) -> Notice:
        text = f"Rejected by {self.directory.name(verdict.by)}{f': {verdict.why}' if verdict.why else ''}."
        return Notice(kind=NoticeKind.RESULT, text=text, to=tuple(sorted(request.owners)), key="rejected")


def withdraws(earlier: Vote, vote: Vote) -> bool:
    """Whether a person who said yes says no now, which is counted in its place; the other way round is no way."""
    return earlier.person == vote.person and earlier.approve and not vote.approve


def over(request: Request, votes: Sequence[Vote], directory: Directory) -> str:
    """Why it is too late to decide, with the name of who was first."""
    deciders = [vote for vote in votes if vote.approve is (request.state is not State.REJECTED)]
    names = ", ".join(directory.name(vote.person) for vote in deciders)
    word = "rejected" if request.state is State.REJECTED else "approved"
    return f"it was already {word} by {names}; it is {request.state} now" if names else f"it is {request.state} now"
