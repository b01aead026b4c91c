"""OpenAI's traps, each with its name. What is said is held against OpenAI's own description (see `fake`)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import Checkable, Checked, Credentialed, Health, Metered
from integrations.capabilities.trials import Testable as Tryable
from integrations.openai.client import OpenAi, OpenAiWithCosts, OutOfQuota, Scoped
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.openai import FakeOpenAI
from tests.integrations.contract import NO_SPECS, Contract

KEY = "sk-proj-k3y-that-must-not-be-seen"
ADMIN = "sk-admin-k3y-that-must-not-be-seen"
NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
NOTE = "Costs are those of the whole organisation, and the budget is that of ops.toml: OpenAI goes on beyond it."


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("openai", base="/v1")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeOpenAI]:
    fake = FakeOpenAI(KEY, ADMIN)
    fake.now = lambda: NOW
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(
    fake: FakeOpenAI, url: str, http: httpx.AsyncClient, keys: dict[str, str] | None = None, **settings: Any
) -> Services:
    found = {f"env:{name}": value for name, value in {**fake.environment(), **(keys or {})}.items()}
    section = {name: value for name, value in (fake.section(url) | settings).items() if value is not None}
    return open_services({"ai": section}, http, found.__getitem__)


def at_noon(services: Services) -> OpenAiWithCosts:
    client = services.named("ai", Metered)
    assert isinstance(client, OpenAiWithCosts)
    client._now = lambda: NOW
    return client


@pytest.fixture
def ai(fake: FakeOpenAI, url: str, http: httpx.AsyncClient) -> OpenAiWithCosts:
    return at_noon(opened(fake, url, http))


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert {"GET /models", "GET /organization/costs"} <= set(contract.operations())


def test_it_claims_what_it_can(fake: FakeOpenAI, http: httpx.AsyncClient) -> None:
    whole = opened(fake, "http://127.0.0.1:9", http)
    for can in (Checkable, Tryable, Credentialed, Metered):
        assert [type(each) for each in whole.having(can)] == [OpenAiWithCosts]
    plain = opened(fake, "http://127.0.0.1:9", http, admin_key=None, budget=None)
    assert [type(each) for each in plain.having(Checkable)] == [OpenAi]
    assert plain.having(Metered) == ()


def test_a_budget_without_the_key_that_reads_costs(fake: FakeOpenAI, http: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured, match=r"services\.ai: write admin_key beside budget"):
        opened(fake, "http://127.0.0.1:9", http, admin_key=None)


# -- health and rights


async def test_it_is_well(fake: FakeOpenAI, ai: OpenAiWithCosts) -> None:
    assert await ai.check() == Checked(Health.OK)
    assert [(trial.what, trial.health) for trial in await ai.test()] == [
        ("list models", Health.OK),
        ("read this month's costs", Health.OK),
    ]
    assert (await ai.rights()).has == ("list models", "read costs")
    assert [(each.setting, each.reference) for each in ai.credentials()] == [
        ("services.ai.api_key", "env:DEMO_OPENAI_API_KEY"),
        ("services.ai.admin_key", "env:DEMO_OPENAI_ADMIN_KEY"),
    ]


async def test_each_call_carries_its_own_key(
    fake: FakeOpenAI, url: str, http: httpx.AsyncClient, ai: OpenAiWithCosts
) -> None:
    """Costs need the admin key, not the project's; models are listed with the project's."""
    await ai.usage()
    project = at_noon(opened(fake, url, http, admin_key="env:DEMO_OPENAI_API_KEY"))
    with pytest.raises(Scoped, match=r"ai takes our key, which may not do this \(403\): .*api\.usage\.read"):
        await project.usage()
    seen = await project.test()
    assert [trial.health for trial in seen] == [Health.OK, Health.DEGRADED]
    assert seen[1].remedy == "Check services.ai.admin_key: it must be an admin key that may read usage."


@pytest.mark.parametrize("status", [401, 403])
async def test_a_missing_scope_is_no_dead_key(fake: FakeOpenAI, ai: OpenAiWithCosts, status: int) -> None:
    """Restricted keys may get a 403, and from some calls a 401."""
    fake.restricted, fake.missing_scope_status = True, status
    assert await ai.check() == Checked(Health.OK)
    assert (await ai.test())[0].health is Health.OK
    fake.admin_may_read = False
    rights = await ai.rights()
    assert (rights.has, rights.lacking) == ((), (("read costs", "usage"),))


async def test_a_wrong_key_is_no_outage(fake: FakeOpenAI, url: str, http: httpx.AsyncClient) -> None:
    wrong = at_noon(opened(fake, url, http, {"DEMO_OPENAI_API_KEY": "wr0ng", "DEMO_OPENAI_ADMIN_KEY": "wr0ng-too"}))
    seen = await wrong.check()
    assert seen.health is Health.DEGRADED
    assert "refused our credential (401)" in seen.detail
    assert "Check services.ai.api_key" in seen.detail
    assert "wr0ng" not in seen.detail
    with pytest.raises(Refused, match=r"Check services\.ai\.admin_key"):
        await wrong.usage()
    with pytest.raises(Refused, match=r"Check services\.ai\.api_key"):
        await wrong.rights()


async def test_a_403_of_a_proxy_or_of_a_country_is_no_matter_of_scope(fake: FakeOpenAI, ai: OpenAiWithCosts) -> None:
    fake.faults.arm(Fault(Kind.HTML, status=403))
    seen = await ai.check()
    assert (seen.health, "do-not-repeat" in seen.detail) == (Health.DEGRADED, False)
    fake.country_served = False
    seen = await ai.check()
    assert (seen.health, "Country, region, or territory not supported" in seen.detail) == (Health.DEGRADED, True)


# -- both kinds of 429


async def test_insufficient_quota_is_said_and_not_tried_again(
    fake: FakeOpenAI, url: str, http: httpx.AsyncClient, ai: OpenAiWithCosts
) -> None:
    """429 insufficient_quota: no retry helps."""
    fake.quota_left = False
    seen = await ai.check()
    assert seen.health is Health.DEGRADED
    assert seen.detail.startswith("ai is out of quota (429): You exceeded your current quota")
    before = len(fake.heard)
    fake.costs_need_quota = True
    with pytest.raises(OutOfQuota, match="Waiting does not help"):
        await ai.usage()
    assert len(fake.heard) == before + 1


async def test_rate_limit_exceeded_is_tried_again_and_then_later(fake: FakeOpenAI, ai: OpenAiWithCosts) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=429, retry_after="0"))
    await ai.usage()
    assert [call.status for call in fake.heard] == [429, 200, 200]
    fake.faults.arm(Fault(Kind.STATUS, status=429, retry_after="90"))
    with pytest.raises(TryLater, match="asks us to slow down") as caught:
        await ai.usage()
    assert caught.value.after is not None
    assert caught.value.after.total_seconds() == 90


# -- costs


async def test_the_month_is_summed_over_its_pages(fake: FakeOpenAI, ai: OpenAiWithCosts) -> None:
    """has_more and next_page: ten days come in pages of seven, whatever limit is asked for."""
    (cost,) = await ai.usage()
    days = [sum(fake.costs[day % 4]) for day in range(10)]
    assert (cost.name, cost.limit, cost.unit) == ("costs this month", 400, "USD")
    assert cost.used == pytest.approx(sum(days))
    assert (cost.resets_at, cost.note) == (datetime(2026, 4, 1, tzinfo=UTC), NOTE)
    asked = [call.query for call in fake.heard]
    assert [query.get("page") for query in asked] == [None, "page_7"]
    assert {query["start_time"] for query in asked} == {str(int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()))}


async def test_pages_without_an_end_are_given_up(fake: FakeOpenAI, ai: OpenAiWithCosts) -> None:
    fake.page_size = 0
    with pytest.raises(TryLater, match="in more than 40 pages; not all were read"):
        await ai.usage()


async def test_a_next_page_that_is_not_named_is_no_end(fake: FakeOpenAI, ai: OpenAiWithCosts) -> None:
    """Half a month's costs are never told as the whole."""
    fake.names_next_page = False
    with pytest.raises(TryLater, match="has more costs of the month and does not say where"):
        await ai.usage()


async def test_december_ends_in_january(fake: FakeOpenAI, ai: OpenAiWithCosts) -> None:
    december = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
    fake.now = ai._now = lambda: december
    (cost,) = await ai.usage()
    assert (cost.used, cost.resets_at) == (sum(fake.costs[0]), datetime(2027, 1, 1, tzinfo=UTC))


async def test_a_month_without_costs_is_nought_and_another_currency_is_its_own(
    fake: FakeOpenAI, url: str, http: httpx.AsyncClient
) -> None:
    fake.costs = [(0.0, 0.0)]
    ai = at_noon(opened(fake, url, http, budget=None))
    (cost,) = await ai.usage()
    assert (cost.used, cost.limit, cost.note) == (0.0, None, "Costs are those of the whole organisation.")
    fake.other_currency = {"eur": 2.5}
    assert [(each.unit, each.used, each.limit) for each in await at_noon(opened(fake, url, http)).usage()] == [
        ("USD", 0.0, 400.0),
        ("EUR", 5.0, None),
    ]


@pytest.mark.parametrize("kind", [Kind.GARBAGE, Kind.HTML, Kind.HUGE])
async def test_costs_that_cannot_be_read_are_no_costs(fake: FakeOpenAI, ai: OpenAiWithCosts, kind: Kind) -> None:
    fake.faults.arm(Fault(kind, times=3, status=200))
    with pytest.raises(TryLater, match="ai answered with") as caught:
        await ai.usage()
    assert not isinstance(caught.value, OutcomeUnknown)
    assert ADMIN not in str(caught.value)
