"""Names that only what is asked for knows: typed like any other, or written into one field of a form."""

from typing import Any

import pytest

from bot.ask.catalogue import Catalogue
from bot.ask.parse import Kind, NotFilled, fields_of, filled, parse, usage
from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.exceptions import NotUnderstood
from bot.words.params import Pairs, Params, Reason


class Begin(Params):
    positional = ("job",)
    open_field = "params"

    job: str
    """Which."""
    params: Pairs | None = None
    """What it is told."""
    reason: Reason | None = None
    """Why."""


class BeginIt(Change[Begin, Plan]):
    """Begin something."""

    risk = Risk.CHANGE

    @property
    def words(self) -> str:
        return "begin"

    async def execute(self, plan: Plan) -> Receipt:
        raise NotImplementedError


CATALOGUE = Catalogue((BeginIt(),))


def typed(words: str) -> dict[str, Any]:
    return parse(CATALOGUE, words).params.model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize(
    ("words", "params"),
    [
        ("begin x table=orders days=3", {"table": "orders", "days": "3"}),
        ("begin table=orders x", {"table": "orders"}),
        ("begin x Table=Orders", {"table": "Orders"}),
        ('begin x note="two words" days=3', {"note": "two words", "days": "3"}),
        ("begin x note=“two words”", {"note": "two words"}),
        ("begin x expr=a=b", {"expr": "a=b"}),
        ("begin x empty= days=3", {"empty": "", "days": "3"}),
        ("begin x params=table=orders", {"table": "orders"}),
        ('begin x params="table=orders days=3"', {"table": "orders", "days": "3"}),
        ("begin x params=reason=mine", {"reason": "mine"}),
        ("begin x --flag=1", None),
        ("begin x $(rm)=1", None),
        ("begin x", None),
    ],
)
def test_names_that_are_no_field_s_own(words: str, params: dict[str, str] | None) -> None:
    if "--" in words or "$" in words:
        with pytest.raises(NotUnderstood, match="I do not know what"):
            typed(words)
        return
    assert typed(words).get("params") == params


def test_no_name_is_swallowed_by_a_reason() -> None:
    assert typed("begin x reason=search is stale days=3") == {
        "job": "x",
        "reason": "search is stale",
        "params": {"days": "3"},
    }
    assert typed('begin x reason="since days=3 it hangs"') == {"job": "x", "reason": "since days=3 it hangs"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("begin x days=1 days=2", "days= is given twice"),
        ('begin x params="days=1 days=2"', "params: days= is given twice"),
        ("begin x days=1 params=table=orders", "Write everything into params=, or nothing"),
        ('begin x params="orders"', "params: 'orders' has no name; write name=value, one a line"),
    ],
)
def test_what_is_not_clear(words: str, why: str) -> None:
    with pytest.raises(NotUnderstood, match=why):
        parse(CATALOGUE, words)


def test_a_form_has_one_field_for_them() -> None:
    found = {field.name: field.kind for field in fields_of(BeginIt())}
    assert found == {"job": Kind.TEXT, "params": Kind.LONG, "reason": Kind.LONG}
    form = {"job": "x", "params": 'table=orders\nnote=two words\nother="a b=c"\n'}
    assert filled(BeginIt(), form).params == Begin(
        job="x", params={"table": "orders", "note": "two words", "other": "a b=c"}
    )
    with pytest.raises(NotFilled) as wrong:
        filled(BeginIt(), {"job": "x", "params": "orders"})
    assert wrong.value.fields == {"params": "'orders' has no name; write name=value, one a line"}


def test_they_come_back_from_the_ledger_as_they_went() -> None:
    params = parse(CATALOGUE, "begin x table=orders").params
    assert Begin.model_validate_json(params.model_dump_json()) == params


def test_usage() -> None:
    assert usage(BeginIt()) == "begin JOB [name=value …] [reason=…]"
