"""Payloads and replies, key by key against samples of the real Slack.

Every emitted key path must exist in the superset of keys that Slack was ever seen to send, and every
key of a concrete sample must be emitted. Each exception has its reason.
"""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.app_config import AppConfig
from sandbox.model import JSON, File, Message
from sandbox.payloads import Payloads
from sandbox.server import Sandbox
from sandbox.web_api.methods import METHODS
from sandbox.workspace import Workspace

SAMPLES = Path(__file__).parents[3] / "shared" / "slack" / "samples"
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="../shared/slack/samples is not here: no real payloads to compare with"
)

NOT_IN_SUPERSET = {
    ".state.values": "keyed by the app's own ids; the superset blanks it",
    ".view.state.values": "keyed by the app's own ids; the superset blanks it",
    ".event.view.state.values": "keyed by the app's own ids; the superset blanks it",
    ".view.blocks[]": "the app's own blocks, echoed",
    ".event.view.blocks": "the app's own blocks, echoed",
    ".files[].shares.public.": "keyed by channel id",
    ".message.blocks[]": "the app's own blocks, echoed",
    ".messages[].blocks[]": "the app's own blocks, echoed",
    ".items[].message": "in Slack's API spec; the superset was recorded with a pinned file",
    ".items[].channel": "in Slack's API spec; the superset was recorded with a pinned file",
    ".event.blocks[].elements[].elements": "rich text; the superset was cut there",
    ".response_urls": "in every concrete sample of a form, missing in the superset",
    ".view": "block_suggestion has no superset of its own; compared with the forms'",
}
NOT_IN_CONCRETE = {
    ".enterprise_id": "the workspace is not in an Enterprise Grid",
    ".enterprise_name": "the workspace is not in an Enterprise Grid",
    ".team.enterprise_id": "the workspace is not in an Enterprise Grid",
    ".team.enterprise_name": "the workspace is not in an Enterprise Grid",
    ".authed_users": "replaced by `authorizations` in 2020",
    ".container.attachment_id": "the sample's button is in an attachment",
    ".container.is_app_unfurl": "the sample's button is in an unfurl",
    ".view.blocks": "compared by the app's own blocks",
    ".view.response_urls": "documented there by mistake; real payloads have it at the top",
    ".view.state.values": "keyed by the app's own ids",
    ".actions[].value": "the sample's button has one, ours too only where the app sets it",
}


OUTDATED = {
    "response_metadata",  # only where there is a next page
    "warning",
    "no_op",  # only when nothing changed
    "already_open",
    "file",
    "comments",
    "paging",
}


def paths(node: Any, prefix: str = "") -> set[str]:
    if isinstance(node, dict):
        found: set[str] = set()
        for key, value in node.items():
            found |= {f"{prefix}.{key}"} | paths(value, f"{prefix}.{key}")
        return found
    if isinstance(node, list):
        return set().union(*(paths(item, f"{prefix}[]") for item in node))
    return set()


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def beyond(emitted: JSON, *supersets: str) -> list[str]:
    """Emitted paths that no superset knows."""
    known = set().union(*(paths(sample(name)) for name in supersets))
    unknown = paths(emitted) - known
    return sorted(p for p in unknown if not any(p.startswith(x) for x in NOT_IN_SUPERSET))


def missing(emitted: JSON, concrete: Any) -> list[str]:
    """Paths of a concrete sample that were not emitted."""
    lacking = paths(concrete) - paths(emitted)
    return sorted(p for p in lacking if not any(p.startswith(x) for x in NOT_IN_CONCRETE))


MODAL: JSON = {
    "type": "modal",
    "callback_id": "view-id",
    "title": {"type": "plain_text", "text": "My App"},
    "submit": {"type": "plain_text", "text": "Submit"},
    "close": {"type": "plain_text", "text": "Cancel"},
    "blocks": [
        {
            "type": "input",
            "label": {"type": "plain_text", "text": "Label"},
            "element": {"type": "plain_text_input"},
        }
    ],
}
CARD: list[JSON] = [
    {
        "type": "actions",
        "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Button"}, "value": "click_me_123"}],
    }
]


class Emitted:
    """One of each payload."""

    def __init__(self) -> None:
        self.workspace = Workspace.demo()
        self.payloads = Payloads(self.workspace)
        self.ana = self.workspace.members["U0ANA0001"]
        self.ops = self.workspace.channels["C0DEMO002"]
        typed = Message(self.workspace.new_ts(), self.ops.id, self.ana.id, "<@U0HANDRAIL> hi", client_msg_id="c")
        self.typed = self.workspace.post(typed)
        self.card = self.workspace.post(self.workspace.bot_message(self.ops.id, text="Card", blocks=CARD))
        self.private = self.workspace.post(
            self.workspace.bot_message(self.ops.id, text="Card", blocks=CARD, ephemeral_to=self.ana.id)
        )
        self.view = self.workspace.open_modal(self.ana.id, MODAL)
        self.home = self.workspace.new_view(self.ana.id, {"type": "home", "blocks": CARD})

    def action(self, where: list[JSON]) -> JSON:
        return self.payloads.action(where[0], where[0]["elements"][0], {})

    def clicked(self, message: Message) -> JSON:
        return self.payloads.block_actions(
            self.ana,
            self.action(message.blocks or []),
            message=message,
            response_url="http://127.0.0.1/response/x",
        )

    def in_view(self) -> JSON:
        return self.payloads.block_actions(self.ana, self.action(self.home.blocks), view=self.home)


APP_BACKEND, EVENTS = "java-slack-sdk/app-backend", "java-slack-sdk/events"

EMITTED: dict[str, tuple[Callable[[Emitted], JSON], list[str], list[str]]] = {
    "slash command": (
        lambda e: e.payloads.slash_command(e.ana, e.ops, "/ops", "Hi", "http://127.0.0.1/response/x"),
        [f"{APP_BACKEND}/SlashCommandPayload"],
        ["bolt-python/test_slash_command.slash_command_body", "docs/http.slash_command.form"],
    ),
    "click on a message": (
        lambda e: e.clicked(e.card),
        [f"{APP_BACKEND}/BlockActionPayload"],
        ["docs/block_actions.message"],
    ),
    "click on an ephemeral message": (
        lambda e: e.clicked(e.private),
        [f"{APP_BACKEND}/BlockActionPayload"],
        ["bolt-python/test_block_actions.body"],
    ),
    "click in the Home tab": (
        lambda e: e.in_view(),
        [f"{APP_BACKEND}/BlockActionPayload"],
        ["docs/block_actions.home"],
    ),
    "click in a form": (
        lambda e: e.payloads.block_actions(e.ana, e.action(e.home.blocks), view=e.view),
        [f"{APP_BACKEND}/BlockActionPayload"],
        [],
    ),
    "member_left_channel": (
        lambda e: e.payloads.member_left_channel(e.ana.id, e.ops),
        [f"{EVENTS}/MemberJoinedChannel"],
        ["bolt-python/test_events.left_event_body"],
    ),
    "submission": (
        lambda e: e.payloads.view_submission(e.ana, e.view, []),
        [f"{APP_BACKEND}/ViewSubmissionPayload"],
        ["bolt-python/test_view_submission.body", "docs/view_submission"],
    ),
    "closed form": (
        lambda e: e.payloads.view_closed(e.ana, e.view, is_cleared=False),
        [f"{APP_BACKEND}/ViewClosedPayload"],
        ["bolt-python/test_view_closed.body", "docs/view_closed"],
    ),
    "global shortcut": (
        lambda e: e.payloads.shortcut(e.ana, "run_command"),
        # A global shortcut has no superset of its own; a message's holds every key it can have.
        [f"{APP_BACKEND}/MessageShortcutPayload", "bolt-python/test_shortcut.global_shortcut_body"],
        ["bolt-python/test_shortcut.global_shortcut_body"],
    ),
    "message shortcut": (
        lambda e: e.payloads.message_action(e.ana, e.typed, "run_here", "http://127.0.0.1/response/x"),
        [f"{APP_BACKEND}/MessageShortcutPayload"],
        ["bolt-python/test_shortcut.message_shortcut_body"],
    ),
    "options": (
        lambda e: e.payloads.block_suggestion(e.ana, "es_b", "es_a", "47", view=e.view),
        ["bolt-python/test_block_suggestion.body", f"{APP_BACKEND}/BlockActionPayload"],
        ["bolt-python/test_block_suggestion.body"],
    ),
    "app_mention": (
        lambda e: e.payloads.app_mention(e.typed),
        [f"{EVENTS}/AppMention"],
        ["bolt-python/test_events.app_mention_body"],
    ),
    "message": (
        lambda e: e.payloads.message_event(e.typed),
        [f"{EVENTS}/Message"],
        ["bolt-python/test_message.message_body"],
    ),
    "member_joined_channel": (
        lambda e: e.payloads.member_joined_channel(e.ana.id, e.ops, "U0BEN0001"),
        [f"{EVENTS}/MemberJoinedChannel"],
        ["bolt-python/test_events.join_event_body"],
    ),
    "app_home_opened": (
        lambda e: e.payloads.app_home_opened(e.ana, e.home),
        [f"{EVENTS}/AppHomeOpened"],
        [],
    ),
}


@pytest.mark.parametrize("name", EMITTED)
def test_a_payload_has_slacks_keys_and_no_others(name: str) -> None:
    build, supersets, concretes = EMITTED[name]
    payload = build(Emitted())
    assert beyond(payload, *supersets) == []
    for concrete in concretes:
        assert missing(payload, sample(concrete)) == [], concrete


def test_the_signature_is_slacks_published_example() -> None:
    from sandbox.http_mode import signature

    vector = sample("docs/signature_vector")
    signed = signature(vector["signing_secret"], vector["timestamp"], vector["body"].encode())
    assert signed == vector["signature"]


CALLS: dict[str, JSON] = {
    "auth.test": {},
    "bookmarks.add": {"channel_id": "C0DEMO002", "title": "Runbook", "type": "link", "link": "https://example.com"},
    "bookmarks.list": {"channel_id": "C0DEMO002"},
    "bots.info": {"bot": "B0HANDRAIL"},
    "canvases.create": {"title": "Postmortem"},
    "chat.postMessage": {"channel": "C0DEMO002", "text": "hi"},
    "chat.postEphemeral": {"channel": "C0DEMO002", "text": "hi", "user": "U0ANA0001"},
    "chat.scheduleMessage": {"channel": "C0DEMO002", "text": "hi", "post_at": 4102444800},
    "chat.startStream": {"channel": "C0DEMO002", "markdown_text": "hi"},
    "conversations.create": {"name": "inc-1"},
    "conversations.info": {"channel": "C0DEMO002", "include_num_members": True},
    "conversations.join": {"channel": "C0DEMO002"},
    "conversations.list": {"types": "public_channel,im"},
    "conversations.members": {"channel": "C0DEMO002"},
    "conversations.open": {"users": "U0ANA0001", "return_im": True},
    "conversations.setPurpose": {"channel": "C0DEMO002", "purpose": "p"},
    "conversations.setTopic": {"channel": "C0DEMO002", "topic": "t"},
    "files.getUploadURLExternal": {"filename": "errors.csv", "length": 3},
    "team.info": {},
    "usergroups.list": {"include_users": True},
    "usergroups.users.list": {"usergroup": "S0ONCALL1"},
    "users.info": {"user": "U0ANA0001"},
    "users.list": {},
    "users.lookupByEmail": {"email": "ana@example.com"},
    "views.publish": {"user_id": "U0ANA0001", "view": {"type": "home", "blocks": []}},
}
"""Calls that need nothing before them; those that do are prepared in `_prepared`."""


def _every_scope() -> frozenset[str]:
    methods = METHODS.values()
    asked = {s for m in methods for s in (m.scope, m.private_scope, m.im_scope) if s}
    return frozenset(asked | {"chat:write.public"})


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    app = AppConfig(scopes=_every_scope())
    async with Sandbox(Workspace.demo(app)) as slack:
        for channel in slack.workspace.channels.values():
            if app.bot_user_id not in channel.members:
                channel.members.append(app.bot_user_id)
        yield slack


def _prepared(slack: Sandbox) -> dict[str, JSON]:
    workspace = slack.workspace
    ops = "C0DEMO002"
    message = workspace.post(workspace.bot_message(ops, text="hi"))
    pinned = workspace.post(workspace.bot_message(ops, text="hi"))
    workspace.channels[ops].pins.append(pinned.ts)
    doomed = workspace.post(workspace.bot_message(ops, text="hi"))
    stream, ended = (workspace.post(workspace.bot_message(ops, text="", streaming=True)) for _ in range(2))
    workspace.post(workspace.bot_message(ops, text="hi", thread_ts=message.ts))
    workspace.files["F1"] = File("F1", "a.csv", "a.csv", "U0HANDRAIL", 1, 3, b"a,b")
    workspace.canvases["F2"] = {"title": "", "document": {"type": "markdown", "markdown": ""}}
    view = workspace.open_modal("U0ANA0001", MODAL)
    edit = {"operation": "insert_at_end", "document_content": {"type": "markdown", "markdown": "x"}}
    fresh = workspace.add_channel("fresh", ["U0HANDRAIL"])
    done = workspace.add_channel("done", ["U0HANDRAIL"])
    return {
        "canvases.edit": {"canvas_id": "F2", "changes": [edit]},
        "chat.appendStream": {"channel": ops, "ts": stream.ts, "markdown_text": "x"},
        "chat.delete": {"channel": ops, "ts": doomed.ts},
        "chat.getPermalink": {"channel": ops, "message_ts": message.ts},
        "chat.stopStream": {"channel": ops, "ts": ended.ts},
        "chat.update": {"channel": ops, "ts": message.ts, "text": "new"},
        "conversations.archive": {"channel": done.id},
        "conversations.history": {"channel": ops},
        "conversations.invite": {"channel": fresh.id, "users": "U0ANA0001,U0BEN0001"},
        "conversations.replies": {"channel": ops, "ts": message.ts},
        "files.completeUploadExternal": {"files": [{"id": "F1", "title": "Errors"}], "channel_id": ops},
        "files.info": {"file": "F1"},
        "pins.add": {"channel": ops, "timestamp": message.ts},
        "pins.list": {"channel": ops},
        "pins.remove": {"channel": ops, "timestamp": pinned.ts},
        "reactions.add": {"channel": ops, "timestamp": message.ts, "name": "eyes"},
        "views.open": {"trigger_id": workspace.new_trigger("U0BEN0001"), "view": MODAL},
        "views.push": {"trigger_id": workspace.new_trigger("U0BEN0001"), "view": MODAL},
        "views.update": {"view_id": view.id, "view": MODAL},
    }


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_a_reply_has_slacks_keys_and_no_others(slack: Sandbox, method: str) -> None:
    args = CALLS.get(method) or _prepared(slack).get(method) or {}
    headers = {"Authorization": "Bearer xoxb-sandbox"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{slack.api_url}{method}", json=args) as response,
    ):
        reply = await response.json()
    assert reply["ok"], reply
    assert beyond(reply, f"java-slack-sdk/api/{method}") == []
    spec = SAMPLES / "slack-api-specs" / f"{method}.json"
    if spec.is_file():
        # From 2021, so only the outermost keys: what lies deeper has changed since.
        (described,) = json.loads(spec.read_text(encoding="utf-8")).values()
        example = described["responses"]["200"].get("examples", {}).get("application/json", {})
        assert sorted(set(example) - set(reply) - OUTDATED) == []
