"""HubSpot's traps, each with its name. What is said is held against HubSpot's own description (see `fake`)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import Checkable, Checked, Credentialed, Health, Metered, Switches
from integrations.capabilities.trials import Testable as Tryable
from integrations.hubspot.client import PACE, HubSpot
from sandbox.world.hubspot import FakeHubSpot
from tests.integrations.contract import NO_SPECS, Contract

TOKEN = "pat-na1-t0ken-that-must-not-be-seen"


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("hubspot-account-info", service="hubspot")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeHubSpot]:
    fake = FakeHubSpot(TOKEN)
    yield fake
    assert not [call.path for call in fake.heard if TOKEN in call.path]
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeHubSpot, url: str, http: httpx.AsyncClient, token: str = TOKEN, **settings: Any) -> Services:
    return open_services({"crm": fake.section(url) | settings}, http, lambda reference: token)


@pytest.fixture
def hubspot(fake: FakeHubSpot, url: str, http: httpx.AsyncClient) -> HubSpot:
    client = opened(fake, url, http).named("crm", Metered)
    assert isinstance(client, HubSpot)
    return client


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "GET /account-info/v3/details" in contract.operations()


def test_it_claims_what_it_can(fake: FakeHubSpot, http: httpx.AsyncClient) -> None:
    services = opened(fake, "http://127.0.0.1:9", http)
    for can in (Checkable, Tryable, Credentialed, Metered):
        assert [type(each) for each in services.having(can)] == [HubSpot]
    assert services.having(Switches) == ()
    assert (PACE.calls, PACE.per) == (100, timedelta(seconds=10))


# -- health and rights


async def test_all_is_well(hubspot: HubSpot) -> None:
    assert await hubspot.check() == Checked(Health.OK, calls_left="62,500 of 250,000 today")
    assert [trial.health for trial in await hubspot.test()] == [Health.OK] * 2
    rights = await hubspot.rights()
    assert rights.has == ("the details of account 24680135 (STANDARD)",)
    assert "it is not asked" in rights.note
    assert [(each.setting, each.reference) for each in hubspot.credentials()] == [
        ("services.crm.token", "env:DEMO_HUBSPOT_TOKEN")
    ]


async def test_a_bad_token(fake: FakeHubSpot, url: str, http: httpx.AsyncClient) -> None:
    with pytest.raises(Refused, match="Authentication credentials not found"):
        await opened(fake, url, http, token="wr0ng").named("crm", Metered).usage()


# -- the two limits


async def test_a_limit_of_ten_seconds_is_waited_for(fake: FakeHubSpot, hubspot: HubSpot) -> None:
    fake.full = 1
    assert len(await hubspot.usage()) == 1
    assert [call.status for call in fake.heard] == [429, 200]


async def test_a_daily_limit_is_not_retried(fake: FakeHubSpot, hubspot: HubSpot) -> None:
    """It lasts until midnight of the account's time zone; each try more is one more that is refused."""
    fake.spent = True
    with pytest.raises(TryLater, match="calls of the day are used up at crm") as caught:
        await hubspot.usage()
    assert [call.status for call in fake.heard] == [429]
    assert caught.value.after is None


async def test_a_daily_limit_says_when_it_ends_where_that_was_told(fake: FakeHubSpot, hubspot: HubSpot) -> None:
    await hubspot.usage()
    fake.spent = True
    with pytest.raises(TryLater) as caught:
        await hubspot.usage()
    assert caught.value.after is not None
    assert timedelta(hours=4) < caught.value.after <= timedelta(hours=5)
    seen = await hubspot.check()
    assert (seen.health, "midnight" in seen.detail) == (Health.DEGRADED, True)


# -- usage


async def test_the_days_calls(fake: FakeHubSpot, hubspot: HubSpot) -> None:
    (quota,) = await hubspot.usage()
    assert (quota.name, quota.used, quota.limit, quota.unit) == (
        "private apps calls daily", 187_500, 250_000, "calls"
    )  # fmt: skip
    assert (quota.share, quota.resets_at, quota.note) == (0.75, fake.resets_at, "")


async def test_a_cached_count_says_when_it_was_made(fake: FakeHubSpot, hubspot: HubSpot) -> None:
    fake.fetch_status = "CACHED"
    (quota,) = await hubspot.usage()
    assert (quota.used, quota.note) == (187_500, "Counted at 06:46 UTC.")


@pytest.mark.parametrize("status", ["FAILURE", "TIMEOUT", "NOTFOUND"])
async def test_a_count_that_failed_is_not_zero(fake: FakeHubSpot, hubspot: HubSpot, status: str) -> None:
    """HubSpot shows 0 of 0 then."""
    fake.fetch_status = status
    with pytest.raises(TryLater, match=rf"could not tell how many calls .*daily \({status}\)"):
        await hubspot.usage()
    assert [trial.health for trial in await hubspot.test()] == [Health.OK, Health.UNKNOWN]


async def test_a_count_that_failed_leaves_the_others(fake: FakeHubSpot, hubspot: HubSpot) -> None:
    fake.more = [
        {
            "name": "search", "usageLimit": 0, "currentUsage": 0, "collectedAt": "2026-03-01T06:46:40Z",
            "fetchStatus": "TIMEOUT",
        }
    ]  # fmt: skip
    (quota,) = await hubspot.usage()
    assert (quota.used, quota.note) == (187_500, "crm could not tell search (TIMEOUT).")


@pytest.mark.parametrize("resets_at", [None, datetime(2020, 4, 10, 4, tzinfo=UTC)])
async def test_a_reset_that_is_over_is_none(fake: FakeHubSpot, hubspot: HubSpot, resets_at: datetime | None) -> None:
    """HubSpot's own example has one before the count itself."""
    fake.resets_at = resets_at
    (quota,) = await hubspot.usage()
    assert quota.resets_at is None
