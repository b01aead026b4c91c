"""pins.*, bookmarks.*, reactions.* and canvases.*: what hangs on channels and messages."""

from sandbox.model import JSON, SlackError
from sandbox.web_api.call import Call, invalid


def pins_add(call: Call) -> JSON:
    channel = call.open_channel(member=True)
    message = call.message(channel, "timestamp")
    if message.ts in channel.pins:
        raise SlackError("already_pinned")
    channel.pins.append(message.ts)
    message.pinned = True
    call.workspace.changed(message)
    return {}


def pins_list(call: Call) -> JSON:
    channel = call.channel(member=True)
    messages = [channel.messages[ts] for ts in reversed(channel.pins) if ts in channel.messages]
    return {
        "items": [
            {
                "type": "message",
                "channel": channel.id,
                "message": call.payloads.message(message),
                "created": call.workspace.now(),
                "created_by": call.bot,
            }
            for message in messages
        ]
    }


def pins_remove(call: Call) -> JSON:
    channel = call.open_channel(member=True)
    message = call.message(channel, "timestamp")
    if message.ts not in channel.pins:
        raise SlackError("no_pin")
    channel.pins.remove(message.ts)
    message.pinned = False
    call.workspace.changed(message)
    return {}


def bookmarks_add(call: Call) -> JSON:
    channel = call.open_channel("channel_id", member=True)
    kind = call.required("type")
    if kind != "link":
        raise SlackError("invalid_bookmark_type")
    now = call.workspace.now()
    bookmark: JSON = {
        "id": call.workspace.new_id("Bk"),
        "channel_id": channel.id,
        "title": call.required("title"),
        "link": call.required("link"),
        "emoji": call.text("emoji"),
        "icon_url": "",
        "type": kind,
        "entity_id": None,
        "date_created": now,
        "date_updated": 0,
        "rank": "i",
        "last_updated_by_user_id": call.bot,
        "last_updated_by_team_id": call.workspace.team_id,
        "shortcut_id": None,
        "app_id": call.workspace.app.app_id,
        "app_action_id": None,
    }
    channel.bookmarks.append(bookmark)
    call.workspace.publish_channels()
    return {"bookmark": bookmark}


def bookmarks_list(call: Call) -> JSON:
    return {"bookmarks": list(call.channel("channel_id", member=True).bookmarks)}


def reactions_add(call: Call) -> JSON:
    channel = call.open_channel()
    message = call.message(channel, "timestamp")
    name = call.required("name")
    who = message.reactions.setdefault(name, [])
    if call.bot in who:
        raise SlackError("already_reacted")
    who.append(call.bot)
    call.workspace.changed(message)
    return {}


def canvases_create(call: Call) -> JSON:
    id = call.workspace.new_id("F")
    document = call.json("document_content") or {"type": "markdown", "markdown": ""}
    call.workspace.canvases[id] = {"title": call.text("title"), "document": document}
    return {"canvas_id": id}


def canvases_edit(call: Call) -> JSON:
    canvas = call.workspace.canvases.get(call.required("canvas_id"))
    if canvas is None:
        raise SlackError("canvas_not_found")
    changes = call.json("changes")
    if not isinstance(changes, list) or not changes:
        raise invalid("missing required field: changes")
    for change in changes:
        _edit(canvas, change)
    return {}


def _edit(canvas: JSON, change: JSON) -> None:
    document = canvas["document"]
    added = (change.get("document_content") or {}).get("markdown", "")
    match change.get("operation"):
        case "insert_at_end":
            document["markdown"] += added
        case "insert_at_start":
            document["markdown"] = added + document["markdown"]
        case "replace":
            document["markdown"] = added
        case other:
            raise invalid(f"unsupported operation: {other}")
