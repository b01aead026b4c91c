"""Telnyx's phone numbers: released, reassigned and put back."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, Stale, TryLater
from commands.numbers.reassign import Reassign, ReassignNumber
from integrations import Services
from integrations.capabilities import (
    Number,
    Numbers,
    NumberState,
)
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.telnyx import CODES, MARKETING, REMINDERS, FakeTelnyx, Profile
from sandbox.world.telnyx import Number as Owned
from tests.integrations.telnyx.conftest import FREE, PORTING, TAKEN, the

# -- numbers


async def test_numbers_in_e164(numbers: Numbers) -> None:
    found = await numbers.numbers()
    assert [(each.number, each.state, each.assigned_to, each.detail) for each in found] == [
        ("+13125550177", NumberState.OTHER, "", "port-pending"),
        ("+18885550101", NumberState.ASSIGNED, "Appointment reminders", ""),
        ("+18885550102", NumberState.ASSIGNED, "Login codes", ""),
        ("+18885550103", NumberState.ASSIGNED, "Marketing", ""),
        ("+18885550104", NumberState.AVAILABLE, "", ""),
    ]
    assert found[0].since == datetime(2026, 1, 12, 9, 30, tzinfo=UTC)


async def test_all_pages_are_read(fake: FakeTelnyx, numbers: Numbers) -> None:
    fake.most = 2
    assert len(await numbers.numbers()) == 5


async def test_more_numbers_than_are_read(fake: FakeTelnyx, numbers: Numbers) -> None:
    fake.numbers = [Owned(str(n), f"+1888{n:07}") for n in range(5_001)]
    with pytest.raises(Refused, match="sms has more than 5,000 phone numbers"):
        await numbers.numbers()


@pytest.mark.parametrize("to", ["Marketing", "marketing", MARKETING])
async def test_reassigned_and_put_back(fake: FakeTelnyx, numbers: Numbers, to: str) -> None:
    was = await the(numbers, TAKEN)
    kept = await numbers.set_number(was, state=NumberState.ASSIGNED, assigned_to=to)
    assert fake.number(TAKEN).profile == MARKETING
    await numbers.restore_number(TAKEN, kept)
    assert fake.number(TAKEN).profile == REMINDERS


async def test_released_is_without_a_profile_and_never_deleted(fake: FakeTelnyx, numbers: Numbers) -> None:
    """An empty text: null, or nothing, would leave the number where it is."""
    was = await the(numbers, TAKEN)
    kept = await numbers.set_number(was, state=NumberState.AVAILABLE, assigned_to="")
    assert (await the(numbers, TAKEN)).state is NumberState.AVAILABLE
    assert [call.body for call in fake.heard if call.method == "PATCH"] == ['{"messaging_profile_id":""}']
    assert "DELETE" not in {call.method for call in fake.heard}
    await numbers.restore_number(TAKEN, kept)
    assert await the(numbers, TAKEN) == was


async def test_a_number_is_found_by_its_digits(fake: FakeTelnyx, numbers: Numbers) -> None:
    """Of filter[phone_number] a + finds nothing, and it finds longer numbers too."""
    fake.numbers.insert(0, Owned("1", "+188855501010", REMINDERS))
    await numbers.set_number(await the(numbers, TAKEN), state=NumberState.AVAILABLE, assigned_to="")
    assert [call.query.get("filter[phone_number]") for call in fake.heard if "filter[phone_number]" in call.query] == [
        "18885550101"
    ]
    assert fake.done("unassign") == [TAKEN]


async def test_a_free_number_is_given_out_and_taken_back(fake: FakeTelnyx, numbers: Numbers) -> None:
    kept = await numbers.set_number(await the(numbers, FREE), state=NumberState.ASSIGNED, assigned_to="Login codes")
    assert fake.number(FREE).profile == CODES
    await numbers.restore_number(FREE, kept)
    assert fake.number(FREE).profile == ""


async def test_what_somebody_changed_since_is_left_as_it_is(fake: FakeTelnyx, numbers: Numbers) -> None:
    was = await the(numbers, TAKEN)
    fake.number(TAKEN).profile = CODES
    with pytest.raises(Stale, match="was changed since; it was left as it is") as stale:
        await numbers.set_number(was, state=NumberState.AVAILABLE, assigned_to="")
    assert stale.value.differences == ("assigned to was Appointment reminders, is Login codes",)
    kept = await numbers.set_number(await the(numbers, TAKEN), state=NumberState.AVAILABLE, assigned_to="")
    fake.number(TAKEN).profile = MARKETING
    with pytest.raises(Stale):
        await numbers.restore_number(TAKEN, kept)
    assert fake.number(TAKEN).profile == MARKETING
    fake.numbers.remove(fake.number(TAKEN))
    with pytest.raises(Stale, match="is not there any more"):
        await numbers.restore_number(TAKEN, kept)
    with pytest.raises(Stale, match="is not there any more"):
        await numbers.set_number(was, state=NumberState.AVAILABLE, assigned_to="")


async def test_what_cannot_be_done_with_a_number(fake: FakeTelnyx, numbers: Numbers) -> None:
    was, porting = await the(numbers, TAKEN), await the(numbers, PORTING)
    refused: list[tuple[Number, NumberState, str, type[OpsError], str]] = [
        (was, NumberState.ASSIGNED, "Newsletter", NotUnderstood, r"no messaging profile 'Newsletter'. There are: App"),
        (was, NumberState.ASSIGNED, REMINDERS, Stale, "belongs to Appointment reminders already"),
        (was, NumberState.SUSPENDED, "", NotUnderstood, "cannot be made suspended"),
        (porting, NumberState.ASSIGNED, "Marketing", Refused, "is port-pending: only an active number"),
    ]
    for number, state, to, error, sentence in refused:
        with pytest.raises(error, match=sentence):
            await numbers.set_number(number, state=state, assigned_to=to)
    assert fake.effects == []


async def test_a_name_that_several_profiles_have_is_none(fake: FakeTelnyx, numbers: Numbers) -> None:
    other = "4001a7f4-0a13-4e28-b4f5-3c1d5a7e9b04"
    fake.profiles.append(Profile(other, "Marketing"))
    assert (await the(numbers, "+18885550103")).assigned_to == MARKETING
    with pytest.raises(NotUnderstood, match=f"Several messaging profiles are called Marketing: {MARKETING}, {other}"):
        await numbers.set_number(await the(numbers, TAKEN), state=NumberState.ASSIGNED, assigned_to="Marketing")


@pytest.mark.parametrize("fault", [Kind.GATEWAY, Kind.DROPPED, Kind.GARBAGE, Kind.TRUNCATED])
async def test_a_change_that_may_have_worked(fake: FakeTelnyx, numbers: Numbers, fault: Kind) -> None:
    was = await the(numbers, TAKEN)
    fake.faults.arm(Fault(fault, only="PATCH"))
    with pytest.raises(OutcomeUnknown):
        await numbers.set_number(was, state=NumberState.AVAILABLE, assigned_to="")
    assert fake.done("unassign") == [TAKEN]


async def test_a_change_that_was_taken_and_not_done(fake: FakeTelnyx, numbers: Numbers) -> None:
    was = await the(numbers, TAKEN)
    fake.ignores_writes = True
    with pytest.raises(OutcomeUnknown, match=f"says that the number has {REMINDERS}; look there"):
        await numbers.set_number(was, state=NumberState.AVAILABLE, assigned_to="")


async def test_a_write_that_is_refused_says_why(fake: FakeTelnyx, numbers: Numbers) -> None:
    kept = await numbers.set_number(await the(numbers, TAKEN), state=NumberState.AVAILABLE, assigned_to="")
    fake.profiles.remove(fake.profile(REMINDERS))
    with pytest.raises(Refused, match=r"sms refused \(422\): The messaging profile does not exist\."):
        await numbers.restore_number(TAKEN, kept)


async def test_a_403_of_another_code_is_no_matter_of_the_key(fake: FakeTelnyx, numbers: Numbers) -> None:
    kept = await numbers.set_number(await the(numbers, TAKEN), state=NumberState.AVAILABLE, assigned_to="")
    fake.number(TAKEN).status = "port-out-pending"
    with pytest.raises(Refused, match=r"^sms refused \(403\): The phone number is inactive\.$"):
        await numbers.restore_number(TAKEN, kept)


async def test_told_to_slow_down_a_read_waits_and_a_write_does_not(fake: FakeTelnyx, numbers: Numbers) -> None:
    fake.faults.arm(Fault(Kind.STATUS, only="GET /v2/phone_numbers", status=429, retry_after="0"))
    was = await the(numbers, TAKEN)
    fake.faults.arm(Fault(Kind.STATUS, only="PATCH", status=429, retry_after="7"))
    with pytest.raises(TryLater) as later:
        await numbers.set_number(was, state=NumberState.AVAILABLE, assigned_to="")
    assert (later.value.after, fake.effects) == (timedelta(seconds=7), [])


async def test_reassigned_by_what_people_type(fake: FakeTelnyx, services: Services) -> None:
    action = ReassignNumber(services.having(Numbers))
    plan = await action.preview(Reassign(number="+1 888 555-0101", to="Login codes"))
    assert (plan.warnings, plan.nothing_to_do) == (("Appointment reminders loses it.",), "")
    receipt = await action.execute(plan)
    assert receipt.headline == f"{TAKEN} of sms belongs to Login codes now."
    undone = await action.undo(plan, receipt)
    assert undone.headline == f"{TAKEN} of sms is assigned to Appointment reminders again."
    assert fake.number(TAKEN).profile == REMINDERS
