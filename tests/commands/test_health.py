"""/ops health."""

import asyncio
from datetime import timedelta

import pytest

from bot.words.action import Asker
from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.report import PersonId, Report, Span, Status
from commands._shared.recent import Recent
from commands.health import CheckServices, Checkup
from integrations.capabilities import Checked, Health
from tests.commands.world import NOON, Box, Clock, History

ASKER = Asker(PersonId("U1"))


def checking(*boxes: Box, history: History | None = None, recent: Recent | None = None) -> CheckServices:
    return CheckServices(boxes, history or History("history"), Clock(), recent or Recent())


def told(report: Report) -> list[tuple[str, Status | None, str]]:
    return [(line.text, line.status, line.detail) for line in report.lines]


async def test_worst_first_with_reasons_and_errors_on_what_fails() -> None:
    action = checking(
        Box("web"),
        Box("mail", checked=Checked(Health.DEGRADED, "it asks us to slow down")),
        Box("n8n", checked=Checked(Health.DOWN, "it refused the connection")),
        Box("crm", fails=TryLater("crm did not answer.")),
    )

    report = await action.answer(Checkup())

    assert told(report) == [
        ("n8n", Status.DOWN, "it refused the connection"),
        ("crm", Status.UNKNOWN, "crm did not answer."),
        ("mail", Status.DEGRADED, "it asks us to slow down"),
        ("web", Status.OK, ""),
    ]
    assert report.status is Status.DOWN
    assert report.lead == "3 of 4: n8n is down, crm is unknown, mail is degraded."
    assert [[each.words for each in line.suggestions] for line in report.lines] == [
        ["errors n8n"],
        ["errors crm"],
        ["errors mail"],
        [],
    ]
    assert [each.words for each in report.suggestions] == ["health fresh=yes"]
    assert report.taken_at == NOON


async def test_one_that_hangs_is_unknown_and_holds_up_nobody() -> None:
    """oncall#4087: one slow part held up every alert."""
    action = checking(Box("slow", takes=30, deadline=timedelta(seconds=0.05)), Box("web"))

    async with asyncio.timeout(20):
        report = await action.answer(Checkup())

    assert told(report) == [("slow", Status.UNKNOWN, "no answer within 0.05 s"), ("web", Status.OK, "")]


async def test_a_defect_in_a_client_takes_nobody_along_and_its_text_is_not_told() -> None:
    action = checking(Box("odd", fails=KeyError("token=hunter2")), Box("web"))

    report = await action.answer(Checkup())

    assert told(report)[0] == ("odd", Status.UNKNOWN, "our own client failed (KeyError); the log has the details")
    assert "hunter2" not in report.model_dump_json()


async def test_twenty_services_are_asked_at_once() -> None:
    all_asked = asyncio.Barrier(20)

    class Together(Box):
        async def answers(self) -> None:
            await all_asked.wait()  # one after another, nobody ever would be past this

    report = await checking(*(Together(f"s{number}") for number in range(20))).answer(Checkup())

    assert report.status is Status.OK


async def test_since_when_and_how_fast() -> None:
    history = History("history")
    box = Box("web", takes=0.02)
    action = checking(box, history=history)
    await action.answer(Checkup(fresh=True))
    assert isinstance(action.now, Clock)
    action.now.tick(minutes=5)

    report = await action.answer(Checkup(fresh=True))

    facts = {fact.label: fact.value for fact in report.lines[0].facts}
    assert facts["since"] == report.lines[0].facts[1].value
    assert facts["since"].at == NOON  # type: ignore[union-attr]
    assert isinstance(facts["latency"], Span)
    assert 0.02 <= facts["latency"].seconds < 1
    assert [kept.service for kept in history.kept] == ["web", "web"]


@pytest.mark.parametrize("history", [History("h", fails=OSError("disk")), History("h", takes=30)])
async def test_history_that_fails_or_hangs_leaves_the_answer(history: History) -> None:
    action = CheckServices((Box("web"),), history, Clock(), history_deadline=timedelta(seconds=0.05))

    report = await action.answer(Checkup())

    assert told(report) == [("web", Status.OK, "")]
    assert [fact.label for fact in report.lines[0].facts] == ["latency"]
    assert report.notes[0].startswith("History not available: ")


async def test_ready_answers_from_memory_only() -> None:
    """bolt-js#1548: `operation_timeout`; the answer in the ack is one that is there already."""
    timer = Clock()
    box = Box("web")
    action = checking(box, recent=Recent(timedelta(seconds=10), lambda: timer.at.timestamp()))
    assert action.ready(ASKER, Checkup()) is None

    report = await action.answer(Checkup())

    assert action.ready(ASKER, Checkup()) is report
    assert action.ready(ASKER, Checkup(fresh=True)) is None
    assert action.ready(ASKER, Checkup(service="web")) is None
    assert await action.answer(Checkup()) is report
    assert box.calls == 1
    timer.tick(seconds=10.1)
    assert action.ready(ASKER, Checkup()) is None
    assert await action.answer(Checkup()) is not report
    assert box.calls == 2


async def test_many_who_ask_at_once_share_one_check_even_if_the_first_gives_up() -> None:
    box = Box("web", takes=0.05)
    action = checking(box)
    first = asyncio.create_task(action.answer(Checkup(fresh=True)))
    others = [asyncio.create_task(action.answer(Checkup(fresh=True))) for _ in range(9)]
    await asyncio.sleep(0)

    first.cancel()
    reports = await asyncio.gather(*others)

    assert box.calls == 1
    assert {id(report) for report in reports} == {id(reports[0])}
    await action.answer(Checkup(fresh=True))
    assert box.calls == 2


async def test_one_service_by_name() -> None:
    web, crm = Box("web"), Box("crm")
    action = checking(web, crm)

    report = await action.answer(Checkup(service="WEB"))

    assert (report.title, report.lead) == ("Health of web", "web is ok.")
    assert [each.words for each in report.suggestions] == ["health web fresh=yes"]
    assert crm.calls == 0


async def test_a_wrong_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(NotUnderstood, match=r"No service called 'wbe' can be checked\. Did you mean 'web'\?") as caught:
        await checking(Box("web"), Box("n8n")).answer(Checkup(service="wbe"))

    assert caught.value.hint == "health web"


async def test_nothing_to_check_says_what_to_write() -> None:
    with pytest.raises(Misconfigured, match=r"add one under \[services\]"):
        await checking().answer(Checkup())


async def test_options_come_from_memory() -> None:
    """bolt-python#1083: an external select cannot be filled later."""
    action = checking(Box("crm-web"), Box("web"), Box("n8n"))

    assert [each.value for each in await action.options("service", "web")] == ["web", "crm-web"]


async def test_what_is_left_of_a_vendors_calls_is_told() -> None:
    action = checking(Box("ci", checked=Checked(Health.OK, calls_left="4,812 of 5,000 this hour")), Box("web"))

    report = await action.answer(Checkup())

    facts = {line.text: [fact.value for fact in line.facts if fact.label == "calls left"] for line in report.lines}
    assert facts == {"ci": ["4,812 of 5,000 this hour"], "web": []}
