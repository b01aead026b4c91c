"""Retell's phone numbers: released, reassigned and put back."""

import json

import pytest

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, Stale
from integrations.capabilities import (
    NumberState,
)
from integrations.retell.numbers import RetellNumbers
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.retell import FakeRetell
from tests.integrations.retell.conftest import FRONT, NIGHT, OUT, SPARE, bodies, one

# -- numbers


async def test_numbers_and_who_answers_them(fake: FakeRetell, phones: RetellNumbers) -> None:
    fake.page_size = 2
    fake.add_number("+18885550185", "By hook", inbound_webhook_url="https://shop.example/pick")
    fake.add_number("+18885550186", "Texts", inbound_sms_agents=[{"agent_id": "agent_chat", "weight": 1}])
    assert [(each.number, each.state, each.assigned_to, each.detail) for each in await phones.numbers()] == [
        (FRONT, NumberState.ASSIGNED, "Front desk", ""),
        (NIGHT, NumberState.ASSIGNED, "Front desk 70 %, Night desk 30 %", ""),
        (OUT, NumberState.OTHER, "Reminders", "outbound only"),
        (SPARE, NumberState.AVAILABLE, "", ""),
        ("+18885550185", NumberState.OTHER, "", "answered by webhook"),
        ("+18885550186", NumberState.OTHER, "Website chat", "SMS only"),
    ]
    queries = [call.query for call in fake.heard if call.path == "/v2/list-agents"]
    assert [query.get("pagination_key") for query in queries] == [None, "key_2"]  # in the query, not in the body


async def test_reassigned_and_put_back_with_version_and_weights(fake: FakeRetell, phones: RetellNumbers) -> None:
    for number in (FRONT, NIGHT, OUT, SPARE):
        before = {role: fake.numbers[number][role] or [] for role in ("inbound_agents", "outbound_agents")}
        was = await one(phones, number)
        kept = await phones.set_number(was, state=NumberState.ASSIGNED, assigned_to="night DESK")
        assert (await one(phones, number)).assigned_to == "Night desk"
        assert (fake.numbers[number]["outbound_agents"] or []) == before["outbound_agents"]
        await phones.restore_number(number, json.loads(json.dumps(kept)))
        assert {role: fake.numbers[number][role] or [] for role in before} == before
        assert await one(phones, number) == was
    sent = bodies(fake, "/update-phone-number")
    assert sent[0] == {"inbound_agents": [{"agent_id": "agent_night", "weight": 1.0}]}
    assert sent[1] == {"inbound_agents": [{"agent_id": "agent_front", "agent_version": 4, "weight": 1.0}]}


async def test_released_from_every_agent_and_put_back(fake: FakeRetell, phones: RetellNumbers) -> None:
    was = await one(phones, FRONT)
    kept = await phones.set_number(was, state=NumberState.AVAILABLE, assigned_to="")
    assert (await one(phones, FRONT)).state is NumberState.AVAILABLE
    assert bodies(fake, "/update-phone-number") == [{"inbound_agents": [], "outbound_agents": []}]
    await phones.restore_number(FRONT, kept)
    assert await one(phones, FRONT) == was
    assert fake.numbers[FRONT]["outbound_agents"][0]["agent_version"] == 2


async def test_a_field_for_one_agent_alone_is_read_and_not_fallen_back_to(
    fake: FakeRetell, phones: RetellNumbers
) -> None:
    """inbound_agent_id ended on 2026-03-31; where it is still told, an empty list would fall back to it."""
    fake.add_number("+18885550187", "Of old", inbound_agent_id="agent_front", inbound_agent_version=3)
    was = await one(phones, "+18885550187")
    assert (was.state, was.assigned_to) == (NumberState.ASSIGNED, "Front desk")
    kept = await phones.set_number(was, state=NumberState.AVAILABLE, assigned_to="")
    assert bodies(fake, "/update-phone-number") == [{"inbound_agents": [], "inbound_agent_id": None}]
    await phones.restore_number("+18885550187", kept)
    back = {"agent_id": "agent_front", "agent_version": 3, "weight": 1.0}
    assert bodies(fake, "/update-phone-number")[1] == {"inbound_agents": [back]}


async def test_what_was_changed_since_is_left_alone(fake: FakeRetell, phones: RetellNumbers) -> None:
    was = await one(phones, FRONT)
    kept = await phones.set_number(was, state=NumberState.ASSIGNED, assigned_to="agent_night")
    with pytest.raises(Stale, match="was changed since; it was left as it is") as caught:
        await phones.set_number(was, state=NumberState.AVAILABLE, assigned_to="")
    assert caught.value.differences == ("assigned to was Front desk, is Night desk",)
    fake.numbers[FRONT]["inbound_agents"] = [{"agent_id": "agent_night", "agent_version": 9, "weight": 1}]
    with pytest.raises(Stale, match="were changed since"):
        await phones.restore_number(FRONT, kept)
    del fake.numbers[FRONT]
    with pytest.raises(Stale, match=r"has no number \+18885550181 any more"):
        await phones.restore_number(FRONT, kept)
    assert fake.done("update number") == [FRONT]


@pytest.mark.parametrize(
    ("to", "error", "why"),
    [
        ("Font desk", NotUnderstood, "no agent 'Font desk'. There are: .*Front desk"),
        ("Twin", NotUnderstood, "several agents called 'Twin'; write the id of one: agent_a, agent_b"),
        ("Website chat", Refused, "is for chat: it answers no calls"),
        ("Retired", Refused, "is suspended"),
    ],
)
async def test_an_agent_that_cannot_answer(
    fake: FakeRetell, phones: RetellNumbers, to: str, error: type[OpsError], why: str
) -> None:
    fake.add_agent("agent_a", "Twin")
    fake.add_agent("agent_b", "twin")
    fake.add_agent("agent_r", "Retired", suspended=True)
    with pytest.raises(error, match=why):
        await phones.set_number(await one(phones, SPARE), state=NumberState.ASSIGNED, assigned_to=to)
    assert fake.effects == []


async def test_nothing_is_sent_where_nothing_changes(fake: FakeRetell, phones: RetellNumbers) -> None:
    kept = await phones.set_number(await one(phones, SPARE), state=NumberState.AVAILABLE, assigned_to="")
    await phones.restore_number(SPARE, kept)
    assert (kept["was"], fake.effects) == (kept["is"], [])


async def test_agents_of_one_name_are_told_apart_by_id(fake: FakeRetell, phones: RetellNumbers) -> None:
    fake.add_agent("agent_a", "front desk")
    assert (await one(phones, FRONT)).assigned_to == "agent_front"


async def test_a_number_that_a_webhook_answers_is_not_released(fake: FakeRetell, phones: RetellNumbers) -> None:
    fake.numbers[FRONT]["inbound_webhook_url"] = "https://shop.example/pick"
    with pytest.raises(Refused, match="picked by a webhook"):
        await phones.set_number(await one(phones, FRONT), state=NumberState.AVAILABLE, assigned_to="")
    with pytest.raises(NotUnderstood, match="cannot be made suspended"):
        await phones.set_number(await one(phones, FRONT), state=NumberState.SUSPENDED, assigned_to="")
    assert fake.effects == []


async def test_a_change_that_was_taken_and_not_made_is_unknown(fake: FakeRetell, phones: RetellNumbers) -> None:
    fake.misses_change = True
    with pytest.raises(OutcomeUnknown, match="tells other agents than were asked for"):
        await phones.set_number(await one(phones, SPARE), state=NumberState.ASSIGNED, assigned_to="Front desk")


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED, Kind.TRUNCATED, Kind.GARBAGE])
async def test_a_write_that_breaks_off_is_sent_once_and_unknown(
    fake: FakeRetell, phones: RetellNumbers, kind: Kind
) -> None:
    was = await one(phones, SPARE)
    fake.faults.arm(Fault(kind, only="PATCH"))
    with pytest.raises(OutcomeUnknown):
        await phones.set_number(was, state=NumberState.ASSIGNED, assigned_to="Front desk")
    assert fake.done("update number") == [SPARE]
