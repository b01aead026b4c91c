"""Apollo's traps, each with its name.

Apollo publishes no description that lies here: the stand-in is held to what is known of the API instead.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, Refused, TryLater
from integrations import Services, open_services
from integrations.apollo.client import Apollo
from integrations.capabilities import Checkable, Checked, Credentialed, Health, Metered
from integrations.capabilities.trials import Testable as Tryable
from integrations.plumbing.probe import probe_session
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.probes import FakeApollo
from tests.integrations.standin import serving

KEY = "k3y-that-must-not-be-seen"


@pytest.fixture
async def fake() -> AsyncIterator[FakeApollo]:
    fake = FakeApollo(KEY)
    yield fake
    assert "/api/v1/auth/health" not in [call.path for call in fake.heard]


def opened(fake: FakeApollo, url: str, http: httpx.AsyncClient, key: str = KEY, **settings: Any) -> Services:
    return open_services({"leads": fake.section(url) | settings}, http, lambda reference: key)


@pytest.fixture
def leads(fake: FakeApollo, url: str, http: httpx.AsyncClient) -> Apollo:
    client = opened(fake, url, http).named("leads", Metered)
    assert isinstance(client, Apollo)
    return client


def test_it_claims_what_it_can(fake: FakeApollo, http: httpx.AsyncClient) -> None:
    services = opened(fake, "http://127.0.0.1:9", http)
    for can in (Checkable, Tryable, Credentialed, Metered):
        assert [type(each) for each in services.having(can)] == [Apollo]


async def test_the_stand_in_is_well_even_with_a_bad_key(http: httpx.AsyncClient) -> None:
    """/auth/health answers 200 and healthy to a bad key: it is never asked (see `fake`)."""
    async with serving(FakeApollo(KEY).app()) as url:
        answer = await http.get(f"{url}/api/v1/auth/health", headers={"x-api-key": "wr0ng"})
    assert (answer.status_code, answer.json()) == (200, {"healthy": True, "is_logged_in": False})


async def test_it_is_well(fake: FakeApollo, leads: Apollo) -> None:
    assert await leads.check() == Checked(Health.OK, calls_left="799 of 2,000 today")
    assert [(trial.what, trial.health) for trial in await leads.test()] == [("read whose key it is", Health.OK)]
    assert (await leads.rights()).note == "Apollo does not tell a key's rights. Least: a key that is no master key."
    assert [(each.setting, each.reference) for each in leads.credentials()] == [
        ("services.leads.api_key", "env:DEMO_APOLLO_API_KEY")
    ]


async def test_a_bad_key_is_told_in_plain_text(fake: FakeApollo, url: str, http: httpx.AsyncClient) -> None:
    wrong = opened(fake, url, http, key="wr0ng")
    assert await wrong.named("leads", Checkable).check() == Checked(
        Health.DEGRADED, "leads refused our credential (401). Check services.leads.api_key."
    )
    assert (fake.heard[0].media, fake.heard[0].answer) == ("text/plain", "Invalid access credentials.")
    with pytest.raises(Refused, match=r"Check services\.leads\.api_key"):
        await wrong.named("leads", Metered).usage()


async def test_no_key_is_a_422(fake: FakeApollo, url: str, http: httpx.AsyncClient) -> None:
    seen = await opened(fake, url, http, key="").named("leads", Checkable).check()
    assert seen.health is Health.DEGRADED
    assert seen.detail.startswith("leads says that it got no usable key (422)")
    assert seen.detail.endswith("Check services.leads.api_key.")


# -- usage


async def test_headers_are_read_whoever_carries_the_call(fake: FakeApollo, url: str, http: httpx.AsyncClient) -> None:
    async with probe_session() as probes:
        tables = {"leads": fake.section(url)}
        services = open_services(tables, http, lambda reference: KEY, probes=probes)
        found = await services.named("leads", Metered).usage()
    assert [each.used for each in found] == [13, 351, 1201]


async def test_calls_are_counted_by_window(fake: FakeApollo, leads: Apollo) -> None:
    """As the headers tell: what is left of each limit, the asking call included."""
    found = await leads.usage()
    assert [(each.name, each.used, each.limit, each.unit) for each in found] == [
        ("calls a minute", 13, 200, "calls"),
        ("calls an hour", 351, 400, "calls"),
        ("calls a day", 1201, 2000, "calls"),
    ]
    assert all("bulk enrichment" in each.note for each in found)


async def test_the_day_has_two_names(fake: FakeApollo, leads: Apollo) -> None:
    fake.limits, fake.used = {"daily": 600}, {"daily": 599}
    assert [(each.name, each.used, each.limit) for each in await leads.usage()] == [("calls a day", 600, 600)]


async def test_headers_that_tell_nothing_are_no_limits(fake: FakeApollo, leads: Apollo) -> None:
    """Never a nought that nobody said."""
    fake.tells_limits = False
    with pytest.raises(NotUnderstood, match="leads told no limits"):
        await leads.usage()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Kind.HTML, status=200),
        Fault(Kind.HTML, status=502),
        Fault(Kind.STATUS, status=429, retry_after="60"),
        Fault(Kind.GARBAGE),
        Fault(Kind.TRUNCATED),
        Fault(Kind.SLOW, seconds=30),
    ],
)
async def test_limits_that_cannot_be_read(fake: FakeApollo, url: str, http: httpx.AsyncClient, fault: Fault) -> None:
    fake.faults.arm(fault)
    with pytest.raises(TryLater, match="leads"):
        await opened(fake, url, http, timeout="1s").named("leads", Metered).usage()
