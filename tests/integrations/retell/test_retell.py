"""Retell's traps, each with its name. What is said is held against Retell's own description (see `fake`)."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.words.exceptions import OutcomeUnknown, Refused, TryLater
from integrations.capabilities import (
    Calls,
    Checkable,
    Checked,
    Credentialed,
    ErrorSource,
    Health,
    Metered,
    Numbers,
)
from integrations.capabilities.trials import Testable as Tryable
from integrations.retell.api import BROKEN, PEOPLES_OWN, RetellCall
from integrations.retell.client import Retell
from integrations.retell.numbers import RetellNumbers
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.retell import FakeRetell
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.retell.conftest import bodies, opened, yesterday


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert {"POST /v3/list-calls", "POST /v2/list-agents", "GET /get-concurrency"} <= set(contract.operations())


def test_it_claims_what_it_can(fake: FakeRetell, http: httpx.AsyncClient) -> None:
    services = opened(fake, "http://127.0.0.1:9", http)
    for can in (Checkable, Tryable, Credentialed, Calls, ErrorSource, Metered):
        assert [type(each) for each in services.having(can)] == [Retell]
    assert [type(each) for each in services.having(Numbers)] == [RetellNumbers]


# -- health and rights


async def test_it_is_well(voice: Retell) -> None:
    assert await voice.check() == Checked(Health.OK)
    assert [(trial.what, trial.health) for trial in await voice.test()] == [
        ("name our key", Health.OK),
        ("list calls", Health.OK),
        ("list agents", Health.OK),
        ("list phone numbers", Health.OK),
        ("read concurrency", Health.OK),
    ]
    rights = await voice.rights()
    assert (rights.has, "does not tell" in rights.note) == (("name our key",), True)
    assert [(each.setting, each.reference) for each in voice.credentials()] == [
        ("services.voice.api_key", "env:DEMO_RETELL_API_KEY")
    ]


async def test_a_wrong_key_is_no_outage(fake: FakeRetell, url: str, http: httpx.AsyncClient) -> None:
    services = opened(fake, url, http, key="wr0ng")
    seen = await services.named("voice", Checkable).check()
    assert seen.health is Health.DEGRADED
    assert "refused our credential (401): API key is missing or invalid" in seen.detail
    assert "Check services.voice.api_key" in seen.detail
    assert "wr0ng" not in seen.detail
    with pytest.raises(Refused, match=r"Check services\.voice\.api_key"):
        await services.named("voice", Metered).usage()
    assert {trial.health for trial in await services.named("voice", Tryable).test()} == {Health.DEGRADED}


async def test_a_missing_header_is_told_in_another_field(fake: FakeRetell, url: str, http: httpx.AsyncClient) -> None:
    """{"error_message"} instead of {"status", "message"}."""
    voice = opened(fake, url, http).named("voice", Checkable)
    assert isinstance(voice, Retell)
    voice._api._credentials = dict
    assert "(401): Missing Authorization header" in (await voice.check()).detail


# -- calls


async def test_calls_newest_first(fake: FakeRetell, voice: Retell) -> None:
    fake.add_call("agent_front", "ended", "user_hangup", ago=timedelta(days=2))
    found = await voice.calls(since=yesterday(), limit=100)
    assert len(found) == len(fake.calls) - 1
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    running, hung_up, dial_failed = found[:3]
    assert (running.status, running.reason, running.failed, running.duration) == ("ongoing", "", False, None)
    assert (hung_up.agent, hung_up.reason, hung_up.duration) == ("Front desk", "user_hangup", timedelta(seconds=84))
    assert (dial_failed.status, dial_failed.reason, dial_failed.failed) == ("not_connected", "dial_failed", True)
    assert dial_failed.link == f"https://logs.retell.example/{dial_failed.id}/public.log"


async def test_filters_name_their_type_and_times_are_milliseconds(fake: FakeRetell, voice: Retell) -> None:
    """/v3/list-calls: {"type": "number", "op": "ge"}; plain values were those of v2."""
    since = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    await voice.calls(since=since, limit=7)
    (body,) = bodies(fake, "/v3/list-calls")
    assert body["filter_criteria"] == {"start_timestamp": {"type": "number", "op": "ge", "value": 1_772_625_600_000}}
    assert (body["limit"], body["sort_order"]) == (7, "descending")


async def test_the_pagination_key_leads_on_and_never_beside_skip(fake: FakeRetell, voice: Retell) -> None:
    """pagination_key and skip exclude each other."""
    fake.page_size = 5
    found = await voice.calls(since=yesterday(), limit=12)
    assert len({each.id for each in found}) == 12
    asked = bodies(fake, "/v3/list-calls")
    assert [body.get("pagination_key") for body in asked] == [None, "key_5", "key_10"]
    assert not any("skip" in body for body in asked)


async def test_half_of_the_calls_are_not_told_as_all(fake: FakeRetell, voice: Retell) -> None:
    fake.page_size, fake.names_next_page = 5, False
    with pytest.raises(TryLater, match="voice has more calls and does not say where"):
        await voice.calls(since=yesterday(), limit=100)


async def test_pages_without_an_end_are_given_up(fake: FakeRetell, voice: Retell, phones: RetellNumbers) -> None:
    fake.page_size = 0
    with pytest.raises(TryLater, match="in more than 40 pages"):
        await voice.calls(since=yesterday(), limit=100)
    with pytest.raises(TryLater, match="not all were read"):
        await phones.numbers()


@pytest.mark.parametrize(
    ("status", "reason", "failed"),
    [
        ("ended", "user_hangup", False),
        ("ended", "error_asr", True),
        ("ended", "credit_exhausted", True),
        ("error", None, True),
        ("error", "user_hangup", True),
        ("not_connected", "dial_busy", False),
        ("not_connected", "dial_no_answer", False),
        ("not_connected", "user_declined", False),
        ("not_connected", "dial_failed", True),
        ("not_connected", None, True),
        ("ongoing", None, False),
    ],
)
async def test_who_was_out_is_no_failure(
    fake: FakeRetell, voice: Retell, status: str, reason: str | None, failed: bool
) -> None:
    fake.calls.clear()
    fake.add_call("agent_front", status, reason)
    (call,) = await voice.calls(since=yesterday(), limit=10)
    assert call.failed is failed


def test_a_reason_that_is_new_is_judged_by_its_name() -> None:
    call = {"call_id": "c", "agent_id": "a", "call_type": "web_call", "call_status": "ended"}
    judged = {why: RetellCall(**call, disconnection_reason=why).failed for why in ("error_of_next_year", "sung_to")}
    assert judged == {"error_of_next_year": True, "sung_to": False}


def test_every_reason_that_retell_names_is_judged(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    named = contract.spec["components"]["schemas"]["V3CallReqFilterCriteriaDisconnectionReason"]
    assert set(named["properties"]["value"]["items"]["enum"]) == {*BROKEN, *PEOPLES_OWN}
    assert not PEOPLES_OWN & {*BROKEN}


@pytest.mark.parametrize("kind", [Kind.GARBAGE, Kind.HTML, Kind.HUGE])
async def test_calls_that_cannot_be_read_are_no_calls(fake: FakeRetell, voice: Retell, kind: Kind) -> None:
    fake.faults.arm(Fault(kind, times=3, status=200))
    with pytest.raises(TryLater, match="voice answered with") as caught:
        await voice.calls(since=yesterday(), limit=10)
    assert not isinstance(caught.value, OutcomeUnknown)  # it is posted, and a read all the same


async def test_a_read_that_is_posted_is_tried_again(fake: FakeRetell, voice: Retell) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=429, retry_after="0"))
    assert await voice.calls(since=yesterday(), limit=10)
    assert [call.status for call in fake.heard] == [429, 200]
    fake.faults.arm(Fault(Kind.STATUS, status=429, retry_after="90"))
    with pytest.raises(TryLater, match="asks us to slow down") as caught:
        await voice.calls(since=yesterday(), limit=10)
    assert caught.value.after == timedelta(seconds=90)


# -- errors


async def test_failed_calls_are_errors(fake: FakeRetell, voice: Retell) -> None:
    page = await voice.errors(since=yesterday(), match=None, limit=100)
    assert [(each.origin, each.operation, each.message) for each in page.events] == [
        ("Reminders", "outbound phone call", "dial_failed"),
        ("Reminders", "outbound phone call", "dial_failed"),
        ("Front desk", "inbound phone call", "error_llm_websocket_open"),
        ("Reminders", "outbound phone call", "dial_failed"),
        ("Night desk", "inbound phone call", "error_asr"),
    ]
    assert not page.truncated
    assert not any("+1503" in f"{each}" for each in page.events)  # who called is no business of a channel's
    asked = [body["filter_criteria"] for body in bodies(fake, "/v3/list-calls")]
    (by_status,) = (each["call_status"] for each in asked if "call_status" in each)
    assert by_status == {"type": "enum", "op": "in", "value": ["error", "not_connected"]}


async def test_errors_that_fit_and_no_more_than_asked_for(fake: FakeRetell, voice: Retell) -> None:
    found = await voice.errors(since=yesterday(), match="NIGHT", limit=100)
    assert [each.message for each in found.events] == ["error_asr"]
    page = await voice.errors(since=yesterday(), match=None, limit=2)
    assert ([each.message for each in page.events], page.truncated) == (["dial_failed", "dial_failed"], True)
    fake.calls.clear()
    fake.add_call("agent_front", "error")
    page = await voice.errors(since=yesterday(), match=None, limit=2)
    assert ([each.message for each in page.events], page.truncated) == (["call ended as error"], False)


# -- usage


async def test_how_many_run_at_once(fake: FakeRetell, voice: Retell) -> None:
    (quota,) = await voice.usage()
    assert (quota.name, quota.used, quota.limit, quota.unit, quota.note) == ("calls at once", 3, 20, "calls", "")
    fake.burst = 60
    (quota,) = await voice.usage()
    assert quota.note == "Up to 60 calls at once in a burst, at a surcharge."
