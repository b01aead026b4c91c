"""A table as CSV."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.tell.sheet import csv_of
from bot.words.report import Link, Moment, Person, PersonId, Span, Table, Value


def cells(*row: Value) -> list[str]:
    text = csv_of(Table(columns=("a",) * len(row), rows=(row,)), lambda person: "Ana")
    return list(csv.reader(io.StringIO(text, newline="")))[1]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ('=HYPERLINK("http://evil","click")', '\'=HYPERLINK("http://evil","click")'),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("  =1+1", "'  =1+1"),
        ("\t=1", "'\t=1"),
        ("-5", "-5"),
        ("+18885550101", "+18885550101"),
        (-5, "-5"),
        (1.5, "1.5"),
        ("Ana, \"the\"\nboss", "Ana, \"the\"\nboss"),
        (None, ""),
        (Moment(at=datetime(2026, 3, 4, 12, tzinfo=UTC)), "2026-03-04T12:00:00+00:00"),
        (Span(seconds=1.5), "1.5"),
        (Person(id=PersonId("U0ANA")), "Ana"),
        (Link(url="https://example.com", name="there"), "https://example.com"),
    ],
)  # fmt: skip
def test_cells(cell: Value, written: str) -> None:
    assert cells(cell) == [written]


@example("'|")
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=40))
def test_no_text_begins_like_a_formula(text: str) -> None:
    (written,) = cells(text, "x")[:1]
    assert written in (text, f"'{text}")
    if written[:1] in ("=", "+", "-", "@"):
        float(written)
