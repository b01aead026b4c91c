"""The server around it: who may reach it, what people may do, its own process, going back to the seed."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sandbox.app_config import AppConfig, Command, Shortcut
from sandbox.person import Person, Refused
from sandbox.server import Sandbox
from sandbox.workspace import Workspace


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    async with Sandbox() as slack:
        yield slack


async def status(url: str, **headers: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status


async def test_it_listens_on_this_machine_only_and_to_its_own_page(slack: Sandbox) -> None:
    people = f"{slack.base_url}/sandbox/people"
    assert await status(people) == 200
    assert await status(people, Origin=slack.base_url) == 200
    assert await status(people, Origin="https://evil.example") == 403
    assert await status(people, Host="evil.example") == 403
    assert slack.base_url.startswith("http://127.0.0.1:")


async def test_the_state_is_what_one_person_sees(slack: Sandbox) -> None:
    workspace = slack.workspace
    workspace.add_channel("secret", ["U0MIA0001"], private=True)
    workspace.system("U0ANA0001", "C0DEMO002", "for ana")
    ana, mia = slack.person("ana"), slack.person("mia")
    names = {channel["name"] for channel in (await ana.state())["channels"]}
    assert names == {"general", "ops", "ops-approvals", "incidents", "Handrail"}
    assert "secret" in {channel["name"] for channel in (await mia.state())["channels"]}
    assert [m.text_all for m in await ana.messages("#ops")] == ["for ana"]
    assert await mia.messages("#ops") == []
    state = await ana.state()
    assert state["me"]["real_name"] == "Ana Ruiz"
    assert state["commands"][0] == {
        "command": "/ops",
        "description": "Run runbook actions",
        "usage_hint": "[command] [name=value …]",
    }
    assert [s["callback_id"] for s in state["shortcuts"]] == ["run_here", "run_command"]
    assert state["connected"] is False


async def test_people_cannot_do_what_slack_would_not_let_them(slack: Sandbox) -> None:
    ana, sam = slack.person("ana"), slack.person("sam")
    workspace = slack.workspace
    secret = workspace.add_channel("secret", ["U0ANA0001"], private=True)
    with pytest.raises(Refused, match="sam is not in #secret"):
        await sam.says("hello", channel=secret.id)
    with pytest.raises(Refused, match="not a valid command"):
        await ana.says("/dance")
    with pytest.raises(Refused, match="no such shortcut"):
        await ana.shortcut("dance")
    with pytest.raises(Refused, match="unknown person"):
        await slack.person("nobody").says("hello")
    private = workspace.system("U0ANA0001", "C0DEMO002", "for ana")
    seen = (await ana.messages("#ops"))[-1]
    assert seen.ts == private.ts
    with pytest.raises(Refused, match="no such message"):
        await sam.shortcut("run_here", on=seen)
    await sam.leaves("#ops")
    with pytest.raises(Refused, match="sam is not in #ops"):
        await sam.says("hello", channel="#ops")
    await sam.joins("#ops")
    await sam.says("hello", channel="#ops")


async def test_an_unknown_fault_is_refused_with_those_there_are(slack: Sandbox) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.base_url}/sandbox/faults", json={"gremlins": 1}) as response,
    ):
        reply = await response.json()
    assert (response.status, reply["ok"]) == (400, False)
    assert "unknown fault gremlins" in reply["error"]


async def test_a_reset_brings_the_seed_back(slack: Sandbox) -> None:
    ana = slack.person("ana")
    await ana.says("hello", channel="#ops")
    slack.workspace.add_channel("inc-1", ["U0ANA0001"])
    async with aiohttp.ClientSession() as session:
        await session.post(f"{slack.base_url}/sandbox/reset")
    assert await ana.messages("#ops") == []
    assert "inc-1" not in {channel["name"] for channel in (await ana.state())["channels"]}


async def test_whoever_watches_is_told_what_they_may_see(slack: Sandbox) -> None:
    workspace = slack.workspace
    async with (
        aiohttp.ClientSession(slack.base_url) as session,
        session.ws_connect("/sandbox/events?as=U0ANA0001") as socket,
    ):
        assert await socket.receive_json(timeout=30) == {"type": "connected", "connected": False}
        workspace.system("U0BEN0001", "C0DEMO002", "for ben")
        message = workspace.system("U0ANA0001", "C0DEMO002", "for ana")
        event = await socket.receive_json(timeout=30)
        assert (event["type"], event["message"]["text"]) == ("message", "for ana")
        message.text = "changed"
        workspace.changed(message)
        assert (await socket.receive_json(timeout=30))["type"] == "message_changed"
        workspace.delete(message)
        gone = {"type": "message_deleted", "channel": "C0DEMO002", "ts": message.ts}
        assert await socket.receive_json(timeout=30) == gone


async def test_the_page_is_served(slack: Sandbox) -> None:
    async with aiohttp.ClientSession() as session, session.get(slack.base_url) as response:
        assert response.status == 200


def test_commands_and_shortcuts_come_from_a_manifest() -> None:
    app = AppConfig.from_manifest(
        {
            "display_information": {"name": "Other"},
            "features": {
                "slash_commands": [{"command": "/do", "description": "Do it", "should_escape": True}],
                "shortcuts": [{"name": "Here", "type": "message", "callback_id": "here"}],
            },
            "oauth_config": {"scopes": {"bot": ["commands"]}},
            "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}},
        }
    )
    assert app.commands == (Command("/do", "Do it", "", True),)
    assert app.shortcuts == (Shortcut("message", "Here", "here"),)
    assert (app.scopes, app.events) == (frozenset({"commands"}), frozenset({"app_mention"}))


def test_a_manifest_file_means_the_same(tmp_path: Path) -> None:
    file = tmp_path / "manifest.yml"
    file.write_text("features:\n  slash_commands:\n    - command: /do\n", encoding="utf-8")
    assert AppConfig.from_manifest(file).commands == (Command("/do"),)


def test_ids_are_of_slacks_shape() -> None:
    workspace = Workspace.demo()
    ids = [*workspace.members, *workspace.channels, *workspace.groups, workspace.team_id]
    assert all(id.isalnum() and id.isupper() and 9 <= len(id) <= 11 for id in ids)


async def test_it_runs_as_its_own_process_and_stops_when_told() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        word, url = line.split()
        assert word == "sandbox"
        async with Person(url, "ana") as ana:
            assert (await ana.says("/ops health")).failed == "dispatch_failed"
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
