"""users.*, usergroups.*, bots.info, team.info and auth.test: who is who."""

from sandbox.accounts import account, user_group
from sandbox.model import JSON, SlackError
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
    return {"user": account(call.workspace, call.member())}


def users_list(call: Call) -> JSON:
    page, metadata = call.page(list(call.workspace.members.values()), default=1000)
    return {
        "members": [account(call.workspace, member) for member in page],
        "cache_ts": call.workspace.now(),
        "response_metadata": metadata,
    }


def lookup_by_email(call: Call) -> JSON:
    wanted = call.required("email").lower()
    for member in call.workspace.members.values():
        if member.email.lower() == wanted and not member.deleted:
            return {"user": account(call.workspace, member)}
    raise SlackError("users_not_found")


def usergroups_list(call: Call) -> JSON:
    groups = []
    for group in call.workspace.groups.values():
        listed = user_group(call.workspace, group)
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
