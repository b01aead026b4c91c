"""A table as CSV that a spreadsheet may open: no cell of it is taken for a formula."""

import csv
import io
import re
from collections.abc import Callable
from typing import assert_never

from bot.words.clean import whole
from bot.words.report import Link, Moment, Person, PersonId, Share, Span, Table, Value

# Full-width signs too: some spreadsheets read them as the plain ones.
_FORMULA = re.compile(r"\A[\s'\"]*[=+\-@|%＝＋－＠]|\A[\t\r\n]")
_NUMBER = re.compile(r"\A[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\Z", re.ASCII)


def csv_of(table: Table, name: Callable[[PersonId], str]) -> str:
    """RFC 4180, times in ISO 8601. A text that begins like a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([safe_cell(column) for column in table.columns])
    writer.writerows([_cell(cell, name) for cell in row] for row in table.rows)
    return out.getvalue()


def _cell(value: Value, name: Callable[[PersonId], str]) -> str:
    text = _text(value, name)
    return text if isinstance(value, int | float | Span) else safe_cell(text)


def safe_cell(text: str) -> str:
    """As a spreadsheet may take it: whole, and no formula. A number stays one."""
    text = whole(text)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def _text(value: Value, name: Callable[[PersonId], str]) -> str:
    match value:
        case None:
            return ""
        case Moment(at=at):
            return at.isoformat()
        case Span(seconds=seconds):
            return f"{seconds:g}"
        case Share(part=part, of=of):
            return f"{part / of:g}" if of else ""
        case Link(url=url):
            return url
        case Person(id=person):
            return name(person)
        case str() | int() | float():
            return str(value)
        case _:
            assert_never(value)
