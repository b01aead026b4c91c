"""Unleashed's traps, each with its name. What is said is held against a description of its API (see `fake`)."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import Checkable, Checked, Credentialed, Health, Metered, Switches
from integrations.capabilities.trials import Testable as Tryable
from integrations.plumbing.call_counts import OwnTally
from integrations.plumbing.outbound import Answer
from integrations.plumbing.probe import probe_session
from integrations.unleashed.client import Orders, Unleashed, asking, dated, signature
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.unleashed import FakeUnleashed
from tests.integrations.contract import NO_SPECS, Contract

ID = "1d-1234"
KEY = "a2V5LXRoYXQtbXVzdC1ub3QtYmUtc2Vlbg=="
"""Looks like base64, and is not to be read as such."""
AWKWARD = {"modifiedSince": "2026-03-01", "customerName": "Smith, Jones & Søn ~(50%)+'/:@*", "pageSize": "1"}


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("unleashed")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeUnleashed]:
    fake = FakeUnleashed(ID, KEY)
    yield fake
    if contract is not None:
        known = [call for call in fake.heard if "customerName" not in call.query]
        contract.check(known, answers=not fake.faults.armed)


def opened(fake: FakeUnleashed, url: str, http: httpx.AsyncClient, key: str = KEY, **more: Any) -> Services:
    secrets = {"env:DEMO_UNLEASHED_ID": ID, "env:DEMO_UNLEASHED_KEY": key}
    outside = {name: more.pop(name) for name in ("probes", "tally") if name in more}
    return open_services({"stock": fake.section(url) | more}, http, secrets.__getitem__, **outside)


@pytest.fixture
def unleashed(fake: FakeUnleashed, url: str, http: httpx.AsyncClient) -> Unleashed:
    client = opened(fake, url, http).named("stock", Credentialed)
    assert isinstance(client, Unleashed)
    return client


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "GET /SalesOrders/{pageNumber}" in contract.operations()


def test_it_claims_what_it_can(fake: FakeUnleashed, http: httpx.AsyncClient) -> None:
    services = opened(fake, "http://127.0.0.1:9", http)
    for can in (Checkable, Tryable, Credentialed, Metered):
        assert [type(each) for each in services.having(can)] == [Unleashed]
    assert services.having(Switches) == ()


# -- the signature


def test_the_key_is_text_and_the_query_alone_is_signed() -> None:
    expected = base64.b64encode(hmac.new(KEY.encode(), b"pageSize=1", hashlib.sha256).digest()).decode()
    assert signature(KEY, "pageSize=1") == expected
    decoded = base64.b64encode(hmac.new(base64.b64decode(KEY), b"pageSize=1", hashlib.sha256).digest()).decode()
    assert decoded != expected
    assert signature(KEY, "") == base64.b64encode(hmac.new(KEY.encode(), b"", hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("over_aiohttp", [True, False], ids=["aiohttp", "httpx"])
async def test_what_is_signed_is_what_is_sent(
    fake: FakeUnleashed, url: str, http: httpx.AsyncClient, over_aiohttp: bool
) -> None:
    """To the letter, also where a client would like to write it otherwise."""
    async with probe_session() as probes:
        client = opened(fake, url, http, probes=probes if over_aiohttp else None).named("stock", Checkable)
        assert isinstance(client, Unleashed)
        assert await client.check() == Checked(Health.OK)
        path = asking("/SalesOrders/1", **AWKWARD)
        answer = await client._api.look(path, limit=timedelta(seconds=3))
        assert isinstance(answer, Answer)
        assert answer.status == 200
        assert await client._api.get(path, Orders)
        answer = await client._api.look("/SalesOrders/1", limit=timedelta(seconds=3))
        assert isinstance(answer, Answer)
        assert answer.status == 200
    sent = path.partition("?")[2]
    assert fake.queries == ["pageSize=1", sent, sent, ""]
    assert set(fake.client_types) == {"handrail/ops"}


async def test_a_query_beside_the_path_would_not_be_signed(unleashed: Unleashed) -> None:
    with pytest.raises(ValueError, match="signed as it stands in the path"):
        unleashed._api.wanted("GET", "/SalesOrders/1", {"pageSize": "1"})


# -- health and rights


async def test_a_wrong_signature_looks_like_a_missing_right(
    fake: FakeUnleashed, url: str, http: httpx.AsyncClient, unleashed: Unleashed
) -> None:
    """Both are a 403, and neither is an outage."""
    wrong = await opened(fake, url, http, key="wr0ng").named("stock", Checkable).check()
    fake.may_read = False
    assert await unleashed.check() == wrong
    assert wrong.health is Health.DEGRADED
    assert "Check services.stock.id and services.stock.key" in wrong.detail
    assert "Unleashed says the same for both" in wrong.detail
    assert [trial.health for trial in await unleashed.test()] == [Health.DEGRADED] * 2
    with pytest.raises(Refused):
        await unleashed.rights()


async def test_rights_are_those_that_were_tried(unleashed: Unleashed) -> None:
    rights = await unleashed.rights()
    assert rights.has == ("read on sales orders",)
    assert "until the 1st of the month" in rights.note
    assert [(each.setting, each.reference) for each in unleashed.credentials()] == [
        ("services.stock.id", "env:DEMO_UNLEASHED_ID"),
        ("services.stock.key", "env:DEMO_UNLEASHED_KEY"),
    ]


async def test_too_many_calls_may_be_the_months(fake: FakeUnleashed, unleashed: Unleashed) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=429, times=3, retry_after="0"))
    with pytest.raises(TryLater, match="refuses every call until the 1st of the month, 00:00 UTC"):
        await unleashed.orders()


async def test_a_signature_that_is_repeated_is_not_shown(unleashed: Unleashed) -> None:
    assert unleashed._api.clean(f"bad signature {signature(KEY, 'a=1')} of {ID}") == (
        "bad signature [redacted] of [redacted]"
    )


async def test_a_client_type_is_company_and_app(fake: FakeUnleashed, http: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured, match="client_type"):
        opened(fake, "http://127.0.0.1:9", http, client_type="handrail")


# -- the plan


async def test_the_plan_tells_nothing_so_our_own_calls_are_counted(
    fake: FakeUnleashed, url: str, http: httpx.AsyncClient
) -> None:
    """Refused ones too: they were made. To ask for the count is no call."""
    tally = OwnTally(lambda: datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    services = opened(fake, url, http, plan_calls=20_000, tally=tally)
    await services.named("stock", Checkable).check()
    await services.named("stock", Tryable).test()
    fake.may_read = False
    await services.named("stock", Checkable).check()
    (quota,) = await services.named("stock", Metered).usage()
    assert (quota.used, quota.limit, quota.unit) == (4, 20_000, "calls")
    assert quota.name == "calls by Handrail this month, at least"
    assert quota.resets_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert "what the company's other programs call is not in this count" in quota.note
    assert len(fake.heard) == 4


async def test_a_call_that_is_tried_again_is_two(fake: FakeUnleashed, url: str, http: httpx.AsyncClient) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=503, retry_after="0"))
    services = opened(fake, url, http)
    await services.named("stock", Credentialed).rights()
    (quota,) = await services.named("stock", Metered).usage()
    assert (quota.used, quota.limit) == (2, None)


@pytest.mark.parametrize("over_aiohttp", [True, False], ids=["aiohttp", "httpx"])
async def test_what_never_left_is_not_counted(fake: FakeUnleashed, http: httpx.AsyncClient, over_aiohttp: bool) -> None:
    """Neither where nobody listens, nor where the breaker has opened meanwhile; the host name `invalid` never is."""
    async with probe_session() as probes:
        for url in ("http://127.0.0.1:9", "http://unleashed.invalid"):
            services = opened(fake, url, http, probes=probes if over_aiohttp else None)
            for _ in range(5):
                seen = await services.named("stock", Checkable).check()
            assert seen.health is not Health.OK
            (quota,) = await services.named("stock", Metered).usage()
            assert quota.used == 0


@pytest.mark.parametrize("over_aiohttp", [True, False], ids=["aiohttp", "httpx"])
async def test_what_got_no_answer_is_counted(
    fake: FakeUnleashed, url: str, http: httpx.AsyncClient, over_aiohttp: bool
) -> None:
    fake.faults.arm(Fault(Kind.SLOW, seconds=30))
    async with probe_session() as probes:
        services = opened(fake, url, http, deadline="1s", probes=probes if over_aiohttp else None)
        assert (await services.named("stock", Checkable).check()).health is Health.UNKNOWN
    (quota,) = await services.named("stock", Metered).usage()
    assert quota.used == 1


async def test_a_plan_has_calls(fake: FakeUnleashed, http: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured, match="plan_calls"):
        opened(fake, "http://127.0.0.1:9", http, plan_calls=0)


# -- what moves


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("/Date(1586833770780)/", datetime(2020, 4, 14, 3, 9, 30, 780_000, tzinfo=UTC)),
        ("/Date(-1)/", datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("/Date(1586833770780+1200)/", datetime(2020, 4, 14, 3, 9, 30, 780_000, tzinfo=UTC)),
        ("/Date(999999999999999)/", "/Date(999999999999999)/"),
        ("2020-04-14", "2020-04-14"),
        (None, None),
    ],
)
def test_times_are_milliseconds_in_words(text: str | None, at: object) -> None:
    assert dated(text) == at


def test_a_time_of_another_form_is_not_guessed_at() -> None:
    page = {
        "Pagination": {"NumberOfItems": 1, "NumberOfPages": 1},
        "Items": [{"LastModifiedOn": "2020-04-14T03:09:30"}],
    }
    with pytest.raises(ValueError, match="timezone"):
        Orders.model_validate(page)


async def test_a_sync_that_stands_still_is_seen(fake: FakeUnleashed, unleashed: Unleashed) -> None:
    last = datetime.now(UTC)
    fake.orders[0] = ("SO-00001201", last)
    _, moved = await unleashed.test()
    assert (moved.health, moved.what) == (Health.OK, "read what changed since yesterday")
    assert moved.detail.startswith("2 sales orders changed since yesterday")
    assert moved.detail.endswith(f"the last at {last:%Y-%m-%d %H:%M} UTC")
    fake.orders.clear()
    _, moved = await unleashed.test()
    assert (moved.health, moved.detail) == (Health.OK, "0 sales orders changed since yesterday")
