"""A table as Slack draws one, and in monospace where a workspace does not know the block. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.slack.views.kit import SECTION, Block, section
from bot.slack.views.text import NEAR, Names, cut, escape, plain, utc
from bot.words.report import Link, Moment, Person, Table, Value

SHOWN = 10
"""Rows on a card; the others are behind its *Show all*."""
MOST_COLUMNS = 20
CELL = 160
"""Characters of one cell."""
ROOM = 6000
"""Characters of all cells: Slack takes 10,000, and a card has more to say."""
WRAPPED = 30
"""Characters from which a column breaks its lines, so that a phone shows the others too."""
WIDE = 76
"""Characters of one monospaced line before Slack breaks it on a laptop."""
NARROWEST = 6
NO_BREAK = "\u00a0"
"""Between a number and its unit: 23.6 % is never two lines."""


def table_block(table: Table, names: Names, now: datetime | None, most: int = SHOWN) -> tuple[list[Block], int]:
    """The block, and how many rows it has no room for."""
    width = min(len(table.columns), MOST_COLUMNS)
    rows = [row[:width] for row in table.rows[:most]]
    texts = [[cut(plain(cell, names), CELL) for cell in row] for row in rows]
    while rows and sum(map(len, (cell for row in texts for cell in row))) > ROOM:
        rows.pop(), texts.pop()
    if not rows:
        return [], len(table.rows)
    settings = []
    for at in range(width):
        longest = max(len(row[at]) for row in texts if at < len(row))
        settings.append({"align": "right" if table.numeric(at) else "left", "is_wrapped": longest > WRAPPED})
    head = [_raw(plain(column, names)) for column in table.columns[:width]]
    cells = [[_cell(value, names, now) for value in (*row, *[None] * (width - len(row)))] for row in rows]
    return [{"type": "table", "rows": [head, *cells], "column_settings": settings}], len(table.rows) - len(rows)


def _cell(value: Value, names: Names, now: datetime | None) -> Block:
    match value:
        case Moment(at=at, said=said):
            shape = "{time}" if now is not None and abs(now - at) < NEAR else "{date_short_pretty} at {time}"
            before = f"{said} " if said in ("since", "until") else ""
            date: Block = {"type": "date", "timestamp": int(at.timestamp()), "fallback": utc(at)}
            return _rich({**date, "format": "{ago}" if said == "ago" else f"{before}{shape}"})
        case Person(id=person) if person[:1] in "UW":
            return _rich({"type": "user", "user_id": person})
        case Link(url=url, name=name) if url.startswith(("https://", "http://")):
            return _rich({"type": "link", "url": url, "text": cut(name, CELL)})
        case str() | None:
            return _raw(plain(value, names))
        case _:
            return {"type": "raw_text", "text": plain(value, names).replace(" ", NO_BREAK)}


def _raw(text: str) -> Block:
    return {"type": "raw_text", "text": cut(" ".join(text.split()), CELL) or "–"}


def _rich(element: Block) -> Block:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]}


def monospaced(table: Table, names: Names, room: int = 2 * SECTION, most: int = SHOWN) -> tuple[list[Block], int]:
    """Sections of fixed width, and how many rows did not fit. What is too wide is cut: the file has it whole."""
    cells = [[_flat(_name(cell, names)) for cell in row] for row in table.rows[:most]]
    head = [_flat(plain(column, names)) for column in table.columns]
    if not cells:
        return [], 0
    longest = [max(len(row[at]) for row in [head, *cells] if at < len(row)) for at in range(len(head))]
    right = [table.numeric(at) for at in range(len(head))]
    widths = fitted(
        longest, [wide if numbers else NARROWEST for wide, numbers in zip(longest, right, strict=True)], WIDE
    )
    text = f"{escape(_padded(head, widths, right))}\n{'  '.join('─' * width for width in widths)}"
    blocks: list[Block] = []
    for place, row in enumerate(cells):
        drawn = escape(_padded(row, widths, right)).replace("```", "'''")
        if len(text) + len(drawn) > SECTION - 20:
            blocks.append(section(f"```{text}```"))
            if len(blocks) * SECTION >= room:
                return blocks, len(table.rows) - place
            text = drawn
        else:
            text = f"{text}\n{drawn}"
    return [*blocks, section(f"```{text}```")], len(table.rows) - len(cells)


def fitted(widths: Sequence[int], floors: Sequence[int], room: int) -> list[int]:
    """The widest give way until all fit, a number never; columns for which there is no room at all are left out."""
    kept = list(widths)
    while sum(kept) + 2 * (len(kept) - 1) > room:
        spare = max(range(len(kept)), key=lambda at: (kept[at] > floors[at]) * kept[at])
        if kept[spare] > floors[spare]:
            kept[spare] -= 1
        else:
            kept.pop()
    return kept


def _name(value: Value, names: Names) -> str:
    """A link by its name: in monospace nobody can press it."""
    return value.name if isinstance(value, Link) else plain(value, names)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _padded(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """Columns two spaces apart."""
    drawn = []
    for cell, width, numbers in zip(cells, widths, right, strict=False):
        shown = cut(cell, width)
        drawn.append(shown.rjust(width) if numbers else shown.ljust(width))
    return "  ".join(drawn).rstrip()
