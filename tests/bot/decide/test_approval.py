"""Which votes count, and when there are enough: a table, and what holds whatever is voted."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.decide.approval import counts, tally
from bot.words.action import Plan, Risk
from bot.words.report import PersonId
from bot.words.request import MOVES, Mode, Needs, Request, RequestId, State, Via, Vote, request_id, sources_of
from bot.words.verdict import Clearance, NotCounted, Rejected, Waiting

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ANA, MIA, LEO, EVE = (PersonId(f"U0{name}") for name in ("ANA", "MIA", "LEO", "EVE"))
ROBOT = PersonId("machine:watchdog")

REQUEST = Request(
    id=RequestId("R1"), version=2, state=State.WAITING, action="retry", typed="retry 4711", params={},
    risk=Risk.DESTRUCTIVE, requester=ANA, via=Via.SLASH, asked_at=NOW, expires_at=NOW + timedelta(hours=1),
    target="t", plan=Plan(target="t", headline="h").model_dump(mode="json"), digest="d1",
)  # fmt: skip


def needs(mode: Mode = Mode.OTHERS, *approvers: PersonId, count: int = 1) -> Needs:
    return Needs(
        rule="r", reason="", mode=mode, approvers=approvers or (MIA, LEO), count=count, lives=timedelta(hours=1)
    )


def vote(person: PersonId, approve: bool = True, **more: Any) -> Vote:
    return Vote(person=person, approve=approve, at=NOW, **{"digest": "d1", **more})


OTHERS, TWO = needs(), needs(count=2)
TYPED = needs(Mode.TYPED, ANA, MIA)
CONFIRM = needs(Mode.CONFIRM, ANA)
FOR_MIA = REQUEST.model_copy(update={"requester": ROBOT, "on_behalf_of": MIA})


@dataclass(frozen=True)
class Case:
    what: str
    needs: Needs
    votes: tuple[Vote, ...]
    expected: str
    """`2 more`, `no by …`, or `yes by …`; `alone` where it was approved by oneself."""
    request: Request = REQUEST


def told(verdict: Waiting | Rejected | Clearance) -> str:
    match verdict:
        case Waiting(missing=missing):
            return f"{missing} more"
        case Rejected(by=by, why=why):
            return f"no by {by[2:].lower()}: {why}"
        case Clearance(by=by, self_approved=alone):
            return f"yes by {' '.join(p[2:].lower() for p in by)}{', alone' if alone else ''}"


CASES = [
    Case("nobody yet", OTHERS, (), "1 more"),
    Case("one", OTHERS, (vote(MIA),), "yes by mia"),
    Case("one of two", TWO, (vote(MIA),), "1 more"),
    Case("the same one twice", TWO, (vote(MIA), vote(MIA)), "1 more"),
    Case("two", TWO, (vote(MIA), vote(LEO)), "yes by leo mia"),
    Case("a no after a yes", TWO, (vote(MIA), vote(LEO, False, note="not today")), "no by leo: not today"),
    Case("a no of nobody", OTHERS, (vote(EVE, False),), "1 more"),
    Case("a yes of nobody", OTHERS, (vote(EVE),), "1 more"),
    Case("a no that somebody may not give, and a yes", OTHERS, (vote(EVE, False), vote(MIA)), "yes by mia"),
    Case("of another plan", OTHERS, (vote(MIA, digest="d0"),), "1 more"),
    Case("one's own", OTHERS, (vote(ANA),), "1 more"),
    Case("one's own, listed", needs(Mode.OTHERS, ANA, MIA), (vote(ANA, typed=True),), "1 more"),
    Case("one's own no", TYPED, (vote(ANA, False),), "1 more"),
    Case("one's own, clicked", TYPED, (vote(ANA),), "1 more"),
    Case("one's own, typed", TYPED, (vote(ANA, typed=True),), "yes by ana, alone"),
    Case("another's, where one might type", TYPED, (vote(MIA),), "yes by mia"),
    Case("one's own typed, of two", needs(Mode.TYPED, ANA, MIA, count=2), (vote(ANA, typed=True),), "1 more"),
    Case("one's own typed and another's", needs(Mode.TYPED, ANA, MIA, count=2), (vote(ANA, typed=True), vote(MIA)),
         "yes by ana mia"),
    Case("confirmed", CONFIRM, (vote(ANA),), "yes by ana"),
    Case("confirmed by another", CONFIRM, (vote(MIA),), "1 more"),
    Case("a machine's", needs(Mode.OTHERS, ROBOT, MIA), (vote(ROBOT),), "1 more"),
    Case("of the machine's owner", OTHERS, (vote(MIA),), "1 more", FOR_MIA),
    Case("of another than the machine's owner", OTHERS, (vote(LEO),), "yes by leo", FOR_MIA),
    Case("no plan", OTHERS, (vote(MIA),), "1 more", REQUEST.model_copy(update={"plan": None})),
    *(
        Case(f"already {state}", OTHERS, (vote(MIA),), "1 more", REQUEST.model_copy(update={"state": state}))
        for state in State
        if state not in (State.ASKED, State.WAITING, State.CLEARED)
    ),
    Case("cleared, weighed again at the run", OTHERS, (vote(MIA),), "yes by mia",
         REQUEST.model_copy(update={"state": State.CLEARED})),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_votes(case: Case) -> None:
    """windmill#10262: oneself; sso-elevator#47: one vote a person, one clearance a request."""
    assert told(tally(case.request, case.needs, case.votes)) == case.expected


def test_a_clearance_is_made_by_tally_alone() -> None:
    """brigade#152: `approved: true` in a machine-written runbook counted."""
    real = tally(REQUEST, OTHERS, [vote(MIA)])
    assert isinstance(real, Clearance)
    with pytest.raises(TypeError, match=r"approval\.tally alone"):
        Clearance(REQUEST, (MIA,), False, object())
    with pytest.raises(TypeError, match=r"approval\.tally alone"):
        replace(real, _seal=None)


everybody = [ANA, MIA, LEO, EVE, ROBOT]
votes = st.lists(
    st.builds(
        vote, st.sampled_from(everybody), st.booleans(), typed=st.booleans(), digest=st.sampled_from(["d1", "d0"])
    ),
    max_size=6,
    unique_by=lambda each: each.person,
)
wanted = st.builds(
    lambda mode, approvers, count: needs(mode, *approvers, count=count),
    st.sampled_from(Mode),
    st.lists(st.sampled_from(everybody), min_size=1, unique=True),
    st.integers(1, 3),
)
asked = st.builds(
    lambda who, behalf, state: REQUEST.model_copy(update={"requester": who, "on_behalf_of": behalf, "state": state}),
    st.sampled_from(everybody),
    st.none() | st.sampled_from(everybody),
    st.sampled_from(State),
)


@given(asked, wanted, votes)
def test_there_is_no_clearance_without_enough_votes_that_count(
    request: Request, needs: Needs, votes: list[Vote]
) -> None:
    """windmill#8440, windmill#2639: no way around the votes."""
    verdict = tally(request, needs, votes)
    good = [each for each in votes if counts(request, needs, each) is None]
    if isinstance(verdict, Clearance):
        assert set(verdict.by) == {each.person for each in good if each.approve}
        assert len(verdict.by) >= needs.count
        assert set(verdict.by) <= set(needs.approvers)
        assert not [person for person in verdict.by if person.startswith("machine:")]
        assert all(each.approve for each in good)
        if needs.mode is Mode.OTHERS:
            assert not request.owners & set(verdict.by)
        assert verdict.self_approved == (needs.mode is not Mode.CONFIRM and set(verdict.by) <= request.owners)
    if isinstance(verdict, Rejected):
        assert any(each.person == verdict.by and not each.approve for each in good)
        assert verdict.by not in request.owners


@given(asked, wanted, votes, st.permutations(range(6)))
def test_the_order_of_votes_does_not_matter(
    request: Request, needs: Needs, votes: list[Vote], order: list[int]
) -> None:
    shuffled = [votes[place] for place in order if place < len(votes)]
    assert type(tally(request, needs, votes)) is type(tally(request, needs, shuffled))


@given(asked, wanted, votes)
def test_a_vote_that_does_not_count_says_why(request: Request, needs: Needs, votes: list[Vote]) -> None:
    for each in votes:
        match counts(request, needs, each):
            case NotCounted(reason=reason):
                assert reason
            case None:
                assert each.digest == request.digest


# -- the request itself ---------------------------------------------------------------------------


def test_the_machine_never_leaves_unknown_and_nothing_leaves_an_end() -> None:
    """meho#2293: `unknown` is left by a person's reconcile alone; nothing is cleared twice."""
    assert MOVES.keys() == set(State)
    assert sources_of(State.RUNNING) == {State.CLEARED}
    assert sources_of(State.CLEARED) == {State.ASKED, State.WAITING}
    assert MOVES[State.UNKNOWN] == {State.DONE, State.FAILED}
    ends = {state for state, targets in MOVES.items() if not targets}
    assert ends == {
        State.DENIED,
        State.REJECTED,
        State.EXPIRED,
        State.WITHDRAWN,
        State.STALE,
        State.FAILED,
        State.UNDONE,
    }


@pytest.mark.parametrize("typed", ["R42", "r42", "#42", "42", " R42 ", "R042"])
def test_a_request_as_people_type_it(typed: str) -> None:
    assert request_id(typed) == "R42"


@pytest.mark.parametrize("typed", ["", "R", "4x2", "RR42", "R-42", "R4.2", "R" + "9" * 13])
def test_what_is_no_request(typed: str) -> None:
    with pytest.raises(ValueError, match="is no request; type one like R42"):
        request_id(typed)
