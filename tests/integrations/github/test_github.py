"""GitHub's traps, each with its name. What is said is held against GitHub's own description (see `fake`)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.words.exceptions import NotUnderstood, Refused, TryLater
from integrations.capabilities import Health, Level
from integrations.github.client import GitHub
from sandbox.world.github import FakeGitHub
from sandbox.world.misbehaving import Fault, Kind
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.github.conftest import TOKEN, hour_ago


def test_the_description_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs" in contract.operations()


# -- health, limits, rights


async def test_all_is_well_and_costs_nothing_the_second_time(github: GitHub, fake: FakeGitHub) -> None:
    """Conditional reads that found nothing new are free."""
    assert (await github.check()).health is Health.OK
    left = fake.remaining
    assert (await github.check()).health is Health.OK
    assert fake.heard[-1].status == 304
    assert fake.remaining == left
    assert [run.id for run in await github.failed()] == [run.id for run in await github.failed()] == ["9003", "9002"]


async def test_something_new_is_seen_through_the_memory(github: GitHub, fake: FakeGitHub) -> None:
    assert len(await github.failed()) == 2
    fake.add(9010, 501, "failure", minutes=1)
    assert [run.id for run in await github.failed()] == ["9010", "9003", "9002"]


async def test_with_no_requests_left_nothing_is_sent_until_there_are(github: GitHub, fake: FakeGitHub) -> None:
    fake.remaining = 1
    await github.execution("9001")
    for _ in range(2):
        with pytest.raises(TryLater, match="no calls left this hour; more in 10 min") as caught:
            await github.retry("9002", current_workflow=False)
        assert caught.value.after is not None
        assert timedelta(minutes=9) < caught.value.after <= timedelta(minutes=10)
    assert len(fake.heard) == 1
    assert (await github.check()).health is Health.UNKNOWN


async def test_a_403_may_mean_slow_down(github: GitHub, fake: FakeGitHub) -> None:
    """Secondary limits come as 403, some without a time."""
    fake.faults.arm(Fault(Kind.STATUS, status=403, retry_after="7", only="/runs/9002"))
    with pytest.raises(TryLater) as caught:
        await github.execution("9002")
    assert caught.value.after == timedelta(seconds=7)
    fake.remaining = 0
    with pytest.raises(TryLater, match="no calls left"):
        await github.execution("9002")


async def test_404_may_mean_a_lacking_right(github: GitHub, fake: FakeGitHub) -> None:
    fake.may_read = False
    seen = await github.check()
    assert (seen.health, "Actions: read" in seen.detail) == (Health.DEGRADED, True)
    for call in (github.execution("9002"), github.failed()):
        with pytest.raises(NotUnderstood, match="or the token may not see it: it needs Actions: read"):
            await call
    assert [trial.health for trial in await github.test()] == [Health.DEGRADED] * 2


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.retry("9002", current_workflow=False),
        lambda client: client.stop("9004"),
    ],
)
async def test_a_token_that_may_only_read_says_so(
    github: GitHub, fake: FakeGitHub, call: Callable[[GitHub], Awaitable[object]]
) -> None:
    fake.may_write = False
    with pytest.raises(Refused, match="needs Actions: write"):
        await call(github)
    assert fake.effects == []
    assert [trial.health for trial in await github.test()] == [Health.OK] * 2


async def test_only_classic_tokens_tell_their_rights(github: GitHub, fake: FakeGitHub) -> None:
    assert "does not tell" in (await github.rights()).note
    fake.scopes = "repo, admin:org"
    rights = await github.rights()
    assert (rights.unneeded, rights.lacking) == (("admin:org",), ())
    fake.scopes = "gist"
    assert (await github.rights()).lacking == (("repo", "all of it"),)
    assert [each.reference for each in github.credentials()] == ["env:DEMO_GITHUB_TOKEN"]


# -- errors and logs


async def test_errors_name_workflow_job_and_step(github: GitHub) -> None:
    page = await github.errors(since=hour_ago(), match=None, limit=20)
    assert [(e.key, e.origin, e.operation, e.message) for e in page.events] == [
        ("9003#1", "Deploy", "build / npm test", "timed_out: build / npm test"),
        ("9002#1", "Tests", "build / npm test", "failure: build / npm test"),
    ]
    assert page.events[0].link == "https://github.com/acme/shop/actions/runs/9003"
    few = await github.errors(since=hour_ago(), match=None, limit=1)
    assert (len(few.events), few.truncated) == (1, True)
    assert [e.key for e in (await github.errors(since=hour_ago(), match="DEPLOY", limit=9)).events] == ["9003#1"]


async def test_a_run_that_failed_again_after_a_rerun_is_listed_by_when_it_failed(
    github: GitHub, fake: FakeGitHub
) -> None:
    fake.add(8000, 501, "failure", minutes=60 * 24 * 9)
    assert "8000" not in [e.key.partition("#")[0] for e in await _errors(github)]
    fake.ends_as = "failure"
    await github.retry("8000", current_workflow=False)
    assert "8000#2" in [e.key for e in await _errors(github)]


async def _errors(github: GitHub) -> tuple[Any, ...]:
    return (await github.errors(since=hour_ago(), match=None, limit=20)).events


async def test_logs_are_those_of_the_failing_step(github: GitHub, fake: FakeGitHub) -> None:
    page = await github.logs(since=hour_ago(), level=Level.INFO, match=None, limit=100)
    assert {line.origin for line in page.lines} == {"Deploy / build / npm test", "Tests / build / npm test"}
    assert "do-not-show" not in str(page)
    errors = await github.logs(since=hour_ago(), level=Level.ERROR, match="CHECKOUT", limit=100)
    assert [line.message for line in errors.lines] == ["checkout total: expected 19.99, got 20"] * 2
    assert len((await github.logs(since=hour_ago(), level=Level.DEBUG, match=None, limit=3)).lines) == 3


async def test_the_token_is_not_for_whoever_keeps_the_logs(github: GitHub, fake: FakeGitHub) -> None:
    run = await github.execution("9002")
    assert run.failing_node == "build / npm test"
    assert run.error == "checkout total: expected 19.99, got 20; Process completed with exit code 1"
    [headers] = fake.log_requests
    assert "Authorization" not in headers
    assert TOKEN not in str(headers)


@pytest.mark.parametrize("where", ["ftp://elsewhere.example/", "file:///etc/", "nowhere"])
async def test_a_redirect_to_anything_else_is_not_followed(github: GitHub, fake: FakeGitHub, where: str) -> None:
    fake.log_host = where
    assert (await github.execution("9002")).error == "failure"
    with pytest.raises(TryLater, match="does not say where its log is"):
        await github.logs(since=hour_ago(), level=Level.INFO, match=None, limit=9)
    assert fake.log_requests == []


async def test_an_expired_log_is_said_to_be_and_hides_nothing_else(github: GitHub, fake: FakeGitHub) -> None:
    fake.logs_expired = True
    page = await github.logs(since=hour_ago(), level=Level.INFO, match=None, limit=9)
    assert (page.lines, page.note) == ((), "The log of job 'build' has expired. The log of job 'build' has expired.")
    run = await github.execution("9002")
    assert (run.failing_node, run.error) == ("build / npm test", "failure")
