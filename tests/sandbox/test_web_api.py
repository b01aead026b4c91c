"""The Web API refuses what Slack refuses, in Slack's words."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.app_config import AppConfig
from sandbox.model import JSON, Message
from sandbox.server import Sandbox
from sandbox.web_api.methods import METHODS
from sandbox.workspace import Workspace
from tests.sandbox.app import web_client

OPS = "C0DEMO002"


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox(Workspace.demo(clock=clock)) as slack:
        yield slack


async def call(slack: Sandbox, method: str, *, token: str | None = "xoxb-sandbox", **args: Any) -> JSON:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{slack.api_url}{method}", json=args) as response,
    ):
        reply: JSON = await response.json()
    return reply


async def error(slack: Sandbox, method: str, **args: Any) -> str:
    reply = await call(slack, method, **args)
    assert not reply["ok"], reply
    return str(reply["error"])


def section(text: str) -> JSON:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def modal(**more: Any) -> JSON:
    return {"type": "modal", "title": {"type": "plain_text", "text": "Form"}, "blocks": [section("x")], **more}


async def test_tokens(slack: Sandbox) -> None:
    assert (await call(slack, "auth.test", token=None))["error"] == "not_authed"
    assert (await call(slack, "auth.test", token="xoxb-other"))["error"] == "invalid_auth"
    assert (await call(slack, "auth.test", token="xapp-sandbox"))["error"] == "not_allowed_token_type"
    assert (await call(slack, "apps.connections.open"))["error"] == "not_allowed_token_type"
    assert await error(slack, "chat.dance") == "unknown_method"


async def test_a_missing_scope_says_which() -> None:
    app = AppConfig(scopes=frozenset({"commands", "users:read"}))
    async with Sandbox(Workspace.demo(app)) as slack:
        reply = await call(slack, "chat.postMessage", channel=OPS, text="x")
    assert (reply["error"], reply["needed"]) == ("missing_scope", "chat:write")
    assert reply["provided"] == "commands,users:read"


async def test_a_private_channel_asks_for_the_groups_scope() -> None:
    app = AppConfig(scopes=frozenset({"channels:manage"}))
    async with Sandbox(Workspace.demo(app)) as slack:
        reply = await call(slack, "conversations.create", name="secret", is_private=True)
        assert reply["needed"] == "groups:write"
        assert (await call(slack, "conversations.create", name="open"))["ok"]


async def test_a_form_encoded_call_means_the_same_as_json(slack: Sandbox) -> None:
    form = {"token": "xoxb-sandbox", "channel": "#ops", "blocks": json.dumps([section("hi")])}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.api_url}chat.postMessage", data=form) as response,
    ):
        reply = await response.json()
    assert reply["message"]["blocks"][0]["text"] == {"type": "mrkdwn", "text": "hi", "verbatim": False}
    assert reply["message"]["blocks"][0]["block_id"]


async def test_messages_that_slack_would_not_post(slack: Sandbox) -> None:
    post = "chat.postMessage"
    assert await error(slack, post, channel="#nowhere", text="x") == "channel_not_found"
    assert await error(slack, post, channel=OPS) == "no_text"
    assert await error(slack, post, channel=OPS, text="x" * 40_001) == "msg_too_long"
    assert await error(slack, post, channel=OPS, text="x", thread_ts="1.000001") == "thread_not_found"
    budget = [section("x" * 2700)] * 5
    assert await error(slack, post, channel=OPS, blocks=budget) == "msg_blocks_too_long"
    slack.workspace.channels[OPS].archived = True
    assert await error(slack, post, channel=OPS, text="x") == "is_archived"


async def test_invalid_blocks_are_explained_as_slack_explains_them(slack: Sandbox) -> None:
    reply = await call(slack, "chat.postMessage", channel=OPS, blocks=[section("x" * 3001)])
    assert reply["error"] == "invalid_blocks"
    assert reply["response_metadata"]["messages"] == [
        "[ERROR] 3001 characters, at most 3000 [json-pointer:/blocks/0/text/text]"
    ]


async def test_where_the_bot_is_not_a_member() -> None:
    app = AppConfig(scopes=frozenset({"chat:write", "channels:manage", "channels:read"}))
    async with Sandbox(Workspace.demo(app)) as slack:
        assert await error(slack, "chat.postMessage", channel="#general", text="x") == "not_in_channel"
        secret = slack.workspace.add_channel("secret", ["U0ANA0001"], private=True)
        assert await error(slack, "chat.postMessage", channel=secret.id, text="x") == "channel_not_found"


async def test_the_bot_changes_only_its_own_messages(slack: Sandbox) -> None:
    await slack.person("ana").says("mine", channel="#ops")
    (typed,) = slack.workspace.channels[OPS].messages.values()
    assert await error(slack, "chat.update", channel=OPS, ts=typed.ts, text="x") == "cant_update_message"
    assert await error(slack, "chat.delete", channel=OPS, ts=typed.ts) == "cant_delete_message"
    assert await error(slack, "chat.update", channel=OPS, ts="1.1", text="x") == "message_not_found"


async def test_an_ephemeral_cannot_be_updated_by_its_ts(slack: Sandbox) -> None:
    reply = await call(slack, "chat.postEphemeral", channel=OPS, user="U0ANA0001", text="psst")
    gone = await error(slack, "chat.update", channel=OPS, ts=reply["message_ts"], text="x")
    assert gone == "message_not_found"


async def test_text_without_blocks_drops_the_blocks(slack: Sandbox) -> None:
    posted = await call(slack, "chat.postMessage", channel=OPS, text="t", blocks=[section("b")])
    with_blocks = await call(slack, "chat.update", channel=OPS, ts=posted["ts"], text="t", blocks=[section("c")])
    assert "edited" not in with_blocks["message"]
    updated = await call(slack, "chat.update", channel=OPS, ts=posted["ts"], text="only text")
    assert "blocks" not in updated["message"]
    assert updated["message"]["edited"]["user"] == "U0HANDRAIL"


async def test_a_person_stands_for_their_direct_messages(slack: Sandbox) -> None:
    reply = await call(slack, "chat.postMessage", channel="U0ANA0001", text="for you")
    assert reply["channel"] == "D0ANA0001"
    ana, ben = slack.person("ana"), slack.person("ben")
    await ana.sees("for you")
    await ben.does_not_see("for you", within=0.1)


async def test_replies_go_to_the_thread_and_count(slack: Sandbox) -> None:
    root = await call(slack, "chat.postMessage", channel=OPS, text="root")
    reply = await call(slack, "chat.postMessage", channel=OPS, text="a", thread_ts=root["ts"])
    nested = await call(slack, "chat.postMessage", channel=OPS, text="b", thread_ts=reply["ts"])
    assert nested["message"]["thread_ts"] == root["ts"]
    seen = await slack.person("ana").sees("root")
    assert seen.raw["reply_count"] == 2


async def test_channels(slack: Sandbox) -> None:
    create = "conversations.create"
    channel = (await call(slack, create, name="inc-42"))["channel"]["id"]
    assert await error(slack, create, name="inc-42") == "name_taken"
    assert await error(slack, create, name="Inc 42") == "invalid_name_specials"
    assert await error(slack, create, name="x" * 81) == "invalid_name_maxlength"
    assert (await call(slack, "conversations.invite", channel=channel, users="U0ANA0001"))["ok"]
    invite = "conversations.invite"
    assert await error(slack, invite, channel=channel, users="U0ANA0001") == "already_in_channel"
    assert await error(slack, invite, channel=channel, users="U0NOBODY1") == "user_not_found"
    assert await error(slack, invite, channel="#general", users="U0ANA0001") == "not_in_channel"
    members = await call(slack, "conversations.members", channel=channel)
    assert members["members"] == ["U0HANDRAIL", "U0ANA0001"]
    assert (await call(slack, "conversations.archive", channel=channel))["ok"]
    assert await error(slack, "conversations.archive", channel=channel) == "already_archived"
    assert await error(slack, "conversations.setTopic", channel=channel, topic="t") == "is_archived"


async def test_lists_come_in_pages(slack: Sandbox) -> None:
    client, found, cursor = web_client(slack), [], ""
    while True:
        page = await client.conversations_list(limit=3, cursor=cursor)
        found += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert found == ["general", "ops", "ops-approvals", "incidents"]


async def test_user_groups_and_people(slack: Sandbox) -> None:
    client = web_client(slack)
    assert (await client.usergroups_users_list(usergroup="S0ONCALL1"))["users"] == ["U0ANA0001", "U0BEN0001"]
    assert await error(slack, "usergroups.users.list", usergroup="S0NOPE") == "no_such_subteam"
    assert (await client.users_lookupByEmail(email="mia@example.com"))["user"]["id"] == "U0MIA0001"
    assert await error(slack, "users.info", user="U0NOBODY1") == "user_not_found"


async def test_a_trigger_opens_one_form_within_three_seconds(slack: Sandbox, clock: Clock) -> None:
    workspace = slack.workspace
    trigger = workspace.new_trigger("U0ANA0001")
    assert (await call(slack, "views.open", trigger_id=trigger, view=modal()))["ok"]
    assert await error(slack, "views.open", trigger_id=trigger, view=modal()) == "exchanged_trigger_id"
    late = workspace.new_trigger("U0ANA0001")
    clock.now += 3.1
    assert await error(slack, "views.open", trigger_id=late, view=modal()) == "expired_trigger_id"
    assert await error(slack, "views.open", trigger_id="1.2.x", view=modal()) == "invalid_trigger_id"


async def test_an_invalid_view_is_explained(slack: Sandbox) -> None:
    wrong = modal(title={"type": "plain_text", "text": "x" * 25})
    trigger = slack.workspace.new_trigger("U0ANA0001")
    reply = await call(slack, "views.open", trigger_id=trigger, view=wrong)
    assert reply["error"] == "invalid_arguments"
    assert reply["response_metadata"]["messages"] == [
        "[ERROR] 25 characters, at most 24 [json-pointer:/view/title/text]"
    ]
    assert (await call(slack, "views.open", trigger_id=trigger, view=modal()))["ok"]


async def test_three_forms_and_no_more(slack: Sandbox) -> None:
    async def push(method: str) -> JSON:
        trigger = slack.workspace.new_trigger("U0ANA0001")
        return await call(slack, method, trigger_id=trigger, view=modal())

    assert [(await push(m))["ok"] for m in ("views.open", "views.push", "views.push")] == [True] * 3
    assert (await push("views.push"))["error"] == "push_limit_reached"


async def test_a_stale_hash_is_refused(slack: Sandbox) -> None:
    publish: JSON = {"user_id": "U0ANA0001", "view": {"type": "home", "blocks": []}}
    first = (await call(slack, "views.publish", **publish))["view"]["hash"]
    assert (await call(slack, "views.publish", **publish, hash=first))["ok"]
    assert await error(slack, "views.publish", **publish, hash=first) == "hash_conflict"


async def test_a_file_is_uploaded_shared_and_fetched(slack: Sandbox) -> None:
    client = web_client(slack)
    await client.conversations_join(channel=OPS)
    await client.files_upload_v2(
        channel=OPS, filename="errors.csv", title="Errors", content="a,b\n1,2\n", initial_comment="All of them"
    )
    message = await slack.person("ana").sees("All of them")
    (file,) = message.raw["files"]
    assert (file["title"], file["mimetype"], file["size"]) == ("Errors", "text/csv", 8)
    async with aiohttp.ClientSession() as session, session.get(slack.base_url + file["url"]) as got:
        assert await got.text() == "a,b\n1,2\n"
    incomplete = await call(slack, "files.getUploadURLExternal", filename="x", length=3)
    files = [{"id": incomplete["file_id"]}]
    assert await error(slack, "files.completeUploadExternal", files=files) == "file_not_found"


async def test_a_rate_limit_on_order_is_a_429_with_retry_after(slack: Sandbox) -> None:
    slack.faults.update({"rate_limit": {"method": "chat.postMessage", "retry_after": 7, "times": 1}})
    url = f"{slack.api_url}chat.postMessage"
    headers = {"Authorization": "Bearer xoxb-sandbox"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url, json={"channel": OPS, "text": "x"}) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "7")
            assert (await response.json())["error"] == "ratelimited"
        async with session.post(url, json={"channel": OPS, "text": "x"}) as response:
            assert response.status == 200


async def test_slacks_own_limits_when_they_are_on(slack: Sandbox, clock: Clock) -> None:
    async def posted() -> bool:
        return bool((await call(slack, "chat.postMessage", channel=OPS, text="x"))["ok"])

    assert all([await posted() for _ in range(20)])
    slack.faults.update({"enforce_rate_limits": True})
    assert [await posted() for _ in range(6)] == [True] * 5 + [False]
    clock.now += 5
    assert await posted()
    listed = [(await call(slack, "usergroups.list"))["ok"] for _ in range(21)]
    assert listed == [True] * 20 + [False]


async def test_the_web_api_can_be_down(slack: Sandbox) -> None:
    slack.faults.update({"web_api_down": True})
    async with aiohttp.ClientSession() as session, session.post(f"{slack.api_url}auth.test") as got:
        assert got.status == 503


JUNK: list[Any] = ["", "x", "C0DEMO002", 7, -1, True, None, [], [1], {}, {"a": 1}, "[1]", "{", [{}], "1.5"]
ARGUMENTS = [
    "alt_txt", "attachments", "blocks", "bot", "canvas_id", "changes", "channel", "channel_id", "cursor",
    "document_content", "email", "external_id", "file", "filename", "files", "hash", "is_private", "latest",
    "length", "limit", "link", "message_ts", "metadata", "name", "oldest", "post_at", "text", "thread_ts",
    "timestamp", "title", "topic", "trigger_id", "ts", "type", "types", "user", "user_id", "usergroup", "users",
    "view", "view_id",
]  # fmt: skip


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_no_junk_breaks_a_method(slack: Sandbox, method: str) -> None:
    """Every answer is Slack's JSON, never a server error."""
    chance = random.Random(method)
    headers = {"Authorization": "Bearer xoxb-sandbox"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(40):
            args = {name: chance.choice(JUNK) for name in ARGUMENTS if chance.random() < 0.7}
            if chance.random() < 0.5:
                args["channel"] = args["channel_id"] = OPS
            async with session.post(f"{slack.api_url}{method}", json=args) as response:
                assert response.status == 200, args
                assert "ok" in await response.json()


async def test_a_body_that_is_not_json(slack: Sandbox) -> None:
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{slack.api_url}auth.test", data="{") as response,
    ):
        assert (await response.json())["error"] == "invalid_json"


class TestResponseUrl:
    """Five answers in half an hour, and the only way to an ephemeral."""

    async def post(self, url: str, **payload: Any) -> tuple[int, JSON]:
        async with aiohttp.ClientSession() as session, session.post(url, json=payload) as response:
            return response.status, await response.json()

    def ephemeral(self, slack: Sandbox) -> Message:
        workspace = slack.workspace
        return workspace.post(workspace.bot_message(OPS, text="card", ephemeral_to="U0ANA0001"))

    async def test_five_uses(self, slack: Sandbox) -> None:
        url = slack.response_urls.new("U0ANA0001", OPS)
        assert [(await self.post(url, text="x"))[0] for _ in range(5)] == [200] * 5
        assert await self.post(url, text="x") == (404, {"ok": False, "error": "used_url"})

    async def test_half_an_hour(self, slack: Sandbox, clock: Clock) -> None:
        url = slack.response_urls.new("U0ANA0001", OPS)
        clock.now += 30 * 60
        assert await self.post(url, text="x") == (404, {"ok": False, "error": "expired_url"})

    async def test_replacing_and_deleting_the_original(self, slack: Sandbox) -> None:
        original = self.ephemeral(slack)
        url = slack.response_urls.new("U0ANA0001", OPS, original)
        await self.post(url, text="changed", replace_original=True, response_type="in_channel")
        assert (original.text, original.ephemeral_to) == ("changed", "U0ANA0001")
        await self.post(url, delete_original=True)
        assert original.ts not in slack.workspace.channels[OPS].messages

    async def test_in_channel_and_in_thread(self, slack: Sandbox) -> None:
        url = slack.response_urls.new("U0ANA0001", OPS)
        await self.post(url, text="for all", response_type="in_channel")
        root = await slack.person("ben").sees("for all")
        await self.post(url, text="below", response_type="in_channel", thread_ts=root.ts)
        await slack.person("ben").sees("below", thread=root)

    async def test_invalid_blocks_are_refused(self, slack: Sandbox) -> None:
        url = slack.response_urls.new("U0ANA0001", OPS)
        status, reply = await self.post(url, blocks=[section("")])
        assert (status, reply["error"]) == (400, "invalid_blocks")
