"""Delivery and its faults: one socket for each envelope, three seconds, retries for events only."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox import delivery
from sandbox.model import JSON
from sandbox.server import Sandbox
from tests.sandbox.app import bolt_app, over_http, over_socket_mode
from tests.waiting import until


class Line:
    """A bare Socket Mode client that keeps what it got, and acks when told to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, acks: bool) -> None:
        self.socket = socket
        self.acks = acks
        self.got: list[JSON] = []
        self.closed = asyncio.Event()

    async def listen(self) -> None:
        async for message in self.socket:
            envelope = message.json()
            self.got.append(envelope)
            if self.acks and "envelope_id" in envelope:
                await self.socket.send_json({"envelope_id": envelope["envelope_id"]})
        self.closed.set()

    def envelopes(self) -> list[JSON]:
        return [got for got in self.got if "envelope_id" in got]


@asynccontextmanager
async def line(slack: Sandbox, *, acks: bool = True) -> AsyncIterator[Line]:
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": "Bearer xapp-sandbox"}
        async with session.post(f"{slack.api_url}apps.connections.open", headers=headers) as opened:
            url = (await opened.json())["url"]
        async with session.ws_connect(url) as socket:
            client = Line(socket, acks=acks)
            listening = asyncio.create_task(client.listen())
            await until(lambda: client.got)
            try:
                yield client
            finally:
                listening.cancel()


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    async with Sandbox(event_retry_seconds=(0.0, 0.05, 0.05)) as slack:
        yield slack


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seconds are too long for a test of what comes after them."""
    monkeypatch.setattr(delivery, "ACK_SECONDS", 0.15)


async def test_hello_says_what_slack_says(slack: Sandbox) -> None:
    async with line(slack) as client:
        hello = client.got[0]
    assert hello["type"] == "hello"
    assert hello["connection_info"] == {"app_id": "A0HANDRAIL"}
    assert hello["num_connections"] == 1
    assert hello["debug_info"].keys() == {"host", "started", "build_number", "approximate_connection_time"}


async def test_bolt_answers_pings_and_a_frozen_client_is_given_up(slack: Sandbox) -> None:
    slack.sockets.ping_seconds = 0.1
    async with over_socket_mode(slack, bolt_app(slack)):
        (connection,) = slack.sockets.connections
        await asyncio.sleep(0.5)
        assert slack.sockets.connections == [connection]
    async with aiohttp.ClientSession() as session:
        url = f"{slack.base_url}/link/?ticket={slack.sockets.new_ticket()}"
        async with session.ws_connect(url, autoping=False):
            await until(lambda: len(slack.sockets.connections) == 1)
            await until(lambda: not slack.sockets.connections)


async def test_each_envelope_goes_to_one_socket_in_turn(slack: Sandbox) -> None:
    async with line(slack) as one, line(slack) as two, line(slack) as three:
        ana = slack.person("ana")
        for _ in range(6):
            assert (await ana.says("/ops health")).acked
        assert [len(client.envelopes()) for client in (one, two, three)] == [2, 2, 2]


async def test_a_ticket_opens_one_connection(slack: Sandbox) -> None:
    ticket = slack.sockets.new_ticket()
    url = f"{slack.base_url}/link/?ticket={ticket}"
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url):
            pass
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_the_eleventh_connection_is_sent_away(slack: Sandbox) -> None:
    async with AsyncExitStack() as lines:
        for _ in range(10):
            await lines.enter_async_context(line(slack))
        eleventh = await lines.enter_async_context(line(slack))
        assert eleventh.got[0]["reason"] == "too_many_websockets"


async def test_an_unacked_command_fails_after_three_seconds_before_the_persons_eyes(slack: Sandbox) -> None:
    async with line(slack, acks=False) as client:
        ana = slack.person("ana")
        start = time.monotonic()
        said = await ana.says("/ops health", channel="#ops")
        assert time.monotonic() - start > 2.9
        assert (said.acked, said.failed) == (False, "operation_timeout")
        failure = await ana.sees('/ops failed with the error "operation_timeout"', channel="#ops")
        assert failure.raw["user"] == "USLACKBOT"
        assert failure.ephemeral
        assert len(client.envelopes()) == 1


async def test_without_a_connection_a_command_fails_at_once(slack: Sandbox) -> None:
    said = await slack.person("ana").says("/ops health")
    assert said.failed == "dispatch_failed"


@pytest.mark.usefixtures("short_wait")
async def test_an_unacked_click_shows_a_toast(slack: Sandbox) -> None:
    workspace = slack.workspace
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}
    workspace.post(workspace.bot_message("C0DEMO002", blocks=[{"type": "actions", "elements": [button]}]))
    async with line(slack, acks=False):
        ana = slack.person("ana")
        clicked = await ana.clicks("Go", on=(await ana.messages("#ops"))[0])
        assert not clicked.acked
        assert "within 3 seconds" in (clicked.toast or "")


@pytest.mark.usefixtures("short_wait")
async def test_only_events_are_tried_again(slack: Sandbox) -> None:
    async with line(slack, acks=False) as client:
        ana = slack.person("ana")
        await ana.says("@handrail help")
        await until(lambda: len(client.envelopes()) == 4)
        tries = client.envelopes()
        assert [envelope["retry_attempt"] for envelope in tries] == [0, 1, 2, 3]
        assert [envelope["retry_reason"] for envelope in tries] == ["", "timeout", "timeout", "timeout"]
        assert len({envelope["payload"]["event_id"] for envelope in tries}) == 1
        assert len({envelope["envelope_id"] for envelope in tries}) == 4
        client.got.clear()
        await ana.says("/ops health")
        await asyncio.sleep(0.4)
        assert len(client.envelopes()) == 1


@pytest.mark.usefixtures("short_wait")
async def test_a_socket_killed_mid_envelope_takes_the_ack_with_it(slack: Sandbox) -> None:
    async with line(slack) as doomed, line(slack) as other:
        slack.faults.update({"kill_socket_mid_envelope": 1})
        ana = slack.person("ana")
        assert not (await ana.says("/ops health")).acked
        await until(lambda: doomed.closed.is_set() or other.closed.is_set())
        assert (await ana.says("/ops health")).acked


@pytest.mark.usefixtures("short_wait")
async def test_lost_duplicated_and_late_deliveries(slack: Sandbox) -> None:
    async with line(slack) as client:
        ana = slack.person("ana")
        slack.faults.update({"lose": 1})
        assert not (await ana.says("/ops lost")).acked
        assert client.envelopes() == []
        slack.faults.update({"lose": 0, "duplicate": 1})
        assert (await ana.says("/ops twice")).acked
        await until(lambda: len(client.envelopes()) == 2)
        first, second = client.envelopes()
        assert first["payload"] == second["payload"]
        assert first["envelope_id"] != second["envelope_id"]
        client.got.clear()
        slack.faults.update({"duplicate": 0, "late": 0.4})
        assert not (await ana.says("/ops late")).acked
        await until(lambda: len(client.envelopes()) == 1)


@pytest.mark.usefixtures("short_wait")
async def test_chance_is_seeded(slack: Sandbox) -> None:
    async def tried() -> list[bool]:
        slack.faults.update({"lose": 0.5, "seed": 3})
        return [slack.faults.loses() for _ in range(20)]

    first = await tried()
    assert await tried() == first
    assert {True, False} == set(first)


async def test_a_warning_moves_the_traffic_to_the_other_socket(slack: Sandbox) -> None:
    async with line(slack) as warned:
        await slack.sockets.disconnect("warning")
        async with line(slack) as fresh:
            assert (await slack.person("ana").says("/ops health")).acked
            assert len(fresh.envelopes()) == 1
        await until(lambda: len(warned.got) == 2)
        assert warned.got[1] == {
            "type": "disconnect",
            "reason": "warning",
            "debug_info": {"host": "applink-sandbox-1"},
        }


async def test_a_bolt_app_reconnects_when_asked_to(slack: Sandbox) -> None:
    app = bolt_app(slack)

    @app.command("/ops")
    async def ops(ack: Any) -> None:
        await ack("here")

    async with over_socket_mode(slack, app):
        (before,) = slack.sockets.connections
        await slack.sockets.disconnect("refresh_requested")
        await until(lambda: slack.sockets.connections and slack.sockets.connections != [before])
        assert (await slack.person("ana").says("/ops")).acked


async def test_http_requests_are_signed_and_retries_are_marked(slack: Sandbox) -> None:
    """Bolt's own verifier accepts the signature; a wrong secret is refused."""
    app = bolt_app(slack)
    seen: list[Any] = []

    @app.command("/ops")
    async def ops(ack: Any) -> None:
        await ack("here")

    @app.event("app_mention")
    async def mentioned(request: Any) -> None:
        seen.append(request.headers.get("x-slack-retry-num"))
        if len(seen) < 3:
            raise RuntimeError("not yet")

    async with over_http(slack, app):
        ana = slack.person("ana")
        assert (await ana.says("/ops")).acked
        await ana.says("@handrail help")
        await until(lambda: len(seen) == 3)
        assert seen == [None, ["1"], ["2"]]

    stranger = bolt_app(slack, signing_secret="another")
    async with over_http(slack, stranger):
        assert (await slack.person("ana").says("/ops")).failed == "dispatch_failed"


async def test_a_retry_can_be_declined(slack: Sandbox) -> None:
    """`x-slack-no-retry: 1` on a refusal ends the retries."""
    tries = 0

    async def decline(_: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    app = web.Application()
    app.router.add_post("/", decline)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.listen_at(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await slack.person("ana").says("@handrail help")
    await until(lambda: tries and not slack.delivery._background)
    await runner.cleanup()
    assert tries == 1
