"""Kind: the start waits for Slack, says so, and any signal ends it in any state."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.server import Sandbox
from sandbox.workspace import Workspace
from tests.hostile.program import environment, started

SLACK = {"SLACK_BOT_TOKEN": "xoxb-sandbox", "SLACK_APP_TOKEN": "xapp-sandbox"}


def _unavailable() -> web.Response:
    return web.Response(status=503, text="upstream connect error")


def _limited() -> web.Response:
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"})


def _page() -> web.Response:
    return web.Response(text="<html>Sign in to the guest network</html>", content_type="text/html")


def _broken() -> web.Response:
    return web.Response(text='{"ok": tr', content_type="application/json")


AWAY = {
    "503": _unavailable,
    "ratelimited": _limited,
    "a page of a proxy": _page,
    "half of its JSON": _broken,
    "internal_error": lambda: web.json_response({"ok": False, "error": "internal_error"}),
}


@asynccontextmanager
async def standing_in(answer: Any) -> AsyncIterator[str]:
    """Something at Slack's address that gives one answer to everything; its address."""

    async def take(_: web.Request) -> web.Response:
        return answer()  # type: ignore[no-any-return]

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", take)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    finally:
        await runner.cleanup()


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("answer", AWAY.values(), ids=AWAY.keys())
async def test_slack_is_waited_for_and_a_signal_ends_the_wait(answer: Any, database: str, tmp_path: Path) -> None:
    (tmp_path / "ops.toml").write_text("")
    port = free_port()
    async with standing_in(answer) as address:
        env = environment(tmp_path, DATABASE_URL=database, SLACK_API_URL=address, **SLACK)
        async with started(["serve", "--health", f"127.0.0.1:{port}"], env, tmp_path / "said") as bot:
            await bot.says("slack_is_away")
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
                alive = await http.get("/healthz")
                ready = await http.get("/readyz")
                problems = (await ready.json())["problems"]
            assert (alive.status, ready.status) == (200, 503)
            assert [problem for problem in problems if problem.startswith("slack: ")] != ["slack: not connected"]
            bot.process.send_signal(signal.SIGTERM)
            ended = await bot.ends()
    assert (ended.code, "Traceback" in ended.said) == (0, False), ended.said


async def test_it_goes_on_when_slack_comes(database: str, tmp_path: Path) -> None:
    """Nothing was there at first, not even a port."""
    (tmp_path / "ops.toml").write_text("")
    port = free_port()
    env = environment(tmp_path, DATABASE_URL=database, SLACK_API_URL=f"http://127.0.0.1:{port}/api/", **SLACK)
    async with started(["serve", "--health", ""], env, tmp_path / "said") as bot:
        await bot.says("slack_is_away")
        async with Sandbox(Workspace.demo(), port=port):
            await bot.says('"ready"')
            bot.process.send_signal(signal.SIGTERM)
            ended = await bot.ends()
    assert (ended.code, "Traceback" in ended.said) == (0, False), ended.said


async def test_a_health_port_that_nobody_asked_for_may_be_taken(database: str, tmp_path: Path) -> None:
    (tmp_path / "ops.toml").write_text("")
    async with Sandbox(Workspace.demo()) as slack:
        try:
            server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 8080)
        except OSError:
            server = None  # taken by another already, which is as good
        env = environment(tmp_path, DATABASE_URL=database, SLACK_API_URL=slack.api_url, **SLACK)
        async with started(["serve"], env, tmp_path / "said") as bot:
            await bot.says('"ready"')
            assert "127.0.0.1:8080 is taken by another program" in bot.said()
            bot.process.send_signal(signal.SIGINT)
            assert (await bot.ends()).code == 0
        if server is not None:
            server.close()


async def test_a_workspace_of_ten_thousand_channels(database: str, tmp_path: Path) -> None:
    """Ready before they are all read, and the last of them is found."""
    workspace = Workspace.demo()
    for number in range(10_050):
        workspace.add_channel(f"team-{number:05}", [])
    (tmp_path / "ops.toml").write_text('[team]\napprovals_channel = "#team-10049"\naudit_channel = "#nowhere-at-all"\n')
    async with Sandbox(workspace) as slack:
        env = environment(tmp_path, DATABASE_URL=database, SLACK_API_URL=slack.api_url, **SLACK)
        async with started(["serve", "--health", ""], env, tmp_path / "said") as bot:
            await bot.says('"ready"')
        async with started(["doctor"], env, tmp_path / "doctor") as doctor:
            said = (await doctor.ends()).said
    assert "#team-10049" not in said
    assert "team.audit_channel #nowhere-at-all cannot be found" in said
