"""/ops workflows, workflows on, workflows off."""

from datetime import timedelta

import pytest

from bot.words.action import Receipt
from bot.words.exceptions import NotUnderstood, Stale, TryLater
from bot.words.report import Link, Moment, Status
from commands.workflows import Listed, ListWorkflows
from commands.workflows.off import Off, TurnOff
from commands.workflows.on import On, TurnOn
from integrations.capabilities import Workflow
from tests.commands.world import NOON, Clock, Flows

DRAFT = "turning it on publishes its latest draft, which may never have run"


def a_shop(name: str = "n8n") -> Flows:
    flows = Flows(name)
    flows.add("w1", "Weekly report", link="https://n8n.example.com/workflow/w1", settles_within=timedelta(seconds=15))
    flows.add("w2", "Lead intake", last_failed_at=NOON - timedelta(minutes=9))
    flows.add("w3", "Old import", active=False, version="draft-3", detail=DRAFT)
    return flows


async def test_the_list_begins_with_what_failed_last() -> None:
    silent = Flows("github", fails=TryLater("github did not answer."))

    report = await ListWorkflows((a_shop(), silent), Clock()).answer(Listed())

    assert report.lead == "2 on, 1 off; 1 with failures that nothing has mended; 1 of 2 services could not be read."
    assert report.table is not None
    assert [row[1:] for row in report.table.rows] == [
        ("on", Moment(at=NOON - timedelta(minutes=9)), "w2", "n8n"),
        ("off", None, "w3", "n8n"),
        ("on", None, "w1", "n8n"),
    ]
    assert report.table.rows[2][0] == Link(url="https://n8n.example.com/workflow/w1", name="Weekly report")
    assert report.notes == ("Could not read github: github did not answer.",)


async def test_only_those_that_failed() -> None:
    action = ListWorkflows((a_shop(), a_shop("github")), Clock())

    report = await action.answer(Listed(failures=True, service="n8n"))

    assert report.table is not None
    assert [row[0] for row in report.table.rows] == ["Lead intake"]
    assert report.lead == "2 on, 1 off; 1 with failures that nothing has mended."


async def test_nothing_to_list() -> None:
    assert (await ListWorkflows((Flows("n8n"),), Clock()).answer(Listed())).lead == "There are no workflows."
    unread = await ListWorkflows((Flows("n8n", fails=TryLater("no")),), Clock()).answer(Listed())
    assert unread.status is Status.UNKNOWN


async def test_off_and_undone_brings_back_what_ran() -> None:
    flows = a_shop()
    action = TurnOff((flows,))

    plan = await action.preview(Off(name="weekly REPORT", for_=timedelta(hours=2), reason="HubSpot is down"))
    receipt = await action.execute(plan)

    assert plan.headline == "Turn off the workflow 'Weekly report' of n8n."
    assert plan.effects == (
        "Weekly report: now on, then off",
        "no new runs start; those that run already go on",
    )
    assert (plan.target, plan.confirm_phrase) == ("n8n workflow Weekly report (w1)", "Weekly report")
    assert plan.ends_after == timedelta(hours=2)
    assert {fact.label: fact.value for fact in plan.facts}["Takes effect"] == "within 15s"
    assert receipt.headline == "Turned off 'Weekly report' of n8n."

    undone = await action.undo(plan, Receipt.model_validate_json(receipt.model_dump_json()))

    assert undone.headline == "Turned on 'Weekly report' of n8n again."
    assert flows.turned == ["w1 off v1", "w1 on v1"]


async def test_on_says_what_goes_live() -> None:
    flows = a_shop()
    action = TurnOn((flows,))

    plan = await action.preview(On(name="w3"))
    await action.execute(plan)

    assert plan.warnings == (f"Old import: {DRAFT}.",)
    assert plan.observed()["version"] == "draft-3"
    assert flows.turned == ["w3 on draft-3"]
    assert await action.evidence(plan) == "Old import is on"


async def test_what_moved_meanwhile_is_stale() -> None:
    flows = a_shop()
    action = TurnOff((flows,))
    plan = await action.preview(Off(name="w1"))
    flows.add("w1", "Weekly report", version="v2")
    with pytest.raises(Stale):
        await action.execute(plan)
    assert flows.turned == []
    assert (await action.preview(Off(name="w1"))).digest("workflows off", Off(name="w1")) != plan.digest(
        "workflows off", Off(name="w1")
    )


async def test_nothing_to_do() -> None:
    flows = a_shop()
    assert (await TurnOff((flows,)).preview(Off(name="Old import"))).nothing_to_do == "'Old import' is off already."
    assert (await TurnOn((flows,)).preview(On(name="w1"))).nothing_to_do == "'Weekly report' is on already."


@pytest.mark.parametrize(
    ("params", "sentence", "hint"),
    [
        (Off(name="wekly report"), "Did you mean 'Weekly report'?", 'workflows off "Weekly report"'),
        (Off(name="zzzz"), "`workflows` lists them.", "workflows"),
        (Off(name="Weekly report"), "w1 of n8n; w1 of other", "workflows off w1 service=n8n"),
    ],
)
async def test_a_name_that_is_unknown_or_means_several(params: Off, sentence: str, hint: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        await TurnOff((a_shop(), a_shop("other"))).preview(params)
    assert sentence in str(caught.value)
    assert caught.value.hint == hint
    chosen = await TurnOff((a_shop(), a_shop("other"))).preview(Off(name="Weekly report", service="other"))
    assert chosen.service == "other"


async def test_a_silent_service_keeps_nobody_from_turning_off_anothers() -> None:
    """`ci is in trouble` was all that was said to who wanted n8n to stop sending."""
    flows, silent = a_shop(), Flows("ci", fails=TryLater("ci is in trouble (503)."))
    plan = await TurnOff((flows, silent)).preview(Off(name="Weekly report"))
    assert (plan.service, plan.warnings) == ("n8n", ("Could not read ci: ci is in trouble (503).",))
    with pytest.raises(NotUnderstood, match=r"no workflow 'Nope'.*Could not read ci"):
        await TurnOff((flows, silent)).preview(Off(name="Nope"))
    with pytest.raises(TryLater, match="Could not read ci"):
        await TurnOff((flows, silent)).preview(Off(name="Weekly report", service="ci"))


async def test_a_name_with_quotes_is_hinted_at_by_its_id() -> None:
    flows = Flows("n8n")
    flows.add("w9", 'The "good" one')
    with pytest.raises(NotUnderstood, match="Did you mean") as caught:
        await TurnOff((flows,)).preview(Off(name="The good one", for_=timedelta(hours=2)))
    assert caught.value.hint == "workflows off w9 for=2h"


async def test_options_come_from_memory() -> None:
    """bolt-python#1083: options come from a cache already in memory."""
    flows = a_shop()
    on, off = TurnOn((flows,)), TurnOff((flows,))
    assert await on.options("name", "") == []
    await on.refresh()
    await off.refresh()
    flows.fails = TryLater("no")
    await off.refresh()
    assert [option.value for option in await on.options("name", "")] == ["w3"]
    assert [option.label for option in await off.options("name", "lead")] == ["Lead intake"]
    assert [option.value for option in await off.options("service", "")] == ["n8n"]


def test_a_plan_survives_the_database() -> None:
    assert Workflow("w1", "Weekly report", True, "v1").settles_within == timedelta(0)
