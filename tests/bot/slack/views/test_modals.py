"""Every form."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.ask.parse import Field, Kind, fields_of, fill, parse
from bot.slack.door.forms import _line
from bot.slack.views import blockkit, modals
from bot.slack.views.place import Routing
from bot.words.action import AnyAction
from tests.bot.slack import made
from tests.bot.slack.actions import PaintWall, Sum, Wall
from tests.test_promises import catalogue

ROUTING = Routing(channel="C0DEMO002", thread="1700000000.000001")
PAINT: AnyAction = PaintWall(Wall())
LONG = [Field(f"field-{n}", "h" * 3000, Kind.LONG, True, False, "d" * 200) for n in range(150)]

VIEWS: dict[str, dict[str, Any]] = {
    "loading": modals.loading("paint", ROUTING),
    "told": modals.told("Not found", "There is no request R42."),
    "form": modals.form("paint", PAINT.summary, fields_of(PAINT), ROUTING),
    "form_frozen": modals.form("paint", PAINT.summary, fields_of(PAINT), ROUTING, frozen="the sale runs"),
    "form_empty": modals.form("sum", "Answered from memory", fields_of(Sum()), ROUTING),
    "phrase": modals.phrase("R42", made.HOSTILE, "n8n execution 4711", ROUTING),
    "reject": modals.reject("R42", "Retry execution 4711", ROUTING),
    "run_here": modals.run_here(ROUTING),
    "pick_command": modals.pick_command(ROUTING),
}


def sound(view: dict[str, Any]) -> dict[str, Any]:
    assert blockkit.problems(view, "modal") == []
    return view


@pytest.mark.parametrize("name", VIEWS)
def test_every_form(name: str, json: SnapshotAssertion) -> None:
    assert sound(VIEWS[name]) == json


def test_the_longest_form_is_one_that_slack_takes() -> None:
    view = sound(modals.form("a b " * 40, "s" * 4000, LONG, ROUTING))
    assert len(view["blocks"]) == 100


def test_a_form_knows_where_it_came_from() -> None:
    routing = Routing.read(VIEWS["form"]["private_metadata"])
    assert (routing.channel, routing.thread, routing.action) == (ROUTING.channel, ROUTING.thread, "paint")
    assert Routing.read("not json") == Routing()


def test_errors_stand_at_the_fields_they_are_about() -> None:
    blocks = ["colour", "reason"]
    assert modals.inline({"reason": "too short"}, blocks, "") == {"reason": "too short"}
    assert modals.inline({"this": "odd"}, blocks, "") == {"colour": "this: odd"}


def test_more_options_than_slack_takes() -> None:
    """FAILURES: bolt-js#679, more than 100 options."""
    offered = modals.options([(str(n), f"Run {n} {'x' * 100}") for n in range(500)], "7")
    assert len(offered) <= 100
    element = {"type": "static_select", "action_id": "value", "options": offered}
    assert blockkit.problems({"blocks": [{"type": "actions", "elements": [element]}]}, "message") == []


def test_an_empty_list_says_why() -> None:
    """FAILURES: bolt-python#1083."""
    assert modals.options([], "")[0]["text"]["text"] == "Nothing found yet; type to search"
    assert modals.options([], "red")[0]["value"] == "red"


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("rows", {"table": "businesses", "where": 'name:"Ana Ruiz" plan:pro', "limit": "5", "csv": "yes"}),
        ("errors", {"match": 'no such "card"', "since": "2h"}),
        ("whitelist", {"network": "203.0.113.7", "reason": 'they say "soon"', "on": "api"}),
        ("job", {"job": "reindex", "params": 'note="two words"\ntable=orders', "reason": "it is stale"}),
        ("job", {"job": "reindex", "params": 'size=3"', "reason": "it is stale"}),
        ("job", {"job": "reindex", "params": "reason=mine table=orders"}),
        ("job", {"job": "reindex", "params": "table=orders note=two words", "reason": "it is stale"}),
    ],
)
def test_a_form_is_said_as_it_was_filled(words: str, fields: dict[str, str]) -> None:
    """Quotes became apostrophes, and `rows` refused its own form."""
    action = catalogue().get(words)
    assert action is not None
    assert parse(catalogue(), _line(action, fields)).params == fill(action, fields)
