"""Slack's limits of table blocks, and the measure of displayed text."""

from collections.abc import Iterator, Mapping
from typing import Any

TABLE_TEXT_BUDGET = 10_000
"""Characters over all cells of one table."""


def text_length(node: object) -> int:
    """Characters of displayed text anywhere under `node`."""
    if isinstance(node, Mapping):
        return sum(
            len(value) if key == "text" and isinstance(value, str) else text_length(value)
            for key, value in node.items()
        )
    if isinstance(node, list | tuple):
        return sum(text_length(item) for item in node)
    return 0


def table_problems(block: Mapping[str, Any], path: str) -> Iterator[str]:
    rows = block.get("rows")
    if not isinstance(rows, list) or not rows:
        yield f"{path}/rows: missing"
        return
    if len(rows) > 100:
        yield f"{path}/rows: {len(rows)} rows, at most 100"
    for i, row in enumerate(rows):
        cells = row.get("cells") if isinstance(row, Mapping) else row
        if not isinstance(cells, list) or not cells:
            yield f"{path}/rows/{i}: must be a list of cells"
            continue
        if len(cells) > 20:
            yield f"{path}/rows/{i}: {len(cells)} columns, at most 20"
        for j, cell in enumerate(cells):
            yield from _cell(cell, f"{path}/rows/{i}/{j}")
    if (total := text_length(rows)) > TABLE_TEXT_BUDGET:
        yield f"{path}/rows: {total} characters in all, at most {TABLE_TEXT_BUDGET}"
    settings = block.get("column_settings") or []
    if len(settings) > 20:
        yield f"{path}/column_settings: {len(settings)} columns, at most 20"
    for i, setting in enumerate(settings):
        if (setting or {}).get("align", "left") not in ("left", "center", "right"):
            yield f"{path}/column_settings/{i}/align: {setting['align']!r}, must be left, center or right"


def _cell(cell: object, path: str) -> Iterator[str]:
    match cell:
        case {"type": "raw_text", "text": str(text)}:
            if not text:
                yield f"{path}/text: empty"
        case {"type": "rich_text", "elements": [*_]} | {"type": "raw_number"}:
            return
        case _:
            yield f"{path}: must be raw_text or rich_text"
