"""files.*: the external upload flow."""

import mimetypes

from bot.slack.views import blockkit
from sandbox.model import JSON, File, SlackError
from sandbox.web_api.call import Call, invalid, invalid_blocks
from sandbox.workspace import Workspace


def get_upload_url(call: Call) -> JSON:
    name, length = call.required("filename"), call.number("length", 0)
    if length <= 0:
        raise invalid("missing required field: length")
    id = call.workspace.new_id("F")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    call.workspace.files[id] = File(
        id, name, name, call.bot, call.workspace.now(), length, mimetype=kind, alt=call.text("alt_txt")
    )
    return {"upload_url": f"{call.base_url}/upload/{id}", "file_id": id}


def complete_upload(call: Call) -> JSON:
    wanted = call.json("files")
    if not isinstance(wanted, list) or not wanted:
        raise invalid("missing required field: files")
    files = []
    for item in wanted:
        if not isinstance(item, dict):
            raise invalid("must be an object: files")
        file = call.workspace.files.get(str(item.get("id")))
        if file is None or not file.content:
            raise SlackError("file_not_found")
        file.title = item.get("title") or file.name
        files.append(file)
    if call.text("channel_id"):
        channel = call.open_channel("channel_id", member=True)
        blocks = call.json("blocks")
        wrong = blockkit.problems({"blocks": blocks}, "message")
        if wrong:
            raise invalid_blocks(wrong)
        message = call.workspace.bot_message(
            channel.id,
            text=call.text("initial_comment"),
            blocks=blocks,
            thread_ts=call.text("thread_ts") or None,
            files=files,
        )
        for file in files:
            file.channels.append(channel.id)
            file.shares.append((channel.id, message.ts))
        call.workspace.post(message)
    return {"files": [shape(call.workspace, file, call.base_url) for file in files]}


def info(call: Call) -> JSON:
    file = call.workspace.files.get(call.required("file"))
    if file is None:
        raise SlackError("file_not_found")
    return {
        "file": shape(call.workspace, file, call.base_url),
        "comments": [],
    }


def shape(workspace: Workspace, file: File, base_url: str) -> JSON:
    shares: JSON = {"public": {}, "private": {}}
    for channel_id, ts in file.shares:
        channel = workspace.channels[channel_id]
        shares["private" if channel.is_private else "public"].setdefault(channel_id, []).append(
            {
                "reply_users": [],
                "reply_users_count": 0,
                "reply_count": 0,
                "ts": ts,
                "channel_name": channel.name,
                "team_id": workspace.team_id,
                "share_user_id": file.user,
            }
        )
    url = f"{base_url}/files/{file.id}/{file.name}"
    ending = file.name.rpartition(".")[2]
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        **({"alt_txt": file.alt} if file.alt else {}),
        "filetype": ending,
        "pretty_type": ending.upper(),
        "user": file.user,
        "user_team": workspace.team_id,
        "editable": False,
        "size": len(file.content),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": bool(shares["public"]),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": url,
        "url_private_download": url,
        "permalink": url,
        "permalink_public": url,
        "comments_count": 0,
        "is_starred": False,
        "shares": {kind: where for kind, where in shares.items() if where},
        "channels": [c for c in file.channels if not workspace.channels[c].is_private],
        "groups": [],
        "ims": [],
        "has_more_shares": False,
        "has_rich_preview": False,
        "file_access": "visible",
    }
