"""Telnyx's traps, each with its name. What is said is held against Telnyx's own description (see `fake`)."""

from datetime import timedelta

import httpx
import pytest

from bot.words.exceptions import OutcomeUnknown, Refused
from integrations.capabilities import (
    Checkable,
    Checked,
    Credentialed,
    ErrorSource,
    Health,
    Metered,
    Numbers,
    Quota,
    Switch,
    Switchable,
    Switches,
)
from integrations.capabilities.trials import Testable as Tryable
from integrations.telnyx.client import PausableProfiles, ProfiledNumbers, Telnyx
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.telnyx import CODES, MARKETING, FakeTelnyx, Record
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.standin import serving
from tests.integrations.telnyx.conftest import KEY, NOW, opened


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    asked = {"GET /balance", "GET /detail_records", "PATCH /messaging_profiles/{id}"}
    assert {*asked, "PATCH /phone_numbers/{id}/messaging"} <= set(contract.operations())


def test_it_claims_what_it_can(fake: FakeTelnyx, http: httpx.AsyncClient) -> None:
    whole = opened(fake, "http://127.0.0.1:9", http)
    for can in (Checkable, Tryable, Credentialed, ErrorSource, Metered):
        assert [type(each) for each in whole.having(can)] == [Telnyx]
    assert [type(each) for each in whole.having(Numbers)] == [ProfiledNumbers]
    assert [type(each) for each in whole.having(Switches)] == [PausableProfiles]
    assert opened(fake, "http://127.0.0.1:9", http, pausable=[]).having(Switches) == ()


# -- health, rights, money


async def test_it_is_well(sms: Telnyx) -> None:
    assert await sms.check() == Checked(Health.OK)
    assert [(trial.what, trial.health) for trial in await sms.test()] == [
        ("read the balance", Health.OK),
        ("read the records of failed messages", Health.OK),
        ("list phone numbers", Health.OK),
        ("list messaging profiles", Health.OK),
        ("find those that may be paused", Health.OK),
    ]
    assert [(each.setting, each.reference) for each in sms.credentials()] == [
        ("services.sms.api_key", "env:DEMO_TELNYX_API_KEY")
    ]


async def test_a_pausable_profile_that_is_not_there(fake: FakeTelnyx, url: str, http: httpx.AsyncClient) -> None:
    client = opened(fake, url, http, pausable=["Marketing", "Markting"]).named("sms", Tryable)
    *well, last = await client.test()
    assert {trial.health for trial in well} == {Health.OK}
    assert (last.health, last.detail) == (Health.DEGRADED, "sms has no messaging profile Markting.")
    assert last.remedy == "Write services.sms.pausable."


async def test_code_10009_is_a_wrong_key(fake: FakeTelnyx, url: str, http: httpx.AsyncClient) -> None:
    wrong = opened(fake, url, http, key="wr0ng")
    seen = await wrong.named("sms", Checkable).check()
    assert seen == Checked(
        Health.DEGRADED,
        "sms refused our credential (401): Could not find any usable credentials in the request. "
        "Check services.sms.api_key.",
    )
    with pytest.raises(Refused, match=r"Check services\.sms\.api_key"):
        await wrong.named("sms", Credentialed).rights()


async def test_code_10010_is_a_key_that_may_not_do_this(fake: FakeTelnyx, sms: Telnyx, numbers: Numbers) -> None:
    fake.forbidden = "/phone_numbers"
    rights = await sms.rights()
    assert rights.has == ("read the balance", "read detail records", "list messaging profiles")
    assert rights.lacking == (("list phone numbers", "numbers"),)
    assert "as a rule it acts for the whole account" in rights.note
    with pytest.raises(Refused, match=r"sms takes our key, which may not do this \(403\): You do not have permission"):
        await numbers.numbers()


async def test_the_balance_is_text_and_told_as_money_left(fake: FakeTelnyx, sms: Telnyx) -> None:
    (quota,) = await sms.usage()
    note = "It is the balance of 118.42 USD and credit of 50.00 USD."
    assert quota == Quota("available credit", 168.42, None, "USD", None, note, remaining_is_good=True)
    fake.credit_limit = "0.00"
    (quota,) = await sms.usage()
    assert (quota.used, quota.note) == (118.42, "")


async def test_without_money_it_answers_and_sends_nothing(fake: FakeTelnyx, sms: Telnyx) -> None:
    fake.balance, fake.credit_limit = "-3.10", "0.00"
    assert await sms.check() == Checked(Health.DEGRADED, "nothing is left to spend (-3.10 USD): top it up")


# -- messages that failed


async def test_there_is_no_message_list_endpoint(fake: FakeTelnyx, sms: Telnyx, contract: Contract | None) -> None:
    """Messages are detail records, and those are refused without filter[record_type]."""
    if contract is not None:
        assert "GET /messages" not in contract.operations()
    page = await sms.errors(since=NOW - timedelta(hours=24), match=None, limit=20)
    assert {call.path for call in fake.heard} == {"/v2/detail_records"}
    assert {call.query["filter[record_type]"] for call in fake.heard} == {"messaging"}
    assert [(each.at, each.origin, each.operation) for each in page.events][:2] == [
        (NOW - timedelta(minutes=12), "Appointment reminders", "send SMS"),
        (NOW - timedelta(minutes=35), "Marketing", "send SMS"),
    ]
    assert [each.message for each in page.events] == [
        "SMS from +18885550101 to …0143 failed: a landline, or not routable (40001)",
        "SMS from +18885550101 to …0121 was refused by the gateway: error 40300, blocked as spam for good (40003)",
        "SMS from +18885550101 to …0123 got no answer from the gateway in time",
        "SMS from …0150 to +18885550101 failed",
        "SMS from +18885550101 to …0124 failed: undeliverable (40008)",
    ]
    assert not page.truncated


async def test_without_the_required_filter_records_are_refused(http: httpx.AsyncClient) -> None:
    async with serving(FakeTelnyx(KEY).app()) as url:  # not `fake`: the description does not know such a request
        bare = await http.get(f"{url}/v2/detail_records", headers={"Authorization": f"Bearer {KEY}"})
    assert (bare.status_code, bare.json()["errors"][0]["code"]) == (400, "10004")


async def test_a_receipt_that_did_not_come_is_no_failure(fake: FakeTelnyx, sms: Telnyx) -> None:
    fake.records = [Record("u-1", "dlr_timeout", 5, "+13125550142"), Record("u-2", "dlr_unconfirmed", 5, "+1312555")]
    assert (await sms.errors(since=NOW - timedelta(hours=1), match=None, limit=20)).events == ()


async def test_a_message_that_failed_long_after_it_was_made(fake: FakeTelnyx, sms: Telnyx) -> None:
    """Records are found by when they were made; an error is of when it failed."""
    fake.records = [Record("u-1", "failed", 20 * 60, "+13125550142", took=20 * 60 - 5)]
    (event,) = (await sms.errors(since=NOW - timedelta(minutes=10), match=None, limit=20)).events
    assert event.at == NOW - timedelta(minutes=5)


async def test_matched_and_limited(sms: Telnyx) -> None:
    since = NOW - timedelta(hours=24)
    found = await sms.errors(since=since, match="MARKETING", limit=20)
    assert [each.key[-1] for each in found.events] == ["3"]
    assert [each.key[-1] for each in (await sms.errors(since=since, match="40008", limit=20)).events] == ["6"]
    page = await sms.errors(since=since, match=None, limit=2)
    assert ([each.key[-1] for each in page.events], page.truncated) == (["2", "3"], True)


async def test_more_pages_of_records_than_are_read(fake: FakeTelnyx, sms: Telnyx) -> None:
    """A page has 50 of them at most."""
    fake.records = [Record(f"u-{n:03}", "failed", n, "+13125550142") for n in range(1, 201)]
    page = await sms.errors(since=NOW - timedelta(hours=24), match=None, limit=500)
    assert (len(page.events), page.truncated) == (200, False)
    fake.records.append(Record("u-201", "failed", 201, "+13125550142"))
    page = await sms.errors(since=NOW - timedelta(hours=24), match=None, limit=500)
    assert (len(page.events), page.truncated) == (200, True)
    assert {call.query["page[size]"] for call in fake.heard} == {"50"}


# -- messaging profiles


async def test_paused_and_resumed(fake: FakeTelnyx, profiles: Switches) -> None:
    assert await profiles.switches() == (Switchable(MARKETING, "Marketing", Switch.RUNNING),)
    flipped = await profiles.pause([MARKETING])
    assert (flipped.changed, flipped.missed) == ((Switchable(MARKETING, "Marketing", Switch.RUNNING),), ())
    assert [each.state for each in await profiles.switches()] == [Switch.PAUSED]
    assert [call.body for call in fake.heard if call.method == "PATCH"] == ['{"enabled":false}']
    again = await profiles.pause([MARKETING])
    assert (again.changed, again.missed) == ((), ("Marketing was not running any more",))
    assert (await profiles.resume(flipped.changed)).missed == ()
    assert (fake.done("disable"), fake.done("enable")) == ([MARKETING], [MARKETING])


async def test_by_id_in_ops_toml(fake: FakeTelnyx, url: str, http: httpx.AsyncClient) -> None:
    profiles = opened(fake, url, http, pausable=[CODES]).named("sms", Switches)
    assert [each.name for each in await profiles.switches()] == ["Login codes"]


async def test_only_what_ops_toml_names_is_paused(fake: FakeTelnyx, profiles: Switches) -> None:
    gone = "4001a7f4-0a13-4e28-b4f5-3c1d5a7e9bff"
    flipped = await profiles.pause([CODES, gone, MARKETING])
    assert [each.name for each in flipped.changed] == ["Marketing"]
    assert flipped.missed == (
        "Login codes is not among the messaging profiles that may be paused",
        f"sms has no messaging profile {gone} any more.",
    )
    assert fake.done("disable") == [MARKETING]


@pytest.mark.parametrize("fault", [Kind.GATEWAY, Kind.DROPPED, Kind.GARBAGE])
async def test_a_pause_that_may_have_worked(fake: FakeTelnyx, profiles: Switches, fault: Kind) -> None:
    fake.faults.arm(Fault(fault, only="PATCH"))
    with pytest.raises(OutcomeUnknown):
        await profiles.pause([MARKETING])
    assert fake.done("disable") == [MARKETING]


async def test_a_pause_that_was_taken_and_not_done(fake: FakeTelnyx, profiles: Switches) -> None:
    fake.ignores_writes = True
    with pytest.raises(OutcomeUnknown, match="took the change, and says that Marketing is enabled"):
        await profiles.pause([MARKETING])
