"""Every card in every state: the JSON that Slack would get, and what must never be missing from it."""

from datetime import timedelta
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.slack.views import blockkit
from bot.slack.views.cards import CardFacts, minimal_card, request_card
from bot.slack.views.kit import Message
from bot.words.request import Mode, Request, Review, State, Vote
from tests.bot.slack import made

ENDS = made.AT + timedelta(hours=2)
MODES = [(state, mode) for state in State for mode in Mode if state is not State.ASKED or mode is Mode.OTHERS]
SPECIAL: dict[str, tuple[State, Mode, dict[str, Any]]] = {
    "time_boxed": (State.DONE, Mode.OTHERS, {"ends_at": ENDS}),
    "drifted": (State.DONE, Mode.OTHERS, {"note": "It did not end by itself: somebody changed the target."}),
    "reconciled": (State.DONE, Mode.OTHERS, {"ended_by": made.MIA, "outcome": "Reconciled as done: 4712 is there."}),
    "glass_waiting": (State.WAITING, Mode.TYPED, made.BROKEN_GLASS),
    "glass_to_review": (State.DONE, Mode.TYPED, made.REVIEW),
    "glass_reviewed": (
        State.DONE,
        Mode.TYPED,
        {**made.REVIEW, "review": Review.REVIEWED, "reviewed_by": made.MIA},
    ),
    "overrides_freeze": (
        State.WAITING,
        Mode.OTHERS,
        {"override": "customers cannot pay", "needs": made.needs(overrides_freeze=True)},
    ),
    "self_approved": (State.CLEARED, Mode.TYPED, {"self_approved": True}),
    "two_needed": (State.WAITING, Mode.OTHERS, {"needs": made.needs(count=2)}),
    "on_behalf": (State.WAITING, Mode.OTHERS, {"requester": "machine:alerts", "on_behalf_of": made.ANA}),
    "ended_by_time": (State.UNDONE, Mode.OTHERS, {"ended_by": None}),
}


def card(request: Request, mode: Mode = Mode.OTHERS, *, undoable: bool = True) -> Message:
    return request_card(request, made.votes(request.state, mode), CardFacts(undoable=undoable), made.names)


def sound(message: Message) -> dict[str, Any]:
    """What Slack would receive, after our own validator had no word against it."""
    payload = message.payload()
    assert blockkit.problems(payload, "message") == []
    assert message.text
    return payload


def buttons(message: Message) -> list[str]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["action_id"] for row in rows for element in row]


@pytest.mark.parametrize("state", [State.RUNNING, State.DONE, State.FAILED, State.UNKNOWN])
def test_the_last_lines_of_a_run_are_shown_as_they_are(state: State) -> None:
    lines = "\n".join([*(f"row {count}" for count in range(30)), "<!channel> ```*done*```"])
    shown = made.request(state).model_copy(update={"progress": lines})
    [block] = [each for each in card(shown).blocks if "row 29" in str(each)]
    assert block["text"]["text"].startswith("```row 19\nrow 20\n")
    assert block["text"]["text"].endswith("\n&lt;!channel&gt; '''*done*'''```")
    sound(card(shown.model_copy(update={"progress": "&" * 3000})))


@pytest.mark.parametrize(("state", "mode"), MODES)
def test_every_state_and_mode(state: State, mode: Mode, json: SnapshotAssertion) -> None:
    assert sound(card(made.request(state, mode), mode)) == json


@pytest.mark.parametrize("name", SPECIAL)
def test_what_makes_a_request_unlike_others(name: str, json: SnapshotAssertion) -> None:
    state, mode, more = SPECIAL[name]
    assert sound(card(made.request(state, mode, **more), mode)) == json


def test_at_its_longest(json: SnapshotAssertion) -> None:
    """FAILURES: bolt-js#2509, 13,200 characters in all although each block was within its limit."""
    long = "x" * 3000
    plan = made.plan(
        headline=long,
        effects=[f"{n} {long}" for n in range(200)],
        warnings=[long] * 30,
        facts=[{"label": long, "value": long}] * 60,
        undo_note=long,
    )
    everyone = tuple(f"U0{n:07}" for n in range(200))
    longest = made.request(
        State.WAITING,
        plan=plan,
        note=long,
        override=long,
        needs=made.needs(approvers=everyone, roles=("role",) * 99, overrides_freeze=True, reason=long),
        differences=(long,) * 50,
    )
    message = card(longest)
    payload = sound(message)
    assert message.file is not None
    assert message.file.content.count(long) >= 290
    assert buttons(message) == ["approve", "reject", "withdraw"]
    assert payload == json


def test_what_is_cut_is_counted() -> None:
    """FAILURES: integrations/slack#1347, the plan is on the card; what does not fit is counted and kept whole."""
    message = card(made.request(plan=made.plan(effects=[f"row {n}" for n in range(40)])))
    assert "25 more in the whole plan, as a file in this thread." in str(message.blocks)
    assert message.file is not None
    assert "- row 39" in message.file.content


@pytest.mark.parametrize(("state", "mode"), MODES)
def test_a_button_carries_the_request_and_nothing_else(state: State, mode: Mode) -> None:
    """Rule 4."""
    message = card(made.request(state, mode, ends_at=ENDS, review=Review.OPEN), mode)
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    assert all(element["value"] == "R42" for row in rows for element in row)


@pytest.mark.parametrize("state", [State.ASKED, State.CLEARED, State.RUNNING, State.UNDOING])
def test_nothing_can_be_pressed_while_the_machine_works(state: State) -> None:
    """FAILURES: valet#51, buttons stayed while the work ran."""
    assert buttons(card(made.request(state))) == []


@pytest.mark.parametrize(
    ("state", "mode", "more", "expected"),
    [
        (State.WAITING, Mode.CONFIRM, {}, ["confirm", "withdraw"]),
        (State.WAITING, Mode.OTHERS, {}, ["approve", "reject", "withdraw"]),
        (State.WAITING, Mode.TYPED, {}, ["type_phrase", "approve", "reject", "withdraw"]),
        (State.WAITING, Mode.TYPED, made.BROKEN_GLASS, ["type_phrase", "withdraw"]),
        (State.DONE, Mode.OTHERS, {}, ["undo", "show"]),
        (State.DONE, Mode.OTHERS, {"ends_at": ENDS}, ["end", "extend", "show"]),
        (State.DONE, Mode.TYPED, made.REVIEW, ["undo", "review", "show"]),
        (State.STALE, Mode.OTHERS, {}, ["ask_again", "show"]),
        (State.EXPIRED, Mode.OTHERS, {}, ["ask_again", "show"]),
        (State.REJECTED, Mode.OTHERS, {}, ["ask_again", "show"]),
        (State.FAILED, Mode.OTHERS, {}, ["ask_again", "show"]),
        (State.UNKNOWN, Mode.OTHERS, {}, ["reconcile_done", "reconcile_failed", "show"]),
        (State.UNDONE, Mode.OTHERS, {}, ["show"]),
    ],
)
def test_what_can_be_done_next(state: State, mode: Mode, more: dict[str, Any], expected: list[str]) -> None:
    assert buttons(card(made.request(state, mode, **more), mode)) == expected


def test_how_many_must_approve_is_on_the_button() -> None:
    def label(request: Request, votes: tuple[Vote, ...] = ()) -> str:
        shown = request_card(request, votes, CardFacts(), made.names)
        return next(str(e["text"]["text"]) for b in shown.blocks if b["type"] == "actions" for e in b["elements"])

    two = made.request(needs=made.needs(count=2))
    assert label(made.request()) == "Approve and run"
    assert label(two) == "Approve (1 of 2)"
    assert label(two, made.votes(State.CLEARED)) == "Approve (2 of 2)"


def test_why_and_for_how_long_are_said_whatever_action_it_is() -> None:
    """An action of one's own showed neither."""
    asked = made.request(params={"reason": "the import is stuck", "for_": "PT2H"})
    shown = str(card(asked).blocks)
    assert "*Why*\\nthe import is stuck" in shown
    assert "*For how long*\\n2h" in shown
    said = made.plan(facts=[{"label": "Reason", "value": "the import is stuck"}])
    assert "*Why*" not in str(card(asked.model_copy(update={"plan": said})).blocks)


def test_who_may_approve_is_named_with_a_clock_that_counts() -> None:
    request = made.request()
    shown = request_card(request, (), CardFacts(now=made.AT), made.names)
    (asks,) = [block["elements"][0]["elements"] for block in shown.blocks if block["type"] == "rich_text"]
    assert [each.get("user_id") or each.get("text") for each in asks[:4]] == [made.LEO, " or ", made.MIA, ": approve?"]
    assert asks[-1]["format"] == "  Open until {time} ({ago})"


def test_after_it_ended_a_card_is_short() -> None:
    message = card(made.request(State.DONE))
    first = message.blocks[0]["text"]["text"]
    assert first.startswith(":large_green_circle: *It runs as execution 4712.*\n*R42* *done*, asked by <@U0ANA0001>")
    assert "It took 9 s." in first
    assert "Was:" not in str(message.blocks)
    assert "the failed run stays" not in str(message.blocks).lower(), "the plan is in the whole story"


def test_what_cannot_be_undone_has_no_undo() -> None:
    message = card(made.request(State.DONE), undoable=False)
    assert "undo" not in buttons(message)
    assert "*Cannot be undone*: a run cannot be taken back" in str(message.blocks)


def test_expired_is_not_rejected() -> None:
    """FAILURES: hermes-agent#76235, "nobody answered" shown as "denied"."""
    shown = str(card(made.request(State.EXPIRED)).blocks)
    assert "*expired*" in shown
    assert "reject" not in shown.lower()


def test_words_from_outside_are_inert() -> None:
    """Rule 10."""
    hostile = made.HOSTILE
    plan = made.plan(
        headline=hostile,
        effects=[hostile],
        warnings=[hostile],
        undo_note=hostile,
        facts=[{"label": hostile, "value": hostile}],
        confirm_phrase=hostile,
    )
    more: dict[str, Any] = {"plan": plan, "note": hostile, "outcome": hostile, "override": hostile}
    for state in State:
        message = card(made.request(state, Mode.TYPED, **more, differences=(hostile,), break_glass=hostile), Mode.TYPED)
        payload = sound(message)
        shown = str(payload)
        # A text element of rich_text is never read as markup.
        read = str({**payload, "blocks": [block for block in payload["blocks"] if block["type"] != "rich_text"]})
        assert "<!channel>" not in read
        assert "<https" not in read
        assert "\\u202e" not in shown
        assert "‮" not in shown


def test_the_minimal_card_keeps_its_buttons() -> None:
    """FAILURES: kibana#73061, one bad part killed the whole alert."""
    minimal = minimal_card(made.request())
    sound(minimal)
    assert buttons(minimal) == ["approve", "reject", "withdraw"]
