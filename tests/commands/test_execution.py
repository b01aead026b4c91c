"""/ops execution and /ops stop."""

import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, Refused, Stale, TryLater
from bot.words.report import Status
from commands.execution import ShowExecution, Which
from commands.stop import Stop, StopExecution
from integrations.capabilities import Execution
from tests.commands.world import Clock, Engine, carry_out


def engine(name: str = "n8n") -> Engine:
    made = Engine(name)
    made.ran("4711")
    made.ran("4720", "running")
    return made


async def shown(*engines: Engine, execution: str = "4711", **more: str) -> tuple[str, list[str], Status | None]:
    report = await ShowExecution(engines, Clock()).answer(Which(execution=execution, **more))
    return report.lead, [each.words for each in report.suggestions], report.status


async def test_a_failed_one_says_where_and_why_and_offers_a_retry() -> None:
    report = await ShowExecution((engine(),), Clock()).answer(Which(execution="4711"))

    assert (report.title, report.lead) == ("Execution 4711 of Lead intake", "It failed at 'HTTP Request'.")
    facts = {fact.label: fact.value for fact in report.facts}
    assert facts["Error"] == "ECONNREFUSED 10.0.0.5:443"
    assert [each.words for each in report.suggestions] == ["retry 4711"]
    assert report.status is Status.FAILED


async def test_what_was_mended_or_is_being_mended_is_not_offered_again() -> None:
    one = engine()
    one.ran("4721", "running", retry_of="4711")
    assert await shown(one) == ("It failed at 'HTTP Request'.", ["stop 4721"], Status.FAILED)
    one.ran("4721", "success", retry_of="4711")
    assert await shown(one) == ("It failed, and its retry 4721 ended well.", [], None)


async def test_a_running_one_can_be_stopped() -> None:
    assert await shown(engine(), execution="4720") == ("It is running.", ["stop 4720"], None)
    several = await shown(engine("a"), engine("b"), execution="4720", engine="b")
    assert several[1] == ["stop 4720 engine=b"]


async def test_retries_that_cannot_be_told_do_not_hide_the_run() -> None:
    class Busy(Engine):
        async def retries_of(self, execution_id: str) -> tuple[Execution, ...]:
            raise Refused("More than 2,500 runs came after.")

    busy = Busy("n8n")
    busy.ran("4711")
    report = await ShowExecution((busy,), Clock()).answer(Which(execution="4711"))
    assert report.notes == ("More than 2,500 runs came after.",)


async def test_a_stop_and_what_it_leaves() -> None:
    one = engine()
    action = StopExecution((one,))

    plan = await action.preview(Stop(execution="4720", reason="it sends mails"))
    receipt = await action.execute(plan)

    assert plan.headline == "Stop execution 4720 of 'Lead intake'."
    assert plan.effects == ("execution 4720: now running, then canceled",)
    assert plan.warnings == ("What it has done so far stays done; the rest is left out.",)
    assert receipt.headline == "Stopped execution 4720 of 'Lead intake'."
    assert await action.evidence(plan) == "execution 4720 is canceled"


async def test_what_is_over_is_not_stopped() -> None:
    one = engine()
    action = StopExecution((one,))
    assert (await action.preview(Stop(execution="4711"))).nothing_to_do == "Execution 4711 is over: error."
    plan = await action.preview(Stop(execution="4720"))
    one.ran("4720", "success")
    with pytest.raises(Stale, match="over: success"):
        await carry_out(action, Stop(execution="4720"), plan)


async def test_a_run_is_shown_although_its_retries_cannot_be_listed() -> None:
    one = engine()

    class Half(Engine):
        async def retries_of(self, execution_id: str) -> tuple[Execution, ...]:
            raise TryLater("n8n took too long to list runs.")

    report = await ShowExecution((Half("n8n", runs=one.runs),), Clock()).answer(Which(execution="4711"))
    assert report.title == "Execution 4711 of Lead intake"
    assert report.notes == ("n8n took too long to list runs.",)


async def test_mistakes_are_answered_with_what_to_type() -> None:
    with pytest.raises(NotUnderstood) as caught:
        await StopExecution((engine("a"), engine("b"))).preview(Stop(execution="4720"))
    assert caught.value.hint == "stop 4720 engine=a"
    with pytest.raises(Misconfigured):
        await StopExecution(()).preview(Stop(execution="4720"))


async def test_options_are_what_is_going_and_come_from_memory() -> None:
    """bolt-python#1083: options come from a cache already in memory."""
    one = engine()
    action = StopExecution((one,))
    assert await action.options("execution", "") == []
    await action.refresh()
    one.fails = TryLater("no")
    await action.refresh()
    assert [each.label for each in await action.options("execution", "")] == ["4720 Lead intake (running)"]
