"""The gentle road: a right command with something missing opens its form, filled in with what was typed."""

import pytest

from tests.bot.slack.door.test_listeners import card
from tests.bot.slack.world import World

LABELS = ["Which colour?", "How many coats?", "Which brush?", "Wet, yes or no?", "Why?"]


async def test_a_command_with_something_missing_opens_its_form_filled_in(ops: World) -> None:
    ana = ops.slack.person("ana")
    said = await ana.says("/ops paint coats=3 wet=yes reason=it is faded")
    assert said.acked
    assert not said.response
    view = await ana.view("Paint the wall")
    assert "Nothing runs yet: you get a plan first." in view.text_all
    assert view.raw["submit"]["text"] == "Make the plan"
    assert view.labels == LABELS
    await ana.options("Which colour?", typed="re")
    await ana.fills({"Which colour?": "Red"})
    await ana.submits()
    await ana.no_view()
    await ana.sees(card("R1", "waits for approval", "white → red"), channel="#ops")
    assert (await ops.request()).typed == 'paint colour=red coats=3 brush=wide wet=yes reason="it is faded"'


@pytest.mark.parametrize(
    ("words", "told", "typed"),
    [
        ("paint red coast=3 reason=it is faded", "paint has no coast=. Did you mean coats=?", "coats=1"),
        ("paint red blue coats=2 reason=it is faded", "I do not know what 'blue' is for.", "coats=2"),
        ("paint red coats=two reason=it is faded", "coats:", "coats=1"),
    ],
)
async def test_what_is_wrong_is_said_above_what_was_right(ops: World, words: str, told: str, typed: str) -> None:
    ana = ops.slack.person("ana")
    await ana.says(f"/ops {words}")
    assert told in (await ana.view("Paint the wall")).text_all
    await ana.submits()
    await ana.no_view()
    await ana.sees(card("R1", "waits for approval", "white → red"), channel="#ops")
    assert (await ops.request()).typed == f'paint colour=red {typed} brush=wide wet=no reason="it is faded"'


async def test_a_lookup_s_form_says_that_it_shows(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("/ops wall lefft now")
    view = await ana.view("I do not know what")
    assert view.raw["submit"]["text"] == "Show it"
    assert "Nothing runs yet" not in view.text_all


async def test_without_a_trigger_it_is_told_in_words_with_a_button(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("@handrail paint")
    told = await ana.sees("paint needs COLOUR")
    assert told.buttons == ["Open form"]
    await ana.clicks("Open form", on=told)
    assert (await ana.view("Paint the wall")).labels == LABELS


async def test_who_may_not_ask_gets_no_form(ops: World) -> None:
    sam = ops.slack.person("sam")
    await sam.says("/ops paint")
    assert (await sam.sees("paint needs COLOUR")).ephemeral
