"""All of a report, page by page and filtered, as a modal: what stands behind *Show all*. Pure.

Modals take no table block: each row is a section, its values behind their columns' names.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.slack.views.kit import Block, View, actions, button, context, plain_text, section, sound
from bot.slack.views.place import Routing
from bot.slack.views.reports import line_text
from bot.slack.views.text import cut, line, shown
from bot.words.report import Link, Moment, Person, Report, Table, Value

CALLBACK = "whole"
FILTER = "filter"
PAGE = 15
"""Rows of one page: a hundred blocks hold many more, a person's eyes do not."""


def whole_view(report: Report, routing: Routing, now: datetime | None) -> View:
    """The page and the filter are those of `routing`."""
    now = report.taken_at or now
    table = report.well.table if report.well is not None and report.well.table is not None else report.table
    entries = [] if report.well is not None and report.well.table is not None else _lines(report, now)
    entries += _rows(table, now) if table is not None else []
    wanted = routing.wanted.casefold()
    found = [text for text, plain in entries if wanted in plain]
    last = max(0, (len(found) - 1) // PAGE)
    page = min(max(routing.page, 0), last)
    blocks = [_filter(routing.wanted)]
    blocks += [section(text) for text in found[page * PAGE : (page + 1) * PAGE]]
    if not found:
        blocks.append(section(f"Nothing has “{line(routing.wanted, 100)}” in it." if wanted else "There is nothing."))
    else:
        first = page * PAGE + 1
        told = f"{first:,} to {min(first + PAGE - 1, len(found)):,} of {len(found):,}"
        blocks.append(context(f"{told} that fit; {len(entries):,} in all" if wanted else told))
    turning = [button("Previous", "page:back", str(page - 1))] if page else []
    turning += [button("Next", "page:on", str(page + 1))] if page < last else []
    turning += [button("Send me the CSV", "csv", "csv")] if table is not None else []
    blocks += actions(turning, "turning")
    kept = [block for block in (sound(block, "modal") for block in blocks) if block is not None]
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain_text(report.title, 24),
        "submit": plain_text("Filter", 24),
        "close": plain_text("Close", 24),
        "private_metadata": routing.model_copy(update={"page": page}).write(),
        "blocks": kept[:100],
    }


def _filter(wanted: str) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": "value", "placeholder": plain_text("A part of it", 150)}
    if wanted:
        element["initial_value"] = cut(wanted, 200)
    return {
        "type": "input",
        "block_id": FILTER,
        "label": plain_text("Show only what has this in it", 100),
        "element": element,
        "optional": True,
    }


def _lines(report: Report, now: datetime | None) -> list[tuple[str, str]]:
    return [(text, text.casefold()) for text in (line_text(each, now) for each in report.lines)]


def _rows(table: Table, now: datetime | None) -> list[tuple[str, str]]:
    """Each row as it is shown and as it is searched."""
    return [(_row(table.columns, row, now), " ".join(map(_searched, row)).casefold()) for row in table.rows]


def _row(columns: Sequence[str], row: Sequence[Value], now: datetime | None) -> str:
    """Under its first name: a number alone says nothing."""
    named = next((at for at, value in enumerate(row) if isinstance(value, str | Link) and value), 0)
    told = [
        f"{line(column, 60)}: {shown(value, 300, now)}"
        for at, (column, value) in enumerate(zip(columns, row, strict=False))
        if value not in (None, "") and at != named
    ]
    return f"*{shown(row[named] if row else '', 200, now)}*\n{', '.join(told)}"


def _searched(value: Value) -> str:
    return str(value.at if isinstance(value, Moment) else value.id if isinstance(value, Person) else value)
