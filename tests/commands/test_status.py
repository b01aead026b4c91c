"""/ops status."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest

from bot.words.action import Asker
from bot.words.exceptions import Misconfigured, NotUnderstood, TryLater
from bot.words.report import Link, Moment, PersonId, Report, Status, Value
from commands._shared.recent import Recent
from commands.status import ShowStatus, Standing, actions
from integrations import Services, open_services
from integrations.capabilities import Checkable, Checked, Health, VendorIncident, VendorState, VendorStatus
from sandbox.world.statuspages import FakeStatusPages
from sandbox.world.web import WebService
from tests.commands.world import NOON, Box, Clock, Outside, bare_house, detail
from tests.integrations.standin import serving

ASKER = Asker(PersonId("U1"))
WELL = VendorState(Health.OK, "All Systems Operational", page="https://status.example.com")
PARTLY = VendorState(
    Health.DEGRADED,
    "Partial System Outage",
    ("Actions: partial outage",),
    (VendorIncident("Runs start late", "investigating", NOON, "https://stspg.io/i7"),),
    "https://status.example.com",
)
MAJOR = VendorState(Health.DOWN, "Major Service Outage")
UNREAD = VendorState(Health.UNKNOWN, "Its status page cannot be read: it answers text/html instead of JSON")
FAILS = Checked(Health.DOWN, "it answers 503")


@dataclass
class Page(Outside):
    """VendorStatus; the vendor is called like the page unless said."""

    state: VendorState = WELL
    vendor: str = ""
    services: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        self.vendor = self.vendor or self.name

    async def vendor_state(self) -> VendorState:
        await self.answers()
        return self.state


def showing(pages: list[Page], *boxes: Box, recent: Recent | None = None, deadline: float = 10) -> ShowStatus:
    """With a deadline that a busy machine does not miss, unless a test is about missing it."""
    return ShowStatus(
        tuple(pages), boxes, Clock(), recent or Recent(timedelta(minutes=1)), deadline=timedelta(seconds=deadline)
    )


def told(report: Report) -> list[tuple[str, Status | None]]:
    return [(line.text, line.status) for line in report.lines]


def well(report: Report) -> tuple[str, ...]:
    return report.well.names if report.well else ()


def whole(report: Report) -> tuple[tuple[Value, ...], ...]:
    """What *Show all* opens."""
    return report.well.table.rows if report.well and report.well.table else ()


async def test_worst_first_and_pages_that_cannot_be_read_after_trouble() -> None:
    pages = [
        Page("hubspot"), Page("n8n", state=UNREAD), Page("github", state=PARTLY), Page("stripe", state=MAJOR),
        Page("vercel"),
    ]  # fmt: skip
    report = await showing(pages, Box("web", kind="vercel", checked=FAILS)).answer(Standing())

    assert told(report) == [
        ("stripe", Status.DOWN),
        ("vercel", Status.WARNING),
        ("github", Status.DEGRADED),
        ("n8n", Status.UNKNOWN),
    ]
    assert well(report) == ("hubspot",)
    rows = whole(report)
    assert [row[0] for row in rows] == ["stripe", "vercel", "github", "n8n", "hubspot"]
    assert rows[1][1:4] == ("well", "All Systems Operational", "web: down, it answers 503")
    assert report.status is Status.DOWN
    assert report.lead == (
        "2 of 5 vendors say that something is wrong. 1 page could not be read. stripe says it is down. "
        "vercel says all is well; our check of web fails: look at our side. github says it is degraded."
    )
    assert report.taken_at == NOON


async def test_where_the_two_differ() -> None:
    """Their word first, then ours."""
    ours = Box("web", kind="vercel")
    page = Page("vercel")
    leads = []
    for state, checked in (
        (WELL, Checked(Health.OK)),
        (WELL, FAILS),
        (WELL, Checked(Health.UNKNOWN, "no answer within 3 s")),
        (PARTLY, Checked(Health.OK)),
        (PARTLY, FAILS),
        (UNREAD, FAILS),
        (UNREAD, Checked(Health.OK)),
    ):
        page.state, ours.checked = state, checked
        leads.append((await showing([page], ours).answer(Standing())).lead)
    assert leads == [
        "vercel says all is well.",
        "vercel says all is well; our check of web fails: look at our side.",
        "vercel says all is well.",
        "vercel says it is degraded; our check of web found nothing wrong.",
        "vercel says it is degraded, and our check of web fails too.",
        "vercel says nothing we could read; our check of web fails.",
        "What vercel says could not be read.",
    ]


async def test_all_is_well() -> None:
    report = await showing([Page("github"), Page("vercel")], Box("web", kind="vercel")).answer(Standing())
    assert report.lead == "All 2 vendors say that all is well."
    assert (report.status, report.lines, well(report)) == (Status.OK, (), ("github", "vercel"))
    report = await showing([Page("github"), Page("n8n", state=UNREAD)]).answer(Standing())
    assert report.lead == "1 of 2 vendors says that all is well. 1 page could not be read."


async def test_incidents_with_since_and_link_and_our_check_beside() -> None:
    page = Page("github", state=PARTLY)
    report = await showing([page], Box("ci", kind="github", checked=FAILS)).answer(Standing())
    (line,) = report.lines
    assert detail(line) == (
        "Partial System Outage. Actions: partial outage. Runs start late: investigating, 2026-03-04 12:00 UTC, "
        "https://stspg.io/i7. Our check of ci: down, it answers 503. https://status.example.com"
    )
    assert Moment(at=NOON, said="since") in line.detail
    assert Link(url="https://stspg.io/i7", name="stspg.io") in line.detail
    assert [each.words for each in line.suggestions] == ["health ci fresh=yes"]
    assert [each.words for each in report.suggestions] == ["status fresh=yes"]


async def test_a_storm_of_components_and_incidents_is_counted() -> None:
    state = VendorState(
        Health.DOWN,
        "Major Service Outage",
        tuple(f"Region {number}: major outage" for number in range(12)),
        tuple(VendorIncident(f"Incident {number}", "identified", None) for number in range(7)),
    )
    (line,) = (await showing([Page("aws", state=state)]).answer(Standing())).lines
    said = detail(line)
    assert (said.count("Region"), said.count(": identified")) == (5, 5)
    assert "; 7 more components." in said
    assert said.endswith(" 2 more incidents.")
    assert [each.words for each in line.suggestions] == ["status aws fresh=yes"]


@pytest.mark.parametrize("link", ["http://[bad", "//x", "javascript:alert(1)", "https://\u2100"])
async def test_a_link_that_is_none_costs_nothing(link: str) -> None:
    state = VendorState(Health.DEGRADED, "Slow", incidents=(VendorIncident("Slow", "identified", None, link),))
    (line,) = (await showing([Page("github", state=state)]).answer(Standing())).lines
    assert detail(line).startswith("Slow. Slow: identified, ")


async def test_which_services_stand_on_a_vendor() -> None:
    """Those it names; all of its kind where it names none. Each is checked once."""
    db, web, docs = Box("db", kind="postgres"), Box("web", kind="vercel"), Box("docs", kind="vercel")
    pages = [Page("neon", services=("db", "web")), Page("edge", vendor="vercel", services=()), Page("stripe")]
    report = await showing(pages, db, web, docs).answer(Standing())
    assert {row[0]: row[3] for row in whole(report)} == {
        "neon": "db: well; web: well",
        "edge": "web: well; docs: well",
        "stripe": None,
    }
    assert (db.calls, web.calls, docs.calls) == (1, 1, 1)


async def test_one_that_fails_or_hangs_takes_nobody_along() -> None:
    pages = [Page("a", takes=30), Page("b", fails=KeyError("token=hunter2")), Page("c", state=PARTLY)]
    slow = Box("web", kind="c", takes=30, deadline=timedelta(seconds=0.05))
    crm = Box("crm", kind="c", fails=TryLater("crm did not answer."))
    report = await showing(pages, slow, crm, deadline=0.2).answer(Standing())
    assert told(report) == [("c", Status.DEGRADED), ("a", Status.UNKNOWN), ("b", Status.UNKNOWN)]
    assert "hunter2" not in report.model_dump_json()
    assert detail(report.lines[0]).endswith(
        "Our check of web: unknown, no answer within 0.05 s. Our check of crm: unknown, crm did not answer. "
        "https://status.example.com"
    )


async def test_a_check_that_says_nothing_folds_nothing() -> None:
    web = Box("web", kind="vercel", checked=Checked(Health.UNKNOWN, "no answer within 3 s"))
    report = await showing([Page("github"), Page("vercel")], web).answer(Standing())
    assert (told(report), well(report)) == ([("vercel", Status.UNKNOWN)], ("github",))
    assert "Our check of web: unknown, no answer within 3 s." in detail(report.lines[0])


async def test_a_vendor_by_name_or_by_its_pages_name() -> None:
    github, eu, us = Page("github"), Page("voice-eu", vendor="telnyx"), Page("voice-us", vendor="telnyx")
    action = showing([github, eu, us])
    report = await action.answer(Standing(vendor="GitHub"))
    assert (report.title, report.lead) == ("What github says of itself", "github says all is well.")
    assert [each.words for each in report.suggestions] == ["status github fresh=yes"]
    assert well(await action.answer(Standing(vendor="telnyx"))) == ("voice-eu", "voice-us")
    assert [line.text for line in (await action.answer(Standing(vendor="voice-eu"))).lines] == ["voice-eu"]
    assert [each.value for each in await action.options("vendor", "voice")] == ["voice-eu", "voice-us"]
    with pytest.raises(NotUnderstood, match="Did you mean 'github'") as caught:
        await action.answer(Standing(vendor="gihtub"))
    assert caught.value.hint == "status github"


async def test_nothing_to_show_says_what_to_write() -> None:
    with pytest.raises(Misconfigured, match=r"tell its vendor's status; add one under \[services\]"):
        await showing([]).answer(Standing())


async def test_an_answer_is_kept_for_a_minute() -> None:
    timer, page = Clock(), Page("github")
    action = showing([page], recent=Recent(timedelta(minutes=1), lambda: timer.at.timestamp()))
    assert action.ready(ASKER, Standing()) is None
    report = await action.answer(Standing())
    assert action.ready(ASKER, Standing()) is report
    assert action.ready(ASKER, Standing(fresh=True)) is None
    timer.tick(seconds=59)
    assert await action.answer(Standing()) is report
    await action.answer(Standing(fresh=True))
    timer.tick(seconds=61)
    await action.answer(Standing())
    assert page.calls == 3


@pytest.mark.parametrize("on", [True, False])
def test_pages_that_services_bring_along_can_be_turned_off(on: bool) -> None:
    services = Services((Page("github"),), (Page("vercel"),))
    action = actions(bare_house(services=services, tables={"status": {"vendor_pages": on}}))
    assert [page.name for page in action.services] == (["github", "vercel"] if on else ["github"])


# -- on the real client


@pytest.fixture
async def fake() -> AsyncIterator[tuple[FakeStatusPages, str]]:
    fake = FakeStatusPages()
    async with serving(fake.app()) as url:
        yield fake, url


async def test_on_pages_and_a_service_over_http(fake: tuple[FakeStatusPages, str]) -> None:
    pages, url = fake
    shop = WebService("storefront", mood="failing")
    pages.pages["github"].mood, pages.pages["stripe"].mood = "major", "spa"
    async with serving(shop.app()) as at, httpx.AsyncClient(trust_env=False) as http:
        tables = {
            "storefront": {"kind": "http", "url": f"{at}/health"},
            "hosting": pages.section(url, "vercel") | {"services": ["storefront"]},
            "github": pages.section(url, "github"),
            "payments": pages.section(url, "stripe"),
        }
        services = open_services(tables, http, str)
        action = ShowStatus(services.having(VendorStatus), services.having(Checkable), Clock())
        report = await action.answer(Standing())
    assert told(report) == [("hosting", Status.WARNING), ("github", Status.DEGRADED), ("payments", Status.UNKNOWN)]
    assert report.lead == (
        "1 of 3 vendors says that something is wrong. 1 page could not be read. hosting says all is well; our check of "
        "storefront fails: look at our side. github says it is degraded."
    )
    assert "it answers text/html instead of JSON." in detail(report.lines[2])
