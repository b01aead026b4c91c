"""No word of the library's reaches a person: each error that pydantic can raise has a sentence of ours, or says where
to look, and a wrong setting is named with what to write instead."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import AwareDatetime, BaseModel, Field, ValidationError, create_model
from pydantic_core.core_schema import ErrorType

from bot.settings import OpsToml
from bot.words.mistakes import UNFORESEEN, clause, mistake
from bot.words.params import Duration
from integrations.kinds import KINDS
from tests.services.page import models

JARGON = re.compile(
    r"should (be|have|match)|\binput\b|\bstring\b|validation|\bvalid\b|unable|field required|permitted|tuple"
    r"|\bdict|datetime\.",
    re.IGNORECASE,
)
LIMITS = dict.fromkeys(("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "pattern", "expected"), 1)
OURS = {"value_error", "assertion_error"}
"""Said by a validator of ours, so the words are ours."""


@pytest.mark.parametrize("verb", ["type", "write"])
@pytest.mark.parametrize("kind", [kind for kind in get_args(ErrorType) if kind not in OURS])
def test_every_error_there_is_has_a_sentence(kind: str, verb: Any) -> None:
    said = clause(kind, "Input should be a valid tuple", LIMITS, verb=verb)
    assert said
    assert not JARGON.search(said), said


class Inner(BaseModel, extra="forbid"):
    name: str = ""


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (str, 7, "write a text in quotes"),
        (bool, "maybe", "write true or false, without quotes"),
        (bool, [], "write true or false, without quotes"),
        (int, "many", "write a whole number"),
        (int, 1.5, "write a whole number"),
        (float, "many", "write a number"),
        (Annotated[int, Field(ge=1)], 0, "write 1 or more"),
        (Annotated[int, Field(gt=1)], 1, "write more than 1"),
        (Annotated[int, Field(le=9)], 10, "write 9 or less"),
        (Annotated[int, Field(lt=9)], 9, "write less than 9"),
        (Annotated[Duration, Field(gt=timedelta(0))], 0, "write more than 0s"),
        (Annotated[Duration, Field(le=timedelta(hours=2))], "3h", "write 2h or less"),
        (Duration, "soon", "'soon' is not a duration; type one like 90s, 15m, 2h or 3d"),
        (Duration, [], "write a duration, like 90s, 15m, 2h or 3d"),
        (Annotated[str, Field(min_length=1)], "", "write at least 1 character"),
        (Annotated[str, Field(max_length=2)], "xxx", "write at most 2 characters"),
        (Annotated[str, Field(pattern="^x$")], "y", "write a text that matches ^x$"),
        (Annotated[tuple[str, ...], Field(min_length=1)], [], "write at least 1 entry"),
        (Annotated[tuple[str, ...], Field(max_length=2)], ["a", "b", "c"], "write at most 2 entries"),
        (tuple[str, ...], "lead", 'write a list, like ["one", "two"]'),
        (list[str], 7, 'write a list, like ["one", "two"]'),
        (frozenset[str], 7, 'write a list, like ["one", "two"]'),
        (dict[str, str], 7, "write a table of its own, in [brackets]"),
        (Inner, "x", "write a table of its own, in [brackets]"),
        (Literal["never", "typed"], "sometimes", 'write "never" or "typed"'),
        (time, "99:00", "write a time of day, like 09:30"),
        (date, "soon", "write a date, like 2026-01-31"),
        (datetime, "soon", "write a moment, like 2026-01-31T09:30:00Z"),
        (AwareDatetime, datetime(2026, 1, 31), "write a moment with its offset from UTC, like 2026-01-31T09:30:00Z"),  # noqa: DTZ001 - the mistake itself
        (Path, 7, "write a path in quotes"),
        (None, 7, "write no such line"),
    ],
)  # fmt: skip
def test_what_to_write(annotation: Any, value: object, said: str) -> None:
    model = create_model("Table", setting=(annotation, ...))
    with pytest.raises(ValidationError) as wrong:
        model.model_validate({"setting": value})
    found = mistake(wrong.value, model, "services", "shop")
    assert found.sentence == f"services.shop.setting: {said}"
    assert found.path == ("services", "shop", "setting")


class Table(BaseModel, extra="forbid"):
    inner: Inner = Inner()
    either: Inner | str = ""
    many: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = {}
    start: str = Field(alias="from", default="")


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        ({"iner": {}}, ("iner",), "iner is not a setting; did you mean inner?"),
        ({"zzz": {}}, ("zzz",), "zzz is not a setting; write one of by_name, either, from, inner, many"),
        ({"inner": {"nam": "x"}}, ("inner", "nam"), "inner.nam is not a setting; did you mean name?"),
        ({"inner": 7}, ("inner",), "inner: write a table of its own, in [brackets]"),
        ({"either": {"nam": "x"}}, ("either", "nam"), "either.nam is not a setting; did you mean name?"),
        ({"either": {"name": 7}}, ("either", "name"), "either.name: write a text in quotes"),
        ({"many": [{}, {"nam": "x"}]}, ("many", 1, "nam"), "many.1.nam is not a setting; did you mean name?"),
        ({"by_name": {"a": {"nam": 1}}}, ("by_name", "a", "nam"), "by_name.a.nam is not a setting; did you mean name?"),
        ({"start": "x"}, ("start",), "start is not a setting; write one of by_name, either, from, inner, many"),
        ({"from": 7}, ("from",), "from: write a text in quotes"),
    ],
)
def test_where_it_stands(given: dict[str, Any], path: tuple[str | int, ...], said: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Table.model_validate(given)
    found = mistake(wrong.value, Table)
    assert found.path == path
    assert found.sentence.startswith(said)


WRONG: tuple[Any, ...] = (
    "",
    "s3cret value \n",
    "x" * 5000,
    7,
    -1,
    10**30,
    1.5,
    float("nan"),
    True,
    [],
    ["s3cret", 7, {}],
    {},
    {"s3cret": {"s3cret": 7}},
    datetime(2026, 1, 31, tzinfo=UTC),
    date(2026, 1, 31),
    time(9, 30),
)
"""What TOML can hold."""


def every_table() -> Iterator[type[BaseModel]]:
    """Each model that reads a part of ops.toml."""
    todo: list[type[BaseModel]] = [OpsToml, *(kind.section for kind in KINDS.values())]
    seen: set[type[BaseModel]] = set()
    while todo:
        table = todo.pop()
        if table not in seen:
            seen.add(table)
            yield table
            todo += [inner for field in table.model_fields.values() for inner in models(field.annotation)]


@pytest.mark.parametrize("table", sorted(every_table(), key=str))
def test_no_setting_is_answered_in_the_words_of_the_library(table: type[BaseModel]) -> None:
    for error in errors_of(table):
        assert mistake(error, table, "services", "x").sentence.startswith("services.x")
        for problem in error.errors(include_url=False):
            said = clause(problem["type"], problem["msg"], problem.get("ctx", {}), verb="write")
            assert said != UNFORESEEN["write"], f"say in bot/words/mistakes.py what to write: {problem}"
            assert problem["type"] in OURS or not JARGON.search(said), said


def errors_of(table: type[BaseModel]) -> Iterator[ValidationError]:
    """What comes of each wrong value in each setting."""
    for name, field in table.model_fields.items():
        for value in WRONG:
            try:
                table.model_validate({field.alias or name: value})
            except ValidationError as error:
                yield error
