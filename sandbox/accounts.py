"""People and user groups as Slack describes them: in the Web API's answers, and in events when they change."""

import hashlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sandbox.model import JSON, Member, UserGroup
from sandbox.workspace import Workspace


def account(workspace: Workspace, member: Member) -> JSON:
    """A user object, as users.info gives it."""
    now = datetime.fromtimestamp(workspace.now(), UTC).astimezone(ZoneInfo(member.tz))
    offset = now.utcoffset()
    avatar = hashlib.sha256(member.id.encode()).hexdigest()[:12]
    first, _, last = member.real_name.partition(" ")
    profile: JSON = {
        "title": member.title,
        "phone": "",
        "skype": "",
        "real_name": member.real_name,
        "real_name_normalized": member.real_name,
        "display_name": member.name,
        "display_name_normalized": member.name,
        "status_text": "",
        "status_emoji": "",
        "status_emoji_display_info": [],
        "status_expiration": 0,
        "status_text_canonical": "",
        "avatar_hash": avatar,
        "first_name": first,
        "last_name": last,
        "team": member.team_id or workspace.team_id,
        **{f"image_{size}": f"https://example.com/{avatar}-{size}.png" for size in (24, 32, 48, 72, 192, 512)},
    }
    if member.is_bot:
        profile |= {
            "bot_id": workspace.app.bot_id,
            "api_app_id": workspace.app.app_id,
            "always_active": True,
        }
    elif "users:read.email" in workspace.app.scopes:
        profile["email"] = member.email
    return {
        "id": member.id,
        "team_id": member.team_id or workspace.team_id,
        "name": member.name,
        "deleted": member.deleted,
        "color": member.color,
        "real_name": member.real_name,
        "tz": member.tz,
        "tz_label": now.tzname() or member.tz,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": member.is_restricted or member.is_ultra_restricted,
        "is_ultra_restricted": member.is_ultra_restricted,
        "is_bot": member.is_bot,
        "is_app_user": False,
        "updated": 0,
        "is_email_confirmed": True,
        "who_can_share_contact_card": "EVERYONE",
    }


def user_group(workspace: Workspace, group: UserGroup) -> JSON:
    creator = workspace.app.bot_user_id
    return {
        "id": group.id,
        "team_id": workspace.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": 0,
        "date_update": 0,
        "date_delete": 0,
        "deleted_by": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": creator,
        "updated_by": creator,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(group.users),
        "channel_count": 0,
    }


def account_changed(workspace: Workspace, member: Member) -> JSON:
    """The event `user_change`."""
    return {"type": "user_change", "user": account(workspace, member), "event_ts": workspace.new_ts()}


def members_changed(workspace: Workspace, group: UserGroup, added: list[str], removed: list[str]) -> JSON:
    """The event `subteam_members_changed`."""
    now = workspace.now()
    return {
        "type": "subteam_members_changed",
        "subteam_id": group.id,
        "team_id": workspace.team_id,
        "date_previous_update": now - 60,
        "date_update": now,
        "added_users": added,
        "added_users_count": len(added),
        "removed_users": removed,
        "removed_users_count": len(removed),
        "event_ts": workspace.new_ts(),
    }
