"""The table: everything that is said, clicked, sent and forged, one row each. The next case is one line here, or one in
a table of `tests/hostile/test_*.py`."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.delivery import Kind
from sandbox.model import JSON
from tests.hostile.run.stage import OPS, Stage
from tests.hostile.test_a_unsigned import ADDRESSES, BODIES

Make = Callable[[Stage, str], JSON]
"""The payload, for the person whose row it is."""


@dataclass(frozen=True)
class Row:
    """One signed input. Each has a person of its own, so that whoever is left without an answer is found."""

    group: str
    name: str
    kind: Kind
    make: Make
    answered: bool = True
    """That person must hear something; else there is nobody to tell, or nothing to say."""


ODD = (
    "",
    " ",
    "\t\n",
    "\0",
    "\u200b",
    "\u2060\ufeff",
    "\u202eabc",
    "é" * 500,
    "x" * 39_000,
    '"',
    "'",
    "`",
    "```",
    "*",
    "_",
    "|",
    "\\",
    "$(reboot)",
    "; rm -rf /",
    "' OR 1=1 --",
    "<!channel>",
    "<!here> help",
    "<@U0MIA0001>",
    "<#C0DEMO002|ops>",
    "<https://evil.example|help>",
    "{}",
    "[]",
    "{{7*7}}",
    "%s%n",
    "%00",
    "../../etc/passwd",
    "null",
    "NaN",
    "-1",
    "1e999",
    "٣",
    "help help",
    "HELP",
    "  help  ",
    "=health",
    "health=",
    "crash",
    "crash touch",
    "crash touch a b c d",
    "crash touch key=",
    "crash touch key=1 key=2",
    "crash touch odd for=2h",
    "crash hold odd for=",
    "crash hold odd for=0s",
    "crash hold odd for=-1h",
    "crash hold odd for=999999d",
    "crash hold odd for = 2h",
    "crash hold odd fro=2h",
    "crash touch 👩‍👩‍👧",
    "crash touch `odd`",
    "crash touch *odd*",
    "crash touch “odd”",
    "undo",
    "undo R0",
    "undo R1",
    "undo R999999999999",
    "undo R1; undo R2",
    "end R1",
    "extend R1 1h",
    "reconcile R1 done",
    "withdraw R1",
    "review R1",
    "show R1",
    "show R99",
    "approve R1",
    "break-glass crash touch odd because=now",
    "crash touch odd override=now",
    "crash touch odd journal=yes",
    "unfreeze",
    "audit who=U0MIA0001",
    "requests",
    "unfollow 1",
    "token revoke",
)
"""Words as people, scripts and attackers type them."""

VALUES: tuple[Any, ...] = (
    "R1",
    "R2",
    " R1",
    "R1 ",
    "r1",
    "R01",
    "R1\n",
    "R1;R2",
    "R１",
    "R0",
    "R-1",
    "R99",
    "R9999999999999",
    "1",
    "",
    None,
    7,
    ["R1"],
    {"id": "R1"},
    "R1\0",
    "\ud83d",
    "x" * 2000,
)
ACTIONS: tuple[Any, ...] = (
    "approve",
    "confirm",
    "reject",
    "type_phrase",
    "withdraw",
    "undo",
    "end",
    "extend",
    "reconcile_done",
    "reconcile_failed",
    "review",
    "ask_again",
    "show",
    "say",
    "share",
    "open_form",
    "APPROVE",
    "approve ",
    "approve:1",
    "say:approve",
    "",
    None,
    7,
    "\ud83d",
    "x" * 255,
)
METADATA: tuple[Any, ...] = (
    "",
    "{{{",
    "[]",
    "null",
    '{"request": "R1"}',
    '{"request": ["R1"]}',
    '{"channel": "C0NOWHERE", "request": "R1"}',
    '{"action": "crash touch", "channel": "C0DEMO002"}',
    '{"action": "nothing"}',
    "x" * 3000,
    None,
    7,
)
SUBTYPES = (
    "bot_message",
    "message_changed",
    "message_deleted",
    "channel_join",
    "channel_topic",
    "thread_broadcast",
    "pinned_item",
    "ekm_access_denied",
    "reminder_add",
    "tombstone",
    "some_subtype_of_next_year",
)
EVENTS = (
    "reaction_added",
    "channel_archive",
    "channel_deleted",
    "member_left_channel",
    "team_rename",
    "tokens_revoked",
    "app_uninstalled",
    "user_change",
    "team_join",
    "function_executed",
    "some_event_of_next_year",
)


def rows() -> tuple[Row, ...]:
    return (*_words(), *_addresses(), *_clicks(), *_forms(), *_events(), *_bodies())


# -- what people say --------------------------------------------------------------------------------


def slash(on: Stage, who: str, text: str, **more: Any) -> JSON:
    command = on.payloads.slash_command(on.member(who), on.channel(OPS), "/ops", text, f"{on.trap.url}/{who}")
    return {**command, **more}


def message(on: Stage, who: str, text: str, *, kind: str = "message", channel: str = "", **more: Any) -> JSON:
    workspace = on.slack.workspace
    ts = workspace.new_ts()
    return on.event({
        "type": kind, "user": who, "text": text, "channel": channel or f"D{who[1:]}", "ts": ts, "event_ts": ts,
        "team": workspace.team_id, "channel_type": "im" if kind == "message" else "channel", **more,
    })  # fmt: skip


def _words() -> Iterator[Row]:
    def said(text: str) -> Make:
        return lambda on, who: slash(on, who, text)

    def mentioned(text: str) -> Make:
        def make(on: Stage, who: str) -> JSON:
            return message(on, who, f"<@{on.slack.workspace.app.bot_user_id}> {text}", kind="app_mention", channel=OPS)

        return make

    def written(text: str) -> Make:
        return lambda on, who: message(on, who, text)

    for text in ODD:
        name = repr(text[:30])
        yield Row("slash command", name, "slash_commands", said(text))
        yield Row("mention", name, "events_api", mentioned(text))
        yield Row("direct message", name, "events_api", written(text))


def _addresses() -> Iterator[Row]:
    def answers_to(url: str) -> Make:
        return lambda on, who: slash(on, who, "crash", response_url=url.replace("http://internal", on.trap.url))

    for url in (url for url, slacks in ADDRESSES.items() if not slacks):
        yield Row("response_url", url, "slash_commands", answers_to(url))


# -- what people press ------------------------------------------------------------------------------


def click(on: Stage, who: str, action: Any, value: Any, **more: Any) -> JSON:
    pressed = {"type": "button", "block_id": "request:R1", "action_id": action, "value": value, "action_ts": "1.0"}
    return {**on.payloads.block_actions(on.member(who), pressed, message=on.card, response_url=on.trap.url), **more}


def _clicks() -> Iterator[Row]:
    def pressed(action: Any, value: Any) -> Make:
        return lambda on, who: click(on, who, action, value)

    for action in ACTIONS:
        yield Row("click", f"{str(action)[:20]!r} on R1", "interactive", pressed(action, "R1"))
    for value in VALUES:
        yield Row("click", f"approve on {str(value)[:20]!r}", "interactive", pressed("approve", value))
        yield Row("click", f"confirm on {str(value)[:20]!r}", "interactive", pressed("confirm", value))

    def forged(**more: Any) -> Make:
        return lambda on, who: click(on, who, "approve", "R1", **more)

    mia = "U0MIA0001"
    forgeries: dict[str, JSON] = {
        "a user who is a list": {"user": [mia]},
        "a user who is a name": {"user": mia},
        "no user": {"user": None},
        "an unknown user": {"user": {"id": "U0NOBODY01"}},
        "the bot itself": {"user": {"id": "U0HANDRAIL"}},
        "a machine": {"user": {"id": "machine:handrail"}},
        "a name of an approver": {"user": {"id": "mia", "name": "mia"}},
        "an approver in small letters": {"user": {"id": mia.lower()}},
        "an approver with a blank": {"user": {"id": f"{mia} "}},
        "no actions": {"actions": []},
        "actions that are none": {"actions": {"action_id": "approve"}},
        "an action that is none": {"actions": ["approve"]},
        "no message": {"message": None, "container": None, "channel": None},
        "a message that is a list": {"message": [], "container": []},
        "another app": {"api_app_id": "A0OTHER"},
    }
    for name, more in forgeries.items():
        yield Row("forged click", name, "interactive", forged(**more), answered=False)


def _forms() -> Iterator[Row]:
    def sent(callback: Any, metadata: Any, values: JSON) -> Make:
        def make(on: Stage, who: str) -> JSON:
            view = {
                "id": on.slack.workspace.new_id("V"),
                "type": "modal",
                "callback_id": callback,
                "hash": "1",
                "private_metadata": metadata,
                "state": {"values": values},
            }
            return {"type": "view_submission", **on.sender(who), "view": view, "response_urls": []}

        return make

    typed = {"phrase": {"phrase": {"type": "plain_text_input", "value": "thing hostile-1"}}}
    for metadata in METADATA:
        for callback in ("phrase", "reject", "form", "command", "some_form_of_next_year"):
            name = f"{callback}, {str(metadata)[:30]!r}"
            yield Row("form", name, "interactive", sent(callback, metadata, typed), answered=isinstance(metadata, str))

    def other(body: JSON) -> Make:
        return lambda on, who: {**on.sender(who), **body}

    bodies: dict[str, JSON] = {
        "view_closed": {"type": "view_closed", "view": {"id": "V1", "callback_id": "form"}, "is_cleared": True},
        "options without a view": {"type": "block_suggestion", "block_id": "key", "action_id": "key", "value": "x"},
        "a shortcut of another app": {"type": "shortcut", "callback_id": "x"},
        "a kind of next year": {"type": "some_kind_of_next_year"},
        "no kind": {},
    }
    for name, body in bodies.items():
        yield Row("interactive", name, "interactive", other(body), answered=False)


# -- what happens -----------------------------------------------------------------------------------


def _events() -> Iterator[Row]:
    def written(**more: Any) -> Make:
        return lambda on, who: message(on, who, **{"text": "approve R1", **more})

    def happened(kind: str) -> Make:
        return lambda on, who: on.event({"type": kind, "user": who, "channel": OPS, "event_ts": "1.0"})

    for subtype in SUBTYPES:
        yield Row("message subtype", subtype, "events_api", written(subtype=subtype), answered=False)
    for kind in EVENTS:
        yield Row("event", kind, "events_api", happened(kind), answered=False)
    odd: dict[str, JSON] = {
        "of a bot": {"bot_id": "B0OTHER"},
        "of nobody": {"user": None},
        "hidden": {"hidden": True},
        "half an emoji": {"text": "\ud83d"},
        "text that is a list": {"text": ["approve R1"]},
        "no channel": {"channel": None},
    }
    for name, more in odd.items():
        yield Row("odd message", name, "events_api", written(**more), answered=name == "half an emoji")


def _bodies() -> Iterator[Row]:
    def whole(body: JSON) -> Make:
        return lambda on, who: json.loads(json.dumps(body))

    for body in BODIES:
        yield Row(
            "odd body",
            str(body)[:40],
            "interactive",
            whole({str(key): value for key, value in body.items()}),
            answered=False,
        )
