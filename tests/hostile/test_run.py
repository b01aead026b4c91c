"""The count of `make hostile` finds what it is there to find; payloads of a shape that Slack never sends are known."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.door.payload_shapes import odd
from tests.hostile.run.inputs import Row, rows
from tests.hostile.run.play import _outcome
from tests.hostile.run.verdict import Tally, figures, table, tracebacks
from tests.hostile.test_a_unsigned import BODIES, MALFORMED, RAW

ROW = Row("click", "x", "interactive", lambda on, who: {})


@pytest.mark.parametrize("fault", ["effects", "called", "silent", "crashed", "other"])
def test_each_fault_is_told_and_fails(fault: str) -> None:
    tally = Tally("http, 1 bot")
    tally.became["click"]["told"] += 1
    assert not any(figures([tally]).values())
    getattr(tally, fault).append("planted")
    assert [found for found in figures([tally]).values() if found] == [["http, 1 bot: planted"]]
    assert "http, 1 bot: planted" in table([tally])


def test_a_traceback_is_found_in_plain_words_and_in_json(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text('ok\nTraceback (most recent call last)\n  File "x"\nKeyError: 1\n')
    (tmp_path / "b.log").write_text(r'{"exception": "Traceback (most recent call last):\n  File\nTypeError: 2"}')
    assert tracebacks(sorted(tmp_path.iterdir())) == ["a.log: KeyError: 1", 'b.log: TypeError: 2"}']


@pytest.mark.parametrize(
    ("ack", "told", "outcome"),
    [
        ({}, False, "silent"),
        ({"text": "Making the plan…"}, False, "silent"),
        ({"text": "Making the plan…"}, True, "told"),
        ({"text": "Four."}, False, "answered"),
    ],
)
def test_making_the_plan_is_no_answer(ack: dict[str, Any], told: bool, outcome: str) -> None:
    assert _outcome(ROW, ack, told=told) == outcome


def test_the_table_is_as_long_as_it_is_said_to_be() -> None:
    table_ = rows()
    assert len(table_) + len(MALFORMED) + len(RAW) >= 480
    assert len({(row.group, row.name) for row in table_}) >= len(table_) - 5, "one row each"


USER = {"type": "block_actions", "user": {"id": "U1"}}
SHAPES: list[tuple[dict[str, Any], bool]] = [
    *((dict(body), True) for body in BODIES),
    ({"command": "/ops", "user_id": "U1", "channel_id": "C1"}, False),
    ({"command": "/ops", "user_id": ["U1"], "channel_id": "C1"}, True),
    ({**USER, "actions": [{"action_id": "approve", "value": ["R1"]}]}, False),
    ({**USER, "actions": [{"action_id": None}]}, True),
    ({**USER, "actions": []}, True),
    ({**USER, "actions": [{"action_id": "x"}], "channel": "C1"}, True),
    ({**USER, "actions": [{"action_id": "x"}], "message": []}, True),
    ({"type": "view_submission", "user": {"id": "U1"}}, True),
    ({"type": "view_submission", "user": {"id": "U1"}, "view": {"id": "V1", "state": {"values": {}}}}, False),
    ({"type": "view_closed", "user": {"id": "U1"}, "view": {"id": "V1"}}, False),
    ({"type": "shortcut", "user": {"id": "U1"}}, False),
    ({"event": {"type": "message", "channel": "D1", "subtype": "message_deleted"}}, False),
    ({"event": {"type": "message", "channel": "D1", "text": ["x"]}}, True),
    ({"event": {"type": "app_home_opened"}}, True),
    ({"event": {"type": "team_join", "user": {"id": "U1"}}}, False),
    ({"event": {"type": ["message"]}}, True),
    ({"type": "url_verification", "challenge": "x"}, False),
    ({"ssl_check": "1"}, False),
]


@pytest.mark.parametrize(("body", "is_odd"), SHAPES)
def test_what_is_a_payload_of_slack_s(body: dict[str, Any], is_odd: bool) -> None:
    assert bool(odd(body)) is is_odd


value = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "user", "text"]), inner, max_size=3)
), max_leaves=8)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["type", "command", "event", "user", "actions", "view", "channel"]), value))
def test_no_body_is_an_exception(body: dict[str, Any]) -> None:
    assert "hunter" not in odd(body)
