"""The shapes the control API shows to the page and the test driver."""

from sandbox.model import JSON, SLACKBOT, Channel, File, Member, Message, View


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
