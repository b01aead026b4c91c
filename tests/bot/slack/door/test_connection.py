"""Both ways in which Slack reaches the app, and what breaks them."""

import asyncio
from collections.abc import Callable

import asyncpg

from bot.slack.door.connection import SocketMode
from sandbox.server import Sandbox
from tests.bot.slack.world import OPS_TOML, World, world


async def until(holds: Callable[[], bool]) -> None:
    """Raises TimeoutError after half a minute."""
    async with asyncio.timeout(30):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


async def answers(still: World) -> None:
    """Raises TimeoutError where the app takes no command for half a minute."""
    ana = still.slack.person("ana")
    async with asyncio.timeout(30):
        while True:
            if (await ana.says("/ops sum")).acked:
                return
            await asyncio.sleep(0.1)


async def test_a_deaf_socket_is_noticed_and_built_anew(still: World) -> None:
    """FAILURES: slack_elixir#13, connected for two days, deaf all the while."""
    async with SocketMode(still.app.bolt, "xapp-sandbox", still.slack.api_url, ping_s=0.1) as socket:
        assert socket.connected
        deaf = socket._handler
        assert deaf is not None
        assert deaf.client.current_session_monitor is not None
        assert deaf.client.message_receiver is not None
        deaf.client.current_session_monitor.cancel()
        deaf.client.message_receiver.cancel()
        # Deaf is a moment that may lie between two looks of ours; what comes of it stays.
        await until(lambda: socket._handler not in (None, deaf) and socket.connected)
        assert socket._handler is not deaf


async def test_slack_may_ask_to_reconnect(still: World) -> None:
    await still.slack.sockets.disconnect("refresh_requested")
    await answers(still)


async def test_a_socket_killed_in_the_middle_comes_back(still: World) -> None:
    still.slack.faults.update({"kill_socket_mid_envelope": 1})
    await still.slack.person("ana").says("/ops sum")
    await answers(still)


async def test_a_lone_approver_types_the_phrase(pool: asyncpg.Pool) -> None:
    settings = {**OPS_TOML, "self_approval": "typed"}
    async with Sandbox() as slack, world(slack, pool, settings=settings) as ops:
        mia = slack.person("mia")
        await mia.says("/ops paint red")
        card = await mia.sees("Type to approve", channel="#ops")
        assert ": type the wall to approve your own request." in card.text_all
        await mia.clicks("Type to approve…", on=card)
        await mia.view("Approve R1")
        await mia.fills({"Phrase": "the door"})
        await mia.submits()
        assert (await mia.view("Approve R1")).errors == {"Phrase": "That is not the phrase. Type the wall"}
        await mia.fills({"Phrase": "The  wall"})
        await mia.submits()
        await mia.no_view()
        await mia.sees("*Self-approved:* <@U0MIA0001> alone said yes", channel="#ops")
        await ops.waits_until("done")


async def test_rights_lost_a_moment_ago_are_lost_in_the_ack_too(still: World) -> None:
    ana = still.slack.person("ana")
    assert "Four." in str((await ana.says("/ops sum")).response)
    still.slack.workspace.groups["S0ONCALL1"].users.clear()
    await still.reader.refresh()
    refused = await ana.says("/ops sum")
    assert "Four." not in str(refused.response)
    await ana.sees("Not allowed: only people in these roles")
