"""Clearbit's traps, each with its name.

Clearbit publishes no description that lies here: the stand-in is held to what is known of the API instead.
"""

from typing import Any

import httpx
import pytest

from integrations import Services, open_services
from integrations.capabilities import Checkable, Checked, Credentialed, Health, Metered
from integrations.capabilities.trials import Testable as Tryable
from integrations.clearbit.client import Clearbit
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.probes import FakeClearbit

KEY = "sk_k3y-that-must-not-be-seen"


@pytest.fixture
def fake() -> FakeClearbit:
    return FakeClearbit(KEY)


def opened(fake: FakeClearbit, url: str, http: httpx.AsyncClient, key: str = KEY, **settings: Any) -> Services:
    return open_services({"enrich": fake.section(url) | settings}, http, lambda reference: key)


@pytest.fixture
def enrich(fake: FakeClearbit, url: str, http: httpx.AsyncClient) -> Clearbit:
    client = opened(fake, url, http).named("enrich", Checkable)
    assert isinstance(client, Clearbit)
    return client


def test_it_claims_what_it_can(fake: FakeClearbit, http: httpx.AsyncClient) -> None:
    services = opened(fake, "http://127.0.0.1:9", http)
    for can in (Checkable, Tryable, Credentialed):
        assert [type(each) for each in services.having(can)] == [Clearbit]
    assert services.having(Metered) == ()


async def test_it_is_well(fake: FakeClearbit, enrich: Clearbit) -> None:
    assert await enrich.check() == Checked(Health.OK)
    assert [(call.path, call.query) for call in fake.heard] == [("/v1/domains/find", {"name": "Clearbit"})]
    assert [(trial.what, trial.health) for trial in await enrich.test()] == [("find a company's domain", Health.OK)]
    assert (await enrich.rights()).has == ("find a company's domain",)
    assert [(each.setting, each.reference) for each in enrich.credentials()] == [
        ("services.enrich.api_key", "env:DEMO_CLEARBIT_API_KEY")
    ]


async def test_no_match_is_a_404_and_the_key_is_fine(fake: FakeClearbit, enrich: Clearbit) -> None:
    fake.companies.clear()
    assert await enrich.check() == Checked(Health.OK)
    assert fake.heard[0].status == 404


async def test_a_404_that_is_not_its_own_word_is_not_well(fake: FakeClearbit, enrich: Clearbit) -> None:
    fake.faults.arm(Fault(Kind.HTML, status=404))
    assert (await enrich.check()).health is Health.DEGRADED


async def test_a_wrong_key_is_no_outage(fake: FakeClearbit, url: str, http: httpx.AsyncClient) -> None:
    seen = await opened(fake, url, http, key="wr0ng").named("enrich", Checkable).check()
    assert seen == Checked(
        Health.DEGRADED,
        "enrich refused our credential (401): Invalid API key provided. Check services.enrich.api_key.",
    )
