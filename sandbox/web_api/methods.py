"""Every Web API method that the stand-in speaks: its code, its scopes, its tier."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sandbox.model import JSON
from sandbox.web_api import chat, conversations, files, marks
from sandbox.web_api import modals as views
from sandbox.web_api import users as people
from sandbox.web_api.call import Call

TIER_1, TIER_2, TIER_3, TIER_4, SPECIAL = 1, 20, 50, 100, 0
"""Calls per minute."""


@dataclass(frozen=True)
class Method:
    answer: Callable[[Call], JSON]
    tier: int
    scope: str | None = None
    private_scope: str | None = None
    """Needed instead of `scope` when the channel is private."""
    im_scope: str | None = None
    """Needed instead of `scope` when the channel is a direct message."""


def _manages(answer: Callable[[Call], JSON], tier: int) -> Method:
    return Method(answer, tier, "channels:manage", "groups:write", "im:write")


def _reads(answer: Callable[[Call], JSON], tier: int) -> Method:
    # im:read is not asked for: the app's own direct messages come with im:history.
    return Method(answer, tier, "channels:read", "groups:read", "im:history")


def _history(answer: Callable[[Call], JSON], tier: int) -> Method:
    return Method(answer, tier, "channels:history", "groups:history", "im:history")


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "auth.test": Method(people.auth_test, SPECIAL),
        "bookmarks.add": Method(marks.bookmarks_add, TIER_2, "bookmarks:write"),
        "bookmarks.list": Method(marks.bookmarks_list, TIER_3, "bookmarks:read"),
        "bots.info": Method(people.bots_info, TIER_3, "users:read"),
        "canvases.create": Method(marks.canvases_create, TIER_2, "canvases:write"),
        "canvases.edit": Method(marks.canvases_edit, TIER_3, "canvases:write"),
        "chat.appendStream": Method(chat.append_stream, TIER_4, "chat:write"),
        "chat.delete": Method(chat.delete, TIER_3, "chat:write"),
        "chat.getPermalink": Method(chat.get_permalink, SPECIAL),
        "chat.postEphemeral": Method(chat.post_ephemeral, TIER_4, "chat:write"),
        "chat.postMessage": Method(chat.post_message, SPECIAL, "chat:write"),
        "chat.scheduleMessage": Method(chat.schedule_message, TIER_3, "chat:write"),
        "chat.startStream": Method(chat.start_stream, TIER_2, "chat:write"),
        "chat.stopStream": Method(chat.stop_stream, TIER_2, "chat:write"),
        "chat.update": Method(chat.update, TIER_3, "chat:write"),
        "conversations.archive": _manages(conversations.archive, TIER_2),
        "conversations.create": _manages(conversations.create, TIER_2),
        "conversations.history": _history(conversations.history, TIER_3),
        "conversations.info": _reads(conversations.info, TIER_3),
        "conversations.invite": _manages(conversations.invite, TIER_3),
        "conversations.join": Method(conversations.join, TIER_3, "channels:join"),
        "conversations.list": _reads(conversations.list_, TIER_2),
        "conversations.members": _reads(conversations.members, TIER_4),
        "conversations.open": Method(conversations.open_, TIER_3, "im:write"),
        "conversations.replies": _history(conversations.replies, TIER_3),
        "conversations.setPurpose": _manages(conversations.set_purpose, TIER_2),
        "conversations.setTopic": _manages(conversations.set_topic, TIER_2),
        "files.completeUploadExternal": Method(files.complete_upload, TIER_4, "files:write"),
        "files.getUploadURLExternal": Method(files.get_upload_url, TIER_4, "files:write"),
        "files.info": Method(files.info, TIER_4, "files:read"),
        "pins.add": Method(marks.pins_add, TIER_2, "pins:write"),
        "pins.list": Method(marks.pins_list, TIER_2, "pins:read"),
        "pins.remove": Method(marks.pins_remove, TIER_2, "pins:write"),
        "reactions.add": Method(marks.reactions_add, TIER_3, "reactions:write"),
        "team.info": Method(people.team_info, TIER_3, "team:read"),
        "usergroups.list": Method(people.usergroups_list, TIER_2, "usergroups:read"),
        "usergroups.users.list": Method(people.usergroups_users_list, TIER_2, "usergroups:read"),
        "users.info": Method(people.users_info, TIER_4, "users:read"),
        "users.list": Method(people.users_list, TIER_2, "users:read"),
        "users.lookupByEmail": Method(people.lookup_by_email, TIER_3, "users:read.email"),
        "views.open": Method(views.open_, TIER_4),
        "views.publish": Method(views.publish, TIER_4),
        "views.push": Method(views.push, TIER_4),
        "views.update": Method(views.update, TIER_4),
    }
)
