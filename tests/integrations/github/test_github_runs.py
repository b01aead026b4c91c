"""GitHub's reruns and stops: one attempt, the same run, and an honest word where the end is open."""

import asyncio

import pytest

from bot.words.exceptions import NotUnderstood, OutcomeUnknown, Refused
from integrations.github.client import GitHub
from sandbox.world.github import FakeGitHub
from sandbox.world.misbehaving import Fault, Kind

# -- rerun


async def test_a_rerun_is_the_same_run_in_its_next_attempt(github: GitHub, fake: FakeGitHub) -> None:
    assert await github.retries_of("9002") == ()
    run = await github.retry("9002", current_workflow=False)
    assert (run.id, run.status, run.retry_of, run.failed) == ("9002#2", "success", "9002", False)
    assert fake.done("rerun") == ["9002"]
    [again] = await github.retries_of("9002")
    assert (again.id, again.status) == ("9002#2", "success")
    assert (await github.execution("9002")).status == "success"
    assert "9002" not in [each.id for each in await github.failed()]


async def test_attempts_are_listed_with_how_each_ended(github: GitHub, fake: FakeGitHub) -> None:
    fake.ends_as = "failure"
    failed = await github.retry("9002", current_workflow=False)
    assert (failed.failed, failed.failing_node) == (True, "build / npm test")
    fake.ends_as = "success"
    await github.retry("9002", current_workflow=False)
    listed = [(each.id, each.status, each.retry_of) for each in await github.retries_of("9002")]
    assert listed == [("9002#2", "error", "9002"), ("9002#3", "success", "9002")]


async def test_a_rerun_that_takes_longer_is_going_on_not_unknown(github: GitHub, fake: FakeGitHub) -> None:
    """That it began is known."""
    fake.rerun_seconds = 30
    run = await github.retry("9002", current_workflow=False)
    assert (run.id, run.status, run.going) == ("9002#2", "running", True)
    with pytest.raises(Refused, match="can be rerun when it has ended"):
        await github.retry("9002", current_workflow=False)
    assert fake.done("rerun") == ["9002"]


@pytest.mark.parametrize(
    ("run", "why"),
    [("9001", "succeeded in attempt 1"), ("9004", "in_progress: it can be rerun when it has ended")],
)
async def test_what_cannot_be_rerun(github: GitHub, fake: FakeGitHub, run: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        await github.retry(run, current_workflow=False)
    assert fake.effects == []


async def test_older_than_thirty_days(github: GitHub, fake: FakeGitHub) -> None:
    fake.add(1000, 501, "failure", minutes=60 * 24 * 31)
    with pytest.raises(Refused, match="older than 30 days"):
        await github.retry("1000", current_workflow=False)


async def test_github_itself_refuses_a_second_one_at_once(github: GitHub, fake: FakeGitHub) -> None:
    """403 here is no lacking right."""
    fake.faults.arm(Fault(Kind.STATUS, status=403, only="POST"))
    with pytest.raises(Refused, match=r"refused \(403\)") as caught:
        await github.retry("9002", current_workflow=False)
    assert "Actions: write" not in str(caught.value)


async def test_todays_workflow_cannot_be_rerun(github: GitHub, fake: FakeGitHub) -> None:
    with pytest.raises(Refused, match="reruns the commit that failed"):
        await github.retry("9002", current_workflow=True)
    assert fake.heard == []


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED])
async def test_a_rerun_whose_answer_is_lost_is_unknown_and_traced(github: GitHub, fake: FakeGitHub, kind: Kind) -> None:
    fake.rerun_seconds = 30
    fake.faults.arm(Fault(kind, only="rerun-failed-jobs"))
    with pytest.raises(OutcomeUnknown, match=r"GitHub lists attempt 2 \(in_progress\)"):
        await github.retry("9002", current_workflow=False)
    assert fake.done("rerun") == ["9002"]


async def test_what_cannot_be_read_after_the_call_does_not_pass_for_a_refusal(github: GitHub, fake: FakeGitHub) -> None:
    fake.rerun_seconds = 30
    hidden = Fault(Kind.STATUS, status=404, times=0, only="GET /repos/acme/shop/actions/runs/9002")
    fake.faults.arm(hidden)
    retry = asyncio.create_task(github.retry("9002", current_workflow=False))
    async with asyncio.timeout(30):
        while not fake.done("rerun"):  # noqa: ASYNC110 - the stand-in has no event for it
            await asyncio.sleep(0)
    hidden.times = 100
    with pytest.raises(OutcomeUnknown, match="accepted to rerun 9002"):
        await retry
    assert [call.status for call in fake.heard].count(404) == 1


@pytest.mark.parametrize("bad", ["", "last", "9002#2", "../users", "9002?x=1", "٤٧", "9" * 30])
async def test_an_id_that_is_none_is_not_sent(github: GitHub, fake: FakeGitHub, bad: str) -> None:
    for call in (github.execution(bad), github.retries_of(bad), github.retry(bad, current_workflow=False)):
        with pytest.raises(NotUnderstood, match="is not the number of a run"):
            await call
    assert fake.heard == []


async def test_failed_by_workflow(github: GitHub) -> None:
    assert [run.id for run in await github.failed(workflow="deploy")] == ["9003"]
    with pytest.raises(NotUnderstood) as caught:
        await github.failed(workflow="Deplyo")
    assert str(caught.value).endswith("There are: Tests, Deploy, Clean up, Old nightly.")


# -- stop


async def test_stop(github: GitHub, fake: FakeGitHub) -> None:
    assert [(run.id, run.status) for run in await github.running()] == [("9004", "running")]
    assert (await github.stop("9004")).status == "canceled"
    with pytest.raises(Refused, match="over: cancelled"):
        await github.stop("9004")
    assert fake.done("cancel") == ["9004"]


async def test_a_stop_that_does_not_take_is_unknown(github: GitHub, fake: FakeGitHub) -> None:
    fake.rerun_seconds = 30
    with pytest.raises(OutcomeUnknown, match="its end was not seen"):
        await github.stop("9004")


async def test_one_that_ended_just_before_is_refused(github: GitHub, fake: FakeGitHub) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=409, only="cancel"))
    with pytest.raises(Refused, match="409"):
        await github.stop("9004")
