"""Payloads to what was said, and text from outside to what Slack is given."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.door import payloads
from bot.slack.views import text
from bot.words import spelling
from bot.words.report import PersonId
from bot.words.request import Via


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("errors match=&lt;b&gt; &amp; more", "errors match=<b> & more"),
        ("audit who=<@U0ANA0001>", "audit who=<@U0ANA0001>"),
        ("audit who=<@U0ANA0001|ana>", "audit who=<@U0ANA0001>"),
        ("errors source=<#C0DEMO002|ops>", "errors source=<#C0DEMO002>"),
        ("check <https://shop.example/a?b=1&amp;c>", "check https://shop.example/a?b=1&c"),
        ("check <http://shop.example|shop.example>", "check shop.example"),
        ("tell <mailto:a@b.example|a@b.example>", "tell a@b.example"),
    ],
)
def test_words_as_they_were_typed(sent: str, typed: str) -> None:
    assert payloads.typed_text(sent) == typed


def test_a_command_is_named_by_its_trigger() -> None:
    said, origin = payloads.command(
        {"channel_id": "C1", "user_id": "U1", "text": "health", "trigger_id": "1.2.3", "response_url": "http://x"}
    )
    assert (said.words, said.via, said.channel, said.delivery) == ("health", Via.SLASH, "C1", "1.2.3")
    assert origin.response_url == "http://x"


def test_one_message_is_one_delivery_whatever_its_events_are_called() -> None:
    """FAILURES: node-slack-sdk#2141, one message, several event ids."""
    event = {"type": "app_mention", "user": "U1", "text": "<@U0BOT> health", "channel": "C1", "ts": "17.1"}
    first = payloads.spoken({"event_id": "Ev1", "event": event}, "U0BOT")
    second = payloads.spoken({"event_id": "Ev2", "event": event}, "U0BOT")
    assert first is not None
    assert first == second
    assert (first.words, first.thread) == ("health", "17.1")


@pytest.mark.parametrize("more", [{"bot_id": "B1"}, {"subtype": "message_changed"}, {"user": None}, {"hidden": True}])
def test_what_no_person_wrote_is_not_heard(more: dict[str, object]) -> None:
    event = {"type": "message", "user": "U1", "text": "health", "channel": "D1", "ts": "17.1", **more}
    assert payloads.spoken({"event": event}, "U0BOT") is None


def test_a_click_in_an_ephemeral_message_is_no_card() -> None:
    body = {
        "user": {"id": "U1"},
        "container": {"type": "message", "message_ts": "17.1", "is_ephemeral": True},
        "channel": {"id": "C1"},
        "actions": [{"action_id": "say:0", "value": "health", "action_ts": "18.1"}],
    }
    click = payloads.click(body)
    assert click.message_ts is None
    assert click.delivery == "17.1:say:0:U1:18.1"


@given(st.text(max_size=200), st.integers(2, 60))
def test_nothing_from_outside_becomes_markup(typed: str, limit: int) -> None:
    for made in (text.line(typed), text.paragraph(typed), text.code(typed), text.cut_markup(text.escape(typed), limit)):
        assert "<" not in made
        assert ">" not in made


@given(st.text(alphabet="a&<>;", max_size=80), st.integers(2, 60))
def test_cutting_leaves_no_half_of_anything(typed: str, limit: int) -> None:
    made = text.cut_markup(text.escape(typed), limit)
    assert len(made) <= limit
    whole = made.removesuffix("…")
    assert text.escape(text.unescape(whole)) == whole


def test_a_cut_mention_is_no_mention() -> None:
    assert text.cut_markup("seen by <@U0ANA0001>", 15) == "seen by…"


def test_values_in_words() -> None:
    assert [spelling.span(seconds) for seconds in (0.0421, 0.34, 1.25, 45, 125, 3600, 11100, 93784)] == [
        "42 ms", "340 ms", "1.2 s", "45 s", "2 min 5 s", "1 h", "3 h 5 min", "1 d 2 h",
    ]  # fmt: skip
    assert text.shown(1234567) == "1,234,567"
    assert text.shown(None) == "–"
    at = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
    assert text.when(at) == "<!date^1795381200^{date_short_pretty} at {time}|2026-11-22 21:00 UTC>"


def test_only_people_are_mentioned() -> None:
    assert text.mention(PersonId("U0ANA0001")) == "<@U0ANA0001>"
    assert text.mention(PersonId("machine:alerts")) == "alerts"
    assert text.mention(PersonId("U1> <!channel")) == "U1&gt; &lt;!channel"
