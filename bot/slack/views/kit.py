"""Blocks, messages and views as Slack takes them, and what becomes of a part that Slack would refuse."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.slack.views import blockkit
from bot.slack.views.blockkit_table import text_length
from bot.slack.views.text import cut, cut_markup, escape, unescape
from bot.words.clean import whole_json
from bot.words.report import Chart, Status

Block = dict[str, Any]
View = dict[str, Any]

MARKS: Mapping[Status, str] = {
    Status.OK: ":large_green_circle:",
    Status.UNDONE: ":leftwards_arrow_with_hook:",
    Status.RUNNING: ":large_blue_circle:",
    Status.REFUSED: ":no_entry:",
    Status.WAITING: ":lock:",
    Status.WARNING: ":large_orange_circle:",
    Status.DEGRADED: ":large_orange_circle:",
    Status.UNKNOWN: ":white_circle:",
    Status.FAILED: ":red_circle:",
    Status.DOWN: ":red_circle:",
}
"""The only emoji there are on a card; a word always stands beside one."""
SECTION = 2900
"""Characters of one section; Slack refuses more than 3,000."""
BUDGET = 12_000
"""Characters over all blocks of a message; past about 13,200 Slack refuses it."""


@dataclass(frozen=True)
class File:
    """What did not fit, as a whole."""

    name: str
    title: str
    content: str


@dataclass(frozen=True)
class Picture:
    """A PNG, and what it shows in words."""

    name: str
    title: str
    content: bytes
    alt: str


@dataclass(frozen=True)
class Message:
    """What Slack is given: blocks, the text that notifications show, the whole where the blocks are a part, and what
    is drawn and follows as a picture."""

    text: str
    blocks: tuple[Block, ...] = ()
    file: File | None = None
    chart: Chart | None = None
    instead: tuple[Block, ...] = ()
    """The same without a table block, for workspaces that refuse it; empty where it has none."""

    @property
    def plainer(self) -> "Message | None":
        return replace(self, blocks=self.instead, instead=()) if self.instead else None

    def payload(self) -> dict[str, Any]:
        content = {"text": self.text, "blocks": list(self.blocks)} if self.blocks else {"text": self.text}
        whole: dict[str, Any] = whole_json(content)
        return whole


def mrkdwn(text: str) -> Block:
    # verbatim: Slack must not make links and mentions of what only looks like them.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain_text(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": cut(" ".join(text.split()), limit) or "-", "emoji": False}


def section(text: str, accessory: Block | None = None) -> Block:
    block: Block = {"type": "section", "text": mrkdwn(cut_markup(text, SECTION))}
    return {**block, "accessory": accessory} if accessory else block


def fields(pairs: Sequence[tuple[str, str]]) -> list[Block]:
    """Label over value, two columns; at most ten in one block."""
    shown = [mrkdwn(cut_markup(f"*{label}*\n{value}", 1900)) for label, value in pairs]
    return [{"type": "section", "fields": shown[at : at + 10]} for at in range(0, len(shown), 10)]


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(cut_markup(text, SECTION)) for text in texts[:10]]}


def divider() -> Block:
    return {"type": "divider"}


def header(text: str) -> Block:
    return {"type": "header", "text": plain_text(text, 150)}


def overflow(action_id: str, choices: Sequence[tuple[str, str]]) -> Block:
    """A menu of two to five (label, value); a value has at most 150 characters."""
    options = [{"text": plain_text(label, 75), "value": value} for label, value in choices[:5]]
    return {"type": "overflow", "action_id": action_id, "options": options}


def button(label: str, action_id: str, value: str = "", *, style: str = "") -> Block:
    made: Block = {"type": "button", "action_id": action_id, "text": plain_text(label, 75)}
    if value:
        made["value"] = value
    if style:
        made["style"] = style
    return made


def actions(buttons: Iterable[Block], block_id: str = "") -> list[Block]:
    """Rows of five."""
    row = list(buttons)
    rows: list[Block] = [{"type": "actions", "elements": row[at : at + 5]} for at in range(0, len(row), 5)]
    for place, block in enumerate(rows):
        if block_id:
            block["block_id"] = f"{block_id}:{place}"
    return rows


def bullets(items: Sequence[str], most: int, limit: int = SECTION) -> tuple[str, int]:
    """Lines with a dot, as many as fit, and how many were left out."""
    taken: list[str] = []
    size = 0
    for item in items[:most]:
        size += len(item) + 3
        if size > limit and taken:
            break
        taken.append(f"• {item}")
    return "\n".join(taken), len(items) - len(taken)


# -- what Slack would refuse ------------------------------------------------------------------


def sound(block: Block, surface: blockkit.Surface = "message") -> Block | None:
    """The block, or its words alone where Slack would refuse it; None where it has no words."""
    around = {"type": surface, "title": plain_text("x", 24), "submit": plain_text("x", 24)}
    if not blockkit.problems({**around, "blocks": [block]}, surface):
        return block
    words = cut_markup(flat(block), SECTION).strip()
    return {"type": "section", "text": plain_text(unescape(words), SECTION)} if words else None


def message(
    text: str,
    blocks: Iterable[Block],
    file: File | None = None,
    chart: Chart | None = None,
    instead: Iterable[Block] = (),
) -> Message:
    """Each part degraded on its own; past the budget of a whole message, parts that only tell give way to buttons."""
    return Message(cut_markup(text, 3900), _fitting(blocks), file, chart, _fitting(instead))


def _fitting(blocks: Iterable[Block]) -> tuple[Block, ...]:
    kept = [block for block in (sound(block) for block in blocks) if block is not None]
    while len(kept) > 50 or text_length(kept) > BUDGET:
        telling = [place for place, block in enumerate(kept) if block["type"] != "actions"]
        if len(telling) < 2:
            return ()
        del kept[telling[-1]]
    return tuple(kept)


def words(text: str) -> Message:
    """One sentence of ours; what is from outside in it is escaped."""
    return message(escape(text), [section(escape(text))])


def flat(node: object) -> str:
    """Every displayed text under `node`."""
    if isinstance(node, Mapping):
        texts = [value if key == "text" and isinstance(value, str) else flat(value) for key, value in node.items()]
        return "\n".join(text for text in texts if text)
    if isinstance(node, list | tuple):
        return "\n".join(text for text in map(flat, node) if text)
    return ""
