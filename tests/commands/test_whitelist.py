"""/ops whitelist."""

import ipaddress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.words.action import Receipt
from bot.words.exceptions import Misconfigured, NotUnderstood, Stale
from bot.words.networks import refusal
from commands.whitelist import LiftRateLimit, Settings, Whitelist
from tests.commands.world import NOON, Clock, Limiter, carry_out

REFUSED = [
    ("0.0.0.0/0", "the whole internet"),
    ("::/0", "the whole internet"),
    ("203.0.112.0/23", "at most a /24, and this is a /23"),
    ("8.8.8.0/23", "at most a /24, and this is a /23"),
    ("2606:4700::/47", "at most a /48, and this is a /47"),
]
"""What no client on the internet has is in tests/hostile/test_e_reserved.py."""
ALLOWED = ["203.0.113.7", "203.0.113.0/24", "8.8.8.8", "2001:db8::1", "2001:db8:7::/48", "223.255.255.255"]


@pytest.mark.parametrize(("network", "why"), REFUSED)
def test_refused_whoever_asks(network: str, why: str) -> None:
    assert why in refusal(str(ipaddress.ip_network(network, strict=False)), 24, 48, documentation=True)


@pytest.mark.parametrize("network", ALLOWED)
def test_allowed(network: str) -> None:
    assert refusal(network, 24, 48, documentation=True) == ""


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(8, 32))
def test_what_is_allowed_is_no_wider_than_policy(address: int, prefix: int, widest: int) -> None:
    network = ipaddress.IPv4Network((address, prefix), strict=False)
    assert refusal(str(network), widest, 48) or network.prefixlen >= widest


def lifting(*limiters: Limiter) -> LiftRateLimit:
    return LiftRateLimit(limiters, Clock(), Settings(documentation=True))


def asked(network: str = "203.0.113.7", hours: int | None = 2, on: str | None = None) -> Whitelist:
    return Whitelist(network=network, for_=timedelta(hours=hours) if hours else None, reason="import", on=on)


def stored(receipt: Receipt) -> Receipt:
    """As it comes back from the database."""
    return Receipt.model_validate_json(receipt.model_dump_json())


async def test_counted_then_lifted_then_undone() -> None:
    limiter = Limiter("api", records={"203.0.113.7": 12})
    action = lifting(limiter)

    plan = await action.preview(asked())
    receipt = await action.execute(plan)

    assert plan.headline == "Lift rate limiting for 203.0.113.7 on api for 2h."
    assert plan.effects == (
        "12 rate-limit records are deleted: /api/import: 12 requests, and more",
        "203.0.113.7 goes on the allow-list",
    )
    assert (plan.target, plan.confirm_phrase) == ("api 203.0.113.7", "203.0.113.7")
    assert plan.ends_after == timedelta(hours=2)
    assert receipt.headline == "Lifted rate limiting for 203.0.113.7 on api."
    assert limiter.allowed == {"203.0.113.7": ("import", NOON + timedelta(hours=2))}
    assert limiter.records == {}

    undone = await action.undo(plan, stored(receipt))

    assert undone.headline == "203.0.113.7 is no longer on the allow-list of api."
    assert limiter.allowed == {}


async def test_the_count_is_words_and_does_not_make_the_plan_stale() -> None:
    limiter = Limiter("api", records={"203.0.113.7": 12})
    action = lifting(limiter)
    plan = await action.preview(asked())

    limiter.records["203.0.113.7"] = 15

    again = await action.preview(asked())
    assert again.digest("whitelist", asked()) == plan.digest("whitelist", asked())
    assert again.effects != plan.effects


async def test_allowed_by_somebody_else_meanwhile() -> None:
    limiter = Limiter("api", records={"203.0.113.7": 12})
    action = lifting(limiter)
    plan = await action.preview(asked())
    assert limiter.allowed is not None
    limiter.allowed["203.0.113.7"] = ("another", None)

    with pytest.raises(Stale):
        await carry_out(action, asked(), plan)

    assert limiter.records == {"203.0.113.7": 12}


async def test_what_somebody_else_allowed_is_never_ended_or_undone() -> None:
    limiter = Limiter("api", records={"203.0.113.7": 1}, allowed={"203.0.113.7": ("office", None)})
    action = lifting(limiter)

    plan = await action.preview(asked())
    receipt = await action.execute(plan)
    undone = await action.undo(plan, stored(receipt))

    assert plan.ends_after is None
    assert plan.effects[1] == "203.0.113.7 is already on the allow-list"
    assert plan.warnings == ("It was allowed before, by somebody else; this neither ends nor undoes that.",)
    assert undone.headline == "203.0.113.7 had not been added to the allow-list of api."
    assert limiter.allowed == {"203.0.113.7": ("office", None)}


async def test_an_undo_checks_for_drift() -> None:
    """sso-elevator#35: time-boxed changes check for drift before they revert."""
    limiter = Limiter("api")
    action = lifting(limiter)
    plan = await action.preview(asked())
    receipt = await action.execute(plan)
    assert limiter.allowed is not None
    limiter.allowed["203.0.113.7"] = ("made permanent by hand", None)

    with pytest.raises(Stale):
        await action.undo(plan, stored(receipt))


@pytest.mark.parametrize(
    ("limiter", "why"),
    [
        (
            Limiter("api", allowed={"203.0.113.7": ("office", None)}),
            "api has no rate-limit record of 203.0.113.7, and it is on the allow-list already.",
        ),
        (
            Limiter("api", allowed=None),
            "api has no rate-limit record of 203.0.113.7, and there is no allow-list to put it on.",
        ),
        (Limiter("api"), ""),
        (Limiter("api", allowed=None, records={"203.0.113.7": 3}), ""),
    ],
)
async def test_nothing_to_do(limiter: Limiter, why: str) -> None:
    assert (await lifting(limiter).preview(asked())).nothing_to_do == why


async def test_without_an_allow_list_nothing_is_promised_that_ends() -> None:
    plan = await lifting(Limiter("api", allowed=None, records={"203.0.113.7": 1})).preview(asked())

    assert plan.ends_after is None
    assert plan.headline == "Lift rate limiting for 203.0.113.7 on api."
    assert plan.effects == ("1 rate-limit record is deleted: /api/import: 1 requests",)
    assert plan.warnings[0].startswith("There is no allow-list here")


async def test_without_an_end_the_plan_warns() -> None:
    plan = await lifting(Limiter("api")).preview(asked(hours=None))

    assert plan.ends_after is None
    assert plan.warnings == ("It does not end by itself; for=2h would.",)


async def test_mistakes_are_answered_with_what_to_type() -> None:
    with pytest.raises(NotUnderstood, match="is among private addresses") as caught:
        await lifting(Limiter("api")).preview(asked("10.0.0.1"))
    assert caught.value.hint == "", "no other address is any guess at the one that was meant"
    with pytest.raises(NotUnderstood, match="Several services can lift rate limits: api, web") as caught:
        await lifting(Limiter("api"), Limiter("web")).preview(asked())
    assert caught.value.hint == "whitelist 203.0.113.7 for=2h reason=import on=api"
    with pytest.raises(Misconfigured):
        await lifting().preview(asked())
    with pytest.raises(ValidationError, match=r"type one like 203\.0\.113\.7"):
        Whitelist(network="123.456.789.0", reason="import")
    with pytest.raises(ValidationError, match="an address on the internet has no zone"):
        Whitelist(network="2001:db8::1%eth0'; anything", reason="import")


async def test_the_named_service_and_no_other() -> None:
    api, web = Limiter("api"), Limiter("web")
    action = lifting(api, web)

    await action.execute(await action.preview(asked(on="web")))

    assert (api.allowed, [*(web.allowed or {})]) == ({}, ["203.0.113.7"])
    assert [option.value for option in await action.options("on", "")] == ["api", "web"]
