"""Whether a payload is shaped as Slack documents it, as far as any of it is read. What is not is never acted upon."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Command(_Part):
    command: str
    user_id: str
    channel_id: str


class _Named(_Part):
    id: str


class _Pressed(_Part):
    action_id: str


class _View(_Named):
    state: dict[str, Any] | None = None


class _Interactive(_Part):
    type: str
    user: _Named
    channel: _Named | None = None
    message: dict[str, Any] | None = None
    container: dict[str, Any] | None = None
    view: _View | None = None


class _Click(_Interactive):
    actions: list[_Pressed] = Field(min_length=1)


class _Form(_Interactive):
    view: _View


class _Happened(_Part):
    type: str


class _Written(_Happened):
    channel: str
    user: str | None = None
    text: str | None = None


class _Opened(_Happened):
    user: str


class _Account(_Happened):
    user: dict[str, Any]


class _Members(_Happened):
    subteam_id: str


class _Group(_Happened):
    subteam: _Named


class _Event(_Part):
    event: dict[str, Any]


_INTERACTIVE: Mapping[object, type[_Interactive]] = {"block_actions": _Click, "view_submission": _Form}
_EVENTS: Mapping[object, type[_Happened]] = {
    "message": _Written,
    "app_mention": _Written,
    "app_home_opened": _Opened,
    "user_change": _Account,
    "team_join": _Account,
    "subteam_members_changed": _Members,
    "subteam_updated": _Group,
}


def bolt_can_read(body: Mapping[str, Any]) -> bool:
    """Whether `authorizations` holds what Bolt takes it for: it reads into them before any middleware."""
    given = body.get("authorizations") or []
    return isinstance(given, list) and all(isinstance(each, dict) for each in given)


def odd(body: Mapping[str, Any]) -> str:
    """What is wrong with a payload, for the log and without a value of it; empty where nothing is."""
    try:
        if "command" in body:
            _Command.model_validate(body)
        elif "event" in body:
            event = _Event.model_validate(body).event
            _EVENTS.get(_key(event.get("type")), _Happened).model_validate(event)
        elif body.get("type") != "url_verification" and "ssl_check" not in body:
            _INTERACTIVE.get(_key(body.get("type")), _Interactive).model_validate(body)
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in error.errors()[:5])
    return ""


def _key(kind: object) -> str:
    return kind if isinstance(kind, str) else ""
