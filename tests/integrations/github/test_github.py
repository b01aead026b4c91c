"""GitHub's traps, each with its name. What is said is held against GitHub's own description (see `fake`)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, Stale, TryLater
from integrations import Services, open_services
from integrations.capabilities import Executions, Health, Level, OwnJobs, Switch, Switches, Workflow, Workflows
from integrations.github.client import GitHub
from sandbox.world.github import FakeGitHub
from sandbox.world.misbehaving import Fault, Kind
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.standin import serving

TOKEN = "github_pat_k3y-that-must-not-be-seen"
JOB = {
    "name": "clean-up",
    "what": "Deletes old previews.",
    "workflow": "clean.yml",
    "inputs": {"dry_run": "false"},
    "params": [{"name": "older_than", "pattern": "[0-9]{1,3}", "required": True}],
}


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("github-actions", service="github")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeGitHub]:
    fake = FakeGitHub(TOKEN)
    yield fake
    if contract is not None:
        heard = [call for call in fake.heard if not call.path.startswith("/raw-logs/")]
        contract.check(heard, answers=not fake.faults.armed)


@pytest.fixture
async def url(fake: FakeGitHub) -> AsyncIterator[str]:
    async with serving(fake.app()) as url:
        yield url


def opened(fake: FakeGitHub, url: str, http: httpx.AsyncClient, token: str = TOKEN, **settings: Any) -> Services:
    quick = {"settle": "2s", "every": "1s", "jobs": [JOB]}
    return open_services({"ci": fake.section(url) | quick | settings}, http, lambda reference: token)


@pytest.fixture
def services(fake: FakeGitHub, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def github(services: Services) -> GitHub:
    client = services.named("ci", Executions)
    assert isinstance(client, GitHub)
    return client


def hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


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


# -- workflows


async def flow(flows: Workflows, name: str) -> Workflow:
    return next(each for each in await flows.workflows() if each.name == name)


@pytest.fixture
def flows(services: Services) -> Workflows:
    return services.named("ci", Workflows)


async def test_workflows_off_and_back(flows: Workflows, fake: FakeGitHub) -> None:
    before = await flow(flows, "Tests")
    assert before.active
    assert before.last_failed_at is not None
    kept = await flows.turn(before, on=False)
    assert fake.flows[501].state == "disabled_manually"
    await flows.turn_back(before, kept)
    assert fake.flows[501].state == "active"
    assert (fake.done("disable"), fake.done("enable")) == (["501"], ["501"])


async def test_one_that_slept_in_can_be_woken(flows: Workflows, fake: FakeGitHub) -> None:
    before = await flow(flows, "Old nightly")
    assert (before.active, "60 days" in before.detail) == (False, True)
    await flows.turn(before, on=True)
    assert fake.flows[504].state == "active"


async def test_pausing_turns_off_exactly_those_that_run(services: Services, fake: FakeGitHub) -> None:
    switches = services.named("ci", Switches)
    fake.flows[503].state = "disabled_inactivity"
    states = {thing.name: thing.state for thing in await switches.switches()}
    assert (states["Tests"], states["Clean up"]) == (Switch.RUNNING, Switch.OTHER)

    paused = await switches.pause(["501", "503"])
    assert [thing.name for thing in paused.changed] == ["Tests"]
    assert paused.missed == ("Clean up was not running any more",)
    assert fake.flows[501].state == "disabled_manually"
    resumed = await switches.resume(paused.changed)
    assert (len(resumed.changed), fake.flows[501].state) == (1, "active")
    assert (await switches.resume(paused.changed)).missed == ("Tests was not paused any more",)


async def test_what_somebody_changed_meanwhile_is_left(flows: Workflows, fake: FakeGitHub) -> None:
    before = await flow(flows, "Tests")
    fake.flows[501].state = "disabled_manually"
    with pytest.raises(Stale, match="changed meanwhile"):
        await flows.turn(before, on=False)
    assert fake.effects == []


async def test_a_switch_that_ends_openly_is_looked_at(flows: Workflows, fake: FakeGitHub) -> None:
    fake.faults.arm(Fault(Kind.GATEWAY, only="disable"))
    await flows.turn(await flow(flows, "Tests"), on=False)
    fake.faults.arm(Fault(Kind.HTML, status=502, only="disable"))
    with pytest.raises(OutcomeUnknown):
        await flows.turn(await flow(flows, "Deploy"), on=False)


# -- jobs of the team's own


@pytest.fixture
def jobs(services: Services) -> OwnJobs:
    return services.named("ci", OwnJobs)


async def test_a_job_runs_with_what_ops_toml_says_and_people_type(jobs: OwnJobs, fake: FakeGitHub) -> None:
    [job] = jobs.jobs()
    assert (job.name, job.destructive, [p.name for p in job.params]) == ("clean-up", True, ["older_than"])
    end = await jobs.run_job("clean-up", {"older_than": "14"})
    assert end.sentence == "clean-up ran as run 9006 and ended well."
    assert fake.done("dispatch") == ['main {"dry_run": "false", "older_than": "14"}']


async def test_a_job_that_github_does_not_name_was_started_all_the_same(jobs: OwnJobs, fake: FakeGitHub) -> None:
    """204, as GitHub answered until it learned to tell the run."""
    fake.tells_dispatched = False
    assert "does not say as which run" in (await jobs.run_job("clean-up", {"older_than": "14"})).sentence
    assert len(fake.done("dispatch")) == 1


async def test_a_job_that_fails_or_takes_longer(jobs: OwnJobs, fake: FakeGitHub) -> None:
    fake.ends_as = "failure"
    with pytest.raises(Refused, match="ran as run 9006 and ended as failure"):
        await jobs.run_job("clean-up", {"older_than": "14"})
    fake.rerun_seconds = 30
    assert "has not ended yet" in (await jobs.run_job("clean-up", {"older_than": "14"})).sentence


@pytest.mark.parametrize(
    ("job", "params", "why"),
    [
        ("nope", {}, "no job 'nope'"),
        ("clean-up", {}, "needs older_than"),
        ("clean-up", {"older_than": "14; rm"}, "does not look right"),
        ("clean-up", {"older_than": "14", "dry_run": "true"}, "no 'dry_run'. It takes older_than"),
    ],
)
async def test_a_job_takes_nothing_else(
    jobs: OwnJobs, fake: FakeGitHub, job: str, params: dict[str, str], why: str
) -> None:
    with pytest.raises(NotUnderstood, match=why):
        await jobs.run_job(job, params)
    assert fake.heard == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("repository", "shop"),
        ("repository", "acme/../x"),
        ("jobs", [JOB | {"params": [{"name": "x", "pattern": "("}]}]),
    ],
)
def test_settings_that_cannot_be(fake: FakeGitHub, url: str, http: httpx.AsyncClient, setting: str, value: Any) -> None:
    with pytest.raises(Misconfigured, match=rf"services\.ci\.{setting}"):
        opened(fake, url, http, **{setting: value})
