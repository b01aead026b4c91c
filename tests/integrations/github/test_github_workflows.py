"""GitHub's workflows turned off and on, and a team's own jobs that run there."""

from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, Stale
from integrations import Services
from integrations.capabilities import OwnJobs, Switch, Switches, Workflow, Workflows
from sandbox.world.github import FakeGitHub
from sandbox.world.misbehaving import Fault, Kind
from tests.integrations.github.conftest import JOB, opened

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
