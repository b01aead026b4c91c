"""One Web API call: its arguments, and what every method needs to answer it."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.slack.views import blockkit
from sandbox.model import JSON, Channel, Member, Message, SlackError
from sandbox.payloads import Payloads
from sandbox.workspace import Workspace

PAGE_MOST = 1000
"""Entries of one page at most."""


@dataclass(frozen=True)
class Call:
    workspace: Workspace
    payloads: Payloads
    args: JSON
    base_url: str
    emit: Callable[[JSON], None]
    """Sends an event to the app, if it subscribed to it."""

    @property
    def bot(self) -> str:
        return self.workspace.app.bot_user_id

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise invalid(f"missing required field: {name}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.args.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in ("true", "1")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.args.get(name) or default)
        except (TypeError, ValueError):
            raise invalid(f"must be a number: {name}") from None

    def json(self, name: str) -> Any:
        """A structured argument: JSON as such, or as a string in a form."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError("invalid_json" if name == "view" else f"invalid_{name}_format") from None

    def items(self, name: str) -> list[str]:
        value = self.args.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [item.strip() for item in str(value or "").split(",") if item.strip()]

    def channel(self, name: str = "channel", *, member: bool = False) -> Channel:
        """Raises: SlackError when the bot cannot know it, or is not in it and must be."""
        found = self.workspace.channel(self.required(name))
        if found is None or (found.is_private and self.bot not in found.members):
            raise SlackError("channel_not_found")
        if member and self.bot not in found.members:
            raise SlackError("not_in_channel")
        return found

    def open_channel(self, name: str = "channel", *, member: bool = False) -> Channel:
        channel = self.channel(name, member=member)
        if channel.archived:
            raise SlackError("is_archived")
        return channel

    def member(self, name: str = "user") -> Member:
        found = self.workspace.members.get(self.required(name))
        if found is None:
            raise SlackError("user_not_found")
        return found

    def message(self, channel: Channel, name: str = "ts") -> Message:
        found = channel.messages.get(self.required(name))
        if found is None or found.ephemeral_to is not None:
            raise SlackError("message_not_found")
        return found

    def content(self) -> JSON:
        """text, blocks and attachments of a message, checked as Slack checks them."""
        content: JSON = {
            "text": self.text("text") or self.text("markdown_text"),
            "blocks": self.json("blocks"),
            "attachments": self.json("attachments"),
        }
        if not any(content.values()):
            raise SlackError("no_text")
        wrong = blockkit.problems(content, "message")
        if wrong:
            raise invalid_blocks(wrong)
        return content

    def page(self, found: list[Any], default: int = 100) -> tuple[list[Any], JSON]:
        """One page of `found`, and the response_metadata that leads to the next."""
        start, size = _place(self.text("cursor")), self.number("limit", default)
        if not 1 <= size <= PAGE_MOST:
            raise SlackError("invalid_limit")
        following = base64.b64encode(f"next:{start + size}".encode()).decode() if start + size < len(found) else ""
        return found[start : start + size], {"next_cursor": following}


def _place(cursor: str) -> int:
    """Where the page of a cursor begins. It is opaque, as Slack's is."""
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:") or 0)
    except ValueError:
        raise SlackError("invalid_cursor") from None


def invalid(*messages: str) -> SlackError:
    return SlackError(
        "invalid_arguments",
        response_metadata={"messages": [f"[ERROR] {message}" for message in messages]},
    )


def in_slacks_words(problems: list[str]) -> list[str]:
    """`/path: what` as Slack writes it: `what [json-pointer:/path]`."""
    return [f"{what} [json-pointer:{path}]" for path, what in (problem.split(": ", 1) for problem in problems)]


def invalid_blocks(problems: list[str]) -> SlackError:
    errors = in_slacks_words(problems)
    if all("characters in all" in problem for problem in problems):
        return SlackError("msg_blocks_too_long", errors=errors)
    return SlackError(
        "invalid_blocks",
        errors=errors,
        response_metadata={"messages": [f"[ERROR] {error}" for error in errors]},
    )
