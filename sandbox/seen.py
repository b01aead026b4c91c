"""What a person sees: messages and forms, with their text and buttons pulled out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox import blocks
from sandbox.model import JSON


@dataclass(frozen=True)
class Message:
    raw: JSON

    @property
    def ts(self) -> str:
        return str(self.raw["ts"])

    @property
    def channel(self) -> str:
        return str(self.raw["channel"])

    @property
    def thread_ts(self) -> str | None:
        thread: str | None = self.raw["thread_ts"]
        return thread

    @property
    def rev(self) -> int:
        """Grows with every change in the workspace."""
        return int(self.raw["rev"])

    @property
    def ephemeral(self) -> bool:
        return bool(self.raw["ephemeral"])

    @property
    def blocks(self) -> list[JSON]:
        """Its blocks and those of its attachments."""
        found: list[JSON] = list(self.raw["blocks"] or [])
        for attachment in self.raw["attachments"] or []:
            found += attachment.get("blocks") or []
        return found

    @property
    def text_all(self) -> str:
        """Everything it shows: its blocks, or its text where it has none, and its files."""
        shown = [blocks.flat_text(self.blocks) if self.blocks else self.raw["text"]]
        shown += [attachment.get("text", "") for attachment in self.raw["attachments"] or []]
        shown += [f"[{file['title']}]" for file in self.raw["files"]]
        return "\n".join(piece for piece in shown if piece)

    @property
    def buttons(self) -> list[str]:
        """Labels of its buttons, those in overflow menus too."""
        return [label for label, *_ in clickable(self.blocks)]


@dataclass(frozen=True)
class View:
    raw: JSON

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def title(self) -> str:
        return str((self.raw["title"] or {}).get("text", ""))

    @property
    def blocks(self) -> list[JSON]:
        found: list[JSON] = self.raw["blocks"]
        return found

    @property
    def text_all(self) -> str:
        return f"{self.title}\n{blocks.flat_text(self.blocks)}"

    @property
    def buttons(self) -> list[str]:
        return [label for label, *_ in clickable(self.blocks)]

    @property
    def labels(self) -> list[str]:
        """Labels of its fields."""
        return [b["label"]["text"] for b in self.blocks if b["type"] == "input"]

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong with which field, by its label."""
        said: dict[str, str] = self.raw["state_errors"]
        by_id = {b["block_id"]: b["label"]["text"] for b in self.blocks if b["type"] == "input"}
        return {by_id.get(block_id, block_id): text for block_id, text in said.items()}


Clickable = tuple[str, str, str, JSON | None]
"""Label, block_id, action_id, and the option where it is an overflow menu's."""


def clickable(where: list[JSON]) -> Iterator[Clickable]:
    for block in where:
        for element in blocks.elements_of(block):
            ids = (block["block_id"], element.get("action_id", ""))
            if element["type"] == "overflow":
                for option in element["options"]:
                    yield option["text"]["text"], *ids, option
            elif element["type"] in ("button", "workflow_button"):
                yield element["text"]["text"], *ids, None


def chosen(element: JSON, value: Any, offered: list[JSON]) -> Any:
    """An option's value for its label; lists likewise; anything else as it is."""
    if isinstance(value, list | tuple):
        return [chosen(element, item, offered) for item in value]
    options = [*(element.get("options") or []), *offered]
    for group in element.get("option_groups") or []:
        options += group["options"]
    for option in options:
        if value in (option["text"]["text"], option["value"]):
            return option["value"]
    return value


def field_of(view: View, label: str) -> JSON:
    """The input block with that label. Raises: LookupError."""
    for block in view.blocks:
        if block["type"] == "input" and block["label"]["text"] == label:
            return block
    raise LookupError(f"there is no field {label!r}, only {view.labels}")
