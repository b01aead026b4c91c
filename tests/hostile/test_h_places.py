"""H, where answers go: a place that takes no message. The requester has the card in direct messages, with its buttons,
and is told where others see it; there is one card a place, and *Making the plan…* is not the last word."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from bot.slack.outbox.posting import Gone
from bot.words.ports import NoticeKind, Posting
from bot.words.request import Said, Via
from sandbox.model import Channel, Message
from sandbox.person import Person
from sandbox.server import Sandbox
from tests.bot.slack.world import OPS_TOML, World, world
from tests.waiting import until_told

ANA, MIA = "U0ANA0001", "U0MIA0001"
OPS, APPROVALS = "C0DEMO002", "C0DEMO003"
ERRORS = (
    "not_in_channel", "channel_not_found", "is_archived", "is_inactive", "restricted_action",
    "restricted_action_read_only_channel", "restricted_action_thread_only_channel", "ekm_access_denied",
    "team_access_not_granted", "access_denied", "no_permission", "msg_too_long", "messages_tab_disabled",
    "cant_post_message", "some_error_of_next_year",
)  # fmt: skip
"""With which Slack refuses a message in one place and takes it in another."""


@pytest.fixture
async def ops(pool: asyncpg.Pool) -> AsyncIterator[World]:
    async with Sandbox() as slack, world(slack, pool) as made:
        yield made


def room_of(ops: World, *, private: bool = True, bot: bool = False) -> Channel:
    members = [ANA, MIA, *([ops.slack.workspace.app.bot_user_id] if bot else [])]
    return ops.slack.workspace.add_channel("war-room", members, private=private)


def refuse(ops: World, channel: str, error: str, method: str = "chat.postMessage") -> None:
    ops.slack.faults.update({"refusal": {"method": method, "channel": channel, "error": error}})


def cards(ops: World, channel: str) -> list[Message]:
    found = ops.slack.workspace.channels.get(channel)
    messages = found.messages.values() if found else ()
    return [message for message in messages if message.ephemeral_to is None and "*R1*" in str(message.blocks)]


def ends(ops: World, channel: str) -> list[str]:
    return [message.text for message in ops.slack.workspace.channels[channel].messages.values()]


async def all_delivered(ops: World) -> None:
    async def nothing_owed() -> bool:
        return await ops.outbox.backlog() == 0

    await until_told(nothing_owed)


async def seen_by(ana: Person, words: str, channel: str) -> str:
    return (await ana.sees(words, channel=channel)).text_all


@pytest.mark.parametrize("error", ERRORS)
async def test_a_place_that_slack_refuses_gives_way_to_direct_messages(ops: World, error: str) -> None:
    room, ana, mia = room_of(ops, bot=True), ops.slack.person("ana"), ops.slack.person("mia")
    refuse(ops, room.id, error)
    said = await ana.says("/ops paint red", channel=room.id)
    assert said.response == {"text": "Making the plan…"}

    told = await ana.sees("its card is in your direct messages and in #ops-approvals", channel=room.id)
    assert told.ephemeral
    await all_delivered(ops)
    assert [len(cards(ops, place)) for place in ("D0ANA0001", APPROVALS, room.id)] == [1, 1, 0]
    await seen_by(ana, "The card of R1 could not be posted in #war-room", "D0ANA0001")
    await seen_by(ana, "Others see it in #ops-approvals.", "D0ANA0001")

    card = await mia.sees("waits for approval", channel=APPROVALS)
    assert any("R1 needs a decision" in text for text in ends(ops, APPROVALS)), "where those who decide see it"
    await mia.clicks("Approve and run", on=card)
    await ana.sees("The wall is red.", channel="D0ANA0001")
    await all_delivered(ops)
    assert [len(cards(ops, place)) for place in ("D0ANA0001", APPROVALS, room.id)] == [1, 1, 0]


async def test_a_private_room_without_the_bot_has_its_button_where_the_requester_sees_it(ops: World) -> None:
    room, ana = room_of(ops), ops.slack.person("ana")
    await ana.says("/ops dust", channel=room.id)
    assert "Handrail is not a member there" in await seen_by(ana, "direct messages", room.id)
    card = await ana.sees("waits to be confirmed", channel="D0ANA0001")
    await ana.clicks("Run it", on=card)
    await ops.waits_until("done")
    await all_delivered(ops)
    assert [len(cards(ops, place)) for place in ("D0ANA0001", APPROVALS)] == [1, 0]


async def test_what_is_asked_in_direct_messages_is_confirmed_there(ops: World) -> None:
    ana = ops.slack.person("ana")
    ops.slack.workspace.dm(ANA)
    await ana.says("/ops dust", channel="D0ANA0001")
    await ana.clicks("Run it", on=await ana.sees("waits to be confirmed", channel="D0ANA0001"))
    await ops.waits_until("done")
    assert cards(ops, APPROVALS) == []


async def test_what_is_asked_from_a_terminal_is_confirmed_in_direct_messages(ops: World) -> None:
    await ops.road.ask(Said(who="U0ANA0001", words="dust", via=Via.TERMINAL))
    ana = ops.slack.person("ana")
    await ana.clicks("Run it", on=await ana.sees("waits to be confirmed", channel="D0ANA0001"))
    await ops.waits_until("done")
    assert cards(ops, APPROVALS) == []


async def test_the_messages_of_two_other_people_take_no_card(ops: World) -> None:
    """A slash command works in them, and the bot is not there."""
    ana = ops.slack.person("ana")
    ops.slack.workspace.channels["D0OTHERS1"] = Channel("D0OTHERS1", "", "dm", [ANA, MIA], ANA, 0)
    refuse(ops, "D0OTHERS1", "channel_not_found")
    await ana.says("/ops dust", channel="D0OTHERS1")
    await ana.sees("direct messages", channel="D0OTHERS1")
    await ana.sees("waits to be confirmed", channel="D0ANA0001")


async def test_an_approval_channel_that_takes_nothing_gives_way_to_those_who_decide(ops: World) -> None:
    ana, mia, leo = (ops.slack.person(name) for name in ("ana", "mia", "leo"))
    refuse(ops, APPROVALS, "is_archived")
    await ana.says("/ops paint red")
    await ana.sees("waits for approval", channel=OPS)
    await leo.sees("waits for approval", channel="D0LEO0001")
    await mia.clicks("Approve and run", on=await mia.sees("waits for approval", channel="D0MIA0001"))
    await leo.sees("The wall is red.", channel="D0LEO0001")
    assert [len(cards(ops, place)) for place in (OPS, "D0ANA0001", "D0LEO0001", "D0MIA0001")] == [1, 0, 1, 1]


async def test_without_an_approval_channel_those_who_decide_have_it_too(pool: asyncpg.Pool) -> None:
    async with Sandbox() as slack, world(slack, pool, settings={**OPS_TOML, "team": {}}) as ops:
        room = room_of(ops)
        await ops.slack.person("ana").says("/ops paint red", channel=room.id)
        await ops.slack.person("ana").sees("waits for approval", channel="D0ANA0001")
        await ops.slack.person("mia").sees("waits for approval", channel="D0MIA0001")


@pytest.mark.parametrize("change", ["archived", "bot removed", "restricted", "deleted"])
async def test_a_place_that_is_lost_while_it_waits(ops: World, change: str) -> None:
    room, ana, mia = room_of(ops, bot=True), ops.slack.person("ana"), ops.slack.person("mia")
    await ana.says("/ops paint red", channel=room.id)
    await ana.sees("waits for approval", channel=room.id)
    match change:
        case "archived":
            room.archived = True
        case "bot removed":
            room.members.remove(ops.slack.workspace.app.bot_user_id)
        case "restricted":
            refuse(ops, room.id, "restricted_action", "chat.update")
        case _:
            ops.slack.workspace.delete(cards(ops, room.id)[0])
    await mia.clicks("Approve and run", on=await mia.sees("waits for approval", channel=APPROVALS))
    where = "D0ANA0001" if change in ("archived", "bot removed") else room.id
    await ana.sees("The wall is red.", channel=where)
    await ana.sees("Done: The wall is red.")


async def test_a_thread_whose_root_was_deleted_keeps_its_card_and_words_together(ops: World) -> None:
    ana = ops.slack.person("ana")
    root = await ana.says("what about the wall?", channel="#ops")
    said = Said(who=ANA, words="paint red", via=Via.MENTION, channel=OPS, thread=root.ts)
    ops.slack.workspace.delete(ops.slack.workspace.channels[OPS].messages[str(root.ts)])
    await ops.road.ask(said)
    await ana.sees("waits for approval", channel=OPS)
    await all_delivered(ops)
    [card] = cards(ops, OPS)
    assert card.thread_ts in (None, card.ts)
    [call] = [
        message for message in ops.slack.workspace.channels[OPS].messages.values() if "needs a dec" in message.text
    ]
    assert call.thread_ts == card.ts


@pytest.mark.parametrize("error", ["restricted_action", "is_archived", "not_in_channel"])
async def test_an_open_answer_that_its_channel_refuses_reaches_who_asked(ops: World, error: str) -> None:
    ana = ops.slack.person("ana")
    incidents = next(each for each in ops.slack.workspace.channels.values() if each.name == "incidents")
    refuse(ops, incidents.id, error)
    await ana.says(f"<@{ops.slack.workspace.app.bot_user_id}> wall", channel="#incidents")
    await ana.sees("It is white.", channel="D0ANA0001")


async def test_an_edit_that_is_refused_for_good_does_not_go_on_for_ever(ops: World) -> None:
    posting = Posting(id=1, kind=NoticeKind.RESULT, channel=OPS, is_card=True, ts="1.1")
    for error in ERRORS:
        refuse(ops, OPS, error, "chat.update")
        drawn: Any = await ops.deliverer.drawing.draw(posting.model_copy(update={"is_card": False, "text": "x"}))
        with pytest.raises(Gone):
            await ops.poster.edit(OPS, "1.1", drawn.ways)
