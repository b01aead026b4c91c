"""Jobs and switches of the team's own web service, over real HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import (
    Checkable,
    Checked,
    Credentialed,
    Flipped,
    Health,
    JobEnd,
    OwnJobs,
    Switch,
    Switchable,
    Switches,
)
from integrations.capabilities.trials import Testable as Tryable
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.own_jobs import FakeBackOffice
from tests.integrations.process.conftest import Noted
from tests.integrations.standin import serving
from tests.integrations.vendor import Vendor, says


@pytest.fixture
def fake() -> FakeBackOffice:
    return FakeBackOffice()


@pytest.fixture
async def services(fake: FakeBackOffice, http: httpx.AsyncClient) -> AsyncIterator[Services]:
    key = fake.key
    async with serving(fake.app()) as url:
        yield open_services({"office": fake.section(url)}, http, lambda reference: key)


@pytest.fixture
def jobs(services: Services) -> OwnJobs:
    return services.named("office", OwnJobs)


@pytest.fixture
def switches(services: Services) -> Switches:
    return services.named("office", Switches)


def one(vendor: Vendor, http: httpx.AsyncClient, secret: str = "s3cret-of-the-job", **job: Any) -> OwnJobs:
    """A service whose one job answers what the test writes down."""
    table = {"name": "reindex", "what": "Builds the index anew.", "path": "/jobs/reindex"} | job
    section = {"kind": "http", "url": f"{vendor.url}/health", "jobs": [table]}
    return open_services({"office": section}, http, lambda reference: secret).named("office", OwnJobs)


# -- jobs


async def test_a_job_is_called_once_with_its_secret(jobs: OwnJobs, fake: FakeBackOffice) -> None:
    end = await jobs.run_job("reindex", {"table": "orders", "days": "3"})
    assert end == JobEnd("reindex ended well (200).", "reading orders\nasked with [redacted]\n1,204 rows")
    assert fake.done("reindex") == ["orders 3 full=True"]
    await jobs.run_job("reindex", {"table": "orders"})
    assert [len(key) for key in fake.keys] == [32, 32]
    assert len(set(fake.keys)) == 2


async def test_what_would_be_called_is_told_exactly(jobs: OwnJobs, fake: FakeBackOffice) -> None:
    told = jobs.told("reindex", {"table": "orders"})
    assert told.startswith("POST http://127.0.0.1:")
    assert told.endswith('/jobs/reindex with json {"full": true, "table": "orders"}')
    assert jobs.told("drop-cache", {"region": "eu/west"}).endswith("/cache/eu%2Fwest")
    assert jobs.told("export", {"days": "3"}).endswith('/jobs/export with query {"dry": false, "days": "3"}')
    assert fake.key not in told
    assert fake.heard == []


async def test_a_job_that_goes_on_after_its_answer(jobs: OwnJobs, fake: FakeBackOffice) -> None:
    end = await jobs.run_job("export", {"days": "3"})
    assert end.sentence == "export was accepted (202) and may still go on at office."
    assert end.output == '{"queued": true}'
    assert fake.done("export") == ["dry=false&days=3"]


async def test_a_value_stays_one_part_of_the_path(jobs: OwnJobs, fake: FakeBackOffice) -> None:
    assert (await jobs.run_job("drop-cache", {"region": "eu/west"})).sentence == "drop-cache ended well (204)."
    assert fake.done("drop") == ["eu/west"]
    for region in ("..", ".", "../jobs/reindex", "eu/..", "eu/../../admin", "eu//west", "/eu"):
        with pytest.raises(NotUnderstood, match="it would change the path"):
            await jobs.run_job("drop-cache", {"region": region})
    for region in ("a?b", "a#b", "a\r\nX-Evil: 1", "{region}", "$(id)"):
        with pytest.raises(NotUnderstood, match="must match"):
            await jobs.run_job("drop-cache", {"region": region})
    assert len(fake.heard) == 1


async def test_it_takes_nothing_else(jobs: OwnJobs, fake: FakeBackOffice) -> None:
    for params, why in (
        ({}, "needs table"),
        ({"table": "x"}, "must match"),
        ({"table": "orders", "full": "no"}, "full"),
    ):
        with pytest.raises(NotUnderstood, match=why):
            await jobs.run_job("reindex", params)
    with pytest.raises(NotUnderstood, match="office has no job 'reindx'"):
        await jobs.run_job("reindx", {})
    assert fake.heard == []


async def test_a_refusal_is_told_in_its_own_words(jobs: OwnJobs, fake: FakeBackOffice) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=422))
    with pytest.raises(Refused, match=r"office refused \(422\): Injected 422"):
        await jobs.run_job("reindex", {"table": "orders"})
    fake.key = "another"
    with pytest.raises(Refused, match=r"refused our credential \(401\)") as caught:
        await jobs.run_job("export", {})
    assert "Check services.office.headers" in str(caught.value)
    assert fake.effects == []


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED])
async def test_what_may_have_worked_is_unknown_and_not_tried_again(
    jobs: OwnJobs, fake: FakeBackOffice, kind: Kind
) -> None:
    fake.faults.arm(Fault(kind))
    with pytest.raises(OutcomeUnknown):
        await jobs.run_job("reindex", {"table": "orders"})
    assert len(fake.done("reindex")) == 1


async def test_no_answer_in_time_is_unknown(services: Services, fake: FakeBackOffice, http: httpx.AsyncClient) -> None:
    async with serving(fake.app()) as url:
        section = fake.section(url)
        section["jobs"][1]["limit"] = "1s"
        jobs = open_services({"office": section}, http, lambda reference: fake.key).named("office", OwnJobs)
        fake.faults.arm(Fault(Kind.SLOW, seconds=5))
        with pytest.raises(OutcomeUnknown, match="office did not answer within 1 s"):
            await jobs.run_job("export", {})


async def test_told_to_slow_down_nothing_was_done(jobs: OwnJobs, fake: FakeBackOffice) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=429, retry_after="7"))
    with pytest.raises(TryLater) as caught:
        await jobs.run_job("reindex", {"table": "orders"})
    assert caught.value.after is not None
    assert fake.effects == []


async def test_only_text_and_json_are_repeated(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says("<html>do-not-repeat", media="text/html")]
    assert (await one(vendor, http).run_job("reindex", {})).output == ""
    vendor.steps = [says("token s3cret-of-the-job " + "x" * 100_000 + "\nthe end", media="text/plain")]
    assert (await one(vendor, http, headers={"X-Key": "env:K"}).run_job("reindex", {})).output == "the end"


async def test_the_secret_of_one_job_is_sent_with_that_alone(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says("asked by Bearer of-the-job-0001, or of-the-job-0001", media="text/plain")]
    jobs = one(vendor, http, "Bearer of-the-job-0001", headers={"Authorization": "env:K"})
    assert (await jobs.run_job("reindex", {})).output == "asked by [redacted], or [redacted]"
    assert vendor.requests[0].headers["Authorization"] == "Bearer of-the-job-0001"
    await one(vendor, http).run_job("reindex", {})
    assert "Authorization" not in vendor.requests[1].headers


# -- switches


async def test_a_switch_is_paused_and_resumed(switches: Switches, fake: FakeBackOffice) -> None:
    crawler, mailer = await switches.switches()
    assert crawler == Switchable("crawler", "crawler", Switch.RUNNING)
    assert await switches.pause(["crawler"]) == Flipped((crawler,))
    assert fake.paused == {"crawler": True, "mailer": False}
    assert [each.state for each in await switches.switches()] == [Switch.PAUSED, Switch.RUNNING]
    flipped = await switches.resume([crawler])
    assert [each.state for each in flipped.changed] == [Switch.PAUSED]
    assert fake.paused["crawler"] is False
    assert mailer.name == "mailer"


async def test_what_is_not_as_expected_is_left_alone(switches: Switches, fake: FakeBackOffice) -> None:
    fake.paused["crawler"] = True
    flipped = await switches.pause(["crawler", "mailer", "gone"])
    assert [each.id for each in flipped.changed] == ["mailer"]
    assert flipped.missed == ("crawler is not running any more", "gone is not running any more")
    assert fake.done("pause") == ["mailer"]


async def test_a_switch_that_cannot_be_read_is_neither(switches: Switches, fake: FakeBackOffice) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=500, times=9, only="/crawler"))
    crawler, mailer = await switches.switches()
    assert (crawler.state, mailer.state) == (Switch.OTHER, Switch.RUNNING)
    assert "office is in trouble (500)" in crawler.detail
    flipped = await switches.pause(["crawler", "mailer"])
    assert [each.id for each in flipped.changed] == ["mailer"]
    assert fake.done("pause") == ["mailer"]
    fake.faults.clear()
    fake.faults.arm(Fault(Kind.STATUS, status=500, times=9))
    with pytest.raises(TryLater):
        await switches.switches()


async def test_an_answer_without_the_field(switches: Switches, fake: FakeBackOffice) -> None:
    fake.faults.arm(Fault(Kind.GARBAGE, only="/crawler"))
    crawler, _ = await switches.switches()
    assert crawler.state is Switch.OTHER
    assert fake.effects == []


async def test_a_pause_that_ends_openly(switches: Switches, fake: FakeBackOffice) -> None:
    fake.faults.arm(Fault(Kind.GATEWAY, only="/mailer/pause"))
    with pytest.raises(OutcomeUnknown, match=r"^mailer: office failed .* Before that, paused: crawler\.$"):
        await switches.pause(["crawler", "mailer"])
    assert fake.done("pause") == ["crawler", "mailer"]


async def test_a_refused_pause(switches: Switches, fake: FakeBackOffice) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=409, only="/crawler/pause"))
    with pytest.raises(Refused, match=r"office refused \(409\)"):
        await switches.pause(["crawler"])
    assert fake.effects == []


async def test_a_switch_that_takes_its_time_is_said_to(switches: Switches, fake: FakeBackOffice) -> None:
    fake.stubborn = True
    flipped = await switches.pause(["mailer"])
    assert [each.id for each in flipped.changed] == ["mailer"]
    assert flipped.note == "Told, but not yet said to be paused: mailer."


# -- settings


async def test_its_health_is_looked_at_as_before(services: Services) -> None:
    assert await services.named("office", Checkable).check() == Checked(Health.OK)
    assert len(services) == 1


# -- its keys


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
async def keyed(fake: FakeBackOffice, http: httpx.AsyncClient, noted: Noted) -> AsyncIterator[Services]:
    """One job and one switch have a header of their own; the switch's comes before the service's of that name."""
    async with serving(fake.app()) as url:
        table = fake.section(url)
        table["jobs"][1]["headers"] = {"X-Export-Key": "env:EXPORT_KEY"}
        table["switches"][1]["headers"] = {"X-Ops-Key": "env:MAILER_KEY"}
        known = {"env:DEMO_BACKOFFICE_KEY": fake.key, "env:EXPORT_KEY": "export-0001", "env:MAILER_KEY": "wr0ng"}
        yield open_services({"office": table}, http, known.__getitem__, proofs=noted)


async def test_headers_of_jobs_and_switches_are_among_the_keys(keyed: Services) -> None:
    found = keyed.named("office", Credentialed).credentials()
    assert [(each.setting, each.reference) for each in found] == [
        ("services.office.headers.X-Ops-Key", "env:DEMO_BACKOFFICE_KEY"),
        ("services.office.jobs.export.headers.X-Export-Key", "env:EXPORT_KEY"),
        ("services.office.switches.1.headers.X-Ops-Key", "env:MAILER_KEY"),
    ]
    assert [each.proved_by for each in found] == [
        "reading the state of crawler, or another of its jobs and switches,",
        "a run of export that ends well",
        "reading the state of mailer",
    ]


async def test_a_health_that_is_open_to_all_proves_no_key(keyed: Services, fake: FakeBackOffice, noted: Noted) -> None:
    """Whoever takes a key says so: a job that ends well, a switch whose state is told; a refusal says nothing."""
    fake.key, right = "another", fake.key
    assert await keyed.named("office", Checkable).check() == Checked(Health.OK)
    for job, given in (("export", {}), ("reindex", {"table": "orders"})):
        with pytest.raises(Refused):
            await keyed.named("office", OwnJobs).run_job(job, given)
    assert noted == {}
    fake.key = right
    await keyed.named("office", OwnJobs).run_job("export", {})
    assert noted == {
        "services.office.headers.X-Ops-Key": right,
        "services.office.jobs.export.headers.X-Export-Key": "export-0001",
    }


async def test_what_is_read_of_switches_tries_their_keys(keyed: Services, fake: FakeBackOffice, noted: Noted) -> None:
    trials = await keyed.named("office", Tryable).test()
    assert [(each.what, each.health) for each in trials] == [
        ("look at its address", Health.OK),
        ("read the state of crawler", Health.OK),
        ("read the state of mailer", Health.DEGRADED),
    ]
    assert "Check services.office.switches.1.headers" in trials[2].detail
    assert noted == {"services.office.headers.X-Ops-Key": fake.key}
    noted.clear()
    await keyed.named("office", Switches).switches()
    assert noted == {"services.office.headers.X-Ops-Key": fake.key}
    assert fake.effects == []


JOB = {"name": "x", "what": "Does it.", "path": "/x"}
SWITCH = {"name": "x", "state": "/x", "field": "a", "equals": 1, "pause": "/p", "resume": "/r"}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"jobs": [JOB | {"path": "https://evil.example.com/x"}]}, "path: write a path on the service's own host"),
        ({"jobs": [JOB | {"path": "//evil.example.com/x"}]}, "path: write a path on the service's own host"),
        ({"jobs": [JOB | {"path": "/x/{y}"}]}, r"path: \{y\} is no param that is required"),
        ({"jobs": [JOB | {"path": "/x/{y}", "params": [{"name": "y"}]}]}, "is no param that is required"),
        ({"jobs": [JOB | {"params": [{"name": "y"}], "inputs": {"y": 1}}]}, "inputs: people type y"),
        ({"jobs": [JOB | {"path": "/x?dry=1", "into": "query"}]}, "write what stands behind the . into inputs"),
        ({"jobs": [JOB | {"params": [{"name": "reason"}]}]}, "reason= is a word of /ops job itself"),
        ({"jobs": [JOB | {"headers": {"X": "s3cret"}}]}, "write where to find it"),
        ({"jobs": [JOB | {"method": "GET"}]}, 'method: write "POST"'),
        ({"switches": [{k: v for k, v in SWITCH.items() if k != "pause"}]}, r"switches\.0\.pause is missing"),
    ],
)
def test_settings_that_cannot_be(http: httpx.AsyncClient, more: dict[str, Any], why: str) -> None:
    with pytest.raises(Misconfigured, match=why) as caught:
        open_services({"office": {"kind": "http", "url": "https://office.example.com"} | more}, http, lambda ref: ref)
    assert "s3cret" not in str(caught.value)
