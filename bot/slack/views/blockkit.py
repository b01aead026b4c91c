"""Slack's Block Kit limits, checked over the final JSON.

The bot asks before it sends, so that it can degrade instead of being refused; the local Slack
asks before it accepts. No builder library knows the rules that reach across blocks.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from bot.slack.views.blockkit_table import table_problems, text_length

Surface = Literal["message", "modal", "home"]

MESSAGE_TEXT_BUDGET = 13_000
"""Characters over all blocks of one message; past about 13,200 Slack says msg_blocks_too_long."""

_BLOCKS_PER_SURFACE: Mapping[Surface, int] = {"message": 50, "modal": 100, "home": 100}

_EVERYWHERE = frozenset(
    [
        "actions",
        "carousel",
        "card",
        "container",
        "context",
        "divider",
        "header",
        "image",
        "input",
        "markdown",
        "rich_text",
        "section",
        "video",
    ]
)
_ONLY_IN: Mapping[str, frozenset[Surface]] = {
    "alert": frozenset({"modal"}),
    "call": frozenset({"message"}),
    "context_actions": frozenset({"message"}),
    "data_table": frozenset({"message"}),
    "data_visualization": frozenset({"message"}),
    "file": frozenset({"message"}),
    "plan": frozenset({"message"}),
    "table": frozenset({"message"}),
    "task_card": frozenset({"message"}),
}

_SELECTS = frozenset(
    f"{many}{what}_select"
    for many in ("", "multi_")
    for what in ("static", "external", "users", "conversations", "channels")
)
_PICKERS = frozenset({"datepicker", "timepicker", "checkboxes", "radio_buttons"})
_IN_SECTION = _SELECTS | _PICKERS | {"button", "overflow", "image", "workflow_button"}
_IN_ACTIONS = (_IN_SECTION - {"image"}) | {"datetimepicker", "rich_text_input"}
_IN_INPUT = (_SELECTS | _PICKERS) | {
    "datetimepicker",
    "email_text_input",
    "file_input",
    "number_input",
    "plain_text_input",
    "rich_text_input",
    "url_text_input",
}
_IN_CONTEXT = frozenset({"image", "mrkdwn", "plain_text"})
_IN_CONTEXT_ACTIONS = frozenset({"feedback_buttons", "icon_button"})


def problems(payload: Mapping[str, Any], surface: Surface) -> list[str]:
    """What Slack would refuse, each as `/json/pointer: what is there, and the limit`."""
    found = list(_view(payload, surface)) if surface != "message" else []
    blocks = payload.get("blocks")
    if blocks is not None:
        found += _blocks(blocks, surface, "/blocks")
    if surface == "message":
        attachments = payload.get("attachments") or []
        if not isinstance(attachments, list):
            found.append("/attachments: must be a list")
            attachments = []
        for i, attachment in enumerate(attachments):
            inner = attachment.get("blocks") if isinstance(attachment, Mapping) else None
            if inner is not None:
                found += _blocks(inner, surface, f"/attachments/{i}/blocks")
        total = text_length(blocks or [])
        if total > MESSAGE_TEXT_BUDGET:
            found.append(f"/blocks: {total} characters in all, at most {MESSAGE_TEXT_BUDGET}")
    return found


def _view(view: Mapping[str, Any], surface: Surface) -> Iterator[str]:
    if view.get("type", surface) != surface:
        yield f"/type: {view.get('type')!r}, must be {surface!r}"
    if not isinstance(view.get("blocks"), list):
        yield "/blocks: missing"
    yield from _length(view, "private_metadata", "", 3000)
    yield from _length(view, "callback_id", "", 255)
    yield from _length(view, "external_id", "", 255)
    if surface != "modal":
        return
    if "title" not in view:
        yield "/title: missing"
    for name in ("title", "submit", "close"):
        if view.get(name) is not None:
            yield from _text(view[name], f"/{name}", 24, plain=True)
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(
        isinstance(block, Mapping) and block.get("type") == "input" for block in blocks
    )
    if has_input and view.get("submit") is None:
        yield "/submit: missing, needed by the input blocks"


def _blocks(blocks: object, surface: Surface, path: str) -> Iterator[str]:
    if not isinstance(blocks, list):
        yield f"{path}: must be a list"
        return
    if len(blocks) > _BLOCKS_PER_SURFACE[surface]:
        yield f"{path}: {len(blocks)} blocks, at most {_BLOCKS_PER_SURFACE[surface]}"
    seen_blocks: set[str] = set()
    seen_actions: set[tuple[int, str]] = set()
    kinds: dict[str, int] = {}
    markdown = 0
    for i, block in enumerate(blocks):
        here = f"{path}/{i}"
        if not isinstance(block, Mapping):
            yield f"{here}: must be an object"
            continue
        kind = str(block.get("type"))
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind == "markdown":
            markdown += len(str(block.get("text", "")))
        yield from _block(block, kind, surface, here)
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen_blocks:
                yield f"{here}/block_id: {block_id!r} is used twice"
            seen_blocks.add(block_id)
        for where, action_id in _action_ids(block, here):
            if (i, action_id) in seen_actions:
                yield f"{where}: {action_id!r} is used twice"
            seen_actions.add((i, action_id))
    if kinds.get("table", 0) + kinds.get("data_table", 0) > 1:
        yield f"{path}: more than 1 table"
    if kinds.get("data_visualization", 0) > 2:
        yield f"{path}: {kinds['data_visualization']} data_visualization blocks, at most 2"
    if markdown > 12_000:
        yield f"{path}: {markdown} characters of markdown, at most 12000"


def _action_ids(block: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    candidates: list[tuple[str, object]] = [
        (f"{path}/accessory", block.get("accessory")),
        (f"{path}/element", block.get("element")),
    ]
    elements = block.get("elements")
    if isinstance(elements, list):
        candidates += [(f"{path}/elements/{i}", element) for i, element in enumerate(elements)]
    for where, element in candidates:
        if isinstance(element, Mapping) and isinstance(element.get("action_id"), str):
            yield f"{where}/action_id", element["action_id"]


def _block(block: Mapping[str, Any], kind: str, surface: Surface, path: str) -> Iterator[str]:
    if kind not in _EVERYWHERE and surface not in _ONLY_IN.get(kind, frozenset()):
        yield f"{path}/type: {kind!r} is not allowed in a {surface}"
        return
    yield from _length(block, "block_id", path, 255)
    match kind:
        case "section":
            yield from _section(block, path)
        case "header":
            yield from _required_text(block, "text", path, 150, plain=True)
        case "context":
            yield from _elements(block, path, 10, _IN_CONTEXT)
        case "actions":
            yield from _elements(block, path, 25, _IN_ACTIONS)
        case "context_actions":
            yield from _elements(block, path, 5, _IN_CONTEXT_ACTIONS)
        case "input":
            yield from _input(block, path)
        case "image":
            yield from _image(block, path)
            yield from _optional_text(block, "title", path, 2000, plain=True)
        case "markdown":
            if not isinstance(block.get("text"), str) or not block["text"]:
                yield f"{path}/text: missing"
        case "table" | "data_table":
            yield from table_problems(block, path)
        case "rich_text":
            if not isinstance(block.get("elements"), list):
                yield f"{path}/elements: missing"
        case "alert":
            yield from _required_text(block, "text", path, 200)
        case "card":
            yield from _optional_text(block, "title", path, 150)
            yield from _optional_text(block, "body", path, 200)
        case "carousel":
            yield from _count(block, "elements", path, 10)
        case "container":
            yield from _count(block, "child_blocks", path, 10)
        case _:
            return


def _section(block: Mapping[str, Any], path: str) -> Iterator[str]:
    fields = block.get("fields")
    if block.get("text") is None and not fields:
        yield f"{path}: needs text or fields"
    yield from _optional_text(block, "text", path, 3000)
    if fields is not None:
        yield from _count(block, "fields", path, 10)
        for i, field in enumerate(fields if isinstance(fields, list) else []):
            yield from _text(field, f"{path}/fields/{i}", 2000)
    accessory = block.get("accessory")
    if accessory is not None:
        yield from _element(accessory, f"{path}/accessory", _IN_SECTION)


def _input(block: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _required_text(block, "label", path, 2000, plain=True)
    yield from _optional_text(block, "hint", path, 2000, plain=True)
    if "element" not in block:
        yield f"{path}/element: missing"
    else:
        yield from _element(block["element"], f"{path}/element", _IN_INPUT)


def _elements(block: Mapping[str, Any], path: str, most: int, allowed: frozenset[str]) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield f"{path}/elements: missing, at least 1"
        return
    yield from _count(block, "elements", path, most)
    for i, element in enumerate(elements):
        yield from _element(element, f"{path}/elements/{i}", allowed)


def _element(element: object, path: str, allowed: frozenset[str]) -> Iterator[str]:
    if not isinstance(element, Mapping):
        yield f"{path}: must be an object"
        return
    kind = str(element.get("type"))
    if kind not in allowed:
        yield f"{path}/type: {kind!r} is not allowed here"
        return
    yield from _length(element, "action_id", path, 255)
    yield from _optional_text(element, "placeholder", path, 150, plain=True)
    if element.get("confirm") is not None:
        yield from _confirm(element["confirm"], f"{path}/confirm")
    match kind:
        case "mrkdwn" | "plain_text":
            yield from _text(element, path, 3000)
        case "image":
            yield from _image(element, path)
        case "button" | "workflow_button":
            yield from _required_text(element, "text", path, 75, plain=True)
            yield from _length(element, "value", path, 2000)
            yield from _length(element, "url", path, 3000)
            if element.get("style") not in (None, "primary", "danger"):
                yield f"{path}/style: {element['style']!r}, must be primary or danger"
        case "overflow":
            yield from _options(element, path, 5, plain=True)
        case "checkboxes" | "radio_buttons":
            yield from _options(element, path, 10, plain=False)
        case "static_select" | "multi_static_select":
            if "option_groups" in element:
                yield from _option_groups(element, path)
            else:
                yield from _options(element, path, 100, plain=True)
        case _:
            return


def _options(element: Mapping[str, Any], path: str, most: int, *, plain: bool) -> Iterator[str]:
    options = element.get("options")
    if not isinstance(options, list) or not options:
        yield f"{path}/options: missing, at least 1"
        return
    yield from _count(element, "options", path, most)
    values: set[str] = set()
    for i, option in enumerate(options):
        here = f"{path}/options/{i}"
        if not isinstance(option, Mapping):
            yield f"{here}: must be an object"
            continue
        yield from _required_text(option, "text", here, 75, plain=plain)
        yield from _optional_text(option, "description", here, 75)
        yield from _length(option, "value", here, 150)
        yield from _length(option, "url", here, 3000)
        value = str(option.get("value"))
        if value in values:
            yield f"{here}/value: {value!r} is used twice"
        values.add(value)
    yield from _initial_options(element, options, path)


def _initial_options(element: Mapping[str, Any], options: Sequence[object], path: str) -> Iterator[str]:
    known = [o.get("value") for o in options if isinstance(o, Mapping)]
    chosen = element.get("initial_options") or [element.get("initial_option")]
    for option in chosen:
        if isinstance(option, Mapping) and option.get("value") not in known:
            yield f"{path}/initial_option: {option.get('value')!r} is not one of the options"


def _option_groups(element: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _count(element, "option_groups", path, 100)
    groups = element["option_groups"]
    for i, group in enumerate(groups if isinstance(groups, list) else []):
        here = f"{path}/option_groups/{i}"
        if not isinstance(group, Mapping):
            yield f"{here}: must be an object"
            continue
        yield from _required_text(group, "label", here, 75, plain=True)
        yield from _options(group, here, 100, plain=True)


def _confirm(confirm: object, path: str) -> Iterator[str]:
    if not isinstance(confirm, Mapping):
        yield f"{path}: must be an object"
        return
    yield from _optional_text(confirm, "title", path, 100, plain=True)
    yield from _required_text(confirm, "text", path, 300)
    yield from _optional_text(confirm, "confirm", path, 30, plain=True)
    yield from _optional_text(confirm, "deny", path, 30, plain=True)


def _image(image: Mapping[str, Any], path: str) -> Iterator[str]:
    if not image.get("image_url") and not image.get("slack_file"):
        yield f"{path}/image_url: missing"
    if not isinstance(image.get("alt_text"), str):
        yield f"{path}/alt_text: missing"
    yield from _length(image, "image_url", path, 3000)
    yield from _length(image, "alt_text", path, 2000)


def _required_text(owner: Mapping[str, Any], name: str, path: str, most: int, *, plain: bool = False) -> Iterator[str]:
    if owner.get(name) is None:
        yield f"{path}/{name}: missing"
    else:
        yield from _text(owner[name], f"{path}/{name}", most, plain=plain)


def _optional_text(owner: Mapping[str, Any], name: str, path: str, most: int, *, plain: bool = False) -> Iterator[str]:
    if owner.get(name) is not None:
        yield from _text(owner[name], f"{path}/{name}", most, plain=plain)


def _text(text: object, path: str, most: int, *, plain: bool = False) -> Iterator[str]:
    if not isinstance(text, Mapping):
        yield f"{path}: must be a text object"
        return
    allowed = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if text.get("type") not in allowed:
        yield f"{path}/type: {text.get('type')!r}, must be {' or '.join(allowed)}"
    value = text.get("text")
    if not isinstance(value, str) or not value:
        yield f"{path}/text: empty, at least 1 character"
    elif len(value) > most:
        yield f"{path}/text: {len(value)} characters, at most {most}"


def _length(owner: Mapping[str, Any], name: str, path: str, most: int) -> Iterator[str]:
    value = owner.get(name)
    if value is None:
        return
    if not isinstance(value, str):
        yield f"{path}/{name}: must be a string"
    elif len(value) > most:
        yield f"{path}/{name}: {len(value)} characters, at most {most}"


def _count(owner: Mapping[str, Any], name: str, path: str, most: int) -> Iterator[str]:
    items = owner.get(name)
    if not isinstance(items, list):
        yield f"{path}/{name}: must be a list"
    elif len(items) > most:
        yield f"{path}/{name}: {len(items)}, at most {most}"
