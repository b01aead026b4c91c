"""Blocks as Slack keeps them: ids filled in, elements found, text flattened."""

import re
from collections.abc import Iterator
from typing import Any

from sandbox.model import JSON

INTERACTIVE_OWNERS = ("accessory", "element")


def stored(blocks: list[JSON], new_id: Any) -> list[JSON]:
    """A copy with what Slack adds: block_id, action_id, `emoji` and `verbatim`."""
    return [_stored_block(block, new_id) for block in blocks]


def _stored_block(block: JSON, new_id: Any) -> JSON:
    kept: JSON = {"type": block.get("type"), "block_id": block.get("block_id") or new_id()}
    kept.update((key, with_defaults(value)) for key, value in block.items() if key not in kept)
    for element in elements_of(kept):
        if is_interactive(element) and not element.get("action_id"):
            element["action_id"] = new_id()
    return kept


def with_defaults(value: Any) -> Any:
    """A copy in which every text object says what Slack says by default."""
    if isinstance(value, list):
        return [with_defaults(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: with_defaults(inner) for key, inner in value.items()}
    if isinstance(kept.get("text"), str):
        if kept.get("type") == "plain_text":
            kept.setdefault("emoji", True)
        elif kept.get("type") == "mrkdwn":
            kept.setdefault("verbatim", False)
    return kept


def elements_of(block: JSON) -> Iterator[JSON]:
    """The elements of one block, wherever its kind keeps them."""
    for owner in INTERACTIVE_OWNERS:
        element = block.get(owner)
        if isinstance(element, dict):
            yield element
    if block.get("type") in ("actions", "context_actions", "context"):
        yield from (element for element in block.get("elements", []) if isinstance(element, dict))
    for child in (*(block.get("child_blocks") or []), *(block.get("actions") or [])):
        if isinstance(child, dict):
            if "type" in child and is_interactive(child):
                yield child
            else:
                yield from elements_of(child)


def is_interactive(element: JSON) -> bool:
    return element.get("type") not in (None, "image", "mrkdwn", "plain_text")


def find(blocks: list[JSON], block_id: str, action_id: str) -> tuple[JSON, JSON] | None:
    """The block and the element behind one click."""
    for block in blocks:
        if block.get("block_id") != block_id:
            continue
        for element in elements_of(block):
            if element.get("action_id") == action_id:
                return block, element
    return None


def flat_text(node: Any) -> str:
    """All displayed text under `node`, one piece per line."""
    return "\n".join(_pieces(node))


def _pieces(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _pieces(item)
    elif isinstance(node, dict):
        kind = node.get("type")
        if kind in ("rich_text_section", "rich_text_preformatted", "rich_text_quote"):
            yield "".join(_rich(element) for element in node.get("elements", []))
            return
        for key, value in node.items():
            if key in ("text", "alt_text", "title") and isinstance(value, str):
                yield value
            elif key not in ("confirm", "metadata"):
                yield from _pieces(value)


def _rich(element: JSON) -> str:
    match element.get("type"):
        case "user":
            return f"<@{element.get('user_id')}>"
        case "channel":
            return f"<#{element.get('channel_id')}>"
        case "usergroup":
            return f"<!subteam^{element.get('usergroup_id')}>"
        case "link":
            return str(element.get("text") or element.get("url"))
        case "date":
            return str(element.get("fallback") or "")
        case "emoji":
            return f":{element.get('name')}:"
        case _:
            return str(element.get("text", ""))


def rich_text(text: str, block_id: str) -> list[JSON]:
    """What Slack makes of a typed message: one rich_text block."""
    elements: list[JSON] = []
    for piece in re.split(r"(<[@#!][^>]+>)", text):
        if not piece:
            continue
        if piece.startswith("<@"):
            elements.append({"type": "user", "user_id": piece[2:-1].split("|")[0]})
        elif piece.startswith("<#"):
            elements.append({"type": "channel", "channel_id": piece[2:-1].split("|")[0]})
        else:
            elements.append({"type": "text", "text": piece})
    section: JSON = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]
