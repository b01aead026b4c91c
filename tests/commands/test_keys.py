"""/ops keys and its rotation: ages and last successes from a real table, never a value."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
import httpx
import pytest

from bot.store.vendors.keys import PgKeys
from bot.words.exceptions import Misconfigured, NotUnderstood, Refused, TryLater
from bot.words.report import Moment, Status
from commands._shared.machine import Kept
from commands.keys import ListKeys
from commands.keys import NoParams as Asked
from commands.keys._rotation import STEPS
from commands.keys.rotate import RotateKey, Rotation
from integrations import Services, open_services
from integrations.capabilities import Checkable, Checked, Credential, Credentialed, Health, OwnJobs, Rights, Trial
from integrations.capabilities.trials import Testable as Tryable
from sandbox.world.own_jobs import FakeBackOffice
from tests.commands.world import Clock, Outside, detail
from tests.integrations.standin import serving
from tests.integrations.vendor import Vendor, says


@dataclass
class Keyed(Outside):
    """Checkable, Testable, Credentialed."""

    checked: Checked = field(default_factory=lambda: Checked(Health.OK))
    deadline: timedelta = timedelta(seconds=3)
    reference: str = ""

    async def check(self) -> Checked:
        await self.answers()
        return self.checked

    def credentials(self) -> tuple[Credential, ...]:
        return (Credential(f"services.{self.name}.key", self.reference or f"env:{self.name.upper()}"),)

    async def rights(self) -> Rights:
        return Rights(note="Reading alone.")

    async def test(self) -> tuple[Trial, ...]:
        await self.answers()
        ok = self.checked.health is Health.OK
        return (Trial("list runs", self.checked.health, timedelta(0), self.checked.detail, "" if ok else "mend it"),)


@dataclass
class Scene:
    pool: asyncpg.Pool
    clock: Clock = field(default_factory=Clock)
    values: dict[str, str] = field(default_factory=lambda: {"env:N8N": "value-of-n8n", "env:SHOP": "value-of-shop"})
    n8n: Keyed = field(default_factory=lambda: Keyed("n8n"))
    shop: Keyed = field(default_factory=lambda: Keyed("shop"))

    def secret(self, reference: str) -> str:
        if reference not in self.values:
            raise Misconfigured(f"{reference} is empty; set the environment variable")
        return self.values[reference]

    @property
    def book(self) -> PgKeys[Kept]:
        return PgKeys(self.pool, b"k" * 32, self.secret, self.clock, Kept)

    def listing(self) -> ListKeys:
        services = (self.n8n, self.shop)
        return ListKeys(services, {each.name: each for each in services}, self.book, self.clock)

    def rotation(self) -> RotateKey:
        by_name = {each.name: each for each in (self.n8n, self.shop)}
        return RotateKey((self.n8n, self.shop), by_name, by_name, self.book, self.clock)


@pytest.fixture
def scene(pool: asyncpg.Pool) -> Scene:
    return Scene(pool)


async def test_age_counts_from_the_first_sight_and_begins_anew_with_a_new_value(scene: Scene) -> None:
    first = await scene.listing().answer(Asked())
    assert (first.lead, first.lines) == ("All 2 keys are in place.", ())
    scene.clock.tick(days=91)
    scene.values["env:SHOP"] = "a-new-value"

    report = await scene.listing().answer(Asked())

    assert report.lead == "1 of 2 keys needs attention: 1 is older than 90 days."
    assert report.status is Status.WARNING
    assert [(line.text, line.word) for line in report.lines] == [("n8n.key", "due for rotation")]
    assert detail(report.lines[0]).startswith("91 days old; here since ")
    assert [(each.label, each.words) for each in report.lines[0].suggestions] == [("Rotate", "keys rotate n8n")]
    assert report.well is not None
    assert (report.well.word, report.well.names) == ("in place", ("shop.key",))
    assert report.well.table is not None
    assert [row[:2] for row in report.well.table.rows] == [("n8n.key", "due for rotation"), ("shop.key", "in place")]
    assert not any(value in report.model_dump_json() for value in ("value-of-n8n", "value-of-shop", "a-new-value"))


async def test_the_last_success_stays_when_it_fails(scene: Scene) -> None:
    await scene.listing().answer(Asked())
    worked = scene.clock.at
    scene.clock.tick(hours=2)
    scene.n8n.checked = Checked(Health.DEGRADED, "n8n refused our credential (401)")

    report = await scene.listing().answer(Asked())

    assert report.lines[0].text == "n8n.key"
    assert report.lines[0].status is Status.FAILED
    assert report.lead == "1 of 2 keys needs attention: 1 fails its check."
    assert detail(report.lines[0]).startswith("n8n refused our credential (401); here since ")
    assert Moment(at=worked, said="ago") in report.lines[0].detail
    assert detail(report.lines[0]).endswith("; read from env:N8N")
    kept = await scene.pool.fetch("SELECT fingerprint FROM credentials")
    assert not any(b"value" in row["fingerprint"] for row in kept)


async def test_one_that_cannot_be_found_is_said_first(scene: Scene) -> None:
    del scene.values["env:SHOP"]
    report = await scene.listing().answer(Asked())
    assert report.lead == "1 of 2 keys needs attention: 1 cannot be found."
    assert (report.lines[0].text, report.lines[0].status) == ("shop.key", Status.FAILED)
    assert detail(report.lines[0]) == "env:SHOP is empty; set the environment variable"


async def test_a_silent_service_is_unknown_and_holds_nobody_up(scene: Scene) -> None:
    scene.n8n.takes = 9.0
    listing = ListKeys((scene.n8n, scene.shop), {"n8n": scene.n8n, "shop": scene.shop}, scene.book, scene.clock,
                       deadline=timedelta(seconds=0.05))  # fmt: skip
    report = await listing.answer(Asked())
    assert [(line.text, line.status) for line in report.lines] == [("n8n.key", Status.UNKNOWN)]
    assert [each.words for each in report.lines[0].suggestions] == ["health n8n fresh=yes"]
    assert report.lead == "All 2 keys are in place; whether 1 of them works is not known."
    assert report.well is not None
    assert report.well.names == ("shop.key",)


async def test_the_background_notes_ages_once_a_day(scene: Scene) -> None:
    listing = scene.listing()
    await listing.refresh()
    await listing.refresh()
    assert scene.n8n.calls == 1
    assert await scene.pool.fetchval("SELECT count(*) FROM credentials WHERE worked_at IS NOT NULL") == 2


async def test_a_rotation_tells_whether_the_new_key_is_there(scene: Scene) -> None:
    action = scene.rotation()
    await action.answer(Rotation(service="n8n"))
    scene.clock.tick(days=30)
    before = await action.answer(Rotation(service="n8n", step=3))
    scene.values["env:N8N"] = "the-new-value"
    after = await action.answer(Rotation(service="n8n", step=3))

    assert "services.n8n.key still has its old value here: go back to step 2." in before.lead
    assert "It reads a value that it first saw within the last day." in after.lead
    assert after.lines[0].text == "It works with the key it has now."
    assert after.suggestions[0].words == "keys rotate n8n step=4"


async def test_each_step_is_tested(scene: Scene) -> None:
    scene.n8n.checked = Checked(Health.DEGRADED, "refused (401).")
    for step in range(1, len(STEPS) + 1):
        report = await scene.rotation().answer(Rotation(service="n8n", step=step))
        assert report.title == f"Rotate the key of n8n: step {step} of 6"
        assert report.lines[0].text == "With the key it has now 1 of 1 tests failed."
        assert detail(report.lines[1]) == "refused (401). mend it."
    assert [each.label for each in report.suggestions] == ["Test again", "Errors"]
    first = await scene.rotation().answer(Rotation(service="n8n"))
    assert "Reading alone." in first.lead
    second = await scene.rotation().answer(Rotation(service="n8n", step=2))
    assert "the variable N8N of this bot's process, which needs a restart for it" in second.lead


async def test_a_vendor_that_does_not_answer_says_nothing_of_the_key(scene: Scene) -> None:
    """`1 of 1 tests fail with the key` had a good new key taken away again, while the vendor was down."""
    scene.n8n.fails = TryLater("n8n did not answer.")
    report = await scene.rotation().answer(Rotation(service="n8n", step=3))
    assert report.lines[0].status is Status.UNKNOWN
    assert report.lines[0].text == (
        "With the key it has now 1 of 1 tests got no answer, which says nothing of the key."
    )


async def test_a_name_that_is_none(scene: Scene) -> None:
    with pytest.raises(NotUnderstood, match="Did you mean 'n8n'"):
        await scene.rotation().answer(Rotation(service="n8m"))
    with pytest.raises(Misconfigured):
        await ListKeys((), {}, scene.book, scene.clock).answer(Asked())


# -- secrets that no health check carries, through the clients that have them

SETTING = "box.jobs.reindex.environment.SHOP_KEY"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def opened(scene: Scene, http: httpx.AsyncClient, program: str = "/bin/true") -> Services:
    job = {"name": "reindex", "what": "Builds the index anew.", "argv": [program],
           "environment": {"SHOP_KEY": "env:SHOP"}}  # fmt: skip
    return open_services({"box": {"kind": "process", "jobs": [job]}}, http, scene.secret, proofs=scene.book)


def actions(scene: Scene, services: Services) -> tuple[ListKeys, RotateKey]:
    proved, checks = services.having(Credentialed), {each.name: each for each in services.having(Checkable)}
    tests = {each.name: each for each in services.having(Tryable)}
    return ListKeys(proved, checks, scene.book, scene.clock), RotateKey(proved, tests, checks, scene.book, scene.clock)


async def test_a_programs_secret_is_not_proven_before_it_has_run(scene: Scene, http: httpx.AsyncClient) -> None:
    """However well the programs' check goes, and whatever a program that fails had in its environment."""
    with pytest.raises(Refused):
        await opened(scene, http, "/bin/false").named("box", OwnJobs).run_job("reindex", {})
    report = await actions(scene, opened(scene, http))[0].answer(Asked())

    assert (report.lead, report.status) == ("The one key is in place; whether it works is not known.", None)
    (line,) = report.lines
    assert (line.text, line.status) == (SETTING, Status.UNKNOWN)
    assert detail(line).startswith("not proven yet: a run of reindex that ends well proves it; here since ")
    assert "; never seen to work here" in line.detail


async def test_a_run_that_ends_well_is_its_last_success(scene: Scene, http: httpx.AsyncClient) -> None:
    services = opened(scene, http)
    await services.named("box", OwnJobs).run_job("reindex", {})
    ran = scene.clock.at
    scene.clock.tick(days=91)
    listing, _ = actions(scene, services)
    old = (await listing.answer(Asked())).lines[0]
    assert (old.status, detail(old).partition(";")[0]) == (Status.WARNING, "91 days old")
    assert Moment(at=ran, said="ago") in old.detail

    scene.values["env:SHOP"] = "a-new-value"
    new = (await listing.answer(Asked())).lines[0]
    assert (new.status, detail(new).partition(":")[0]) == (Status.UNKNOWN, "not proven yet")
    assert await scene.pool.fetchval("SELECT count(*) FROM credentials") == 2


async def test_its_rotation_says_what_no_test_can_tell(scene: Scene, http: httpx.AsyncClient) -> None:
    services = opened(scene, http)
    _, rotation = actions(scene, services)
    before = await rotation.answer(Rotation(service="box", step=3))
    await services.named("box", OwnJobs).run_job("reindex", {})
    after = await rotation.answer(Rotation(service="box", step=3))

    assert before.lines[0].text == "What can be tested works; whether its key is taken is not known yet."
    assert [(line.text, line.status) for line in before.lines[1:]] == [(f"services.{SETTING}", Status.UNKNOWN)]
    assert [line.text for line in after.lines] == ["It works with the key it has now."]
    assert "Only what its program needs" in (await rotation.answer(Rotation(service="box"))).lead


async def test_a_job_that_ended_well_did_so_without_the_database(scene: Scene, http: httpx.AsyncClient) -> None:
    await scene.pool.execute("DROP TABLE credentials")
    end = await opened(scene, http).named("box", OwnJobs).run_job("reindex", {})
    assert end.sentence == "reindex ended well."


async def test_what_a_test_has_just_proved_is_told_by_the_same_answer(scene: Scene, http: httpx.AsyncClient) -> None:
    fake = FakeBackOffice()
    scene.values["env:DEMO_BACKOFFICE_KEY"] = fake.key
    async with serving(fake.app()) as url:
        services = open_services({"office": fake.section(url)}, http, scene.secret, proofs=scene.book)
        _, rotation = actions(scene, services)
        report = await rotation.answer(Rotation(service="office"))
        assert [line.text for line in report.lines] == ["It works with the key it has now."]
        fake.key = "another"
        report = await rotation.answer(Rotation(service="office"))
        assert report.lines[0].text == "With the key it has now 2 of 3 tests failed."


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Vendor() as vendor:
        yield vendor


async def test_a_health_that_may_be_open_to_all_leaves_its_key_in_doubt(
    scene: Scene, http: httpx.AsyncClient, vendor: Vendor
) -> None:
    """It answers well whatever the header holds; only where it refuses one is anything known."""
    table = {"kind": "http", "url": vendor.url, "headers": {"Authorization": "env:SHOP"}}
    services = open_services({"api": table}, http, scene.secret, proofs=scene.book)
    listing, rotation = actions(scene, services)
    vendor.steps = [says(), says(), says(), says(status=401)]
    (line,) = (await listing.answer(Asked())).lines
    doubt = "carried by its health check, which may be open to all"
    assert (line.status, detail(line).partition(";")[0]) == (Status.UNKNOWN, doubt)
    assert "work" not in detail(line)
    turned = await rotation.answer(Rotation(service="api", step=3))
    assert [each.text for each in turned.lines] == [
        "What can be tested works; whether its key is taken is not known yet.",
        "services.api.headers.Authorization",
    ]
    assert turned.lines[1].detail == doubt
    (refused,) = (await listing.answer(Asked())).lines
    assert refused.status is Status.FAILED
    assert "refused our credential (401)" in detail(refused)
    assert await scene.pool.fetchval("SELECT worked_at FROM credentials") is None


@pytest.mark.parametrize("typed", ["n8n", "n8n.key", "services.n8n.key", "N8N.Key"])
async def test_a_key_is_called_as_it_is_listed(scene: Scene, typed: str) -> None:
    """`keys` lists ci.token, and `keys rotate ci.token` knew no such service."""
    listed = (await scene.listing().answer(Asked())).well
    assert listed is not None
    assert "n8n.key" in listed.names
    report = await scene.rotation().answer(Rotation(service=typed))
    assert report.title.startswith("Rotate the key of n8n:")
    assert report.suggestions[0].words == "keys rotate n8n step=2"


async def test_a_step_is_not_forgotten_with_a_name_mistyped(scene: Scene) -> None:
    with pytest.raises(NotUnderstood, match="Did you mean 'shop'") as caught:
        await scene.rotation().answer(Rotation(service="shpo", step=3))
    assert caught.value.hint == "keys rotate shop step=3"
