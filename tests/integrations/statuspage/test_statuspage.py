"""Status pages' traps, each with its name. What is said is held against Statuspage's own description (see `fake`)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from bot.words.exceptions import Misconfigured
from integrations import open_services
from integrations.capabilities import Checkable, Health, VendorState, VendorStatus
from integrations.capabilities.trials import Testable as Tryable
from integrations.kinds import KINDS
from integrations.plumbing.vendor_pages import VENDORS, runs
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.statuspages import FakeStatusPages, Mood
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.vendor import Vendor, says

STATUSPAGES = ("github", "vercel", "telnyx", "retell", "neon")
HALF_PAST_EIGHT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def contract(vendor: str) -> Contract | None:
    return Contract.load("statuspage-v2", service="statuspage", base=f"/{vendor}")


@pytest.fixture
async def fake() -> AsyncIterator[FakeStatusPages]:
    fake = FakeStatusPages()
    yield fake
    whole = not fake.faults.armed and all(page.mood != "odd" for page in fake.pages.values())
    for vendor in (*STATUSPAGES, "openai"):
        if (judge := contract(vendor)) is not None:  # openai's summary lacks what the description demands
            judge.check(fake.heard, answers=whole and vendor != "openai")


async def said(fake: FakeStatusPages, url: str, http: httpx.AsyncClient, vendor: str, **settings: Any) -> VendorState:
    table = fake.section(url, vendor) | settings
    return await open_services({"page": table}, http, str).named("page", VendorStatus).vendor_state()


def test_the_contract_is_at_hand() -> None:
    found = contract("vercel")
    if found is None:
        pytest.skip(NO_SPECS)
    assert "GET /api/v2/summary.json" in found.operations()


async def test_every_page_of_the_stand_in_is_as_described(fake: FakeStatusPages, url: str) -> None:
    """Also those that the client has no need of: `fake` checks them."""
    fake.pages["vercel"].mood = "maintenance"
    async with httpx.AsyncClient(base_url=f"{url}/vercel/api/v2", trust_env=False) as http:
        for path in ("status", "components", "incidents", "incidents/unresolved", "scheduled-maintenances/active"):
            assert (await http.get(f"/{path}.json")).status_code == 200


# -- what a page says


@pytest.mark.parametrize("vendor", ["github", "openai", "neon", "stripe", "railway", "apollo"])
@pytest.mark.parametrize(
    ("mood", "health"),
    [
        ("well", Health.OK),
        ("minor", Health.DEGRADED),
        ("major", Health.DEGRADED),
        ("critical", Health.DOWN),
        ("maintenance", Health.DEGRADED),
    ],
)
async def test_moods(
    fake: FakeStatusPages, url: str, http: httpx.AsyncClient, vendor: str, mood: Mood, health: Health
) -> None:
    fake.pages[vendor].mood = mood
    state = await said(fake, url, http, vendor)
    assert (state.health, state.page) == (health, f"{url}/{vendor}")
    assert bool(state.affected) is (health is not Health.OK)
    assert bool(state.incidents) is (health is not Health.OK and vendor != "stripe")
    assert state.summary


async def test_an_incident_with_since_and_link(fake: FakeStatusPages, url: str, http: httpx.AsyncClient) -> None:
    fake.pages["github"].mood = "major"
    state = await said(fake, url, http, "github")
    assert (state.summary, state.affected) == ("Partial System Outage", ("Git Operations: partial outage",))
    (incident,) = state.incidents  # the maintenance of next week is not open
    assert (incident.name, incident.state) == ("Elevated errors of Git Operations", "investigating")
    assert (incident.since, incident.link) == (HALF_PAST_EIGHT, "https://stspg.io/i7")


async def test_openais_summary_omits_incidents(fake: FakeStatusPages, url: str, http: httpx.AsyncClient) -> None:
    fake.pages["openai"].mood = "minor"
    state = await said(fake, url, http, "openai")
    assert [each.name for each in state.incidents] == ["Elevated errors of Responses"]
    fake.faults.arm(Fault(Kind.STATUS, status=503, only="incidents.json"))
    state = await said(fake, url, http, "openai")
    assert (state.health, state.incidents) == (Health.DEGRADED, ())
    assert state.summary == "Partially Degraded Service; its incidents could not be read: it answers 503"
    fake.faults.clear()


async def test_telnyx_has_components_of_the_same_name(fake: FakeStatusPages, url: str, http: httpx.AsyncClient) -> None:
    fake.pages["telnyx"].mood = "critical"
    state = await said(fake, url, http, "telnyx")
    assert state.affected == (
        "Voice / API: major outage (2 times)",
        "Messaging / API: major outage",
        "SIP: major outage",
    )


async def test_stripe_has_its_own_json(fake: FakeStatusPages, url: str, http: httpx.AsyncClient) -> None:
    """Its /api/v2 is in many lists and not real."""
    state = await said(fake, url, http, "stripe")
    assert (state.health, state.summary) == (Health.OK, "All services are online")
    assert [call.path for call in fake.heard] == ["/stripe/current"]
    state = await said(fake, url, http, "stripe", format="statuspage")
    assert (state.health, state.summary) == (Health.UNKNOWN, "Its status page cannot be read: it answers 404")


async def test_railways_tree(fake: FakeStatusPages, url: str, http: httpx.AsyncClient) -> None:
    fake.pages["railway"].mood = "minor"
    state = await said(fake, url, http, "railway")
    assert (state.summary, state.affected) == ("Builds are slow", ("Builds: degraded performance",))
    assert [(each.state, each.link) for each in state.incidents] == [
        ("investigating", "https://status.railway.com/incident/x1")
    ]


# -- only what matters


async def test_components_that_matter(fake: FakeStatusPages, url: str, http: httpx.AsyncClient) -> None:
    fake.pages["telnyx"].mood, fake.pages["telnyx"].struck = "major", 1
    state = await said(fake, url, http, "telnyx", components=["Voice / SIP"])
    assert (state.health, state.affected, state.incidents) == (Health.OK, (), ())
    assert state.summary == "Partial System Outage, which is not about Voice / SIP"
    state = await said(fake, url, http, "telnyx", components=["messaging / api"])
    assert (state.health, state.affected) == (Health.DEGRADED, ("Messaging / API: partial outage",))
    assert len(state.incidents) == 1
    assert (await said(fake, url, http, "telnyx", components=["API"])).health is Health.DEGRADED


async def test_a_component_that_was_renamed_is_not_well(
    fake: FakeStatusPages, url: str, http: httpx.AsyncClient
) -> None:
    state = await said(fake, url, http, "github", components=["Actions", "Pages"])
    assert state.health is Health.UNKNOWN
    assert state.summary == "All Systems Operational; its page has no component 'Pages'"


# -- status pages of HTML, and all else that is no answer


@pytest.mark.parametrize("vendor", ["github", "stripe", "railway", "apollo"])
@pytest.mark.parametrize(
    ("mood", "why"),
    [("spa", "text/html instead of JSON"), ("unclaimed", "sends us elsewhere (302)"), ("odd", "JSON ")],
)
async def test_status_pages_of_html(
    fake: FakeStatusPages, url: str, http: httpx.AsyncClient, vendor: str, mood: Mood, why: str
) -> None:
    """Hosts that nobody claims, and applications that answer every path."""
    fake.pages[vendor].mood = mood
    state = await said(fake, url, http, vendor)
    assert (state.health, why in state.summary) == (Health.UNKNOWN, True)
    assert "do-not-repeat" not in state.summary


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(Kind.STATUS, status=429, retry_after="60"), "it answers 429"),
        (Fault(Kind.STATUS, status=503), "it answers 503"),
        (Fault(Kind.HTML, status=200), "it answers text/html instead of JSON"),
        (Fault(Kind.GARBAGE), "it answers broken JSON"),
        (Fault(Kind.TRUNCATED), "it answers JSON that was cut off"),
        (Fault(Kind.HUGE), "it answers JSON that is too large: more than 8 MB"),
        (Fault(Kind.DROPPED), "the connection broke before an answer came"),
        (Fault(Kind.SLOW, seconds=5), "no answer within 0.2 s"),
    ],
    ids=lambda each: f"{each.kind}-{each.status}" if isinstance(each, Fault) else "",
)
async def test_a_page_that_fails_is_unknown(
    fake: FakeStatusPages, url: str, http: httpx.AsyncClient, fault: Fault, why: str
) -> None:
    fault.times = 1
    fake.faults.arm(fault)
    # TOML's shortest duration is a second: the model takes less.
    deadline = 0.2 if fault.kind is Kind.SLOW else "10s"
    state = await said(fake, url, http, "github", deadline=deadline)
    assert (state.health, state.summary) == (Health.UNKNOWN, f"Its status page cannot be read: {why}")


async def test_nobody_listens_is_unknown_too(fake: FakeStatusPages, http: httpx.AsyncClient, nobodys_port: int) -> None:
    state = await said(fake, f"http://127.0.0.1:{nobodys_port}", http, "github")
    assert (state.health, "refused the connection" in state.summary) == (Health.UNKNOWN, True)


@pytest.mark.parametrize(
    ("body", "media"),
    [
        ('{"page": {"name": ""}, "status": {"indicator": "none"}}', "application/json"),
        ('{"status": {"indicator": "none"}}', "application/json"),
        ('{"page": {"name": "X"}, "status": {"indicator": "none"}}', "text/html"),
        ("[" * 5000, "application/json"),
    ],
)
async def test_only_json_with_a_name_counts(vendor: Vendor, http: httpx.AsyncClient, body: str, media: str) -> None:
    vendor.steps = [says(body, media=media)]
    services = open_services({"page": {"kind": "statuspage", "url": vendor.url}}, http, str)
    assert (await services.named("page", VendorStatus).vendor_state()).health is Health.UNKNOWN


async def test_a_word_that_is_not_known_is_unknown(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says('{"page": {"name": "X"}, "status": {"indicator": "purple"}, "incidents": []}')]
    services = open_services({"page": {"kind": "statuspage", "url": vendor.url}}, http, str)
    state = await services.named("page", VendorStatus).vendor_state()
    assert (state.health, state.summary) == (Health.UNKNOWN, "indicator purple")


@pytest.mark.parametrize("vendor", [name for name, known in VENDORS.items() if known.format is None])
async def test_a_page_for_people_only_is_never_asked(vendor: str) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(_never)) as http:
        services = open_services({"page": {"kind": "statuspage", "vendor": vendor}}, http, str)
        state = await services.named("page", VendorStatus).vendor_state()
    assert (state.health, state.page) == (Health.UNKNOWN, VENDORS[vendor].page)
    assert state.summary.startswith("Its status page cannot be read: ")


def _never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was asked")


# -- the section


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({}, "write vendor or url"),
        ({"vendor": "versel"}, 'did you mean "vercel"?'),
        ({"vendor": "zzz"}, "write one of apollo, "),
        ({"url": "https://status.example.com", "format": "html"}, "services.page.format: "),
    ],
)
async def test_what_is_wrong_is_named(http: httpx.AsyncClient, table: dict[str, Any], why: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_services({"page": {"kind": "statuspage", **table}}, http, str)
    assert why in str(caught.value)


async def test_it_is_tried_out(fake: FakeStatusPages, url: str, http: httpx.AsyncClient) -> None:
    table = fake.section(url, "github") | {"components": ["Actions"]}
    services = open_services({"page": table}, http, str)
    assert services.having(Checkable) == ()
    page = services.named("page", Tryable)
    assert [trial.health for trial in await page.test()] == [Health.OK, Health.OK]
    fake.pages["github"].mood = "spa"
    trials = await page.test()
    assert [trial.health for trial in trials] == [Health.UNKNOWN, Health.UNKNOWN]
    assert "services.page.url" in trials[0].remedy


# -- pages without a section


class Elsewhere(httpx.AsyncBaseTransport):
    """Sends what is meant for a vendor's page to the stand-in."""

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url)
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        (vendor,) = (name for name, known in VENDORS.items() if urlsplit(known.page).hostname == request.url.host)
        request.url = self._url.copy_with(path=f"/{vendor}{request.url.path}")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


CI = {"kind": "github", "repository": "acme/shop", "token": "env:X"}
WEB = {"kind": "vercel", "token": "env:X", "project": "storefront"}
N8N = {"kind": "n8n", "url": "https://acme.app.n8n.cloud", "api_key": "env:X"}


async def test_services_bring_their_vendors_page_along(fake: FakeStatusPages, url: str) -> None:
    async with httpx.AsyncClient(transport=Elsewhere(url)) as http:
        services = open_services({"web": WEB, "ci": CI, "docs": WEB, "flows": N8N}, http, str)
        states = {page.name: (await page.vendor_state()).health for page in services.vendors}
    assert states == {"vercel": Health.OK, "github": Health.OK, "n8n": Health.UNKNOWN}
    assert {page.vendor: page.services for page in services.vendors}["vercel"] == ("web", "docs")
    assert list(services) == ["web", "ci", "docs", "flows"]  # a page is no service


async def test_what_one_hosts_oneself_brings_none(http: httpx.AsyncClient) -> None:
    own = {
        "ci": CI | {"url": "https://github.example.com/api/v3"},
        "flows": N8N | {"url": "https://n8n.example.com"},
        "flows-2": N8N | {"url": "https://notn8n.cloud"},
        "shop": {"kind": "http", "url": "https://shop.example.com"},
    }
    assert open_services(own, http, str).vendors == ()


async def test_a_section_takes_the_place_of_its_vendors_page(http: httpx.AsyncClient) -> None:
    services = open_services({"ci": CI, "gh": {"kind": "statuspage", "vendor": "github"}}, http, str)
    assert services.vendors == ()
    (page,) = services.having(VendorStatus)
    assert (page.name, page.vendor, page.services) == ("gh", "github", ())


def _own_addresses() -> dict[str, str]:
    """Of kinds that have an address by themselves."""
    fields = {kind: KINDS[kind].section.model_fields.get("url") for kind in KINDS if kind in VENDORS}
    return {kind: field.default for kind, field in fields.items() if field and isinstance(field.default, str)}


@pytest.mark.parametrize(("kind", "address"), _own_addresses().items())
def test_the_address_that_a_kind_has_by_itself_is_its_vendors(kind: str, address: str) -> None:
    assert runs(VENDORS[kind], urlsplit(address).hostname or ""), "add it to VENDORS in plumbing/vendor_pages.py"
