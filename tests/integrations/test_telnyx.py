"""Telnyx' traps, each with its name. What is said is held against Telnyx' own description (see `fake`)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.errors import NotUnderstood, OutcomeUnknown, Refused, Stale, TryLater
from integrations import Services, open_services
from integrations.capabilities import (
    CautionsPause,
    Credentialed,
    ErrorSource,
    Health,
    Metered,
    Number,
    Numbers,
    NumberState,
    Switch,
    Switches,
)
from integrations.capabilities import (
    Testable as CanBeTested,
)
from integrations.telnyx import Telnyx
from sandbox.world.faults import Fault, Kind
from sandbox.world.telnyx import FakeTelnyx, Sent
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.standin import serving

KEY = "KEY0k3y-that-must-not-be-seen"
NUMBER = "+18885550100"


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    found = Contract.load("telnyx", base="/v2")
    if found is not None:
        # `oneOf` of shapes that demand nothing fits several at once; its discriminator means this one for messages.
        schemas = found.spec["components"]["schemas"]
        schemas["DetailRecord"] = schemas["MessageDetailRecord"]
    return found


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeTelnyx]:
    fake = FakeTelnyx(KEY)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


@pytest.fixture
async def url(fake: FakeTelnyx) -> AsyncIterator[str]:
    async with serving(fake.app()) as url:
        yield url


def opened(fake: FakeTelnyx, url: str, http: httpx.AsyncClient, key: str = KEY, **settings: Any) -> Services:
    return open_services({"sms": fake.section(url) | settings}, http, lambda reference: key)


@pytest.fixture
def services(fake: FakeTelnyx, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def telnyx(services: Services) -> Telnyx:
    client = services.named("sms", ErrorSource)
    assert isinstance(client, Telnyx)
    return client


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def test_the_description_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "GET /detail_records" in contract.operations()
    assert "GET /messages" not in contract.operations(), "there is no list of messages"


# -- health and rights


@pytest.mark.parametrize(
    ("fault", "health"),
    [
        (None, Health.OK),
        (Fault(Kind.HTML, status=502), Health.DOWN),
        (Fault(Kind.HTML, status=200), Health.UNKNOWN),
        (Fault(Kind.DROPPED), Health.UNKNOWN),
        (Fault(Kind.STATUS, status=429, retry_after="3"), Health.DEGRADED),
    ],
)
async def test_what_an_answer_means(telnyx: Telnyx, fake: FakeTelnyx, fault: Fault | None, health: Health) -> None:
    if fault is not None:
        fake.faults.arm(fault)
    assert (await telnyx.check()).health is health


async def test_a_wrong_key_is_no_outage(fake: FakeTelnyx, url: str, http: httpx.AsyncClient) -> None:
    """Code 10009."""
    client = opened(fake, url, http, key="KEY0-wrong-one").named("sms", ErrorSource)
    assert isinstance(client, Telnyx)
    seen = await client.check()
    assert seen.health is Health.DEGRADED
    assert "refused our credential (401): The required authentication headers were invalid" in seen.detail
    assert "services.sms.api_key" in seen.detail
    assert "wrong-one" not in seen.detail


async def test_no_credit_left_is_seen(telnyx: Telnyx, fake: FakeTelnyx) -> None:
    fake.balance = "-20.50"
    seen = await telnyx.check()
    assert (seen.health, seen.detail) == (Health.DEGRADED, "no credit is left: it sends nothing")


async def test_each_step_is_tried(services: Services, fake: FakeTelnyx) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=403, only="/v2/phone_numbers"))
    steps = await services.named("sms", CanBeTested).test()
    assert [(step.what, step.health) for step in steps] == [
        ("read the balance", Health.OK),
        ("list messaging profiles", Health.OK),
        ("list numbers", Health.DEGRADED),
        ("read messages", Health.OK),
    ]
    proof = services.named("sms", Credentialed)
    assert [each.setting for each in proof.credentials()] == ["services.sms.api_key"]
    assert "cannot be narrowed" in (await proof.rights()).note


# -- messages


async def test_failed_messages_come_from_the_detail_records(telnyx: Telnyx, fake: FakeTelnyx) -> None:
    """Telnyx' missing message list: only detail records tell, and their record type is demanded."""
    page = await telnyx.errors(since=ago(hours=1), match=None, limit=10)
    assert [(event.key, event.message) for event in page.events] == [
        ("m-1", "not known to be delivered to +15550000007: error 40008"),
        ("m-2", "refused by the gateway to +15550000008: error 40300"),
    ]
    assert not page.truncated
    assert {call.path for call in fake.heard} == {"/v2/detail_records"}
    assert all(call.query["filter[record_type]"] == "messaging" for call in fake.heard)


async def test_errors_are_matched_cut_and_paged(telnyx: Telnyx, fake: FakeTelnyx) -> None:
    assert [e.key for e in (await telnyx.errors(since=ago(days=1), match="40010", limit=10)).events] == ["m-4"]
    cut = await telnyx.errors(since=ago(days=1), match=None, limit=1)
    assert (len(cut.events), cut.truncated) == (1, True)
    fake.messages += [Sent(f"x-{n}", ago(minutes=50, seconds=n), "failed") for n in range(60)]
    assert len((await telnyx.errors(since=ago(hours=2), match="x", limit=100)).events) == 0
    assert len((await telnyx.errors(since=ago(hours=2), match=None, limit=100)).events) == 62


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (Fault(Kind.STATUS, status=429, times=9, retry_after="30"), TryLater, "slow down"),
        (Fault(Kind.STATUS, status=503, times=9), TryLater, "in trouble"),
        (Fault(Kind.GARBAGE, times=9), TryLater, "broken JSON"),
        (Fault(Kind.HTML, status=200, times=9), TryLater, "instead of JSON"),
        (Fault(Kind.STATUS, status=403, times=9), Refused, "refused our credential"),
    ],
)
async def test_what_goes_wrong_is_said(
    fake: FakeTelnyx, url: str, http: httpx.AsyncClient, fault: Fault, error: type[Exception], said: str
) -> None:
    fake.faults.arm(fault)
    client = opened(fake, url, http, timeout="2s").named("sms", ErrorSource)
    with pytest.raises(error, match=said):
        await client.errors(since=ago(hours=1), match=None, limit=10)


async def test_the_balance_is_what_is_left(services: Services) -> None:
    (quota,) = await services.named("sms", Metered).usage()
    assert (quota.name, quota.used, quota.limit, quota.unit) == ("balance", 41.2, None, "USD")
    assert quota.remaining_is_good
    assert quota.note == "With 20.00 USD of credit."


# -- messaging profiles


async def test_pausing_takes_only_what_ops_toml_names(services: Services, fake: FakeTelnyx) -> None:
    switches = services.named("sms", Switches)
    assert isinstance(switches, CautionsPause)
    found = {thing.name: thing for thing in await switches.switches()}
    assert {name: thing.state for name, thing in found.items()} == {
        "Outreach": Switch.RUNNING,
        "Old campaign": Switch.PAUSED,
    }
    reminders = next(each.id for each in fake.profiles.values() if each.name == "Appointment reminders")
    paused = await switches.pause([found["Outreach"].id, reminders, found["Old campaign"].id, "../balance"])
    assert [thing.name for thing in paused.changed] == ["Outreach"]
    assert paused.missed == (
        "Appointment reminders is not among the messaging profiles that may be paused",
        "Old campaign was not running any more",
        "'../balance' is no id of Telnyx.",
    )
    resumed = await switches.resume(paused.changed)
    assert [thing.name for thing in resumed.changed] == ["Outreach"]
    assert (fake.done("disabled"), fake.done("enabled")) == (["Outreach"], ["Outreach"])


async def test_a_pause_whose_answer_does_not_come_is_unknown(services: Services, fake: FakeTelnyx) -> None:
    switches = services.named("sms", Switches)
    first = (await switches.switches())[0]
    fake.faults.arm(Fault(Kind.GATEWAY, only="PATCH"))
    with pytest.raises(OutcomeUnknown):
        await switches.pause([first.id])
    assert fake.done("disabled") == ["Outreach"]


# -- numbers


async def numbers(services: Services) -> tuple[Numbers, dict[str, Number]]:
    client = services.named("sms", Numbers)
    return client, {each.number: each for each in await client.numbers()}


async def test_numbers_with_the_profile_they_are_on(services: Services) -> None:
    _, found = await numbers(services)
    assert [(each.state, each.assigned_to) for each in found.values()] == [
        (NumberState.ASSIGNED, "Outreach"),
        (NumberState.ASSIGNED, "Appointment reminders"),
        (NumberState.AVAILABLE, ""),
        (NumberState.OTHER, ""),
    ]


async def test_a_number_moves_and_comes_back(services: Services, fake: FakeTelnyx) -> None:
    client, found = await numbers(services)
    kept = await client.set_number(found[NUMBER], state=NumberState.ASSIGNED, assigned_to="appointment reminders")
    assert (await numbers(services))[1][NUMBER].assigned_to == "Appointment reminders"
    await client.restore_number(NUMBER, kept)
    assert (await numbers(services))[1][NUMBER].assigned_to == "Outreach"
    assert len(fake.done("assigned")) == 2


async def test_releasing_gives_no_number_away(services: Services, fake: FakeTelnyx) -> None:
    client, found = await numbers(services)
    kept = await client.set_number(found[NUMBER], state=NumberState.AVAILABLE, assigned_to="")
    assert (await numbers(services))[1][NUMBER].state is NumberState.AVAILABLE
    assert {call.method for call in fake.heard} == {"GET", "PATCH"}
    await client.restore_number(NUMBER, kept)
    assert (await numbers(services))[1][NUMBER].assigned_to == "Outreach"


async def test_a_number_that_is_still_ported_is_not_moved(services: Services, fake: FakeTelnyx) -> None:
    client, found = await numbers(services)
    with pytest.raises(Refused, match="is port-pending: it cannot be moved"):
        await client.set_number(found["+18885550103"], state=NumberState.ASSIGNED, assigned_to="Outreach")
    assert fake.done("assigned") == []


async def test_what_somebody_changed_meanwhile_is_left(services: Services, fake: FakeTelnyx) -> None:
    client, found = await numbers(services)
    with pytest.raises(NotUnderstood, match="is no messaging profile of Telnyx"):
        await client.set_number(found[NUMBER], state=NumberState.ASSIGNED, assigned_to="Nobody's")
    kept = await client.set_number(found[NUMBER], state=NumberState.AVAILABLE, assigned_to="")
    with pytest.raises(Stale, match="belongs to nobody now"):
        await client.set_number(found[NUMBER], state=NumberState.ASSIGNED, assigned_to="Outreach")
    fake.numbers["1100001"].profile = fake.numbers["1100002"].profile
    with pytest.raises(Stale, match="moved"):
        await client.restore_number(NUMBER, kept)
    assert len(fake.done("assigned")) == 1
