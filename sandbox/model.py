"""What a workspace holds: people, channels, messages, views, files."""

from dataclasses import dataclass, field
from typing import Any, Literal

JSON = dict[str, Any]

SLACKBOT = "USLACKBOT"


@dataclass
class Member:
    """Someone in the workspace; the bot's own user too."""

    id: str
    name: str
    real_name: str
    title: str = ""
    tz: str = "Europe/Madrid"
    email: str = ""
    is_bot: bool = False
    color: str = "4a154b"
    deleted: bool = False
    is_restricted: bool = False
    """A guest of several channels."""
    is_ultra_restricted: bool = False
    """A guest of one channel."""
    team_id: str = ""
    """Of somebody from another workspace, known from a channel that both share; empty for one of ours."""


@dataclass
class UserGroup:
    id: str
    handle: str
    name: str
    users: list[str]


@dataclass
class Channel:
    id: str
    name: str
    kind: Literal["channel", "private", "dm"] = "channel"
    members: list[str] = field(default_factory=list)
    creator: str = ""
    created: int = 0
    topic: str = ""
    purpose: str = ""
    archived: bool = False
    ext_shared: bool = False
    """Another organisation is in it, too."""
    messages: dict[str, "Message"] = field(default_factory=dict)
    """By ts, oldest first."""
    pins: list[str] = field(default_factory=list)
    bookmarks: list[JSON] = field(default_factory=list)

    @property
    def is_private(self) -> bool:
        return self.kind != "channel"

    def visible_to(self, person: str) -> bool:
        return not self.is_private or person in self.members


@dataclass
class File:
    id: str
    name: str
    title: str
    user: str
    created: int
    length: int
    content: bytes = b""
    mimetype: str = "application/octet-stream"
    alt: str = ""
    channels: list[str] = field(default_factory=list)
    shares: list[tuple[str, str]] = field(default_factory=list)
    """(channel id, message ts) of each place it was posted in."""


@dataclass
class Message:
    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: list[JSON] | None = None
    attachments: list[JSON] | None = None
    thread_ts: str | None = None
    reply_users: list[str] = field(default_factory=list)
    reply_count: int = 0
    latest_reply: str | None = None
    ephemeral_to: str | None = None
    bot: bool = False
    edited: str | None = None
    """ts of the last edit that Slack would mark as one."""
    files: list[File] = field(default_factory=list)
    pinned: bool = False
    failed: str | None = None
    metadata: JSON | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    client_msg_id: str | None = None
    streaming: bool = False
    rev: int = 0
    """Grows with every change in the workspace: tells a changed message from a seen one."""


@dataclass
class View:
    id: str
    type: Literal["modal", "home"]
    person: str
    content: JSON
    """title, blocks, submit, close, callback_id, private_metadata… as the app sent them."""
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    state: dict[str, JSON] = field(default_factory=dict)
    """Values picked so far: block_id -> action_id -> Slack's state value."""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def blocks(self) -> list[JSON]:
        blocks: list[JSON] = self.content.get("blocks") or []
        return blocks


class SlackError(Exception):
    """A Web API refusal: `{"ok": false, "error": code, **extra}`."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra
