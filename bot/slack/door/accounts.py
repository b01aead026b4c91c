"""What Slack says of accounts and channels, as far as it decides who may do and read what. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.directory import Snapshot, Standing


def accounts(known: Snapshot, found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Names and standings, with those of these accounts in place of what was known."""
    names, standings = dict(known.names), dict(known.standings)
    for account in found:
        id, profile = str(account["id"]), account.get("profile") or {}
        name = profile.get("display_name") or account.get("real_name") or account.get("name")
        names[id] = str(name or id)
        standings.pop(id, None)
        if held := standing(account):
            standings[id] = held
    return {"names": names, "standings": standings}


def standing(account: Mapping[str, Any]) -> Standing | None:
    """None for an ordinary member."""
    if account.get("deleted"):
        return Standing.DEACTIVATED
    if account.get("is_bot") or account.get("is_workflow_bot") or account.get("id") == "USLACKBOT":
        return Standing.BOT
    # A stranger is somebody of another organisation, known from a channel that both share.
    if account.get("is_restricted") or account.get("is_ultra_restricted") or account.get("is_stranger"):
        return Standing.GUEST
    return None


def is_shared(channel: Mapping[str, Any]) -> bool:
    """With another organisation, or about to be."""
    return bool(channel.get("is_ext_shared") or channel.get("is_pending_ext_shared"))
