"""/ops retry."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, Stale, TryLater
from bot.words.report import Moment
from commands.retry import Retry, RetryExecution
from integrations.capabilities import Execution
from tests.commands.world import NOON, Engine, carry_out


def engine_with_failure(name: str = "n8n") -> Engine:
    engine = Engine(name)
    engine.ran("4711")
    return engine


async def test_the_plan_shows_what_failed_and_what_will_run() -> None:
    """integrations/slack#1347: what is being approved is on the card."""
    plan = await RetryExecution((engine_with_failure(),)).preview(Retry(execution="4711"))

    assert plan.headline == "Run execution 4711 of 'Lead intake' again."
    assert plan.effects == ("n8n runs the workflow as it was at the time, from 'HTTP Request' on, with the same data.",)
    facts = {fact.label: fact.value for fact in plan.facts}
    at = facts.pop("When")
    assert isinstance(at, Moment)
    assert at.at < NOON
    assert facts == {
        "Workflow": "Lead intake",
        "Failed at node": "HTTP Request",
        "Error": "ECONNREFUSED 10.0.0.5:443",
        "Retried before": "no",
    }
    assert plan.undo_note == "A run cannot be taken back: what its nodes have sent is sent."
    assert (plan.warnings, plan.nothing_to_do, plan.target) == ((), "", "n8n execution 4711")
    assert plan.observed() == {
        "target": "n8n execution 4711",
        "engine": "n8n",
        "execution": "4711",
        "status": "error",
        "retries": [],
        "use": "saved",
    }


@pytest.mark.parametrize(("use", "current"), [("saved", False), ("current", True)])
async def test_a_retry_runs_once_with_the_workflow_that_was_chosen(use: str, current: bool) -> None:
    engine = engine_with_failure()
    action = RetryExecution((engine,))
    plan = await action.preview(Retry.model_validate({"execution": "4711", "use": use}))

    receipt = await action.execute(plan)

    assert receipt.headline == "Execution 4711 was retried; 4712 ended well."
    assert engine.retried_with == [current]
    told = ("The workflow may have changed since it failed: it runs with its latest draft.",)
    assert plan.warnings == (told if current else ())


async def test_where_only_the_saved_one_can_run_again_that_is_said_before_anybody_approves() -> None:
    whole = engine_with_failure("github")

    class SavedOnly:
        name, kind = "github", "github"
        failed, execution, retries_of, retry = whole.failed, whole.execution, whole.retries_of, whole.retry

    with pytest.raises(NotUnderstood, match="only as it was then") as caught:
        await RetryExecution((SavedOnly(),)).preview(Retry(execution="4711", use="current"))
    assert caught.value.hint == "retry 4711"


async def test_a_retry_that_fails_too_is_said_to_have_failed() -> None:
    engine = engine_with_failure()
    engine.next_ends = "error"
    action = RetryExecution((engine,))
    plan = await action.preview(Retry(execution="4711"))

    with pytest.raises(Refused) as caught:
        await action.execute(plan)

    assert str(caught.value) == (
        "The retry ran as execution 4712 and failed too at node 'HTTP Request': ECONNREFUSED 10.0.0.5:443."
        " Nothing else was changed."
    )
    again = await action.preview(Retry(execution="4711"))
    assert again.retries == ("4712",)
    assert again.warnings == ("One retry failed already.",)


async def test_a_workflow_that_waits_is_not_said_to_have_ended() -> None:
    engine = engine_with_failure()
    engine.next_ends = "waiting"
    action = RetryExecution((engine,))

    receipt = await action.execute(await action.preview(Retry(execution="4711")))

    assert receipt.headline == "Execution 4711 was retried; 4712 is waiting."


@pytest.mark.parametrize(
    ("status", "retry_status", "why"),
    [
        ("error", "success", "Execution 4711 was already retried as 4712, which ended well."),
        ("error", "running", "A retry of execution 4711 is going on already: 4712."),
        ("error", "waiting", "A retry of execution 4711 is going on already: 4712."),
        ("success", None, "Execution 4711 is success; only a failed one can be retried."),
        ("running", None, "Execution 4711 is running; only a failed one can be retried."),
        ("error", "error", ""),
        ("error", "canceled", ""),
        ("error", None, ""),
    ],
)
async def test_nothing_is_retried_that_needs_no_retry(status: str, retry_status: str | None, why: str) -> None:
    engine = Engine("n8n")
    engine.ran("4711", status)
    if retry_status:
        engine.ran("4712", retry_status, retry_of="4711")

    plan = await RetryExecution((engine,)).preview(Retry(execution="4711"))

    assert plan.nothing_to_do == why


async def test_a_retry_that_is_no_longer_listed_still_counts() -> None:
    engine = engine_with_failure()
    engine.runs["4711"] = replace(engine.runs["4711"], retried_by="4712")

    plan = await RetryExecution((engine,)).preview(Retry(execution="4711"))

    assert plan.nothing_to_do == "Execution 4711 was already retried as 4712, which ended well."


@pytest.mark.parametrize("status", ["success", "error", "running"])
async def test_somebody_was_faster(status: str) -> None:
    """sentry#69252, bolt-js#822: one click, several runs; n8n itself does not deduplicate."""
    engine = engine_with_failure()
    action = RetryExecution((engine,))
    plan = await action.preview(Retry(execution="4711"))
    engine.ran("4712", status, retry_of="4711")

    with pytest.raises(Stale):
        await carry_out(action, Retry(execution="4711"), plan)

    assert engine.retried_with == []


async def test_fixed_meanwhile_by_a_retry_that_is_not_listed() -> None:
    engine = engine_with_failure()
    action = RetryExecution((engine,))
    plan = await action.preview(Retry(execution="4711"))
    engine.runs["4711"] = replace(engine.runs["4711"], retried_by="4720")

    with pytest.raises(Stale, match="already retried as 4720"):
        await carry_out(action, Retry(execution="4711"), plan)


async def test_an_outcome_nobody_knows_stays_unknown() -> None:
    class Losing(Engine):
        async def retry(self, execution_id: str, *, current_workflow: bool) -> Execution:
            raise OutcomeUnknown("n8n did not answer in time; the run may be going on.")

    engine = Losing("n8n")
    engine.ran("4711")
    action = RetryExecution((engine,))

    with pytest.raises(OutcomeUnknown):
        await action.execute(await action.preview(Retry(execution="4711")))


async def test_last_is_the_newest_that_nothing_fixed() -> None:
    engine = engine_with_failure()
    engine.ran("4712", workflow="Invoices")
    engine.ran("4713")
    engine.ran("4714", "success", retry_of="4713")
    action = RetryExecution((engine,))

    last = await action.preview(Retry(execution="last"))
    of_workflow = await action.preview(Retry(execution="LAST", workflow="Lead intake"))

    assert (last.execution, last.target) == ("4712", "n8n execution 4712")
    assert of_workflow.execution == "4711"


async def test_last_when_all_are_fixed_says_so() -> None:
    engine = engine_with_failure()
    engine.ran("4712", "success", retry_of="4711")

    plan = await RetryExecution((engine,)).preview(Retry(execution="last"))

    assert plan.nothing_to_do.startswith("Execution 4711 was already retried as 4712")


@pytest.mark.parametrize(
    ("params", "sentence", "hint"),
    [
        (Retry(execution="9"), "n8n has no execution '9'", ""),
        (
            Retry(execution="last", workflow="Nope"),
            "n8n lists no failed execution of workflow 'Nope'",
            "errors n8n since=1d",
        ),
        (Retry(execution="4711", workflow="Lead intake"), "workflow= goes with `last` only", "retry 4711"),
        (Retry(execution="4711", engine="n9n"), "Did you mean 'n8n'?", "retry 4711 engine=n8n"),
    ],
)
async def test_mistakes_are_answered_with_what_to_type(params: Retry, sentence: str, hint: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        await RetryExecution((engine_with_failure(),)).preview(params)

    assert sentence in str(caught.value)
    assert caught.value.hint == hint


async def test_of_several_engines_that_know_an_id_one_is_named() -> None:
    one, other = engine_with_failure("n8n-eu"), engine_with_failure("n8n-us")
    action = RetryExecution((one, other))

    with pytest.raises(NotUnderstood, match="n8n-eu and n8n-us have an execution 4711 each") as caught:
        await action.preview(Retry(execution="4711"))
    plan = await action.preview(Retry(execution="4711", engine="n8n-us"))
    await action.execute(plan)

    assert caught.value.hint == "retry 4711 engine=n8n-eu"
    assert (one.retried_with, other.retried_with) == ([], [False])
    with pytest.raises(Misconfigured):
        await RetryExecution(()).preview(Retry(execution="4711"))


async def test_options_are_read_in_the_background_and_answered_from_memory() -> None:
    """bolt-python#1083: options come from a cache already in memory."""
    engine = engine_with_failure()
    engine.ran("4712", workflow="A workflow with a name that is much longer than the seventy-five that Slack shows")
    engine.ran("4713")
    engine.ran("4714", "success", retry_of="4713")
    action = RetryExecution((engine,))
    assert await action.options("execution", "") == []

    await action.refresh()
    engine.fails = TryLater("n8n did not answer.")
    await action.refresh()
    calls = engine.calls

    options = await action.options("execution", "")
    assert [option.value for option in options] == ["4712", "4711"]
    assert options[1].label == "4711 Lead intake 04 Mar 11:51 UTC"
    assert all(len(option.label) <= 75 for option in options)
    assert [option.value for option in await action.options("execution", "lead")] == ["4711"]
    assert [option.value for option in await action.options("engine", "")] == ["n8n"]
    assert engine.calls == calls


async def test_the_two_reads_of_a_preview_happen_at_once() -> None:
    both_asked = asyncio.Barrier(2)

    class Together(Engine):
        async def answers(self) -> None:
            await both_asked.wait()  # one after the other, neither would ever be past this

    engine = Together("n8n")
    engine.ran("4711")
    async with asyncio.timeout(20):
        assert (await RetryExecution((engine,)).preview(Retry(execution="4711"))).execution == "4711"


def two_engines() -> tuple[Engine, Engine]:
    n8n, ci = Engine("n8n"), Engine("ci")
    n8n.ran("4711")
    ci.ran("9002", workflow="Tests")
    return n8n, ci


async def test_the_engine_that_knows_an_id_is_found_by_asking() -> None:
    n8n, ci = two_engines()
    action = RetryExecution((n8n, ci))
    plan = await action.preview(Retry(execution="9002"))
    assert plan.target == "ci execution 9002"
    assert action.settled(Retry(execution="9002"), plan).engine == "ci"
    await action.execute(plan)
    assert (n8n.retried_with, ci.retried_with) == ([], [False])


async def test_an_id_that_nobody_knows() -> None:
    with pytest.raises(NotUnderstood, match=r"^Neither n8n nor ci knows an execution 1\.$"):
        await RetryExecution(two_engines()).preview(Retry(execution="1"))


async def test_a_silent_engine_hides_no_run_of_the_other_and_may_have_run_what_is_not_found() -> None:
    n8n, ci = two_engines()
    ci.fails = TryLater("ci did not answer within 10 s.")
    action = RetryExecution((n8n, ci))
    assert (await action.preview(Retry(execution="4711"))).engine == "n8n"
    with pytest.raises(TryLater, match=r"^Execution 9002 was not found; ci could not be asked: ci did not answer"):
        await action.preview(Retry(execution="9002"))


async def test_last_is_the_newest_failure_of_all_engines() -> None:
    n8n, ci = two_engines()
    ci.runs["9002"] = replace(ci.runs["9002"], stopped_at=NOON - timedelta(minutes=1))
    action = RetryExecution((n8n, ci))
    plan = await action.preview(Retry(execution="last"))
    assert (plan.engine, plan.execution, plan.warnings) == ("ci", "9002", ())
    ci.ran("9003", "success", retry_of="9002", workflow="Tests")
    assert (await action.preview(Retry(execution="last"))).engine == "n8n"
    assert (await action.preview(Retry(execution="last", workflow="Tests"))).execution == "9002"
    with pytest.raises(NotUnderstood, match="n8n and ci list no failed execution of workflow 'Zzz'"):
        await action.preview(Retry(execution="last", workflow="Zzz"))


async def test_last_says_who_could_not_be_asked() -> None:
    n8n, ci = two_engines()
    ci.fails = TryLater("ci did not answer.")
    plan = await RetryExecution((n8n, ci)).preview(Retry(execution="last"))
    assert plan.warnings == ("There may be a newer failure: ci could not be asked: ci did not answer.",)
    n8n.runs.clear()
    with pytest.raises(TryLater, match="No failed execution was found; ci could not be asked"):
        await RetryExecution((n8n, ci)).preview(Retry(execution="last"))
