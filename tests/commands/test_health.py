"""/ops health."""

import asyncio
from datetime import timedelta

import pytest

from bot.words.action import Asker
from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.report import Moment, PersonId, Report, Span, Status
from commands._shared.recent import Recent
from commands.health import CheckServices, Checkup
from integrations.capabilities import Checked, Health
from tests.commands.world import NOON, Box, Clock, History, detail

ASKER = Asker(PersonId("U1"))


def checking(*boxes: Box, history: History | None = None, recent: Recent | None = None) -> CheckServices:
    return CheckServices(boxes, history or History("history"), Clock(), recent or Recent())


def told(report: Report) -> list[tuple[str, Status | None, str]]:
    return [(line.text, line.status, detail(line)) for line in report.lines]


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
        ("crm", Status.UNKNOWN, "crm did not answer"),
        ("mail", Status.DEGRADED, "it asks us to slow down"),
    ]
    assert report.status is Status.DOWN
    assert report.lead == "n8n is down, and 2 more of 4 need attention."
    assert [line.word for line in report.lines] == ["down", "could not be asked", "degraded"]
    assert report.well is not None
    assert report.well.names == ("web",), "what is well is one line"
    # None of them keeps errors or a log, so nothing is offered that cannot work.
    assert {each.words for line in report.lines for each in line.suggestions} == {
        "health n8n fresh=yes",
        "health crm fresh=yes",
        "health mail fresh=yes",
    }
    assert [each.words for each in report.suggestions] == ["health fresh=yes"]
    assert report.taken_at == NOON


async def test_one_that_hangs_is_unknown_and_holds_up_nobody() -> None:
    """oncall#4087: one slow part held up every alert."""
    action = checking(Box("slow", takes=30, deadline=timedelta(seconds=0.05)), Box("web"))

    async with asyncio.timeout(20):
        report = await action.answer(Checkup())

    assert told(report) == [("slow", Status.UNKNOWN, "no answer within 0.05 s")]
    assert report.lead == "slow could not be asked; the other one is healthy."


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

    facts = {fact.label: fact.value for fact in report.facts}
    assert facts["Healthy"] == Moment(at=NOON, said="since")
    assert isinstance(facts["Answered in"], Span)
    assert 0.02 <= facts["Answered in"].seconds < 1
    assert [kept.service for kept in history.kept] == ["web", "web"]


@pytest.mark.parametrize("history", [History("h", fails=OSError("disk")), History("h", takes=30)])
async def test_history_that_fails_or_hangs_leaves_the_answer(history: History) -> None:
    action = CheckServices((Box("web"),), history, Clock(), history_deadline=timedelta(seconds=0.05))

    report = await action.answer(Checkup())

    assert [fact.label for fact in report.facts] == ["Answered in"]
    assert report.notes[0].startswith("Since when is not known: ")


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

    assert (report.title, report.lead) == ("Health of web", "web is healthy.")
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

    assert report.well is not None
    assert report.well.table is not None
    left = report.well.table.columns.index("calls left")
    assert {row[0]: row[left] for row in report.well.table.rows} == {"ci": "4,812 of 5,000 this hour", "web": None}


@pytest.mark.parametrize(
    ("health", "lead"),
    [
        ((Health.OK,), "s0 is healthy."),
        ((Health.OK, Health.OK), "All 2 services are healthy."),
        ((Health.DOWN,), "s0 is down."),
        ((Health.DOWN, Health.OK), "s0 is down; the other one is healthy."),
        ((Health.DEGRADED, *[Health.OK] * 4), "s0 is degraded; the other 4 are healthy."),
        ((Health.DOWN, Health.DEGRADED), "s0 is down, and the other one needs attention."),
        ((Health.DOWN, Health.DEGRADED, Health.OK), "s0 is down, and 1 more of 3 needs attention."),
        ((Health.DOWN,) * 3, "s0 is down, and the other 2 need attention."),
    ],
)
async def test_the_headline_is_the_answer(health: tuple[Health, ...], lead: str) -> None:
    boxes = [Box(f"s{n}", checked=Checked(each)) for n, each in enumerate(health)]
    assert (await checking(*boxes).answer(Checkup())).lead == lead


async def test_how_long_it_has_been_down_is_said() -> None:
    action = checking(Box("web", checked=Checked(Health.DOWN, "503 from /health")), Box("n8n"))
    await action.answer(Checkup())
    assert isinstance(action.now, Clock)
    action.now.tick(minutes=6)
    report = await action.answer(Checkup(fresh=True))
    assert [(line.word, line.detail) for line in report.lines] == [("down for 6 minutes", "503 from /health")]
