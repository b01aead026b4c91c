"""Jobs of the team's own: listed, planned, started; and the ones of GitHub through the same words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from bot.words.action import Risk
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.report import Link
from commands.job import Start, StartJob
from commands.jobs import Listed, ListJobs
from integrations import open_services
from integrations.capabilities import Job, JobEnd, JobParam, OwnJobs, unheard
from sandbox.world.github import FakeGitHub
from tests.commands.world import Outside
from tests.integrations.standin import serving

REINDEX = Job(
    "reindex",
    "Builds the index anew.",
    (JobParam("table", "orders or customers.", "orders|customers", required=True), JobParam("days", "", "[0-9]+")),
)
WARM = Job("warm-cache", "Fills the cache.", destructive=False)


@dataclass
class Yard(Outside):
    """OwnJobs."""

    found: tuple[Job, ...] = (REINDEX, WARM)
    ran: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def jobs(self) -> tuple[Job, ...]:
        return self.found

    def told(self, job: str, params: Mapping[str, str]) -> str:
        return " ".join((f"/opt/{job}", *(f"--{name}={value}" for name, value in params.items())))

    async def run_job(self, job: str, params: Mapping[str, str], tell: Callable[[str], None] = unheard) -> JobEnd:
        await self.answers()
        tell("1,000 rows")
        self.ran.append((job, dict(params)))
        return JobEnd(f"{job} ended well.", "1,204 rows", "https://ci.example.com/7")


@pytest.fixture
def yard() -> Yard:
    return Yard("box")


async def test_the_plan_shows_what_will_run_and_runs_just_that(yard: Yard) -> None:
    action = StartJob((yard,))
    plan = await action.preview(Start(job="reindex", params={"days": "3", "table": "orders"}, reason="stale"))
    assert (plan.target, plan.risk) == ("box job reindex", Risk.DESTRUCTIVE)
    assert plan.headline == "Start the job reindex of box."
    assert plan.effects == ("Builds the index anew.", "runs /opt/reindex --table=orders --days=3")
    assert plan.undo_note == "What a job did stays done."
    assert yard.ran == []
    told: list[str] = []
    receipt = await action.execute_telling(plan, told.append)
    assert told == ["1,000 rows", "1,204 rows"]
    assert receipt.headline == "reindex ended well."
    assert {fact.label: fact.value for fact in receipt.facts} == {
        "Run": Link(url="https://ci.example.com/7", name="reindex"),
    }
    assert yard.ran == [("reindex", {"table": "orders", "days": "3"})]


async def test_a_job_that_is_not_destructive_is_only_confirmed(yard: Yard) -> None:
    action = StartJob((yard,))
    assert action.risk is Risk.CHANGE
    assert (await action.preview(Start(job="warm-cache"))).risk is None


@pytest.mark.parametrize(
    ("asked", "why", "hint"),
    [
        ({"job": "reindx"}, "There is no job 'reindx'. Did you mean 'reindex'?", "job reindex"),
        ({"job": "zzz"}, "There is no job 'zzz'. `jobs` lists them.", "jobs"),
        ({"job": "reindex"}, "reindex needs table. orders or customers.", "job reindex table="),
        (
            {"job": "reindex", "params": {"tabel": "orders"}},
            "reindex has no 'tabel'. Did you mean table?",
            "job reindex table=",
        ),
        (
            {"job": "reindex", "params": {"x": "orders"}},
            "reindex has no 'x'. It takes table, days.",
            "job reindex",
        ),
        ({"job": "warm-cache", "params": {"x": "1"}}, "warm-cache has no 'x'. It takes nothing.", "job warm-cache"),
        (
            {"job": "reindex", "params": {"table": "orders; rm -rf /"}},
            "table does not look right: it must match orders|customers. orders or customers.",
            "job reindex table=",
        ),
        ({"job": "reindex", "service": "bx"}, "No service called 'bx' can start jobs. Did you mean 'box'?",
         "job reindex service=box"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_before_there_is_a_plan(
    yard: Yard, asked: dict[str, Any], why: str, hint: str
) -> None:
    with pytest.raises(NotUnderstood) as caught:
        await StartJob((yard,)).preview(Start(**asked))
    assert (str(caught.value), caught.value.hint) == (why, hint)
    assert yard.calls == 0


async def test_one_name_on_two_services(yard: Yard) -> None:
    other = Yard("ci", found=(WARM,))
    action = StartJob((yard, other))
    with pytest.raises(NotUnderstood, match="Several services have a job 'warm-cache': box, ci"):
        await action.preview(Start(job="warm-cache"))
    assert (await action.preview(Start(job="warm-cache", service="ci"))).service == "ci"
    assert (await action.preview(Start(job="reindex", params={"table": "orders"}))).service == "box"


async def test_the_button_of_a_job_that_two_services_have_starts_the_one_it_stands_at(yard: Yard) -> None:
    report = await ListJobs((yard, Yard("ci", found=(WARM,)))).answer(Listed())
    pressed = [each.words for line in report.lines for each in line.suggestions]
    assert pressed == ["job warm-cache service=box", "job warm-cache service=ci"]


async def test_what_can_be_chosen(yard: Yard) -> None:
    action = StartJob((yard,))
    assert [option.label for option in await action.options("job", "")] == [
        "reindex: Builds the index anew.",
        "warm-cache: Fills the cache.",
    ]
    assert [option.value for option in await action.options("job", "WARM")] == ["warm-cache"]
    assert [option.value for option in await action.options("service", "")] == ["box"]


async def test_the_list(yard: Yard) -> None:
    report = await ListJobs((yard,)).answer(Listed())
    assert report.lead == "2 jobs; 1 of them destructive."
    reindex, warm = report.lines
    assert reindex.text == "reindex: Builds the index anew."
    assert str(reindex.detail).startswith("Takes table, days (may be left out).")
    assert "somebody else approves it" in f"{reindex.detail} {warm.detail}"
    assert reindex.suggestions == ()
    assert [each.words for each in warm.suggestions] == ["job warm-cache"]
    with pytest.raises(Misconfigured, match="names no job; add `jobs` to a service"):
        await ListJobs(()).answer(Listed())
    with pytest.raises(Misconfigured, match="names no service that can start jobs; add one under"):
        await StartJob(()).preview(Start(job="x"))


async def test_a_workflow_of_github_is_a_job_like_any_other() -> None:
    fake = FakeGitHub("github_pat_of_the_jobs")
    job = {
        "name": "clean-up",
        "what": "Deletes old previews.",
        "workflow": "clean.yml",
        "inputs": {"dry_run": "false"},
        "params": [{"name": "older_than", "pattern": "[0-9]{1,3}", "required": True}],
    }
    async with serving(fake.app()) as url, httpx.AsyncClient(trust_env=False) as http:
        section = fake.section(url) | {"settle": "5s", "every": "1s", "jobs": [job]}
        services = open_services({"ci": section}, http, lambda reference: fake.token)
        action = StartJob(services.having(OwnJobs))
        plan = await action.preview(Start(job="clean-up", params={"older_than": "14"}))
        assert plan.effects[1] == "runs workflow clean.yml on main with dry_run=false older_than=14"
        assert fake.effects == []
        receipt = await action.execute(plan)
    assert receipt.headline == "clean-up ran as run 9006 and ended well."
    assert fake.done("dispatch") == ['main {"dry_run": "false", "older_than": "14"}']
