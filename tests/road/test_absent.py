"""A team with one website: what none of its services can do is neither offered nor run, in Slack or a terminal."""

from typing import Any

import pytest

from bot.words.exceptions import NotUnderstood
from bot.words.request import Via
from tests.road.story import ANA

ONE = {"shop": {"kind": "http", "url": "https://shop.example.com"}}
WHY = "No service of this team can do that: `deploys rollback` needs a service of kind railway or vercel in ops.toml."


@pytest.mark.parametrize("via", [Via.SLASH, Via.MENTION, Via.TERMINAL])
async def test_typed_words_of_an_absent_command_hear_what_would_bring_it(begin: Any, via: Via) -> None:
    story = await begin(services=ONE)
    assert await story.hears(ANA, "deploys rollback web", via=via) == WHY
    assert await story.rows() == []


async def test_neither_help_nor_a_form_offers_it(begin: Any) -> None:
    story = await begin(services=ONE)
    report = await story.reads(ANA, "help")
    told = " ".join(line.detail for line in report.lines)
    assert "health" in told
    assert "deploys" not in told
    assert await story.hears(ANA, "deploys rollback web", via=Via.FORM) == WHY
    with pytest.raises(NotUnderstood) as told_at_the_form:  # the door asks this before it reads the fields
        story.ops.catalogue.offered("deploys rollback")
    assert str(told_at_the_form.value) == WHY


async def test_with_no_service_at_all_help_suggests_only_what_there_is(begin: Any) -> None:
    report = await (await begin(services={})).reads(ANA, "help")
    assert [each.words for each in report.suggestions] == ["requests"]
