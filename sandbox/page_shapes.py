"""The shapes the control API shows to the page and the test driver."""

from typing import TYPE_CHECKING

from sandbox.model import JSON, SLACKBOT, Channel, File, Member, Message, View

if TYPE_CHECKING:
    from sandbox.workspace import Workspace


def person(member: Member) -> JSON:
    return {
        "id": member.id,
        "name": member.name,
        "real_name": member.real_name,
        "title": member.title,
        "tz": member.tz,
        "is_bot": member.is_bot,
        "color": f"#{member.color}",
    }


def file(file: File) -> JSON:
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title,
        "alt": file.alt,
        "mimetype": file.mimetype,
        "size": len(file.content),
        "url": f"/files/{file.id}/{file.name}",
    }


def message(message: Message) -> JSON:
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "bot": message.bot,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "thread_ts": message.thread_ts,
        "reply_count": message.reply_count,
        "ephemeral": message.ephemeral_to is not None,
        "edited": message.edited is not None,
        "files": [file(f) for f in message.files],
        "pinned": message.pinned,
        "reactions": message.reactions,
        "failed": message.failed,
        "system": message.user == SLACKBOT,
        "rev": message.rev,
    }


def view(view: View) -> JSON:
    content = view.content
    return {
        "id": view.id,
        "type": view.type,
        "callback_id": content.get("callback_id", ""),
        "title": content.get("title"),
        "submit": content.get("submit"),
        "close": content.get("close"),
        "blocks": view.blocks,
        "state_errors": view.errors,
        "hash": view.hash,
    }


def channel(channel: Channel) -> JSON:
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "topic": channel.topic,
        "purpose": channel.purpose,
        "archived": channel.archived,
        "unread": 0,
        "members": channel.members,
        "bookmarks": channel.bookmarks,
    }


def channels(workspace: "Workspace", as_person: str) -> list[JSON]:
    return [channel(c) for c in workspace.channels.values() if workspace.can_see(as_person, c)]


def state(workspace: "Workspace", as_person: str, *, connected: bool) -> JSON:
    """Everything one person sees; the newest 500 messages of each channel."""
    visible = [c for c in workspace.channels.values() if workspace.can_see(as_person, c)]
    home = workspace.homes.get(as_person)
    app = workspace.app
    return {
        "me": person(workspace.members[as_person]),
        "people": [person(member) for member in workspace.members.values()],
        "bot": {"id": app.bot_id, "user_id": app.bot_user_id, "name": app.name},
        "team": {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.domain},
        "commands": [
            {"command": c.command, "description": c.description, "usage_hint": c.usage_hint} for c in app.commands
        ],
        "shortcuts": [{"type": s.type, "name": s.name, "callback_id": s.callback_id} for s in app.shortcuts],
        "channels": [channel(c) for c in visible],
        "messages": {
            c.id: [message(m) for m in list(c.messages.values())[-500:] if m.ephemeral_to in (None, as_person)]
            for c in visible
        },
        "views": [view(v) for v in workspace.modals.get(as_person, [])],
        "home": view(home) if home else None,
        "connected": connected,
        "rev": workspace.rev,
    }
