"""chat.*: the bot's own messages."""

from bot.slack.views import blockkit
from sandbox.model import JSON, Channel, Message, SlackError
from sandbox.web_api.call import Call, invalid_blocks

POST_TEXT, UPDATE_TEXT = 40_000, 4_000
"""Characters of `text`; past them Slack says msg_too_long."""


def post_message(call: Call) -> JSON:
    channel = _target(call)
    content = _checked(call, POST_TEXT)
    message = call.workspace.bot_message(
        channel.id, thread_ts=_thread(call, channel), metadata=call.json("metadata"), **content
    )
    call.workspace.post(message)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "message": call.payloads.message(message, thread=False),
    }


def post_ephemeral(call: Call) -> JSON:
    channel = call.open_channel(member=True)
    person = call.member()
    if person.id not in channel.members:
        raise SlackError("user_not_in_channel")
    content = _checked(call, POST_TEXT)
    message = call.workspace.bot_message(
        channel.id, ephemeral_to=person.id, thread_ts=_thread(call, channel), **content
    )
    call.workspace.post(message)
    return {"message_ts": message.ts}


def update(call: Call) -> JSON:
    channel = call.channel()
    if channel.archived:
        raise SlackError("is_inactive")
    message = call.message(channel)
    if not message.bot:
        raise SlackError("cant_update_message")
    content = _checked(call, UPDATE_TEXT)
    if not content["blocks"] and not content["attachments"]:
        message.edited = call.workspace.new_ts()
    if call.json("metadata") is not None:
        message.metadata = call.json("metadata")
    call.workspace.set_message(message, content)
    shape = call.payloads.message(message, thread=False)
    # Slack names the ts beside the message here, and not in it.
    for name in ("ts", "thread_ts", "parent_user_id"):
        shape.pop(name, None)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shape}


def delete(call: Call) -> JSON:
    channel = call.channel()
    message = call.message(channel)
    if not message.bot:
        raise SlackError("cant_delete_message")
    call.workspace.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(call: Call) -> JSON:
    channel = call.channel()
    message = call.message(channel, "message_ts")
    link = f"{call.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts and message.thread_ts != message.ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def schedule_message(call: Call) -> JSON:
    """Kept as scheduled and never posted: the stand-in has no later."""
    channel = _target(call)
    post_at = call.number("post_at", 0)
    if post_at <= call.workspace.now():
        raise SlackError("time_in_past")
    content = _checked(call, POST_TEXT)
    message = call.workspace.bot_message(channel.id, **content)
    shape = call.payloads.message(message, thread=False)
    del shape["ts"]
    return {
        "channel": channel.id,
        "scheduled_message_id": call.workspace.new_id("Q"),
        "post_at": post_at,
        "message": shape,
    }


def start_stream(call: Call) -> JSON:
    channel = _target(call)
    message = call.workspace.bot_message(
        channel.id, thread_ts=_thread(call, channel), text=call.text("markdown_text"), streaming=True
    )
    call.workspace.post(message)
    return {"channel": channel.id, "ts": message.ts}


def append_stream(call: Call) -> JSON:
    message = _streaming(call)
    message.text += call.text("markdown_text")
    call.workspace.changed(message)
    return {"channel": message.channel, "ts": message.ts}


def stop_stream(call: Call) -> JSON:
    message = _streaming(call)
    message.streaming = False
    blocks = call.json("blocks")
    wrong = blockkit.problems({"blocks": blocks}, "message")
    if wrong:
        raise invalid_blocks(wrong)
    text = message.text + call.text("markdown_text")
    call.workspace.set_message(message, {"text": text, "blocks": blocks})
    return {}


def _streaming(call: Call) -> Message:
    message = call.message(call.channel())
    if not message.streaming:
        raise SlackError("message_not_in_streaming_state")
    return message


def _target(call: Call) -> Channel:
    """A channel the bot may post in; a person's id stands for their direct messages."""
    wanted = call.required("channel")
    if wanted in call.workspace.members:
        return call.workspace.dm(wanted)
    channel = call.open_channel()
    may = call.bot in channel.members or "chat:write.public" in call.workspace.app.scopes
    if not may:
        raise SlackError("not_in_channel")
    return channel


def _checked(call: Call, most: int) -> JSON:
    content = call.content()
    if len(content["text"]) > most:
        raise SlackError("msg_too_long")
    return content


def _thread(call: Call, channel: Channel) -> str | None:
    """The thread's first message, also when a reply was named. Raises: SlackError."""
    ts = call.text("thread_ts")
    if not ts:
        return None
    parent = channel.messages.get(ts)
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.ephemeral_to is not None:
        raise SlackError("cannot_reply_to_message")
    return parent.thread_ts or parent.ts
