"""users.*, usergroups.*, bots.info, team.info and auth.test: who is who."""

import hashlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sandbox.model import JSON, Member, SlackError, UserGroup
from sandbox.web_api.call import Call


def auth_test(call: Call) -> JSON:
    workspace = call.workspace
    return {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.team_name,
        "user": workspace.app.name.lower(),
        "team_id": workspace.team_id,
        "user_id": workspace.app.bot_user_id,
        "bot_id": workspace.app.bot_id,
        "is_enterprise_install": False,
    }


def users_info(call: Call) -> JSON:
    return {"user": shape(call, call.member())}


def users_list(call: Call) -> JSON:
    page, metadata = call.page(list(call.workspace.members.values()), default=1000)
    return {
        "members": [shape(call, member) for member in page],
        "cache_ts": call.workspace.now(),
        "response_metadata": metadata,
    }


def lookup_by_email(call: Call) -> JSON:
    wanted = call.required("email").lower()
    for member in call.workspace.members.values():
        if member.email.lower() == wanted and not member.deleted:
            return {"user": shape(call, member)}
    raise SlackError("users_not_found")


def usergroups_list(call: Call) -> JSON:
    groups = []
    for group in call.workspace.groups.values():
        listed = _group(call, group)
        if call.flag("include_users"):
            listed["users"] = list(group.users)
        groups.append(listed)
    return {"usergroups": groups}


def usergroups_users_list(call: Call) -> JSON:
    group = call.workspace.groups.get(call.required("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def bots_info(call: Call) -> JSON:
    app = call.workspace.app
    if call.text("bot", app.bot_id) != app.bot_id:
        raise SlackError("bot_not_found")
    profile = call.payloads.bot_profile()
    return {
        "bot": {
            "id": app.bot_id,
            "deleted": False,
            "name": app.name,
            "updated": 0,
            "app_id": app.app_id,
            "user_id": app.bot_user_id,
            "icons": profile["icons"],
        }
    }


def team_info(call: Call) -> JSON:
    workspace = call.workspace
    return {
        "team": {
            "id": workspace.team_id,
            "name": workspace.team_name,
            "domain": workspace.domain,
            "email_domain": "",
            "url": f"https://{workspace.domain}.slack.com/",
            "icon": {
                "image_default": True,
                **{f"image_{size}": f"https://example.com/{size}.png" for size in (34, 44, 68, 88, 102, 132)},
            },
        }
    }


def shape(call: Call, member: Member) -> JSON:
    """A user object, as users.info gives it."""
    now = datetime.fromtimestamp(call.workspace.now(), UTC).astimezone(ZoneInfo(member.tz))
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
        "team": call.workspace.team_id,
        **{f"image_{size}": f"https://example.com/{avatar}-{size}.png" for size in (24, 32, 48, 72, 192, 512)},
    }
    if member.is_bot:
        profile |= {
            "bot_id": call.workspace.app.bot_id,
            "api_app_id": call.workspace.app.app_id,
            "always_active": True,
        }
    elif "users:read.email" in call.workspace.app.scopes:
        profile["email"] = member.email
    return {
        "id": member.id,
        "team_id": call.workspace.team_id,
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
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": member.is_bot,
        "is_app_user": False,
        "updated": 0,
        "is_email_confirmed": True,
        "who_can_share_contact_card": "EVERYONE",
    }


def _group(call: Call, group: UserGroup) -> JSON:
    creator = call.workspace.app.bot_user_id
    return {
        "id": group.id,
        "team_id": call.workspace.team_id,
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
