"""The state of the local Slack, and the few rules that belong to the state itself."""

import itertools
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox import blocks
from sandbox.app_config import AppConfig
from sandbox.model import JSON, SLACKBOT, Channel, File, Member, Message, SlackError, UserGroup, View
from sandbox.watchers import Watchers

TRIGGER_SECONDS = 3.0
MODAL_STACK = 3


@dataclass
class Trigger:
    person: str
    expires: float
    used: bool = False


@dataclass
class Workspace:
    app: AppConfig = field(default_factory=AppConfig)
    team_id: str = "T0HANDRAIL"
    team_name: str = "Handrail Demo"
    domain: str = "handrail-demo"
    clock: Callable[[], float] = time.time
    members: dict[str, Member] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    canvases: dict[str, JSON] = field(default_factory=dict)
    modals: dict[str, list[View]] = field(default_factory=dict)
    """Open modals by person, bottom first."""
    homes: dict[str, View] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    offered: dict[tuple[str, str], list[JSON]] = field(default_factory=dict)
    """Options an app served last, by (person, action_id): a person can only pick from these."""
    watchers: Watchers = field(default_factory=Watchers)
    rev: int = 0

    def __post_init__(self) -> None:
        self._last_ts = (0, 0)
        self._numbers = itertools.count(1)
        bot = Member(
            self.app.bot_user_id,
            self.app.name.lower(),
            self.app.name,
            is_bot=True,
            tz="America/Los_Angeles",
        )
        self.members.setdefault(bot.id, bot)

    @classmethod
    def demo(cls, app: AppConfig | None = None, **options: Any) -> "Workspace":
        """A small team with its channels and user groups."""
        workspace = cls(app=app or AppConfig(), **options)
        for member in (
            Member("U0ANA0001", "ana", "Ana Ruiz", "on-call", color="1264a3"),
            Member("U0BEN0001", "ben", "Ben Okafor", "on-call", "Europe/London", color="2b8a3e"),
            Member("U0MIA0001", "mia", "Mia Chen", "engineering lead", "Asia/Singapore", color="b3541e"),
            Member("U0LEO0001", "leo", "Leo Novak", "cto", "Europe/Prague", color="7b3fa0"),
            Member("U0SAM0001", "sam", "Sam Doe", "support", "America/New_York", color="8d6e00"),
        ):
            member.email = f"{member.name}@example.com"
            workspace.members[member.id] = member
        people = [member.id for member in workspace.people()]
        for number, (name, purpose) in enumerate(
            {
                "general": "Everyone",
                "ops": "Running the product",
                "ops-approvals": "Requests that wait for a decision",
                "incidents": "What is broken right now",
            }.items(),
            start=1,
        ):
            # As when the app was added where the work is: it can only post in #general, not listen.
            bot = [] if name == "general" else [workspace.app.bot_user_id]
            workspace.add_channel(name, [*people, *bot], id=f"C0DEMO{number:03}", purpose=purpose)
        workspace.groups["S0ONCALL1"] = UserGroup("S0ONCALL1", "oncall", "On-call", ["U0ANA0001", "U0BEN0001"])
        workspace.groups["S0LEADS01"] = UserGroup("S0LEADS01", "leads", "Leads", ["U0MIA0001", "U0LEO0001"])
        for person in workspace.people():
            workspace.dm(person.id)
        return workspace

    # Ids and time

    def now(self) -> int:
        return int(self.clock())

    def new_ts(self) -> str:
        """A message ts: unique and growing, even when the clock stands still."""
        now = self.clock()
        stamp = (int(now), int(now % 1 * 1_000_000))
        if stamp <= self._last_ts:
            seconds, micros = self._last_ts
            stamp = (seconds + 1, 0) if micros == 999_999 else (seconds, micros + 1)
        self._last_ts = stamp
        return f"{stamp[0]}.{stamp[1]:06}"

    def new_id(self, prefix: str) -> str:
        return f"{prefix}0{next(self._numbers):08X}"

    def new_block_id(self) -> str:
        return secrets.token_urlsafe(4)[:5]

    # People and channels

    def people(self) -> list[Member]:
        return [member for member in self.members.values() if not member.is_bot]

    def member(self, id_or_name: str) -> Member | None:
        found = self.members.get(id_or_name)
        if found is None:
            wanted = id_or_name.removeprefix("@")
            found = next((m for m in self.members.values() if m.name == wanted), None)
        return found

    def channel(self, id_or_name: str) -> Channel | None:
        found = self.channels.get(id_or_name)
        if found is None:
            wanted = id_or_name.removeprefix("#")
            found = next((c for c in self.channels.values() if c.name == wanted and c.kind != "dm"), None)
        return found

    def add_channel(
        self,
        name: str,
        members: Iterable[str],
        *,
        id: str | None = None,
        private: bool = False,
        creator: str = "",
        purpose: str = "",
    ) -> Channel:
        channel = Channel(
            id or self.new_id("C"),
            name,
            "private" if private else "channel",
            list(members),
            creator or self.app.bot_user_id,
            self.now(),
            purpose=purpose,
        )
        self.channels[channel.id] = channel
        self.publish_channels()
        return channel

    def dm(self, person: str) -> Channel:
        """The bot's direct messages with that person, opened when needed."""
        id = "D" + person[1:]
        if id not in self.channels:
            self.channels[id] = Channel(id, self.app.name, "dm", [person, self.app.bot_user_id], person, self.now())
            self.publish_channels()
        return self.channels[id]

    # Messages

    def post(self, message: Message) -> Message:
        """Adds a message; blocks get the ids that Slack would give them."""
        channel = self.channels[message.channel]
        if message.blocks:
            message.blocks = blocks.stored(message.blocks, self.new_block_id)
        channel.messages[message.ts] = message
        parent = channel.messages.get(message.thread_ts or "")
        if parent is not None and parent is not message and message.ephemeral_to is None:
            parent.thread_ts = parent.ts
            parent.reply_count += 1
            parent.latest_reply = message.ts
            if message.user not in parent.reply_users:
                parent.reply_users.append(message.user)
            self._touch(parent)
            self.watchers.message("message_changed", parent, channel)
        self._touch(message)
        self.watchers.message("message", message, channel)
        return message

    def set_message(self, message: Message, content: JSON) -> None:
        """New text and blocks for a message; what is left out is gone."""
        new_blocks = content.get("blocks")
        message.text = str(content.get("text") or "")
        message.blocks = blocks.stored(new_blocks, self.new_block_id) if new_blocks else None
        message.attachments = content.get("attachments") or None
        self.changed(message)

    def changed(self, message: Message) -> None:
        self._touch(message)
        self.watchers.message("message_changed", message, self.channels[message.channel])

    def delete(self, message: Message) -> None:
        channel = self.channels[message.channel]
        channel.messages.pop(message.ts, None)
        parent = channel.messages.get(message.thread_ts or "")
        if parent is not None and parent is not message:
            parent.reply_count -= 1
            self.changed(parent)
        self.rev += 1
        self.watchers.deleted(message, channel)

    def system(self, person: str, channel: str, text: str, *, failed: bool = False) -> Message:
        """Slackbot's private word to one person."""
        return self.post(
            Message(
                self.new_ts(),
                channel,
                SLACKBOT,
                text,
                ephemeral_to=person,
                failed=text if failed else None,
            )
        )

    def bot_message(self, channel: str, **content: Any) -> Message:
        return Message(self.new_ts(), channel, self.app.bot_user_id, bot=True, **content)

    def _touch(self, message: Message) -> None:
        self.rev += 1
        message.rev = self.rev

    # Views

    def new_trigger(self, person: str) -> str:
        now = self.clock()
        while self.triggers:
            oldest = next(iter(self.triggers))
            if self.triggers[oldest].expires > now - 60:
                break
            del self.triggers[oldest]
        id = f"{next(self._numbers)}.{self.team_id[1:]}.{secrets.token_hex(16)}"
        self.triggers[id] = Trigger(person, now + TRIGGER_SECONDS)
        return id

    def use_trigger(self, id: str) -> str:
        """The person who caused it. Raises: SlackError when it is unknown, old or used."""
        trigger = self.triggers.get(id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if trigger.expires < self.clock():
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.person

    def modal(self, view_id: str) -> View | None:
        return next((v for stack in self.modals.values() for v in stack if v.id == view_id), None)

    def view(self, view_id: str) -> View | None:
        home = next((v for v in self.homes.values() if v.id == view_id), None)
        return home or self.modal(view_id)

    def view_by_external_id(self, external_id: str) -> View | None:
        every = [*self.homes.values(), *(v for stack in self.modals.values() for v in stack)]
        return next((v for v in every if v.content.get("external_id") == external_id), None)

    def new_view(self, person: str, content: JSON, previous: View | None = None) -> View:
        id = self.new_id("V")
        view = View(
            id,
            content.get("type", "modal"),
            person,
            {},
            "",
            previous.root_view_id if previous else id,
            previous.id if previous else None,
        )
        self.set_content(view, content)
        return view

    def set_content(self, view: View, content: JSON) -> None:
        """New content; values of elements that keep their ids stay, as on Slack."""
        view.content = {
            **{name: blocks.with_defaults(content[name]) for name in content if name != "blocks"},
            "blocks": blocks.stored(content.get("blocks") or [], self.new_block_id),
        }
        view.hash = f"{self.now()}.{secrets.token_hex(4)}"
        view.errors = {}
        kept: dict[str, JSON] = {}
        for block_id, values in view.state.items():
            for action_id, value in values.items():
                if blocks.find(view.blocks, block_id, action_id):
                    kept.setdefault(block_id, {})[action_id] = value
        view.state = kept

    def open_modal(self, person: str, content: JSON, *, push: bool = False) -> View:
        stack = self.modals.setdefault(person, [])
        if not push:
            stack.clear()
        elif len(stack) >= MODAL_STACK:
            raise SlackError("push_limit_reached")
        view = self.new_view(person, content, stack[-1] if stack else None)
        stack.append(view)
        self.publish_views(person)
        return view

    def close_modal(self, view: View) -> None:
        stack = self.modals.get(view.person, [])
        if view in stack:
            stack.remove(view)
            self.publish_views(view.person)

    def publish_views(self, person: str) -> None:
        self.rev += 1
        self.watchers.views(person, self.modals.get(person, []))

    def publish_home(self, view: View) -> None:
        self.rev += 1
        self.watchers.home(view)

    def publish_channels(self) -> None:
        self.rev += 1
        self.watchers.channels(self.channels.values())
