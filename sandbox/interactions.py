"""What people do in the local Slack, and what Slack does with the app's answer."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from sandbox import accounts, blocks
from sandbox.delivery import Ack, Delivery
from sandbox.inputs import NotPossible, holds_state, refused, state_value
from sandbox.model import JSON, Channel, Member, Message, SlackError, UserGroup, View
from sandbox.payloads import Payloads, state_of
from sandbox.response_url import ResponseUrls
from sandbox.web_api.modals import content_of
from sandbox.workspace import Workspace

TIMED_OUT = "Operation timed out. Apps need to respond within 3 seconds."
TROUBLE = "We had some trouble connecting. Try again?"


@dataclass
class Interactions:
    workspace: Workspace
    delivery: Delivery
    payloads: Payloads
    response_urls: ResponseUrls

    # Messages and commands

    async def say(self, person: Member, channel: Channel, text: str, thread_ts: str | None) -> JSON:
        self._refuse_outsider(person, channel)
        if text.startswith("/"):
            return await self._command(person, channel, text, thread_ts)
        if thread_ts and thread_ts not in channel.messages:
            raise NotPossible("that thread does not exist")
        message = self.workspace.post(
            Message(
                self.workspace.new_ts(),
                channel.id,
                person.id,
                self._linked(text),
                thread_ts=thread_ts,
                client_msg_id=str(uuid.uuid4()),
            )
        )
        result: JSON = {"ts": message.ts}
        for event, payload in self._message_events(channel, message):
            if self._subscribed(event):
                result |= _shown(await self.delivery.event(payload))
        return result

    async def _command(self, person: Member, channel: Channel, text: str, thread_ts: str | None) -> JSON:
        word, _, rest = text.partition(" ")
        command = self.workspace.app.command(word)
        if command is None:
            self.workspace.system(person.id, channel.id, f"{word} is not a valid command.")
            raise NotPossible(f"{word} is not a valid command")
        if thread_ts:
            refusal = f"{word} is not supported in threads. Sorry!"
            self.workspace.system(person.id, channel.id, refusal)
            raise NotPossible(refusal)
        said = self._linked(rest.strip()) if command.should_escape else rest.strip()
        url = self.response_urls.new(person.id, channel.id)
        payload = self.payloads.slash_command(person, channel, word, said, url)
        ack = await self.delivery.deliver("slash_commands", payload, accepts_response=True)
        error = ack.error
        if ack.acked and ack.response:
            try:
                self.response_urls.acked(person.id, channel.id, ack.response)
            except SlackError:
                error = "invalid_command_response"
        if error:
            failure = f'{word} failed with the error "{error}"'
            self.workspace.system(person.id, channel.id, failure, failed=True)
        return _shown(ack)

    def _message_events(self, channel: Channel, message: Message) -> list[tuple[str, JSON]]:
        if self.workspace.app.bot_user_id not in channel.members:
            return []
        kind = {"channel": "channels", "private": "groups", "dm": "im"}[channel.kind]
        events = [(f"message.{kind}", self.payloads.message_event(message))]
        if f"<@{self.workspace.app.bot_user_id}>" in message.text and channel.kind != "dm":
            events.append(("app_mention", self.payloads.app_mention(message)))
        return events

    # Buttons and menus

    async def click(self, person: Member, message: Message, block_id: str, action_id: str, selected: Any) -> JSON:
        everything = [*(message.blocks or [])]
        for attachment in message.attachments or []:
            everything += attachment.get("blocks") or []
        block, element = _found(everything, block_id, action_id)
        action = self.payloads.action(block, element, self._picked(person, element, selected))
        url = self.response_urls.new(person.id, message.channel, message)
        state = {block_id: {action_id: _state_of_action(element, action)}} if holds_state(element) else {}
        payload = self.payloads.block_actions(person, action, message=message, state=state, response_url=url)
        return await self._interact(person, payload)

    async def view_action(
        self, person: Member, view: View, block_id: str, action_id: str, selected: Any, values: JSON
    ) -> JSON:
        block, element = _found(view.blocks, block_id, action_id)
        self._keep(person, view, values)
        picked = self._picked(person, element, selected)
        if holds_state(element):
            view.state.setdefault(block_id, {})[action_id] = {"type": element["type"], **picked}
        action = self.payloads.action(block, element, picked)
        return await self._interact(person, self.payloads.block_actions(person, action, view=view))

    async def options(
        self,
        person: Member,
        block_id: str,
        action_id: str,
        value: str,
        view: View | None,
        message: Message | None,
    ) -> JSON:
        where = view.blocks if view is not None else (message.blocks or []) if message else []
        _, element = _found(where, block_id, action_id)
        if "external" not in str(element.get("type")):
            raise NotPossible(f"{action_id!r} is not filled by the app")
        if len(value) < int(element.get("min_query_length", 3)):
            return {"options": [], "option_groups": None, "error": None}
        payload = self.payloads.block_suggestion(person, block_id, action_id, value, view=view, message=message)
        ack = await self.delivery.deliver("interactive", payload, accepts_response=True)
        given, groups = ack.response.get("options"), ack.response.get("option_groups")
        if not ack.acked or (given is None and groups is None):
            return {"options": None, "option_groups": None, "error": "Something went wrong.", **_shown(ack)}
        offered = [*(given or []), *(o for group in groups or [] for o in group.get("options", []))]
        self.workspace.offered[(person.id, action_id)] = offered
        return {"options": given, "option_groups": groups, "error": None, **_shown(ack)}

    # Forms

    async def submit(self, person: Member, view: View, values: JSON) -> JSON:
        self._refuse_covered(person, view)
        if view.content.get("submit") is None:
            raise NotPossible("this form has no submit button")
        self._keep(person, view, values)
        view.errors = refused(view, state_of(view))
        if view.errors:
            self.workspace.publish_views(person.id)
            raise NotPossible("; ".join(f"{k}: {v}" for k, v in view.errors.items()))
        payload = self.payloads.view_submission(person, view, self._response_urls(person, view))
        ack = await self.delivery.deliver("interactive", payload, accepts_response=True)
        if not ack.acked:
            self.workspace.watchers.toast(person.id, TROUBLE)
            return {**_shown(ack), "toast": TROUBLE}
        try:
            self._follow(person, view, ack.response)
        except (SlackError, NotPossible):
            self.workspace.watchers.toast(person.id, TROUBLE)
            return {**_shown(ack), "toast": TROUBLE}
        return {**_shown(ack), "errors": view.errors}

    async def close(self, person: Member, view: View, *, clear: bool) -> JSON:
        self._refuse_covered(person, view)
        going = list(reversed(self.workspace.modals.get(person.id, []))) if clear else [view]
        result: JSON = {}
        for closing in going:
            self.workspace.close_modal(closing)
            if closing.content.get("notify_on_close"):
                payload = self.payloads.view_closed(person, closing, is_cleared=clear)
                result = _shown(await self.delivery.deliver("interactive", payload))
        return result

    def _follow(self, person: Member, view: View, response: JSON) -> None:
        """What the ack of a submission asks for."""
        match response.get("response_action"):
            case None:
                self.workspace.close_modal(view)
            case "errors":
                errors: dict[str, str] = response.get("errors") or {}
                inputs = {b["block_id"] for b in view.blocks if b.get("type") == "input"}
                if not errors or set(errors) - inputs:
                    raise SlackError("invalid_errors")
                view.errors = errors
                self.workspace.publish_views(person.id)
            case "clear":
                self.workspace.modals.get(person.id, []).clear()
                self.workspace.publish_views(person.id)
            case "update":
                self.workspace.set_content(view, content_of(response.get("view"), "modal"))
                self.workspace.publish_views(person.id)
            case "push":
                self.workspace.open_modal(person.id, content_of(response.get("view"), "modal"), push=True)
            case _:
                raise SlackError("invalid_response_action")

    def _response_urls(self, person: Member, view: View) -> list[JSON]:
        urls = []
        for block in view.blocks:
            element = block.get("element") or {}
            if not element.get("response_url_enabled"):
                continue
            value = state_of(view)[block["block_id"]][element["action_id"]]
            channel = value.get("selected_conversation") or value.get("selected_channel")
            if channel in self.workspace.channels:
                urls.append(
                    {
                        "block_id": block["block_id"],
                        "action_id": element["action_id"],
                        "channel_id": channel,
                        "response_url": self.response_urls.new(person.id, channel),
                    }
                )
        return urls

    # Shortcuts, Home, channels

    async def shortcut(self, person: Member, callback_id: str, message: Message | None) -> JSON:
        shortcut = self.workspace.app.shortcut(callback_id)
        if shortcut is None or (shortcut.type == "message") != (message is not None):
            raise NotPossible(f"there is no such shortcut: {callback_id}")
        if message is None:
            return await self._interact(person, self.payloads.shortcut(person, callback_id))
        if message.ephemeral_to is not None:
            raise NotPossible("a message that only you can see has no shortcuts")
        url = self.response_urls.new(person.id, message.channel, message)
        payload = self.payloads.message_action(person, message, callback_id, url)
        return await self._interact(person, payload)

    async def home(self, person: Member) -> JSON:
        if not self._subscribed("app_home_opened"):
            return {}
        view = self.workspace.homes.get(person.id)
        return _shown(await self.delivery.event(self.payloads.app_home_opened(person, view)))

    async def join(self, person: Member, channel: Channel) -> JSON:
        if channel.kind != "channel" or channel.archived:
            raise NotPossible("nobody can join that channel by themselves")
        if person.id in channel.members:
            return {}
        channel.members.append(person.id)
        self.workspace.publish_channels()
        self.emit(self.payloads.member_joined_channel(person.id, channel))
        return {}

    async def leave(self, person: Member, channel: Channel) -> JSON:
        if person.id not in channel.members or channel.kind == "dm":
            raise NotPossible("that channel cannot be left")
        channel.members.remove(person.id)
        self.workspace.publish_channels()
        self.emit(self.payloads.member_left_channel(person.id, channel))
        return {}

    # What administrators do

    async def account_changes(self, member: Member, **changes: bool) -> None:
        """`deleted=True`, `is_restricted=True` …; returns when the app has heard of it."""
        for name, value in changes.items():
            setattr(member, name, value)
        await self._delivered_if_subscribed(accounts.account_changed(self.workspace, member))

    async def group_changes(self, group: UserGroup, users: list[str]) -> None:
        added, removed = [u for u in users if u not in group.users], [u for u in group.users if u not in users]
        group.users = users
        await self._delivered_if_subscribed(accounts.members_changed(self.workspace, group, added, removed))

    async def _delivered_if_subscribed(self, event: JSON) -> None:
        if self._subscribed(event["type"]):
            await self._delivered(self.payloads.event(event))

    def emit(self, payload: JSON) -> None:
        """Sends an event without waiting, where the app subscribed to it and can see it."""
        event = payload["event"]
        channel = self.workspace.channels.get(str(event.get("channel")))
        bot = self.workspace.app.bot_user_id
        visible = channel is None or bot in channel.members or event.get("user") == bot
        if visible and self._subscribed(event["type"]):
            self.delivery.in_background(self._delivered(payload))

    async def _delivered(self, payload: JSON) -> None:
        await self.delivery.event(payload)

    def _subscribed(self, event: str) -> bool:
        return event in self.workspace.app.events

    # Shared

    async def _interact(self, person: Member, payload: JSON) -> JSON:
        ack = await self.delivery.deliver("interactive", payload)
        if ack.acked:
            return _shown(ack)
        text = TIMED_OUT if ack.error == "operation_timeout" else TROUBLE
        self.workspace.watchers.toast(person.id, text)
        return {**_shown(ack), "toast": text}

    def _picked(self, person: Member, element: JSON, selected: Any) -> JSON:
        """The selected_… fields of an action; a button has none."""
        if element.get("type") in ("button", "workflow_button"):
            return {}
        served = self.workspace.offered.get((person.id, element["action_id"]), [])
        value = state_value(element, selected, served)
        return {key: inner for key, inner in value.items() if key != "type"}

    def _keep(self, person: Member, view: View, values: JSON) -> None:
        """Stores what was typed so far. Raises: NotPossible."""
        for block_id, actions in (values or {}).items():
            for action_id, raw in actions.items():
                _, element = _found(view.blocks, block_id, action_id)
                served = self.workspace.offered.get((person.id, action_id), [])
                view.state.setdefault(block_id, {})[action_id] = state_value(element, raw, served)

    def _refuse_covered(self, person: Member, view: View) -> None:
        stack = self.workspace.modals.get(person.id, [])
        if not stack or stack[-1] is not view:
            raise NotPossible("that form is not the one in front")

    def _refuse_outsider(self, person: Member, channel: Channel) -> None:
        if person.id not in channel.members:
            raise NotPossible(f"{person.name} is not in #{channel.name}")
        if channel.archived:
            raise NotPossible(f"#{channel.name} is archived")

    def _linked(self, text: str) -> str:
        """`@ana` and `#ops` as Slack stores them."""

        def person(match: re.Match[str]) -> str:
            found = self.workspace.member(match[1])
            return f"<@{found.id}>" if found else match[0]

        def channel(match: re.Match[str]) -> str:
            found = self.workspace.channel(match[1])
            return f"<#{found.id}|{found.name}>" if found else match[0]

        text = re.sub(r"(?<![\w<])@([\w.-]*\w)", person, text)
        return re.sub(r"(?<![\w<&])#([\w-]+)", channel, text)


def _found(where: list[JSON], block_id: str, action_id: str) -> tuple[JSON, JSON]:
    found = blocks.find(where, block_id, action_id)
    if found is None:
        raise NotPossible(f"nothing to use at block {block_id!r}, action {action_id!r}")
    return found


def _state_of_action(element: JSON, action: JSON) -> JSON:
    picked = {key: value for key, value in action.items() if key.startswith("selected_")}
    return {"type": element["type"], **picked}


def _shown(ack: Ack) -> JSON:
    return {"acked": ack.acked, "ack_ms": ack.ms, "response": ack.response, "failed": ack.error}
