"""Words as people write them: marks, mentions, unseen letters and slips of the finger are met, not punished."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ask.as_written import normalise, tidy, unmarked
from bot.ask.parse import Incomplete, NotFilled, fill, parse
from bot.slack.door import payloads
from bot.slack.views import text
from bot.slack.views.home import HomeFacts, home
from bot.words.action import Asker
from bot.words.dashboard import Dashboard
from bot.words.exceptions import NotUnderstood
from bot.words.report import PersonId
from bot.words.unseen import looks_empty, seen, whole
from commands.help import ShowHelp
from sandbox.model import Message
from tests.bot.ask.made import CATALOGUE
from tests.bot.slack.world import World

BOT = "U0BOT"
FAMILY, FLAG, ENGLAND, THUMB = (
    "👩‍👩‍👧‍👦",
    "🇪🇸",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "👍🏽",
)


def understood(sent: str) -> tuple[str, dict[str, Any]]:
    """From what Slack sends to a command and its parameters."""
    parsed = parse(CATALOGUE, payloads.typed_text(sent, BOT))
    return parsed.action.words, parsed.params.model_dump(exclude_unset=True)


BLOCKED = ("net block", {"network": "203.0.113.201", "reason": "customer import"})
TIMED = ("net block", {**BLOCKED[1], "for_": "2h"})

SAME = {
    "show R42": ("show", {"request": "R42"}),
    # marks around the word, the line, the command, the value
    "show *R42*": ("show", {"request": "R42"}),
    "show `R42`": ("show", {"request": "R42"}),
    "show ```R42```": ("show", {"request": "R42"}),
    "show _R42_": ("show", {"request": "R42"}),
    "show ~R42~": ("show", {"request": "R42"}),
    "show *`R42`*": ("show", {"request": "R42"}),
    "show **R42**": ("show", {"request": "R42"}),
    "show ‘R42’": ("show", {"request": "R42"}),
    "show 'R42'": ("show", {"request": "R42"}),
    "show “R42”": ("show", {"request": "R42"}),
    "show «R42»": ("show", {"request": "R42"}),
    "*show* R42": ("show", {"request": "R42"}),
    "*show R42*": ("show", {"request": "R42"}),
    "`/ops show R42`": ("show", {"request": "R42"}),
    "```\nshow R42\n```": ("show", {"request": "R42"}),
    "look name=*payments* since=`2h`": ("look", {"name": "payments", "since": "2h"}),
    "look *since=2h*": ("look", {"since": "2h"}),
    "look `n=5` payments": ("look", {"n": 5, "name": "payments"}),
    # what only looks like a mark stays
    "look __init__": ("look", {"name": "__init__"}),
    "look _private_": ("look", {"name": "_private_"}),
    "look a*b*c": ("look", {"name": "a*b*c"}),
    "look *": ("look", {"name": "*"}),
    'look "*bold*"': ("look", {"name": "*bold*"}),
    # links and mentions
    "show <https://n8n.example/runs/R41|R42>": ("show", {"request": "R42"}),
    "show <https://n8n.example/runs/R41|*R42*>": ("show", {"request": "R42"}),
    "show *<tel:42|R42>*": ("show", {"request": "R42"}),
    "<@U0BOT> show R42": ("show", {"request": "R42"}),
    "<@U0BOT|handrail>: show R42": ("show", {"request": "R42"}),
    "show <@U0BOT> R42": ("show", {"request": "R42"}),
    "show R42 <@U0BOT>": ("show", {"request": "R42"}),
    "<@U0BOT> <@U0BOT> show R42": ("show", {"request": "R42"}),
    "```<@U0BOT> show R42```": ("show", {"request": "R42"}),
    "`&lt;@U0BOT&gt; show R42`": ("show", {"request": "R42"}),
    "look `<@U0ANA>`": ("look", {"name": "<@U0ANA>"}),
    # settings as they are typed
    "look --since=2h": ("look", {"since": "2h"}),
    "look —since=2h": ("look", {"since": "2h"}),
    "look since = 2h": ("look", {"since": "2h"}),
    "look since= 2h": ("look", {"since": "2h"}),
    "look since =2h": ("look", {"since": "2h"}),
    "look since＝2h": ("look", {"since": "2h"}),
    "net block for = 2h 203.0.113.201 reason=customer import": TIMED,
    "net block 203.0.113.201 reason=`customer import`": BLOCKED,
    "net block 203.0.113.201 reason=*very* urgent": ("net block", {**BLOCKED[1], "reason": "*very* urgent"}),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "meant"), SAME.items())
def test_understood_as_it_was_meant(sent: str, meant: tuple[str, dict[str, Any]]) -> None:
    assert understood(sent) == meant


words = st.text(alphabet="abR42*_~`'\"= -—‘’“”\u200b\u200d\u2800👩👍\U0001f3fd\ud83d", max_size=40)


@given(words)
def test_no_words_are_a_crash_and_reading_them_twice_changes_nothing(typed: str) -> None:
    once = normalise(typed)
    assert normalise(once) == once
    assert unmarked(unmarked(typed)) == unmarked(typed)
    for line in (typed, f"show {typed}", f"net block 1.2.3.4 reason=abuse {typed}", f"look since={typed}"):
        with suppress(NotUnderstood):
            assert parse(CATALOGUE, line).action in tuple(CATALOGUE)


# -- slips ----------------------------------------------------------------------------------------

LINE = "net block 203.0.113.201 reason=customer import"
SLIPS = {
    f"{LINE} fro=2h": ("fro=2h", "for=2h"),
    f"{LINE} for = 2h": ("for = 2h", "for=2h"),
    f"{LINE} for =2h": ("for =2h", "for=2h"),
    f"{LINE} FRO=2h": ("FRO=2h", "for=2h"),
    f"{LINE} --fro=2h": ("--fro=2h", "for=2h"),
    f"{LINE} servise-name=api": ("servise-name=api", "service-name=api"),
    f"{LINE} overide=urgent": ("overide=urgent", "override=urgent"),
    f"break-glass {LINE} becuase=nobody answers": ("becuase=nobody", "because=nobody"),
}


@pytest.mark.parametrize(("typed", "slip"), SLIPS.items())
def test_a_mistyped_setting_in_free_text_is_asked_about_once(typed: str, slip: tuple[str, str]) -> None:
    written, meant = slip
    with pytest.raises(NotUnderstood) as told:
        parse(CATALOGUE, typed)
    name = meant.partition("=")[0]
    assert str(told.value) == f"Did you mean {name}=? As it is, {written!r} is a part of the text."
    assert told.value.choices == {
        meant: typed.replace(written, meant),
        "As text": f'{typed.partition("reason=")[0]}reason="{typed.partition("reason=")[2]}"',
    }
    # Whichever is pressed is not asked about again.
    corrected = parse(CATALOGUE, told.value.choices[meant])
    assert corrected.params.model_dump()["reason"] == "customer import"
    if not typed.startswith("break-glass"):
        kept = parse(CATALOGUE, told.value.choices["As text"])
        assert kept.params.model_dump()["reason"] == f"customer import {typed.removeprefix(LINE).strip()}"


TEXTS = [
    "don't, it's 5=5", "a=b", "x == y", "see https://x.example/?fro=2h", "ratio=5 is high", "cpu=99%", "for two hours",
    "it waits for you", "error=timeout", "the key=value pairs", "1=for",
]  # fmt: skip


@pytest.mark.parametrize("reason", TEXTS)
def test_what_is_only_text_is_not_asked_about(reason: str) -> None:
    assert parse(CATALOGUE, f"net block 203.0.113.201 reason={reason}").params.model_dump()["reason"] == reason


# -- what cannot be seen --------------------------------------------------------------------------

UNSEEN = [
    "\u200b\u200b\u200b", "\u2060\u2060\u2060", "\ufeff\ufeff\ufeff", "\u200d\u200d\u200d", "\u00ad\u00ad\u00ad",
    "\u2800\u2800\u2800", "\u3164\u3164\u3164", "\u115f\u1160\uffa0", "\u202e\u202d\u2066", "\u180e\u180e\u180e",
    "\u034f\u034f\u034f", "\ufe0f\ufe0f\ufe0f", "\U000e0041\U000e0042\U000e0043", "\u00a0\u2003\u3000", "\x00\x01\x02",
    "\u0301\u0301\u0301", "\ud83d\ud83d\ud83d", " \u200b \u2060 ",
]  # fmt: skip


@pytest.mark.parametrize("reason", UNSEEN, ids=ascii)
def test_a_reason_that_nobody_can_see_is_none(reason: str) -> None:
    action = CATALOGUE.get("net block")
    assert action is not None
    with pytest.raises(NotFilled) as wrong:
        fill(action, {"network": "203.0.113.7", "reason": reason})
    assert wrong.value.fields == {"reason": "needed"}
    with pytest.raises(Incomplete, match="reason"):
        parse(CATALOGUE, f"net block 203.0.113.7 reason={reason}")
    with pytest.raises(Incomplete, match="reason"):
        parse(CATALOGUE, f'net block 203.0.113.7 reason="{reason}"')
    with pytest.raises(NotUnderstood):
        parse(CATALOGUE, f"net block 203.0.113.7 reason=abuse override={reason}")
    assert tidy(reason) == ""


@pytest.mark.parametrize("shown", UNSEEN, ids=ascii)
def test_what_is_shown_never_looks_empty(shown: str) -> None:
    assert text.line(shown) in ("", text.DASH)
    assert text.shown(shown) == text.DASH
    assert text.plain(shown, str) == text.DASH
    assert not looks_empty(text.paragraph(shown) or text.DASH)
    assert not looks_empty(text.line(shown) or text.DASH)


EMOJI = [FAMILY, FLAG, ENGLAND, THUMB, "❤️", "👩🏽‍💻", "é", "न्‍य"]


@pytest.mark.parametrize("emoji", EMOJI, ids=ascii)
def test_emoji_stay_whole(emoji: str) -> None:
    assert seen(emoji) == emoji
    assert text.line(emoji) == emoji
    assert understood(f"net block 203.0.113.7 reason=well done {emoji}")[1]["reason"] == f"well done {emoji}"
    for limit in range(2, 3 * len(emoji) + 3):
        cut = text.cut(emoji * 3, limit).removesuffix("…")
        assert cut == emoji * (len(cut) // len(emoji)), "cut within one"


@pytest.mark.parametrize("typed", ["pay\u200dments", "\u200dpayments", "payments\u200d", "pay\u200cments"])
def test_a_joiner_between_letters_makes_no_other_word(typed: str) -> None:
    assert understood(f"look {typed}")[1]["name"] == "payments"


@given(st.text(alphabet="ab e\u0301👩\u200d👧🇪🇸🏽\ufe0f", max_size=30), st.integers(0, 30))
def test_a_text_is_cut_before_it_ends_and_not_within(written: str, at: int) -> None:
    place = whole(written, at)
    assert 0 <= place <= max(at, 0)


# -- who is meant, and once -----------------------------------------------------------------------

SUBTYPES = {
    None: True, "file_share": True, "me_message": True, "thread_broadcast": True,
    "message_changed": False, "message_deleted": False, "message_replied": False, "bot_message": False,
    "channel_join": False, "channel_leave": False, "channel_topic": False, "channel_purpose": False,
    "channel_name": False, "channel_archive": False, "channel_unarchive": False, "channel_convert_to_private": False,
    "channel_posting_permissions": False, "group_join": False, "group_leave": False, "group_topic": False,
    "group_purpose": False, "group_name": False, "group_archive": False, "group_unarchive": False,
    "assistant_app_thread": False, "document_mention": False, "ekm_access_denied": False, "pinned_item": False,
    "unpinned_item": False, "reminder_add": False, "reply_broadcast": False, "sh_room_created": False,
    "tombstone": False, "joiner_notification": False, "bot_add": False, "bot_remove": False, "slackbot_response": False,
    "file_comment": False, "file_mention": False, "huddle_thread": False, "some_day_another": False,
}  # fmt: skip


@pytest.mark.parametrize(("subtype", "heard"), SUBTYPES.items())
def test_every_subtype_is_decided(subtype: str | None, heard: bool) -> None:
    event = {
        "type": "message",
        "subtype": subtype,
        "channel_type": "im",
        "channel": "D1",
        "user": "U1",
        "text": "health",
    }
    said = payloads.spoken({"event": {**event, "ts": "17.1"}}, BOT)
    assert (said is not None) is heard


MESSAGES: list[tuple[dict[str, Any], str | None]] = [
    ({"type": "message", "channel": "D1", "channel_type": "im", "text": "<@U0BOT> health"}, "health"),
    ({"type": "message", "channel": "D1", "text": "health"}, "health"),
    ({"type": "message", "channel": "C1", "channel_type": "channel", "text": "hello there"}, None),
    ({"type": "message", "channel": "C1", "channel_type": "channel", "text": "<@U0BOT> health"}, None),
    ({"type": "message", "channel": "G1", "channel_type": "group", "text": "health"}, None),
    ({"type": "message", "channel": "G1", "channel_type": "mpim", "text": "<@U0BOT> health"}, None),
    ({"type": "app_mention", "channel": "C1", "text": "<@U0BOT> health"}, "health"),
    ({"type": "app_mention", "channel": "C1", "text": "health <@U0BOT|handrail>"}, "health"),
    ({"type": "app_mention", "channel": "D1", "text": "<@U0BOT> health"}, None),
    ({"type": "message", "channel": "D1", "channel_type": "im", "text": "health", "bot_id": "B1"}, None),
    ({"type": "message", "channel": "D1", "channel_type": "im", "text": "health", "user": BOT}, None),
    ({"type": "message", "channel": "D1", "channel_type": "im", "text": "health", "hidden": True}, None),
    ({"type": "message", "channel": "D1", "channel_type": "im", "subtype": "file_share"}, ""),
]


@pytest.mark.parametrize(("event", "said"), MESSAGES)
def test_only_direct_messages_and_mentions_are_commands(event: dict[str, Any], said: str | None) -> None:
    found = payloads.spoken({"event": {"user": "U1", "ts": "17.1", **event}}, BOT)
    assert (found.words if found else None) == said


async def test_a_message_is_answered_once_whatever_comes_of_it(ops: World) -> None:
    """Mentioned where the app hears the channel too, and the event sent a second time."""
    ana, sandbox = ops.slack.person("ana"), ops.slack
    app = sandbox.workspace.app
    object.__setattr__(app, "events", app.events | {"message.channels"})
    sandbox.faults.update({"duplicate": 1.0})
    await ana.says("good morning, all of you", channel="#ops")
    await ana.says("<@U0HANDRAIL> wall", channel="#ops")
    await ana.sees("It is white.")
    await ops.app.drain(timedelta(seconds=5))
    channel = sandbox.workspace.channel("#ops")
    assert channel is not None
    told = [message for message in channel.messages.values() if message.bot or message.ephemeral_to]
    assert len([message for message in told if "It is white." in str(message.blocks)]) == 1
    assert not [message for message in told if "There is no command" in f"{message.text}{message.blocks}"]


async def test_a_screenshot_is_answered(ops: World) -> None:
    dm = ops.slack.workspace.dm("U0ANA0001")
    event = ops.slack.interactions.payloads.message_event(Message("17.1", dm.id, "U0ANA0001"))
    event["event"] |= {"subtype": "file_share", "files": [{"id": "F1", "name": "screenshot.png"}]}
    await ops.slack.delivery.event(event)
    await ops.slack.person("ana").sees("no command 'help'", channel="@handrail")


# -- help and hints -------------------------------------------------------------------------------

HINTS = {
    "break-glass net block 203.0.113.204 reason=abuse": "break-glass net block 203.0.113.204 reason=abuse because=…",
    "break-glass net block 203.0.113.204 reason=abuse because=x": (
        "break-glass net block 203.0.113.204 reason=abuse because=…"
    ),
    "net blcok 203.0.113.204 reason=abuse": "net block 203.0.113.204 reason=abuse",
    "netblock 203.0.113.204": "net block 203.0.113.204",
    "shwo R42": "show R42",
    "lok payments": "look payments",
    "net block 203.0.113.204 reason=abuse because=alone": (
        "break-glass net block 203.0.113.204 reason=abuse because=alone"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "hint"), HINTS.items())
def test_a_hint_is_about_what_was_typed(typed: str, hint: str) -> None:
    with pytest.raises(NotUnderstood) as told:
        parse(CATALOGUE, typed)
    assert told.value.hint == hint
    assert "203.0.113.7" not in told.value.hint


def test_help_and_home_say_when_groups_cannot_be_read() -> None:
    said = "Slack does not tell the members of leads, oncall right now. Try again in a few minutes."
    asker = Asker(PersonId("U1"), unread=("leads", "oncall"))
    shown = ShowHelp(lambda: CATALOGUE, lambda _: lambda action: False)._overview(asker)
    assert said in shown.lead
    drawn = str(home(HomeFacts(PersonId("U1"), Dashboard(), datetime.now(UTC), unread=asker.unread)))
    assert said in drawn
