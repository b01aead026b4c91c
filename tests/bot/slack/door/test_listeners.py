"""From a click or a command in the local Slack to the ledger and back, with nothing in between replaced."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.person import Person
from sandbox.seen import Message
from tests.bot.slack.world import World


def card(request: str, *words: str) -> Callable[[Message], bool]:
    def is_it(message: Message) -> bool:
        shown = message.text_all
        return not message.ephemeral and f"*{request}*" in shown and all(word in shown for word in words)

    return is_it


async def test_an_answer_from_memory_comes_with_the_ack(ops: World) -> None:
    said = await ops.slack.person("ana").says("/ops sum")
    assert said.acked
    assert "Four." in str(said.response)
    assert said.response["response_type"] == "ephemeral"
    assert "Share" in str(said.response)


async def test_a_mistake_is_answered_in_the_ack_with_what_to_type(ops: World) -> None:
    ana = ops.slack.person("ana")
    said = await ana.says("/ops pant red")
    assert "`/ops paint`" in str(said.response)


async def test_one_of_several_is_chosen_by_its_button(ops: World) -> None:
    """Of a lookup at once, of a change when its plan is made; each says the whole line."""
    ana = ops.slack.person("ana")
    await ana.says("/ops wall window")
    told = await ana.sees("Several have a window: left, right.")
    assert told.buttons == ["left", "right"]
    assert "/ops" not in told.text_all
    await ana.clicks("right", on=told)
    await ana.sees("It is white.")

    await ana.says('/ops paint "tartan" coats=2 reason=it is time')
    told = await ana.sees("R1: Several tartans are there: green, blue. Say which.")
    assert told.buttons == ["green", "blue"]
    # Kept with the request, so another process offers the same.
    assert [choice.label for choice in (await ops.request(1)).choices] == ["green", "blue"]
    await ana.clicks("blue", on=told)
    await ana.sees(card("R2", "waits for approval", "white → blue"), channel="#ops")


async def test_a_lookup_is_answered_privately_and_shared_openly(ops: World) -> None:
    ana, ben = ops.slack.person("ana"), ops.slack.person("ben")
    await ana.says("/ops wall")
    answer = await ana.sees("It is white.")
    assert answer.ephemeral
    await ben.does_not_see("It is white.", within=0.1)
    assert answer.buttons == ["Red", "Look again", "Share"]
    await ana.clicks("Share", on=answer)
    shared = await ben.sees("Shared by <@U0ANA0001>")
    assert "Share" not in shared.buttons


async def test_in_an_incident_s_channel_everyone_reads_the_answer_and_only_the_asker_the_mistake(ops: World) -> None:
    ana, ben = ops.slack.person("ana"), ops.slack.person("ben")
    await ana.says("/ops wall", channel="#incidents")
    looked = await ben.sees("It is white.", channel="#incidents")
    assert not looked.ephemeral
    assert looked.buttons == ["Red", "Look again"]
    said = await ana.says("/ops sum", channel="#incidents")
    assert said.response["response_type"] == "in_channel"
    said = await ana.says("/ops pant red", channel="#incidents")
    assert said.response["response_type"] == "ephemeral"


async def test_a_request_from_words_to_done_and_back(ops: World) -> None:
    """FAILURES: teleport#32620, one thread, the requester mentioned, the approver named."""
    ana, mia = ops.slack.person("ana"), ops.slack.person("mia")
    said = await ana.says("/ops paint red reason=it is faded")
    assert said.response == {"text": "Making the plan…"}
    waiting = await mia.sees(card("R1", "waits for approval", "white → red"), channel="#ops-approvals")
    assert waiting.buttons == ["Approve and run", "Reject…", "Withdraw"]
    clicked = await mia.clicks("Approve and run", on=waiting)
    assert clicked.acked
    done = await ana.sees(card("R1", "done", "The wall is red.", "Approved by <@U0MIA0001>"), channel="#ops")
    assert (await mia.sees("You approved R1")).ephemeral
    told = await ana.sees("<@U0ANA0001> Done: The wall is red.", thread=done)
    assert told.thread_ts == done.ts
    await ana.clicks("Undo", on=done)
    undo = await ana.sees(card("R2", "Undo R1", "waits to be confirmed"))
    await ana.clicks("Run it", on=undo)
    await ana.sees(card("R1", "undone", "The wall is white again."), channel="#ops")
    assert ops.wall.painted == ["red", "white"]


async def test_a_decision_is_in_the_ledger_when_its_ack_arrives(still: World) -> None:
    """Rule 8: whatever dies after the ack, the decision is kept."""
    ana, mia = still.slack.person("ana"), still.slack.person("mia")
    await ana.says("/ops paint red")
    await still.waits_until("waiting")
    await still.deliverer.settle()
    waiting = await mia.sees(card("R1", "waits for approval"), channel="#ops-approvals")
    clicked = await mia.clicks("Approve and run", on=waiting)
    assert clicked.acked
    assert (await still.request()).state == "cleared"
    assert [vote.person for vote in await still.requests.votes((await still.request()).id)] == ["U0MIA0001"]


async def test_a_second_click_hears_who_was_first(ops: World) -> None:
    """FAILURES: sentry#69252, one click, several runs."""
    ana, mia, leo = (ops.slack.person(name) for name in ("ana", "mia", "leo"))
    await ana.says("/ops paint red")
    waiting = await leo.sees(card("R1", "waits for approval"), channel="#ops-approvals")
    await mia.clicks("Approve and run", on=waiting)
    await ops.waits_until("done")
    # The card leo still has in front of him is the old one.
    await _click_stale(ops, leo, waiting, "Approve and run")
    assert (await leo.sees("already approved by mia")).ephemeral
    assert ops.wall.painted == ["red"]


async def test_who_may_not_approve_is_told_so(ops: World) -> None:
    """FAILURES: teleport-plugins#121, whoever joins the channel may approve."""
    ana, ben = ops.slack.person("ana"), ops.slack.person("ben")
    await ana.says("/ops paint red")
    waiting = await ben.sees(card("R1", "waits for approval"), channel="#ops")
    await ben.clicks("Approve and run", on=waiting)
    assert (await ben.sees("you are not among those who may decide")).ephemeral
    await ana.clicks("Approve and run", on=waiting)
    assert (await ana.sees("cannot approve their own request")).ephemeral
    assert ops.wall.painted == []


async def test_a_rejection_says_who_and_why(ops: World) -> None:
    ana, mia = ops.slack.person("ana"), ops.slack.person("mia")
    await ana.says("/ops paint red")
    await mia.clicks("Reject…", on=await mia.sees(card("R1", "waits"), channel="#ops-approvals"))
    await mia.view("Reject R1")
    await mia.fills({"Why?": "not on a Friday"})
    await mia.submits()
    await mia.no_view()
    rejected = await ana.sees(card("R1", "Rejected by <@U0MIA0001>: not on a Friday"), channel="#ops")
    assert rejected.buttons == ["Ask again", "Whole story"]
    await ana.clicks("Ask again", on=rejected)
    await ana.sees(card("R2", "waits for approval"), channel="#ops")


async def test_withdrawn_by_its_requester_alone(ops: World) -> None:
    ana, mia = ops.slack.person("ana"), ops.slack.person("mia")
    await ana.says("/ops paint red")
    waiting = await mia.sees(card("R1", "waits"), channel="#ops")
    await mia.clicks("Withdraw", on=waiting)
    assert (await mia.sees("Only the person who asked can withdraw it")).ephemeral
    await ana.clicks("Withdraw", on=waiting)
    await ana.sees(card("R1", "Taken back by <@U0ANA0001>"), channel="#ops")


async def test_a_form_is_filled_corrected_and_becomes_a_request(ops: World) -> None:
    """FAILURES: node-slack-sdk#1131, expired trigger: the form opens as loading and is filled then."""
    ana = ops.slack.person("ana")
    await ana.says("/ops paint")
    view = await ana.view("Paint the wall")
    assert view.labels == ["Which colour?", "How many coats?", "Which brush?", "Wet, yes or no?", "Why?"]
    assert await ana.options("Which colour?", typed="") == ["Red", "Green", "Blue"]
    assert await ana.options("Which colour?", typed="pur") == ["Use “pur”"]
    await ana.options("Which colour?", typed="re")
    await ana.fills({"Which colour?": "Red", "Why?": "no"})
    await ana.submits()
    assert "at least 3 characters" in (await ana.view("Paint the wall")).errors["Why?"]
    await ana.fills({"Which colour?": "Red", "Why?": "it is faded"})
    await ana.submits()
    await ana.no_view()
    await ana.sees(card("R1", "reason: it is faded"), channel="#ops")
    assert (await ops.request()).typed == 'paint colour=red coats=1 brush=wide wet=no reason="it is faded"'


async def test_options_are_for_those_who_may_ask(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("/ops paint")
    await ana.view("Paint the wall")
    ops.slack.workspace.groups["S0ONCALL1"].users.clear()
    await ops.reader.refresh()
    assert await ana.options("Which colour?", typed="") == ["Nothing found yet; type to search"]


async def test_a_command_in_a_thread_by_shortcut(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("the wall looks odd")
    about = await ana.sees("the wall looks odd")
    await ana.shortcut("run_here", on=about)
    await ana.view("Run a command")
    await ana.fills({"Command": "wal"})
    await ana.submits()
    assert "wall" in (await ana.view("Run a command")).errors["Command"]
    await ana.fills({"Command": "wall"})
    await ana.submits()
    answer = await ana.sees("It is white.")
    assert answer.thread_ts == about.ts
    assert answer.ephemeral


async def test_an_incomplete_command_in_the_shortcut_becomes_its_form(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.shortcut("run_command")
    await ana.view("Run a command")
    await ana.fills({"Command": "paint"})
    await ana.submits()
    assert (await ana.view("Paint the wall")).labels[0] == "Which colour?"


async def test_a_mention_and_a_direct_message_are_commands(ops: World) -> None:
    ana = ops.slack.person("ana")
    said = await ana.says("@handrail wall", channel="#incidents")
    assert (await ana.sees("It is white.", channel="#incidents")).thread_ts == said.ts
    dm = next(channel for channel in (await ana.state())["channels"] if channel["kind"] == "dm")
    await ana.says("wall left", channel=dm["id"])
    await ana.sees("*left*", channel=dm["id"])


async def test_nothing_to_do_is_told_privately(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("/ops paint white")
    assert (await ana.sees("the wall is white already")).ephemeral


async def test_a_secret_is_shown_to_the_asker_alone_and_cannot_be_shared(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("/ops secret")
    shown = await ana.sees("ops_a1B2")
    assert shown.ephemeral
    assert shown.buttons == []


async def test_a_button_of_another_version_is_acked_and_explained(ops: World) -> None:
    ana = ops.slack.person("ana")
    old = await _post(
        ops, [{"type": "actions", "elements": [_button("Old", "launch", "R1"), _button("Odd", "approve", "x")]}]
    )
    for label in ("Old", "Odd"):
        clicked = await ana.clicks(label, on=old)
        assert clicked.acked
        assert (await ana.sees("This button is out of date", after=clicked)).ephemeral


async def test_a_card_we_have_no_row_of_is_redrawn_once_clicked(ops: World) -> None:
    """FAILURES: pilot#4411, buttons posted by an older process work."""
    ana, mia = ops.slack.person("ana"), ops.slack.person("mia")
    await ana.says("/ops paint red")
    await ops.waits_until("waiting")
    stray = await _post(ops, [{"type": "actions", "elements": [_button("Approve", "approve", "R1")]}], "C0DEMO004")
    await mia.clicks("Approve", on=stray)
    redrawn = await ana.sees(card("R1", "done"), channel="#incidents")
    assert redrawn.ts == stray.ts


async def test_what_crashes_is_acked_and_told_with_a_reference(ops: World) -> None:
    ana = ops.slack.person("ana")
    said = await ana.says("/ops wall crash")
    assert said.acked
    assert (await ana.sees("Reference: ")).ephemeral


async def test_a_listener_that_raises_is_acked_too(ops: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bolt sends no ack at all then; the person would see a time-out."""
    ana = ops.slack.person("ana")
    await ops.pool.execute("ALTER TABLE requests RENAME TO gone")
    old = await _post(ops, [{"type": "actions", "elements": [_button("Approve", "approve", "R1")]}])
    clicked = await ana.clicks("Approve", on=old)
    await ops.pool.execute("ALTER TABLE gone RENAME TO requests")
    assert clicked.acked
    assert (await ana.sees("Reference: ")).ephemeral


async def test_without_a_response_url_an_ephemeral_message_answers(ops: World) -> None:
    ana = ops.slack.person("ana")
    ops.slack.response_urls.use = _dead  # type: ignore[method-assign]
    await ana.says("/ops wall")
    assert (await ana.sees("It is white.", channel="#ops")).ephemeral


async def test_where_the_bot_is_no_member_a_direct_message_answers(ops: World) -> None:
    ana = ops.slack.person("ana")
    ops.slack.response_urls.use = _dead  # type: ignore[method-assign]
    room = ops.slack.workspace.add_channel("war-room", ["U0ANA0001"], private=True)
    await ana.says("/ops wall", channel=room.id)
    answer = await ana.sees("It is white.")
    assert answer.channel == "D0ANA0001"


async def test_a_duplicate_delivery_makes_one_request(ops: World) -> None:
    """FAILURES: agno#10073, deduplicated by key, not dropped."""
    ana = ops.slack.person("ana")
    ops.slack.faults.update({"duplicate": 1.0})
    await ana.says("/ops paint red")
    await ana.sees(card("R1", "waits"), channel="#ops")
    ops.slack.faults.update({"duplicate": 0.0})
    assert await ops.pool.fetchval("SELECT count(*) FROM requests") == 1


async def test_the_same_words_again_ask_again(ops: World) -> None:
    """FAILURES: integrations/slack#352, a false timeout, so people typed it again."""
    ana = ops.slack.person("ana")
    await ana.says("/ops paint red")
    await ops.waits_until("waiting")
    await ana.says("/ops paint red")
    asked = await ana.sees("You asked for the same")
    assert asked.buttons == ["Ask again anyway", "Show R1"]
    await ana.clicks("Ask again anyway", on=asked)
    await ops.waits_until("waiting", 2)


async def test_words_from_outside_arrive_inert(ops: World) -> None:
    """Rule 10: no `<!channel>`, no fake link, no secret leaves."""
    ana = ops.slack.person("ana")
    await ana.says("/ops paint red reason=<!channel> see <https://evil.example|our docs> hunter2hunter2 @here")
    shown = await ana.sees(card("R1", "waits"), channel="#ops")
    assert "<!channel>" not in str(shown.raw)
    assert "<https://evil" not in str(shown.raw)
    assert "hunter2" not in str(shown.raw)
    assert "&lt;!channel&gt;" in str(shown.raw)


async def _post(ops: World, blocks: list[dict[str, Any]], channel: str = "C0DEMO002") -> Message:
    """A message of the bot's own that the outbox knows nothing of."""
    sent = await ops.poster.client.chat_postMessage(channel=channel, text="older", blocks=blocks)
    return await ops.slack.person("ana").sees(lambda message: message.ts == sent["ts"])


def _button(label: str, action_id: str, value: str) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": label}, "action_id": action_id, "value": value}


async def _click_stale(ops: World, who: Person, seen: Message, label: str) -> None:
    """Click a button that has gone meanwhile: put the old blocks back, as they still are on a slow phone."""
    await ops.poster.client.chat_update(channel=seen.channel, ts=seen.ts, text="old", blocks=seen.blocks)
    await who.clicks(label, on=seen)


def _dead(token: str, payload: object) -> None:
    from sandbox.model import SlackError

    raise SlackError("used_url")
