"""The ledger on a real PostgreSQL: what one caller sees."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from bot.words.action import Receipt
from bot.words.ports import Due, Duplicate
from bot.words.request import MOVES, Request, RequestId, Review, State
from bot.words.verdict import Clearance, NotCounted, Rejected, Waiting
from tests.bot.store.kept import ADA, BOB, EVE, LEASE, NEVER_AGAIN, Ledger, draft, entry, judge, needs, vote

MINUTE = timedelta(minutes=1)
NOTHING_DUE = Due((), (), (), (), (), ())


async def test_a_request_travels_and_each_step_is_a_version_and_an_audit_row(ledger: Ledger) -> None:
    request = await ledger.done()
    assert (request.state, request.version) == (State.DONE, 5)
    assert await ledger.requests.get(request.id) == request
    assert await ledger.trail() == ["asked", "waiting", "approved", "started", "done"]


async def test_every_field_of_a_request_has_a_column(pool: asyncpg.Pool) -> None:
    records = await pool.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'requests'")
    columns = {record["column_name"] for record in records}
    assert set(Request.model_fields) <= columns
    ours = {"asked_params", "fence", "lease_until", "planning_until", "reminded", "state_version"}
    assert columns - set(Request.model_fields) == ours


async def test_the_database_knows_the_same_moves(ledger: Ledger) -> None:
    request = await ledger.asked()
    allowed = set()
    async with ledger.pool.acquire() as connection:
        for source in State:
            for to in State:
                if source is to:
                    continue
                attempt = connection.transaction()
                await attempt.start()
                await connection.execute("ALTER TABLE requests DISABLE TRIGGER legal_moves")
                await _set_state(connection, request.id, source)
                await connection.execute("ALTER TABLE requests ENABLE ALWAYS TRIGGER legal_moves")
                try:
                    await _set_state(connection, request.id, to)
                    allowed.add((source, to))
                except asyncpg.CheckViolationError as error:
                    assert str(error) == f"a request cannot go from {source} to {to}"  # noqa: PT017
                await attempt.rollback()
    assert allowed == {(source, to) for source, targets in MOVES.items() for to in targets}


async def _set_state(connection: Any, request: RequestId, state: State) -> None:
    await connection.execute(
        "UPDATE requests SET state = $2, fence = CASE WHEN $3 THEN gen_random_uuid() END,"
        " lease_until = CASE WHEN $3 THEN now() END WHERE id = $1",
        *(int(request[1:]), state, state in (State.RUNNING, State.UNDOING)),
    )


async def test_a_request_begins_as_asked(pool: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="begins as asked, not as cleared"):
        await pool.execute(
            "INSERT INTO requests (state, action, typed, params, risk, requester, via, asked_at, expires_at,"
            " asked_params, planning_until) VALUES"
            " ('cleared', 'retry', '', '{}', 'change', 'U1', 'slash', now(), now(), '{}', now())"
        )


async def test_what_the_database_cannot_hold_as_it_is_comes_back_readable(ledger: Ledger) -> None:
    """Approval binds a digest: params and plan come back to the letter, whatever the outside put into them."""
    awkward = {"b": 1e20, "a": "nul \0, half a pair \ud83d, ✓", "n": 0.1, "i": 10**30}
    request = await ledger.asked(**awkward)
    plan = {"target": "t", "headline": "h", "seen": awkward}
    moved = await ledger.move(request.id, State.WAITING, plan=plan, target="n8n \0 4711", digest="d", needs=needs())
    assert moved is not None
    assert json.dumps(moved.params, sort_keys=True) == json.dumps(awkward, sort_keys=True)
    assert json.dumps(moved.plan, sort_keys=True) == json.dumps(plan, sort_keys=True)
    assert moved.target == "n8n \N{REPLACEMENT CHARACTER} 4711"
    assert await ledger.requests.get(request.id) == moved


async def test_a_number_that_json_does_not_have_keeps_its_name(ledger: Ledger) -> None:
    assert (await ledger.asked(ratio=float("nan"))).params == {"ratio": "NaN"}


@pytest.mark.parametrize("name", ["R999", "R0", "R-1", "42", "Rx", "R1; DROP TABLE requests", "R" + "9" * 30, "R²"])
async def test_what_names_no_request_is_none(ledger: Ledger, name: str) -> None:
    unknown = RequestId(name)
    assert await ledger.requests.get(unknown) is None
    assert await ledger.requests.note(unknown, entry("noted"), note="x") is None
    assert await ledger.requests.vote(unknown, vote(BOB, ledger.clock), judge, entry("approved")) is None
    assert await ledger.move(unknown, State.WAITING) is None
    assert await ledger.claim(unknown) is None
    assert await ledger.requests.votes(unknown) == ()
    assert await ledger.trail() == []


# -- asking twice ---------------------------------------------------------------------------------


async def test_a_delivery_is_acted_on_once_for_ten_minutes(ledger: Ledger) -> None:
    """agno#10073: what repeats is known by its key, in Postgres; what never came the first time is not dropped."""
    first = await ledger.asked(delivery="e1", execution="4711")
    again = draft(ledger.clock, delivery="e1", execution="4711")
    ledger.clock.forward(minutes=9)
    repeated = await ledger.requests.add(again, entry("asked"), again_after=NEVER_AGAIN)
    assert repeated == Duplicate(first, same_delivery=True)
    ledger.clock.forward(minutes=2)
    later = await ledger.requests.add(again, entry("asked"), again_after=NEVER_AGAIN)
    assert isinstance(later, Request)
    assert later.id != first.id
    assert await ledger.trail() == ["asked", "asked"]


async def test_the_same_words_a_moment_later_are_the_earlier_request(ledger: Ledger) -> None:
    """integrations/slack#352: a false timeout, so people typed it again. node-slack-sdk#2141: another event id."""
    first = await ledger.asked(delivery="e1", a="1", b="2")
    ledger.clock.forward(seconds=59)
    same = draft(ledger.clock, delivery="e2", b="2", a="1")
    assert await ledger.requests.add(same, entry("asked"), again_after=MINUTE) == Duplicate(first, False)
    for other in (draft(ledger.clock, a="1", b="3"), draft(ledger.clock, who=BOB, a="1", b="2")):
        assert isinstance(await ledger.requests.add(other, entry("asked"), again_after=MINUTE), Request)
    assert isinstance(await ledger.requests.add(same, entry("asked"), again_after=NEVER_AGAIN), Request)


async def test_the_same_words_are_known_after_their_plan_settled_what_they_mean(ledger: Ledger) -> None:
    """`retry last` is bound to the run it meant when it was shown."""
    first = await ledger.asked(execution="last")
    await ledger.move(first.id, State.WAITING, params={"execution": "4711"}, needs=needs())
    again = await ledger.requests.add(draft(ledger.clock, execution="last"), entry("asked"), again_after=MINUTE)
    assert isinstance(again, Duplicate)
    assert (again.request.id, again.request.params) == (first.id, {"execution": "4711"})


async def test_a_minute_later_the_same_words_are_a_new_request(ledger: Ledger) -> None:
    first = await ledger.asked(a="1")
    ledger.clock.forward(seconds=61)
    later = await ledger.requests.add(draft(ledger.clock, a="1"), entry("asked"), again_after=MINUTE)
    assert isinstance(later, Request)
    assert later.id != first.id


async def test_old_delivery_keys_are_forgotten(ledger: Ledger) -> None:
    await ledger.asked(delivery="old")
    ledger.clock.forward(minutes=9)
    await ledger.asked(delivery="young")
    await ledger.requests.due(ledger.clock.forward(minutes=2))
    assert [row["key"] for row in await ledger.pool.fetch("SELECT key FROM deliveries")] == ["young"]


# -- votes ----------------------------------------------------------------------------------------


async def test_votes_are_kept_until_there_are_enough(ledger: Ledger) -> None:
    request = await ledger.waiting(count=2)
    first = await ledger.requests.vote(request.id, vote(BOB, ledger.clock), judge, entry("approved", BOB))
    assert first is not None
    assert (first.verdict, first.request.state, first.request.version) == (Waiting(1), State.WAITING, 3)
    second = await ledger.requests.vote(request.id, vote(EVE, ledger.clock), judge, entry("approved", EVE))
    assert second is not None
    assert isinstance(second.verdict, Clearance)
    assert second.request.state is State.CLEARED
    assert [kept.person for kept in await ledger.requests.votes(request.id)] == [BOB, EVE]
    assert await ledger.trail() == ["asked", "waiting", "approved", "approved"]


async def test_a_no_ends_it_and_says_who_and_why(ledger: Ledger) -> None:
    request = await ledger.waiting()
    no = vote(BOB, ledger.clock, approve=False).model_copy(update={"note": "not today"})
    voted = await ledger.requests.vote(request.id, no, judge, entry("rejected", BOB))
    assert voted is not None
    assert voted.verdict == Rejected(BOB, "not today")
    ended = await ledger.requests.get(request.id)
    assert ended is not None
    assert (ended.state, ended.ended_by, ended.outcome) == (State.REJECTED, BOB, "not today")


async def test_a_vote_that_does_not_count_is_audited_and_not_kept(ledger: Ledger) -> None:
    request = await ledger.waiting()
    voted = await ledger.requests.vote(request.id, vote(ADA, ledger.clock), judge, entry("approved", ADA))
    assert voted is not None
    assert isinstance(voted.verdict, NotCounted)
    assert voted.request == request
    assert await ledger.requests.votes(request.id) == ()
    refusal = await ledger.pool.fetchrow("SELECT actor, detail FROM audit WHERE kind = 'refused'")
    assert refusal is not None
    assert (refusal["actor"], json.loads(refusal["detail"])) == (
        ADA,
        {"wanted": "approved", "reason": "you are not among those who may decide on this request"},
    )


async def test_a_second_click_is_told_of_the_first(ledger: Ledger) -> None:
    """sentry#69252: one click, several runs."""
    request = await ledger.waiting(count=2)
    mine = vote(BOB, ledger.clock)
    await ledger.requests.vote(request.id, mine, judge, entry("approved", BOB))
    again = await ledger.requests.vote(request.id, vote(BOB, ledger.clock), judge, entry("approved", BOB))
    assert again is not None
    assert (again.earlier, again.verdict) == (mine, Waiting(1))
    assert await ledger.trail() == ["asked", "waiting", "approved"]


async def test_a_vote_after_the_decision_is_not_kept(ledger: Ledger) -> None:
    request = await ledger.cleared()
    late = await ledger.requests.vote(request.id, vote(EVE, ledger.clock), judge, entry("approved", EVE))
    assert late is not None
    assert late.verdict == NotCounted("the request is already cleared")
    assert [kept.person for kept in await ledger.requests.votes(request.id)] == [BOB]


# -- fences and leases ----------------------------------------------------------------------------


async def test_a_run_is_ended_by_its_own_fence_alone(ledger: Ledger) -> None:
    claimed = await ledger.running()
    running = frozenset({State.RUNNING})
    stranger = "00000000-0000-4000-8000-000000000000"
    for fence in (None, stranger):
        move = ledger.requests.move(claimed.request.id, running, State.DONE, entry("done"), fence=fence)
        assert await move is None
    ended = await ledger.requests.move(claimed.request.id, running, State.DONE, entry("done"), fence=claimed.fence)
    assert ended is not None
    assert await ledger.trail() == ["asked", "waiting", "approved", "started", "done"]


async def test_a_late_finisher_is_refused(ledger: Ledger) -> None:
    """meho#2293: approved but nothing ran, or ran twice: a lapsed lease ends as unknown, and stays so."""
    claimed = await ledger.running()
    running = frozenset({State.RUNNING})
    lapse: dict[str, Any] = {"entry": entry("unknown"), "lapsed": True}
    assert await ledger.requests.move(claimed.request.id, running, State.UNKNOWN, **lapse) is None
    assert (await ledger.requests.due(ledger.clock())).lapsed == ()
    ledger.clock.forward(seconds=LEASE.total_seconds())
    assert (await ledger.requests.due(ledger.clock())).lapsed == (claimed.request.id,)
    assert not await ledger.requests.renew(claimed, LEASE)
    assert await ledger.requests.move(claimed.request.id, running, State.UNKNOWN, **lapse) is not None
    late = ledger.requests.move(claimed.request.id, running, State.DONE, entry("done"), fence=claimed.fence)
    assert await late is None
    assert await ledger.claim(claimed.request.id) is None


async def test_a_renewed_lease_does_not_lapse(ledger: Ledger) -> None:
    claimed = await ledger.running()
    ledger.clock.forward(seconds=20)
    assert await ledger.requests.renew(claimed, LEASE)
    assert (await ledger.requests.due(ledger.clock.forward(seconds=20))).lapsed == ()
    assert (await ledger.requests.due(ledger.clock.forward(seconds=10))).lapsed == (claimed.request.id,)
    assert (await ledger.requests.get(claimed.request.id)) == claimed.request


async def test_a_fence_is_worth_nothing_once_the_run_is_over(ledger: Ledger) -> None:
    claimed = await ledger.running()
    done = frozenset({State.RUNNING, State.UNDOING})
    await ledger.requests.move(claimed.request.id, done, State.DONE, entry("done"), fence=claimed.fence)
    undoing = await ledger.claim(claimed.request.id, State.UNDOING)
    assert undoing is not None
    assert undoing.fence != claimed.fence
    stale = ledger.requests.move(claimed.request.id, done, State.DONE, entry("done"), fence=claimed.fence)
    assert await stale is None
    assert not await ledger.requests.renew(claimed, LEASE)


async def test_runs_begin_by_a_claim_alone(ledger: Ledger) -> None:
    request = await ledger.cleared()
    with pytest.raises(ValueError, match="goes through claim"):
        await ledger.move(request.id, State.RUNNING)
    with pytest.raises(ValueError, match="nothing is claimed"):
        await ledger.claim(request.id, State.DONE)


async def test_a_target_is_free_again_once_the_run_is_over(ledger: Ledger) -> None:
    first = await ledger.cleared(target="db main")
    second = await ledger.cleared(target="db main")
    elsewhere = await ledger.cleared(target="db other")
    claimed = await ledger.claim(first.id)
    assert claimed is not None
    assert await ledger.claim(second.id) is None
    assert await ledger.claim(elsewhere.id) is not None
    await ledger.requests.move(first.id, frozenset({State.RUNNING}), State.FAILED, entry("failed"), fence=claimed.fence)
    assert await ledger.claim(second.id) is not None


async def test_a_target_too_long_for_an_index_still_runs_alone(ledger: Ledger) -> None:
    first, second = [await ledger.cleared(target="é" * 9000) for _ in range(2)]
    assert await ledger.claim(first.id) is not None
    assert await ledger.claim(second.id) is None


# -- time -----------------------------------------------------------------------------------------


async def test_what_is_due_and_when(ledger: Ledger) -> None:
    """sso-elevator#26: requests hang for ever. hermes-agent#76235: expired is found as its own end."""
    asked = await ledger.asked()
    waiting = await ledger.waiting()
    cleared = await ledger.cleared()
    boxed = await ledger.done(ends_at=ledger.clock() + timedelta(minutes=5))
    assert await ledger.requests.due(ledger.clock()) == Due((), (cleared.id,), (), (), (), ())
    now = ledger.clock.forward(seconds=60)
    assert (await ledger.requests.due(now)).unplanned == (asked.id,)
    assert (await ledger.requests.due(now)).unplanned == ()
    assert (await ledger.requests.due(ledger.clock.forward(minutes=4))).ending == (boxed.id,)
    now = ledger.clock.forward(minutes=26)
    assert (await ledger.requests.due(now)).reminding == (waiting.id,)
    await ledger.requests.note(waiting.id, entry("reminded"), reminded=True)
    assert (await ledger.requests.due(now)).reminding == ()
    found = await ledger.requests.due(ledger.clock.forward(minutes=30))
    assert (found.expired, found.cleared, found.reminding) == ((waiting.id, cleared.id), (), ())


async def test_what_is_over_is_not_due(ledger: Ledger) -> None:
    request = await ledger.done(ends_at=ledger.clock())
    await ledger.requests.note(request.id, entry("end_failed"), ends_at=None, note="somebody changed it")
    assert await ledger.requests.due(ledger.clock.forward(days=400)) == NOTHING_DUE


async def test_open_is_what_somebody_still_owes_a_move(ledger: Ledger) -> None:
    """meho#2087: a broken glass stays open until it was reviewed."""
    await ledger.done()
    boxed = await ledger.done(ends_at=ledger.clock() + timedelta(hours=2))
    broken = await ledger.done(review=Review.OPEN)
    waiting = await ledger.waiting()
    running = (await ledger.running()).request
    assert [request.id for request in await ledger.requests.open()] == [boxed.id, broken.id, waiting.id, running.id]
    await ledger.requests.note(broken.id, entry("reviewed", BOB), review=Review.REVIEWED, reviewed_by=BOB)
    assert broken.id not in [request.id for request in await ledger.requests.open()]


async def test_the_last_run_on_a_target(ledger: Ledger) -> None:
    assert await ledger.requests.last_run("retry", "db") is None
    done = await ledger.done()
    assert await ledger.requests.last_run("retry", done.target) == done.finished_at
    assert await ledger.requests.last_run("pause", done.target) is None
    assert await ledger.requests.last_run("retry", "another") is None


async def test_columns_come_back_as_they_were_set(ledger: Ledger) -> None:
    receipt = Receipt(headline="Paused 3.", undo={"ids": ["7", "8"], "was": None})
    set_before = {
        "needs": needs(BOB, count=2), "escalated": ("leads",), "outcome": "o", "differences": ("a", "b"),
        "note": "n", "ended_by": EVE, "finished_at": ledger.clock(), "undo_receipt": receipt,
    }  # fmt: skip
    request = await ledger.done(receipt=receipt, **set_before)
    assert request.receipt == request.undo_receipt == receipt.model_dump(mode="json")
    assert {name: getattr(request, name) for name in set_before if name != "undo_receipt"} == {
        name: value for name, value in set_before.items() if name != "undo_receipt"
    }


async def test_a_naive_time_is_a_mistake(ledger: Ledger) -> None:
    request = await ledger.done()
    with pytest.raises(ValueError, match="without a zone"):
        await ledger.requests.note(request.id, entry("extended"), ends_at=ledger.clock().replace(tzinfo=None))
