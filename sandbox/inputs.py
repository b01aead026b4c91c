"""What a person picked or typed, in the shapes Slack sends it."""

import re
from typing import Any

from sandbox.model import JSON, View

_SELECTED: dict[str, str] = {
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "rich_text_input": "rich_text_value",
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "file_input": "files",
}
_INITIAL: dict[str, str] = {
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_conversation": "initial_conversation",
    "selected_conversations": "initial_conversations",
    "selected_channel": "initial_channel",
    "selected_channels": "initial_channels",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
    "rich_text_value": "initial_value",
    "value": "initial_value",
}
_STATELESS = frozenset({"button", "overflow", "workflow_button"})


class NotPossible(Exception):
    """A person could not have done this on Slack's own page."""


def selected_key(element: JSON) -> str | None:
    """The field that holds this element's value; None for buttons."""
    return _SELECTED.get(str(element.get("type")))


def holds_state(element: JSON) -> bool:
    kind = str(element.get("type"))
    return kind in _SELECTED and kind not in _STATELESS


def state_value(element: JSON, raw: Any, served: list[JSON]) -> JSON:
    """`{"type": …, "selected_…": …}` for a raw value; `served` are options an app offered.

    Raises: NotPossible when the value is not one of the element's options.
    """
    key = selected_key(element)
    if key is None:
        raise NotPossible(f"a {element.get('type')} holds no value")
    return {"type": element["type"], key: _value(element, key, raw, served)}


def initial_state(element: JSON) -> JSON:
    key = _SELECTED[str(element["type"])]
    empty: Any = [] if key.endswith("s") else None
    return {"type": element["type"], key: element.get(_INITIAL.get(key, ""), empty)}


def is_empty(value: JSON) -> bool:
    return not any(inner for key, inner in value.items() if key != "type")


def _value(element: JSON, key: str, raw: Any, served: list[JSON]) -> Any:
    match key:
        case "selected_option":
            return None if raw in (None, "") else _option(element, raw, served)
        case "selected_options":
            return [_option(element, item, served) for item in raw or []]
        case "selected_date_time":
            return None if raw in (None, "") else int(raw)
        case "value":
            return None if raw in (None, "") else str(raw)
        case _ if key.endswith("s"):
            return list(raw or [])
        case _:
            return raw or None


def _option(element: JSON, raw: Any, served: list[JSON]) -> JSON:
    wanted = raw.get("value") if isinstance(raw, dict) else raw
    offered: list[JSON] = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        offered += group.get("options") or []
    if "external" in str(element.get("type")):
        offered += served
        for name in ("initial_option", "initial_options"):
            initial = element.get(name)
            offered += initial if isinstance(initial, list) else [initial] if initial else []
    for option in offered:
        if option.get("value") == wanted:
            return option
    raise NotPossible(f"{wanted!r} is not one of the options of {element.get('action_id')!r}")


def refused(view: View, state: dict[str, JSON]) -> dict[str, str]:
    """What Slack's page itself says about a form before sending it: block_id -> text."""
    errors: dict[str, str] = {}
    for block in view.blocks:
        if block.get("type") != "input":
            continue
        element = block["element"]
        value = state.get(block["block_id"], {}).get(element["action_id"], {})
        said = _refusal(block, element, value)
        if said:
            errors[block["block_id"]] = said
    return errors


def _refusal(block: JSON, element: JSON, value: JSON) -> str | None:
    if is_empty(value):
        return None if block.get("optional") else "Please complete this required field."
    text = value.get("value")
    if not isinstance(text, str):
        return None
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(text) < least:
        return f"Must be at least {least} characters."
    if len(text) > most:
        return f"Must be at most {most} characters."
    match element["type"]:
        case "email_text_input" if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
            return "Please enter a valid email address."
        case "url_text_input" if not re.match(r"https?://\S+$", text):
            return "Please enter a valid URL."
        case "number_input":
            return _number_refusal(element, text)
        case _:
            return None


def _number_refusal(element: JSON, text: str) -> str | None:
    try:
        number = float(text) if element.get("is_decimal_allowed") else int(text)
    except ValueError:
        return "Please enter a number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Must be at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Must be at most {element['max_value']}."
    return None
