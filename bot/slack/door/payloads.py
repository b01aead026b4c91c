"""Slack's payloads as small frozen values; past this file no dict of Slack's goes on."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from bot.slack.views.place import Origin, Routing
from bot.slack.views.text import unescape
from bot.words.report import Frozen, PersonId
from bot.words.request import Said, Via

Payload = Mapping[str, Any]


class Click(Frozen):
    """One button pressed."""

    origin: Origin
    action_id: str
    value: str
    delivery: str
    message_ts: str | None = None
    """Of a message that everybody sees; None for an ephemeral one, a view or Home."""
    on_home: bool = False
    view_id: str = ""
    routing: Routing = Routing()
    """What the view carries in which it was pressed."""


class Submission(Frozen):
    """A form sent off."""

    origin: Origin
    callback_id: str
    view_id: str
    routing: Routing
    fields: Mapping[str, str]
    """By block id; empty ones are empty strings."""
    delivery: str


class OptionsAsked(Frozen):
    """A select wants its options."""

    who: PersonId
    action: str
    """Words of the action whose form it is."""
    field: str
    typed: str


class Shortcut(Frozen):
    origin: Origin
    callback_id: str


_LINKED = re.compile(
    r"<(?:(@[UW][A-Z0-9]+)(?:\|[^>]*)?|#([CG][A-Z0-9]+)(?:\|[^>]*)?|[a-z]+:[^|>]+\|([^>]+)|([a-z]+:[^|>]+))>"
)


def typed_text(text: str, bot: str = "") -> str:
    """As the person typed it: mentions as ids, that of `bot` left out, links as their text, entities as letters."""

    def word(found: re.Match[str]) -> str:
        person, channel, label, link = found.groups()
        return f"<{person}>" if person else f"<#{channel}>" if channel else label or link

    typed = unescape(_LINKED.sub(word, text))
    # Within code Slack leaves a mention as it was written.
    return re.sub(rf"<@{re.escape(bot)}(?:\|[^>]*)?>[:,]?", " ", typed).strip() if bot else typed.strip()


def command(body: Payload, bot: str = "") -> tuple[Said, Origin]:
    """A slash command, `bot` left out of its words. Its trigger id names the delivery."""
    channel, trigger = str(body["channel_id"]), str(body.get("trigger_id") or "")
    who = PersonId(str(body["user_id"]))
    said = Said(
        who=who,
        words=typed_text(str(body.get("text") or ""), bot),
        via=Via.SLASH,
        channel=channel,
        delivery=trigger or None,
    )
    return said, Origin(who=who, channel=channel, response_url=body.get("response_url"), trigger=trigger or None)


HEARD = frozenset({None, "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages that a person wrote to be read; all others (edited, deleted, joined, posted by a bot, …) tell
of something that was said already, or by nobody."""


def spoken(body: Payload, bot: str) -> Said | None:
    """A mention of `bot`, or a direct message to it; None for what no person wrote, or wrote to others.

    What is said in a channel comes twice where the app hears the channel too: as a mention, which counts, and as a
    message, which does not.
    """
    event = body["event"]
    if event.get("bot_id") or event.get("subtype") not in HEARD or not event.get("user") or event.get("hidden"):
        return None
    mention, channel = event["type"] == "app_mention", str(event["channel"])
    direct = event.get("channel_type") == "im" or channel.startswith("D")
    if mention is direct or event["user"] == bot:
        return None
    text = str(event.get("text") or "")
    return Said(
        who=PersonId(str(event["user"])),
        words=typed_text(text, bot),
        via=Via.MENTION,
        channel=channel,
        thread=event.get("thread_ts") or (event.get("ts") if mention else None),
        # One message may come under several event ids.
        delivery=f"{channel}:{event.get('ts') or body.get('event_id')}",
    )


def click(body: Payload) -> Click:
    action = body["actions"][0]
    container, view = body.get("container") or {}, body.get("view") or {}
    routing = Routing.read(str(view.get("private_metadata") or ""))
    message, channel = body.get("message") or {}, (body.get("channel") or {}).get("id") or routing.channel
    ts = message.get("ts") or container.get("message_ts")
    who = PersonId(str(body["user"]["id"]))
    chosen = (action.get("selected_option") or {}).get("value")
    return Click(
        origin=Origin(
            who=who,
            channel=channel,
            thread=message.get("thread_ts") or container.get("thread_ts") or routing.thread,
            response_url=body.get("response_url") or None,
            trigger=body.get("trigger_id"),
        ),
        action_id=str(action.get("action_id") or ""),
        value=str(action.get("value") or chosen or ""),
        delivery=f"{ts or view.get('id')}:{action.get('action_id')}:{who}:{action.get('action_ts')}",
        message_ts=None if container.get("is_ephemeral") or not message else message.get("ts"),
        on_home=view.get("type") == "home",
        view_id=str(view.get("id") or ""),
        routing=routing,
    )


def submission(body: Payload) -> Submission:
    view = body["view"]
    routing = Routing.read(str(view.get("private_metadata") or ""))
    who = PersonId(str(body["user"]["id"]))
    values = (view.get("state") or {}).get("values") or {}
    return Submission(
        origin=Origin(who=who, channel=routing.channel, thread=routing.thread, trigger=body.get("trigger_id")),
        callback_id=str(view.get("callback_id") or ""),
        view_id=str(view["id"]),
        routing=routing,
        fields={block: _typed(next(iter(inputs.values()), {})) for block, inputs in values.items()},
        # A form is sent once: what comes under the same view is the same.
        delivery=f"{view['id']}:{view.get('hash', '')}:{who}",
    )


def _typed(given: Mapping[str, JsonValue]) -> str:
    option = given.get("selected_option")
    if isinstance(option, dict):
        return str(option.get("value") or "")
    return str(given.get("value") or "")


def options_asked(body: Payload) -> OptionsAsked:
    routing = Routing.read(str((body.get("view") or {}).get("private_metadata") or ""))
    return OptionsAsked(
        who=PersonId(str(body["user"]["id"])),
        action=routing.action,
        field=str(body.get("block_id") or ""),
        typed=str(body.get("value") or ""),
    )


def shortcut(body: Payload) -> Shortcut:
    message = body.get("message") or {}
    return Shortcut(
        origin=Origin(
            who=PersonId(str(body["user"]["id"])),
            channel=(body.get("channel") or {}).get("id"),
            thread=message.get("thread_ts") or message.get("ts"),
            response_url=body.get("response_url"),
            trigger=body.get("trigger_id"),
        ),
        callback_id=str(body.get("callback_id") or ""),
    )


def who_and_where(body: Payload) -> Origin | None:
    """Whom to tell of a failure, out of whatever came in, however odd; None where no person is in it."""
    event, user, channel = body.get("event"), body.get("user"), body.get("channel")
    if isinstance(event, dict):
        if event.get("type") not in ("app_mention", "message") or event.get("bot_id"):
            return None
        who, where = event.get("user"), event.get("channel")
    else:
        who = user.get("id") if isinstance(user, dict) else body.get("user_id")
        where = channel.get("id") if isinstance(channel, dict) else body.get("channel_id")
    if not isinstance(who, str):
        return None
    thread, url = event.get("thread_ts") if isinstance(event, dict) else None, body.get("response_url")
    return Origin(
        who=PersonId(who),
        channel=where if isinstance(where, str) else None,
        thread=thread if isinstance(thread, str) else None,
        response_url=url if isinstance(url, str) else None,
    )
