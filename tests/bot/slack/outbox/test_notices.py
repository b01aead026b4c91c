"""The outbox against a Slack that limits, loses and refuses: nothing is lost, nothing is said twice."""

import asyncio
import time
from typing import Any

import asyncpg

from bot.slack.outbox.notices import STORM
from bot.words.report import PersonId, Report
from bot.words.request import Said, Via
from sandbox.model import Message as Stored
from sandbox.server import Sandbox
from tests.bot.slack.world import OPS_TOML, World, world

ANA, MIA = PersonId("U0ANA0001"), PersonId("U0MIA0001")
OPS, APPROVALS, INCIDENTS = "C0DEMO002", "C0DEMO003", "C0DEMO004"


async def asked(still: World, colour: str = "red", channel: str = OPS) -> None:
    await still.road.ask(Said(who=ANA, words=f"paint {colour}", via=Via.SLASH, channel=channel))


def messages(still: World, channel: str) -> list[Stored]:
    return list(still.slack.workspace.channels[channel].messages.values())


def cards(still: World, channel: str) -> list[Stored]:
    return [message for message in messages(still, channel) if message.blocks and "*R1*" in str(message.blocks)]


async def swept(still: World, *, until_owed: int = 0) -> None:
    """Sweep until so many are owed. Raises TimeoutError after half a minute."""
    async with asyncio.timeout(30):
        while True:
            await still.deliverer.settle()
            if await still.outbox.backlog() <= until_owed:
                return
            await asyncio.sleep(0.05)


async def test_a_card_stands_where_it_was_asked_and_where_it_is_approved(still: World) -> None:
    await asked(still)
    await swept(still)
    assert len(cards(still, OPS)) == len(cards(still, APPROVALS)) == 1
    thread = [message for message in messages(still, OPS) if message.thread_ts and not cards_is(message)]
    assert [message.thread_ts for message in thread] == [cards(still, OPS)[0].ts]
    assert "<@U0LEO0001> <@U0MIA0001>" in thread[0].text


async def test_every_copy_is_redrawn(still: World) -> None:
    """FAILURES: clawpatrol#595, decided elsewhere, Slack still showed buttons."""
    await asked(still)
    await swept(still)
    await still.road.vote((await still.request()).id, MIA, approve=False, note="no")
    await swept(still)
    for channel in (OPS, APPROVALS):
        assert [("rejected" in str(card.blocks), "approve" in str(card.blocks)) for card in cards(still, channel)] == [
            (True, False)
        ]


async def test_a_deleted_card_is_posted_afresh(still: World) -> None:
    """FAILURES: oncall#4329, endless retries of cant_update_message."""
    await asked(still)
    await swept(still)
    old = cards(still, OPS)[0]
    still.slack.workspace.delete(old)
    await still.road.vote((await still.request()).id, MIA, approve=False, note="no")
    await swept(still)
    fresh = cards(still, OPS)
    assert len(fresh) == 1
    assert fresh[0].ts != old.ts
    assert "rejected" in str(fresh[0].blocks)


async def test_a_restart_posts_nothing_anew(still: World) -> None:
    """FAILURES: infrabroker#356, a restart posted decided requests again."""
    await asked(still)
    await swept(still)
    before = len(messages(still, OPS))
    still.deliverer.poster._joined.clear()
    await swept(still)
    assert len(messages(still, OPS)) == before


async def test_a_limit_is_obeyed_and_nothing_is_lost(still: World) -> None:
    """Rule 9."""
    still.slack.faults.update({"rate_limit": {"method": "chat.postMessage", "retry_after": 1, "times": 1}})
    await asked(still)
    began = time.monotonic()
    await still.deliverer.settle()
    await swept(still)
    assert time.monotonic() - began >= 0.9
    assert len(cards(still, OPS)) == len(cards(still, APPROVALS)) == 1


async def test_while_one_channel_is_limited_others_are_served(still: World) -> None:
    """FAILURES: oncall#4087, one slow thing held up every alert."""
    await still.outbox.post(INCIDENTS, key="1", text="the first")
    still.slack.faults.update({"rate_limit": {"method": "chat.postMessage", "retry_after": 5, "times": 1}})
    await still.deliverer.settle()
    await still.outbox.post(OPS, key="2", text="the second")
    await still.deliverer.settle()
    assert [message.text for message in messages(still, OPS)] == ["the second"]
    assert messages(still, INCIDENTS) == []
    assert await still.outbox.backlog() == 1


async def test_a_long_limit_is_told_once_and_never_about_itself(still: World) -> None:
    """FAILURES: oncall#5204, the notice about the limit was limited, in a loop."""
    still.slack.faults.update({"rate_limit": {"method": "chat.postMessage", "retry_after": 60, "times": 9}})
    await still.outbox.post(OPS, key="1", text="something")
    await still.deliverer.settle()
    await still.deliverer.settle()
    told = await still.pool.fetch("SELECT text FROM postings WHERE text LIKE 'Slack limits%'")
    assert len(told) == 1
    assert "1 message comes late, none is lost" in told[0]["text"]


async def test_a_storm_becomes_one_message_with_a_count(still: World) -> None:
    """FAILURES: goalert#4188, 200 pings in five minutes."""
    for n in range(40):
        await still.outbox.post(OPS, key=str(n), text=f"update number {n} {'x' * 100}")
    await swept(still)
    posted = [message for message in messages(still, OPS) if message.thread_ts in (None, message.ts)]
    assert len(posted) == 1
    assert "40 updates at once" in posted[0].text
    whole = next(iter(still.slack.workspace.files.values())).content.decode()
    assert all(f"update number {n} " in whole for n in range(40))


async def test_a_few_are_no_storm(still: World) -> None:
    for n in range(3):
        await still.outbox.post(OPS, key=str(n), text=f"update {n}")
    await swept(still)
    assert [message.text for message in messages(still, OPS)] == ["update 0", "update 1", "update 2"]
    assert STORM > 3


async def test_what_people_must_act_on_is_never_in_a_digest(still: World) -> None:
    await asked(still)
    for n in range(20):
        await still.outbox.post(OPS, key=str(n), text=f"update {n}")
    await swept(still)
    assert "R1 needs a decision" in str([message.text for message in messages(still, OPS)])
    assert len(cards(still, OPS)) == 1


async def test_an_unusable_channel_falls_back_to_the_approvals(still: World) -> None:
    still.slack.workspace.channels[INCIDENTS].archived = True
    await still.outbox.post(INCIDENTS, key="1", text="heard anyway")
    await swept(still)
    assert [message.text for message in messages(still, APPROVALS)] == ["heard anyway"]


async def test_a_request_from_a_room_we_cannot_enter_is_seen_by_its_requester(pool: asyncpg.Pool) -> None:
    settings = {**OPS_TOML, "team": {}}
    async with Sandbox() as slack, world(slack, pool, serve=False, settings=settings) as still:
        room = slack.workspace.add_channel("war-room", [ANA], private=True)
        await asked(still, channel=room.id)
        await swept(still)
        assert len(cards(still, "D0ANA0001")) == 1


async def test_a_public_channel_is_joined_once(pool: asyncpg.Pool) -> None:
    async with Sandbox() as slack, world(slack, pool, serve=False) as still:
        app = slack.workspace.app
        room = slack.workspace.add_channel("fresh", [ANA])
        object.__setattr__(app, "scopes", app.scopes - {"chat:write.public"})
        await still.outbox.post(room.id, key="1", text="hello")
        await swept(still)
        assert [message.text for message in messages(still, room.id)] == ["hello"]
        assert app.bot_user_id in room.members


async def test_refused_blocks_become_plainer_until_they_are_taken(still: World) -> None:
    """FAILURES: robusta#1864, one bad part killed the whole alert."""
    await still.outbox.post(OPS, key="1", report=Report(title="Alert", lead="disk is full"))
    client = still.deliverer.poster.client
    taken = client.chat_postMessage

    async def picky(**content: Any) -> Any:
        if content["blocks"]:
            content["blocks"] = [{"type": "nonsense"}]
        return await taken(**content)

    client.chat_postMessage = picky  # type: ignore[method-assign]
    await swept(still)
    assert [message.text for message in messages(still, OPS)] == ["disk is full"]


async def test_slack_away_means_later(still: World) -> None:
    still.slack.faults.update({"web_api_down": True})
    await still.outbox.post(OPS, key="1", text="patience")
    await still.deliverer.settle()
    assert await still.outbox.backlog() == 1
    still.slack.faults.update({"web_api_down": False})
    await swept(still)
    assert [message.text for message in messages(still, OPS)] == ["patience"]


async def test_what_does_not_fit_a_card_hangs_in_its_thread(still: World) -> None:
    await still.road.ask(Said(who=ANA, words=f"paint {'x' * 1500}", via=Via.SLASH, channel=OPS))
    await swept(still)
    assert len(cards(still, OPS)) == 1


async def test_a_text_of_ours_is_redacted_and_escaped_on_its_way_out(still: World) -> None:
    await still.outbox.post(OPS, key="1", text="<!channel> the password is hunter2hunter2")
    await swept(still)
    posted = messages(still, OPS)[0]
    assert "hunter2" not in f"{posted.text} {posted.blocks}"
    assert "<!channel>" not in f"{posted.text} {posted.blocks}"


def cards_is(message: Stored) -> bool:
    return bool(message.blocks) and "*R1*" in str(message.blocks)
