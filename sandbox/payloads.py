"""What Slack sends an app, key for key: commands, clicks, forms, shortcuts and events."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import blocks
from sandbox.inputs import holds_state, initial_state
from sandbox.model import JSON, Channel, Member, Message, View
from sandbox.workspace import Workspace


@dataclass(frozen=True)
class Payloads:
    """Builds payloads about one workspace."""

    workspace: Workspace

    def slash_command(self, person: Member, channel: Channel, command: str, text: str, response_url: str) -> JSON:
        workspace = self.workspace
        return {
            "token": workspace.app.verification_token,
            "team_id": person.team_id or workspace.team_id,
            "team_domain": workspace.domain,
            "channel_id": channel.id,
            "channel_name": _command_channel_name(channel),
            "user_id": person.id,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": workspace.app.app_id,
            "is_enterprise_install": "false",
            "response_url": response_url,
            "trigger_id": workspace.new_trigger(person.id),
        }

    def block_actions(
        self,
        person: Member,
        action: JSON,
        *,
        message: Message | None = None,
        view: View | None = None,
        state: dict[str, JSON] | None = None,
        response_url: str = "",
    ) -> JSON:
        payload: JSON = {
            "type": "block_actions",
            "user": self._user(person),
            "api_app_id": self.workspace.app.app_id,
            "token": self.workspace.app.verification_token,
            "container": self._container(message, view),
            "trigger_id": self.workspace.new_trigger(person.id),
            "team": self._team(),
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if message is not None:
            channel = self.workspace.channels[message.channel]
            payload["channel"] = {"id": channel.id, "name": _command_channel_name(channel)}
            if message.ephemeral_to is None:
                payload["message"] = self.message(message)
            payload["state"] = {"values": state or {}}
            payload["response_url"] = response_url
        if view is not None:
            payload["view"] = self.view(view)
        payload["actions"] = [action]
        return payload

    def action(self, block: JSON, element: JSON, value: JSON) -> JSON:
        """One entry of `actions`; `value` holds the selected_… fields."""
        kept = (
            "action_id",
            "text",
            "value",
            "style",
            "url",
            "confirm",
            "placeholder",
            "initial_option",
            "initial_date",
            "initial_time",
            "initial_user",
            "initial_channel",
            "initial_conversation",
            "min_query_length",
        )
        action: JSON = {"type": element["type"], "block_id": block["block_id"]}
        action.update((name, element[name]) for name in kept if name in element)
        action.update(value)
        action["action_ts"] = self.workspace.new_ts()
        return action

    def view_submission(self, person: Member, view: View, response_urls: list[JSON]) -> JSON:
        return {
            "type": "view_submission",
            "team": self._team(),
            "user": self._user(person),
            "api_app_id": self.workspace.app.app_id,
            "token": self.workspace.app.verification_token,
            "trigger_id": self.workspace.new_trigger(person.id),
            "view": self.view(view),
            "response_urls": response_urls,
            "is_enterprise_install": False,
            "enterprise": None,
        }

    def view_closed(self, person: Member, view: View, *, is_cleared: bool) -> JSON:
        return {
            "type": "view_closed",
            "team": self._team(),
            "user": self._user(person),
            "api_app_id": self.workspace.app.app_id,
            "token": self.workspace.app.verification_token,
            "view": self.view(view),
            "response_urls": [],
            "is_cleared": is_cleared,
            "is_enterprise_install": False,
            "enterprise": None,
        }

    def shortcut(self, person: Member, callback_id: str) -> JSON:
        user = self._user(person)
        del user["name"]
        return {
            "type": "shortcut",
            "token": self.workspace.app.verification_token,
            "action_ts": self.workspace.new_ts(),
            "team": self._team(),
            "user": user,
            "is_enterprise_install": False,
            "enterprise": None,
            "callback_id": callback_id,
            "trigger_id": self.workspace.new_trigger(person.id),
        }

    def message_action(self, person: Member, message: Message, callback_id: str, response_url: str) -> JSON:
        channel = self.workspace.channels[message.channel]
        return {
            "type": "message_action",
            "token": self.workspace.app.verification_token,
            "action_ts": self.workspace.new_ts(),
            "team": self._team(),
            "user": {"id": person.id, "name": person.name},
            "channel": {"id": channel.id, "name": _command_channel_name(channel)},
            "is_enterprise_install": False,
            "enterprise": None,
            "callback_id": callback_id,
            "trigger_id": self.workspace.new_trigger(person.id),
            "response_url": response_url,
            "message_ts": message.ts,
            "message": self.message(message),
        }

    def block_suggestion(
        self,
        person: Member,
        block_id: str,
        action_id: str,
        value: str,
        *,
        view: View | None = None,
        message: Message | None = None,
    ) -> JSON:
        payload: JSON = {
            "type": "block_suggestion",
            "user": self._user(person),
            "container": self._container(message, view),
            "api_app_id": self.workspace.app.app_id,
            "token": self.workspace.app.verification_token,
            "action_id": action_id,
            "block_id": block_id,
            "value": value,
            "team": self._team(),
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if view is not None:
            payload["view"] = self.view(view)
        if message is not None:
            channel = self.workspace.channels[message.channel]
            payload["channel"] = {"id": channel.id, "name": _command_channel_name(channel)}
            if message.ephemeral_to is None:
                payload["message"] = self.message(message)
        return payload

    # Events

    def event(self, event: JSON) -> JSON:
        """The Events API's wrapper."""
        workspace = self.workspace
        channel = event.get("channel") or (event.get("item") or {}).get("channel", "")
        return {
            "token": workspace.app.verification_token,
            "team_id": workspace.team_id,
            "api_app_id": workspace.app.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": "Ev" + secrets.token_hex(5).upper(),
            "event_time": workspace.now(),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": workspace.team_id,
                    "user_id": workspace.app.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": f"1-{event['type']}-{workspace.team_id}-{channel}",
        }

    def message_event(self, message: Message) -> JSON:
        channel = self.workspace.channels[message.channel]
        event = self._typed(message, "message")
        event["channel_type"] = {"channel": "channel", "private": "group", "dm": "im"}[channel.kind]
        return self.event(event)

    def app_mention(self, message: Message) -> JSON:
        return self.event(self._typed(message, "app_mention"))

    def member_joined_channel(self, person: str, channel: Channel, inviter: str | None = None) -> JSON:
        return self.event(self._membership("member_joined_channel", person, channel, inviter))

    def member_left_channel(self, person: str, channel: Channel) -> JSON:
        return self.event(self._membership("member_left_channel", person, channel, None))

    def app_home_opened(self, person: Member, view: View | None) -> JSON:
        event: JSON = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": self.workspace.dm(person.id).id,
            "tab": "home",
            "event_ts": self.workspace.new_ts(),
        }
        if view is not None:
            event["view"] = self.view(view)
        return self.event(event)

    def _typed(self, message: Message, kind: str) -> JSON:
        event: JSON = {
            "client_msg_id": message.client_msg_id or str(uuid.uuid4()),
            "type": kind,
            "text": message.text,
            "user": message.user,
            "ts": message.ts,
            "team": self.workspace.members[message.user].team_id or self.workspace.team_id,
            "blocks": blocks.rich_text(message.text, self.workspace.new_block_id()),
            "channel": message.channel,
            "event_ts": message.ts,
        }
        if message.thread_ts:
            event["thread_ts"] = message.thread_ts
        return event

    def _membership(self, kind: str, person: str, channel: Channel, inviter: str | None) -> JSON:
        event: JSON = {
            "type": kind,
            "user": person,
            "channel": channel.id,
            "channel_type": "G" if channel.is_private else "C",
            "team": self.workspace.team_id,
            "event_ts": self.workspace.new_ts(),
        }
        if inviter:
            event["inviter"] = inviter
        return event

    # Parts, shared with the Web API's replies

    def message(self, message: Message, *, thread: bool = True) -> JSON:
        """A message object, as payloads and replies hold it; chat.* leave its thread out."""
        shape: JSON = {"type": "message", "user": message.user, "ts": message.ts}
        if message.bot:
            shape |= {
                "bot_id": self.workspace.app.bot_id,
                "app_id": self.workspace.app.app_id,
                "bot_profile": self.bot_profile(),
            }
        elif message.client_msg_id:
            shape["client_msg_id"] = message.client_msg_id
        shape |= {"text": message.text, "team": self.workspace.team_id}
        if message.blocks is not None:
            shape["blocks"] = message.blocks
        elif not message.bot and message.text:
            shape["blocks"] = blocks.rich_text(message.text, "typed")
        if message.attachments:
            shape["attachments"] = message.attachments
        if message.metadata:
            shape["metadata"] = message.metadata
        if message.edited:
            shape["edited"] = {"user": message.user, "ts": message.edited}
        if message.thread_ts:
            shape["thread_ts"] = message.thread_ts
        if thread and message.reply_count:
            shape |= {
                "reply_count": message.reply_count,
                "reply_users_count": len(message.reply_users),
                "latest_reply": message.latest_reply,
                "reply_users": list(message.reply_users),
                "is_locked": False,
                "subscribed": False,
            }
        elif message.thread_ts and message.thread_ts != message.ts:
            parent = self.workspace.channels[message.channel].messages.get(message.thread_ts)
            if parent is not None:
                shape["parent_user_id"] = parent.user
        if message.reactions:
            shape["reactions"] = [
                {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
            ]
        return shape

    def bot_profile(self) -> JSON:
        app = self.workspace.app
        return {
            "id": app.bot_id,
            "deleted": False,
            "name": app.name,
            "updated": 0,
            "app_id": app.app_id,
            "icons": {f"image_{size}": f"https://example.com/{size}.png" for size in (36, 48, 72)},
            "team_id": self.workspace.team_id,
        }

    def view(self, view: View) -> JSON:
        content = view.content
        return {
            "id": view.id,
            "team_id": self.workspace.team_id,
            "type": view.type,
            "blocks": view.blocks,
            "private_metadata": content.get("private_metadata") or "",
            "callback_id": content.get("callback_id") or "",
            "state": {"values": state_of(view)},
            "hash": view.hash,
            "title": content.get("title") or _plain(self.workspace.app.name),
            "clear_on_close": bool(content.get("clear_on_close", False)),
            "notify_on_close": bool(content.get("notify_on_close", False)),
            "close": content.get("close"),
            "submit": content.get("submit"),
            "previous_view_id": view.previous_view_id,
            "root_view_id": view.root_view_id,
            "app_id": self.workspace.app.app_id,
            "external_id": content.get("external_id") or "",
            "app_installed_team_id": self.workspace.team_id,
            "bot_id": self.workspace.app.bot_id,
        }

    def _user(self, person: Member) -> JSON:
        return {
            "id": person.id,
            "username": person.name,
            "name": person.name,
            "team_id": person.team_id or self.workspace.team_id,
        }

    def _team(self) -> JSON:
        return {"id": self.workspace.team_id, "domain": self.workspace.domain}

    def _container(self, message: Message | None, view: View | None) -> JSON:
        if view is not None:
            return {"type": "view", "view_id": view.id}
        if message is None:
            raise ValueError("a container is a message or a view")
        container: JSON = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.ephemeral_to is not None,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        return container


def state_of(view: View, picked: Mapping[str, JSON] | None = None) -> dict[str, JSON]:
    """`state.values`: what was picked, or the initial value, of every stateful element."""
    picked = view.state if picked is None else picked
    values: dict[str, JSON] = {}
    for block in view.blocks:
        for element in blocks.elements_of(block):
            if holds_state(element):
                block_id, action_id = block["block_id"], element["action_id"]
                known: Any = picked.get(block_id, {}).get(action_id)
                values.setdefault(block_id, {})[action_id] = known or initial_state(element)
    return values


def _plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text, "emoji": True}


def _command_channel_name(channel: Channel) -> str:
    return {"dm": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)
