"""conversations.*: channels and direct messages."""

import re

from sandbox.model import JSON, Channel, Message, SlackError
from sandbox.web_api.call import Call, invalid

USERS_PER_INVITE = 100


def create(call: Call) -> JSON:
    name = call.text("name")
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > 80:
        raise SlackError("invalid_name_maxlength")
    if not re.fullmatch(r"[\w-]+", name) or name != name.lower():
        raise SlackError("invalid_name_specials")
    if any(c.name == name for c in call.workspace.channels.values() if c.kind != "dm"):
        raise SlackError("name_taken")
    private = call.flag("is_private")
    channel = call.workspace.add_channel(name, [call.bot], private=private)
    return {"channel": shape(call, channel)}


def invite(call: Call) -> JSON:
    channel = call.open_channel(member=True)
    people = call.items("users")
    if not people:
        raise SlackError("no_user")
    if len(people) > USERS_PER_INVITE:
        raise SlackError("too_many_users")
    errors = []
    for person in people:
        wrong = _cannot_invite(call, channel, person)
        if wrong:
            errors.append({"user": person, "ok": False, "error": wrong})
    if errors and not (call.flag("force") and len(errors) < len(people)):
        raise SlackError(str(errors[0]["error"]), errors=errors)
    refused = {error["user"] for error in errors}
    for person in people:
        if person not in refused:
            channel.members.append(person)
            call.emit(call.payloads.member_joined_channel(person, channel, call.bot))
    call.workspace.publish_channels()
    return {"channel": shape(call, channel)}


def _cannot_invite(call: Call, channel: Channel, person: str) -> str | None:
    if person == call.bot:
        return "cant_invite_self"
    if person not in call.workspace.members:
        return "user_not_found"
    return "already_in_channel" if person in channel.members else None


def join(call: Call) -> JSON:
    channel = call.open_channel()
    if channel.kind != "channel":
        raise SlackError("method_not_supported_for_channel_type")
    if call.bot in channel.members:
        return {
            "channel": shape(call, channel),
            "warning": "already_in_channel",
            "response_metadata": {"warnings": ["already_in_channel"]},
        }
    channel.members.append(call.bot)
    call.workspace.publish_channels()
    call.emit(call.payloads.member_joined_channel(call.bot, channel))
    return {"channel": shape(call, channel)}


def archive(call: Call) -> JSON:
    channel = call.channel(member=True)
    if channel.archived:
        raise SlackError("already_archived")
    channel.archived = True
    call.workspace.publish_channels()
    return {}


def set_topic(call: Call) -> JSON:
    channel = call.open_channel(member=True)
    topic = call.text("topic")
    if len(topic) > 250:
        raise SlackError("too_long")
    channel.topic = topic
    call.workspace.publish_channels()
    return {"channel": shape(call, channel)}


def set_purpose(call: Call) -> JSON:
    channel = call.open_channel(member=True)
    purpose = call.text("purpose")
    if len(purpose) > 250:
        raise SlackError("too_long")
    channel.purpose = purpose
    call.workspace.publish_channels()
    return {"channel": shape(call, channel)}


def info(call: Call) -> JSON:
    channel = call.channel()
    return {"channel": shape(call, channel, members=call.flag("include_num_members"))}


def list_(call: Call) -> JSON:
    wanted = call.items("types") or ["public_channel"]
    kinds = {"public_channel": "channel", "private_channel": "private", "im": "dm"}
    unknown = set(wanted) - set(kinds) - {"mpim"}
    if unknown:
        raise SlackError("invalid_types")
    keep = {kinds[kind] for kind in wanted if kind in kinds}
    channels = [
        channel
        for channel in call.workspace.channels.values()
        if channel.kind in keep
        and (not channel.is_private or call.bot in channel.members)
        and not (channel.archived and call.flag("exclude_archived"))
    ]
    page, metadata = call.page(channels)
    shapes = [shape(call, channel, members=channel.kind != "dm") for channel in page]
    return {"channels": shapes, "response_metadata": metadata}


def members(call: Call) -> JSON:
    page, metadata = call.page(call.channel().members)
    return {"members": page, "response_metadata": metadata}


def open_(call: Call) -> JSON:
    if call.text("channel"):
        channel = call.channel()
        return {"no_op": True, "already_open": True, "channel": _opened(call, channel)}
    people = call.items("users")
    if not people:
        raise SlackError("users_list_not_supplied")
    if len(people) > 1:
        raise invalid("the stand-in opens direct messages with one person only")
    if people[0] not in call.workspace.members:
        raise SlackError("user_not_found")
    known = "D" + people[0][1:] in call.workspace.channels
    channel = call.workspace.dm(people[0])
    extra = {"no_op": True, "already_open": True} if known else {}
    return {**extra, "channel": _opened(call, channel)}


def _opened(call: Call, channel: Channel) -> JSON:
    return shape(call, channel) if call.flag("return_im") else {"id": channel.id}


def history(call: Call) -> JSON:
    channel = call.channel(member=True)
    found = [
        message
        for message in reversed(channel.messages.values())
        if message.ephemeral_to is None and (message.thread_ts in (None, message.ts)) and _between(call, message)
    ]
    page, metadata = call.page(found)
    reply: JSON = {
        "messages": [call.payloads.message(message) for message in page],
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": len(channel.pins),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    }
    if reply["has_more"]:
        reply["response_metadata"] = metadata
    return reply


def replies(call: Call) -> JSON:
    channel = call.channel(member=True)
    parent = channel.messages.get(call.required("ts"))
    if parent is None:
        raise SlackError("thread_not_found")
    root = parent.thread_ts or parent.ts
    found = [
        message
        for message in channel.messages.values()
        if message.ephemeral_to is None and root in (message.ts, message.thread_ts) and _between(call, message)
    ]
    page, metadata = call.page(found, default=1000)
    reply: JSON = {
        "messages": [call.payloads.message(message) for message in page],
        "has_more": bool(metadata["next_cursor"]),
    }
    if reply["has_more"]:
        reply["response_metadata"] = metadata
    return reply


def _between(call: Call, message: Message) -> bool:
    try:
        oldest = float(call.text("oldest") or 0)
        latest = float(call.text("latest") or "inf")
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None
    ts = float(message.ts)
    return oldest <= ts <= latest if call.flag("inclusive") else oldest < ts < latest


def shape(call: Call, channel: Channel, *, members: bool = False) -> JSON:
    """A conversation object as the bot sees it."""
    if channel.kind == "dm":
        other = next((m for m in channel.members if m != call.bot), call.bot)
        return {
            "id": channel.id,
            "created": channel.created,
            "is_archived": channel.archived,
            "is_im": True,
            "is_org_shared": False,
            "context_team_id": call.workspace.team_id,
            "updated": channel.created * 1000,
            "user": other,
            "priority": 0,
        }
    said = {"creator": channel.creator, "last_set": channel.created}
    result: JSON = {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "created": channel.created,
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "unlinked": 0,
        "name_normalized": channel.name,
        "is_shared": channel.ext_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": call.workspace.team_id,
        "updated": channel.created * 1000,
        "creator": channel.creator,
        "is_ext_shared": channel.ext_shared,
        "shared_team_ids": [call.workspace.team_id],
        "pending_connected_team_ids": [],
        "is_member": call.bot in channel.members,
        "topic": {"value": channel.topic, **said},
        "purpose": {"value": channel.purpose, **said},
        "previous_names": [],
    }
    if members:
        result["num_members"] = len(channel.members)
    return result
