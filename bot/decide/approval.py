"""Counts votes; the only place where a Clearance is made. No I/O."""

from collections.abc import Sequence

from bot.words.request import Mode, Needs, Request, State, Vote
from bot.words.verdict import _SEAL, Clearance, NotCounted, Rejected, Waiting


def counts(request: Request, needs: Needs, vote: Vote) -> NotCounted | None:
    """None where the vote counts under `needs`, which the caller has just decided again from stored facts."""
    own = vote.person in request.owners
    if vote.person.startswith("machine:"):
        return NotCounted("only people decide")
    if vote.digest != request.digest:
        return NotCounted("the plan has changed since it was shown to you")
    if own and not vote.approve:
        return NotCounted("to take your own request back, withdraw it")
    if own and needs.mode is Mode.OTHERS:
        return NotCounted("a person cannot approve their own request; another approver has to")
    if own and needs.mode is Mode.TYPED and not vote.typed:
        return NotCounted("your own request needs the phrase typed")
    if vote.person not in needs.approvers:
        return NotCounted("you are not among those who may decide on this request")
    return None


def tally(request: Request, needs: Needs, votes: Sequence[Vote]) -> Waiting | Rejected | Clearance:
    """Judge the votes that count. One no from somebody who may decide ends it."""
    counted = [vote for vote in votes if counts(request, needs, vote) is None]
    for vote in counted:
        if not vote.approve:
            return Rejected(vote.person, vote.note)
    approvals = {vote.person: vote for vote in counted if vote.approve}
    if len(approvals) < needs.count or request.plan is None:
        return Waiting(max(needs.count - len(approvals), 1))
    if request.state not in (State.WAITING, State.CLEARED, State.ASKED):
        return Waiting(needs.count)
    alone = needs.mode is not Mode.CONFIRM and approvals.keys() <= request.owners
    return Clearance(request, tuple(sorted(approvals)), alone, _SEAL)
