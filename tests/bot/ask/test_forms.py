"""A form gives the same as typing; and whatever is typed or filled in is understood or answered."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ask.catalogue import Catalogue
from bot.ask.parse import Kind, NotFilled, Parsed, fields_of, fill, filled, parse, usage
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.params import duration_text
from tests.bot.ask.made import BLOCK, CATALOGUE, LOOK, Block, BlockIt, Look, LookAtIt, ShowIt

WHY = {"network": "203.0.113.7", "reason": "abuse"}


# -- forms ----------------------------------------------------------------------------------------


def test_a_form_gives_the_same_as_typing() -> None:
    typed = parse(CATALOGUE, "net block 203.0.113.7 for=2h reason=abuse override=site down")
    form = {"network": " 203.0.113.7 ", "for": "2h", "reason": "abuse", "override": "site down", "service-name": ""}
    action = typed.action
    assert filled(action, form) == typed


def test_a_form_breaks_the_glass_by_its_reason() -> None:
    form = {"network": "203.0.113.7", "reason": "abuse", "because": "nobody answers"}
    assert filled(BlockIt(), form).break_glass == "nobody answers"
    with pytest.raises(NotUnderstood, match="Breaking the glass needs"):
        filled(BlockIt(), form | {"because": "x"})
    with pytest.raises(NotUnderstood, match="Breaking the glass needs"):
        filled(LookAtIt(), {"because": "nobody answers"})


def test_a_form_says_what_is_wrong_in_which_field() -> None:
    with pytest.raises(NotFilled) as wrong:
        fill(BlockIt(), {"network": "here", "for": "soon", "service-name": "api"})
    assert set(wrong.value.fields) == {"network", "for", "reason"}
    assert wrong.value.fields["for"] == "'soon' is not a duration; type one like 90s, 15m, 2h or 3d"
    assert wrong.value.fields["reason"] == "needed"


def test_a_form_of_an_older_version_with_a_field_too_many() -> None:
    with pytest.raises(NotFilled) as wrong:
        fill(ShowIt(), {"request": "R1", "colour": "red"})
    assert wrong.value.fields == {"colour": "there is no such field any more"}


# -- what help and forms are made of --------------------------------------------------------------


def test_usage_and_fields() -> None:
    assert [usage(action) for action in CATALOGUE] == [
        BLOCK,
        LOOK,
        "file TABLE [all]",
        "show REQUEST",
        "withdraw REQUEST",
    ]
    kinds = {each.name: each.kind for action in CATALOGUE for each in fields_of(action)}
    assert kinds == {
        "network": Kind.TEXT, "for": Kind.TEXT, "reason": Kind.LONG, "service-name": Kind.CHOICES, "name": Kind.TEXT,
        "more": Kind.TEXT, "since": Kind.TEXT, "n": Kind.NUMBER, "mode": Kind.PICK, "all": Kind.YES_NO,
        "table": Kind.TEXT, "request": Kind.CHOICES,
    }  # fmt: skip
    assert next(each.values for each in fields_of(LookAtIt()) if each.name == "mode") == ("short", "long")
    assert all(each.hint for action in CATALOGUE for each in fields_of(action))


def test_two_actions_of_one_name_are_a_mistake_at_start() -> None:
    with pytest.raises(Misconfigured, match="'look'"):
        Catalogue((LookAtIt(), LookAtIt()))


def test_nothing_names_no_command() -> None:
    with pytest.raises(NotUnderstood, match="names no command"):
        CATALOGUE.find("  ")


# -- what no table is large enough for ------------------------------------------------------------

# Unclosed quotes, half a pair, letters whose capital or small one is another's: what a regular expression trips over.
WORDS = st.sampled_from(
    ["look", "net", "block", "show", "break-glass", "/ops", "203.0.113.7", "R1", '"', "=", "since=", "reason=", "for=",
     "name=", "override=", "because=", "journal=", "yes", "2h", "ſ", "K", "İ", "\ud83d", "\0", "“", "’", " ", "\u200b"]
)  # fmt: skip


def understood(read: Callable[[], Parsed]) -> Parsed | None:
    """None for a mistake that was answered; anything else that is raised fails the test."""
    try:
        return read()
    except NotUnderstood as mistake:
        return None if str(mistake) else pytest.fail("a mistake without a word")


mixed = st.lists(st.one_of(WORDS, st.text(max_size=8)))


@given(st.one_of(st.text(), mixed.map(" ".join), mixed.map("".join)))
def test_whatever_is_typed_is_understood_or_answered(typed: str) -> None:
    parsed = understood(lambda: parse(CATALOGUE, typed))
    assert parsed is None or type(parsed.params) is parsed.action.params_type


@given(st.dictionaries(st.sampled_from(["network", "for", "reason", "override", "because", "x"]), st.text()))
def test_whatever_is_in_a_form_is_understood_or_answered(fields: dict[str, str]) -> None:
    parsed = understood(lambda: filled(BlockIt(), fields))
    assert parsed is None or isinstance(parsed.params, Block)


spans = st.integers(1, 366 * 86400).map(lambda seconds: timedelta(seconds=seconds))
plain = st.text(st.characters(categories=("L", "N"), max_codepoint=0x2FF), min_size=3, max_size=30)
names = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters='"“”„«»‘’–—\u00ad'), min_size=1)


@given(network=st.ip_addresses(), span=st.none() | spans, reason=st.lists(plain, min_size=1, max_size=5))
def test_what_is_shown_as_typing_is_read_back_the_same(network: Any, span: timedelta | None, reason: list[str]) -> None:
    block = Block(network=str(network), for_=span, reason=" ".join(reason))
    lasts = f"for={duration_text(span)} " if span else ""
    assert parse(CATALOGUE, f"net block {network} {lasts}reason={block.reason}").params == block


@given(name=names, since=spans, n=st.integers(1, 200))
def test_a_quoted_value_is_read_back_the_same(name: str, since: timedelta, n: int) -> None:
    typed = f'look "{name}" since={duration_text(since)} n={n}'
    assert parse(CATALOGUE, typed).params == Look(name=name, since=since, n=n)
