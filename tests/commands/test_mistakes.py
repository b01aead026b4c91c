"""Whatever is wrong with a value, a person is told what to type instead, in words of ours."""

import re
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from bot.ask.parse import NotFilled, fields_of, fill, parse
from bot.words.exceptions import NotUnderstood
from bot.words.mistakes import UNFORESEEN, problems
from bot.words.params import Params
from tests.test_promises import catalogue

# Too short, too long, too small, too large, of another kind: one of them is wrong for any field that can be wrong.
WRONG = [
    "x",
    "?",
    "-1",
    "0",
    "1.5",
    "9" * 30,
    "9" * 5000,
    "x" * 5000,
    "maybe",
    "a b",
    "10.0.0.1/8",
    "soon",
    "999d",
    '"',
]
PYDANTIC = re.compile(
    r"should (be|have|match)|input|string |validation|valid |unable|field required|permitted|expected", re.IGNORECASE
)

EVERY_FIELD = [
    pytest.param(action, field.name, id=f"{action.words} {field.name}")
    for action in catalogue()
    for field in fields_of(action)
]


@pytest.mark.parametrize(("action", "field"), EVERY_FIELD)
def test_no_field_is_answered_in_the_words_of_the_library(action: Any, field: str) -> None:
    for wrong in WRONG:
        try:
            fill(action, {field: wrong})
        except NotFilled as error:
            for told in error.fields.values():
                assert told != UNFORESEEN["type"], (
                    f"say in bot/words/mistakes.py what to type instead of {wrong[:40]!r}"
                )
                assert not PYDANTIC.search(told), told


@pytest.mark.parametrize("action", [pytest.param(each, id=each.words) for each in catalogue()])
def test_nothing_at_all_and_a_field_too_many(action: Any) -> None:
    with pytest.raises(NotFilled) as wrong:
        fill(action, {"no such field": "x"})
    assert not [told for told in wrong.value.fields.values() if PYDANTIC.search(told) or told == UNFORESEEN["type"]]


class Each(Params):
    short: Annotated[str, Field(min_length=1)] = "x"
    shorter: Annotated[str, Field(min_length=3)] = "xxx"
    long: Annotated[str, Field(max_length=3)] = ""
    at_least: Annotated[int, Field(ge=1)] = 1
    more: Annotated[int, Field(gt=1)] = 2
    at_most: Annotated[int, Field(le=9)] = 1
    less: Annotated[int, Field(lt=9)] = 1
    whole: int = 1
    any_: float = 1
    yes: bool = True
    one_of: Literal["done", "failed", "unknown"] = "done"
    matching: Annotated[str, Field(pattern="x+")] = "x"


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("short", "", "type at least 1 character"),
        ("shorter", "x", "type at least 3 characters"),
        ("long", "xxxx", "type at most 3 characters"),
        ("at_least", "0", "type 1 or more"),
        ("more", "1", "type more than 1"),
        ("at_most", "10", "type 9 or less"),
        ("less", "9", "type less than 9"),
        ("whole", "many", "type a whole number"),
        ("whole", "9" * 5000, "type a whole number"),
        ("any_", "many", "type a number"),
        ("yes", "perhaps", "type yes or no"),
        ("one_of", "dome", "type done, failed or unknown"),
        ("matching", "y", UNFORESEEN["type"]),
    ],
)
def test_what_is_said(field: str, value: str, told: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Each.model_validate({field: value})
    assert problems(wrong.value) == {field: told}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("whitelist 203.0.113.9 reason=x", "reason: type at least 3 characters."),
        ("unfollow 0", "number: type 1 or more."),
        ("errors n=500", "n: type 100 or less."),
        ("reconcile R42 dome", "outcome: type done or failed."),
        ("numbers free", "state: type all, available, assigned, suspended or other."),
    ],
)
def test_what_people_are_told(line: str, told: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        parse(catalogue(), line)
    assert str(caught.value) == told
