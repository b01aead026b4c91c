"""Stripe's traps, each with its name. What is said is held against Stripe's own description (see `fake`)."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, Stale, TryLater
from commands.errors import Tail, TailErrors
from commands.pause import Pause, PauseThing
from integrations import Services, open_services
from integrations.capabilities import (
    Checkable,
    Checked,
    Credentialed,
    ErrorSource,
    Health,
    Metered,
    Switch,
    Switches,
)
from integrations.capabilities.trials import Testable as Tryable
from integrations.stripe.client import PausableWebhooks, Stripe
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.stripe import Event, FakeStripe
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.vendor import Vendor, says

KEY = "rk_live_k3y-that-must-not-be-seen"
SHOP = "we_1Qshop"
OLD = "we_1Qold"


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("stripe")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeStripe]:
    fake = FakeStripe(KEY)
    yield fake
    assert not [call.path for call in fake.heard if "retry" in call.path]
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeStripe, url: str, http: httpx.AsyncClient, key: str = KEY, **settings: Any) -> Services:
    return open_services({"stripe": fake.section(url) | settings}, http, lambda reference: key)


@pytest.fixture
def services(fake: FakeStripe, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def stripe(services: Services) -> Stripe:
    client = services.named("stripe", ErrorSource)
    assert isinstance(client, Stripe)
    return client


@pytest.fixture
def webhooks(services: Services) -> Switches:
    return services.named("stripe", Switches)


def day(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "POST /v1/webhook_endpoints/{webhook_endpoint}" in contract.operations()
    assert not [each for each in contract.operations() if "retry" in each]


def test_it_claims_what_it_can(fake: FakeStripe, services: Services, http: httpx.AsyncClient) -> None:
    for can in (Checkable, Tryable, Credentialed, ErrorSource):
        assert [type(each) for each in services.having(can)] == [Stripe]
    assert [type(each) for each in services.having(Switches)] == [PausableWebhooks]
    assert services.having(Metered) == ()
    assert opened(fake, "http://127.0.0.1:9", http, pausable=[]).having(Switches) == ()


# -- health and rights


async def test_the_version_is_pinned(fake: FakeStripe, url: str, http: httpx.AsyncClient, stripe: Stripe) -> None:
    """The account's own default would change the shapes of answers."""
    assert await stripe.check() == Checked(Health.OK)
    await stripe.errors(since=day(1), match=None, limit=10)
    assert fake.versions == ["2025-09-30.clover"] * 2
    other = opened(fake, url, http, api_version="2024-06-20").named("stripe", Switches)
    await other.pause([SHOP])
    assert fake.versions[2:] == ["2024-06-20"] * 2
    with pytest.raises(Misconfigured, match="api_version"):
        opened(fake, url, http, api_version="newest")


async def test_a_bad_key(fake: FakeStripe, url: str, http: httpx.AsyncClient) -> None:
    with pytest.raises(Refused, match="Invalid API Key"):
        await opened(fake, url, http, key="wr0ng").named("stripe", Credentialed).rights()


@pytest.mark.parametrize(("livemode", "mode"), [(True, "live mode"), (False, "test mode")])
async def test_live_or_test_mode_is_shown(
    fake: FakeStripe, stripe: Stripe, webhooks: Switches, livemode: bool, mode: str
) -> None:
    """One looks like the other, and only one of them is money."""
    fake.livemode = livemode
    first, *others = await stripe.test()
    assert (first.health, first.detail) == (Health.OK, mode)
    assert [each.health for each in others] == [Health.OK] * 2
    assert (await stripe.rights()).has[0] == f"read on Balance ({mode})"
    assert {"test mode" in each.name for each in await webhooks.switches()} == {not livemode}
    (newest, *_) = (await stripe.errors(since=day(1), match=None, limit=10)).events
    assert ("test mode" in newest.origin, "/test/" in newest.link) == (not livemode, not livemode)


async def test_a_key_that_lacks_a_right(fake: FakeStripe, stripe: Stripe) -> None:
    fake.rights.remove("rak_event_read")
    rights = await stripe.rights()
    assert rights.has == ("read on Balance (live mode)", "read on Webhook Endpoints")
    assert (rights.lacking, rights.unneeded) == ((("read on Events", "errors"),), ())
    assert "write on Webhook Endpoints cannot be" in rights.note
    trials = await stripe.test()
    assert [each.health for each in trials] == [Health.OK, Health.DEGRADED, Health.OK]
    assert trials[1].remedy == "Give services.stripe.key read on Events."
    assert [(each.setting, each.reference) for each in stripe.credentials()] == [
        ("services.stripe.key", "env:DEMO_STRIPE_KEY")
    ]


async def test_a_secret_key_may_too_much(fake: FakeStripe, url: str, http: httpx.AsyncClient) -> None:
    fake.key = "sk_live_all"
    rights = await opened(fake, url, http, key="sk_live_all").named("stripe", Credentialed).rights()
    assert rights.unneeded == ("everything else in the account: it is a secret key, not a restricted one",)


# -- events that were not delivered


async def test_undelivered_events_are_errors(fake: FakeStripe, stripe: Stripe) -> None:
    page = await stripe.errors(since=day(1), match=None, limit=10)
    assert [(each.key, each.operation) for each in page.events] == [
        ("evt_1Qpaid", "invoice.paid"),
        ("evt_1Qfailed", "charge.failed"),
    ]
    assert page.events[0].message.startswith("invoice.paid is not delivered yet, or failed, 2 webhooks pending.")
    assert page.events[0].at == datetime.fromtimestamp(fake.events[0].created, UTC)
    assert page.events[0].link == "https://dashboard.stripe.com/events/evt_1Qpaid"
    assert (page.truncated, page.note) == (False, "")
    matched = await stripe.errors(since=day(1), match="CHARGE", limit=10)
    assert [each.key for each in matched.events] == ["evt_1Qfailed"]


async def test_stripes_absent_resend(fake: FakeStripe, stripe: Stripe, webhooks: Switches) -> None:
    """No call sends an event again; the way out is to list and process, and people are told so.

    That nothing goes to /v1/events/{id}/retry is asserted of every test here (see `fake`).
    """
    page = await stripe.errors(since=day(1), match=None, limit=10)
    recovery = "Stripe has no call that sends it again: list the events and process them yourselves."
    assert all(recovery in each.message for each in page.events)
    assert recovery in (await webhooks.pause([SHOP])).note
    assert recovery in (await webhooks.resume(await webhooks.switches())).note
    assert "nothing sends an event again" in " ".join(type(stripe._section).undo.split())
    assert {call.path for call in fake.heard if call.path.startswith("/v1/events")} == {"/v1/events"}


async def test_events_are_kept_for_30_days(stripe: Stripe) -> None:
    """What lies before is told of, not passed over."""
    page = await stripe.errors(since=day(60), match=None, limit=10)
    assert [each.key for each in page.events] == ["evt_1Qpaid", "evt_1Qfailed", "evt_1Qlost"]
    assert page.note == "stripe lists events of the last 30 days only."
    assert (await stripe.errors(since=day(30), match=None, limit=10)).note == ""
    told = await TailErrors((stripe,), lambda: datetime.now(UTC)).answer(Tail(since=timedelta(days=60)))
    assert page.note in told.notes


async def test_more_than_a_page(fake: FakeStripe, stripe: Stripe) -> None:
    fake.events = [Event(f"evt_{n}", "invoice.paid", int(time.time()) - n) for n in range(250)]
    page = await stripe.errors(since=day(1), match=None, limit=1000)
    assert ([each.key for each in page.events], page.truncated) == ([each.id for each in fake.events], False)
    page = await stripe.errors(since=day(1), match=None, limit=120)
    assert (len(page.events), page.truncated) == (120, True)
    assert [call.query["limit"] for call in fake.heard] == ["100"] * 3 + ["100", "20"]


async def test_a_busy_stripe_is_asked_again(fake: FakeStripe, stripe: Stripe) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=429, retry_after="0"))
    assert len((await stripe.errors(since=day(1), match=None, limit=10)).events) == 2
    assert [call.status for call in fake.heard] == [429, 200]


@pytest.mark.parametrize(("word", "calls"), [("false", 1), ("true", 2)])
async def test_whether_to_ask_again_is_stripes_word(
    fake: FakeStripe, http: httpx.AsyncClient, vendor: Vendor, word: str, calls: int
) -> None:
    refused = says('{"error": {"type": "api_error"}}', status=503, headers={"Stripe-Should-Retry": word})
    vendor.steps = [refused, says('{"error": {"type": "invalid_request_error", "message": "No."}}', status=400)]
    with pytest.raises(TryLater if calls == 1 else Refused):
        await opened(fake, vendor.url, http).named("stripe", ErrorSource).errors(since=day(1), match=None, limit=10)
    assert len(vendor.requests) == calls


@pytest.mark.parametrize("kind", [Kind.GARBAGE, Kind.TRUNCATED, Kind.HTML])
async def test_a_list_that_cannot_be_read(fake: FakeStripe, stripe: Stripe, kind: Kind) -> None:
    fake.faults.arm(Fault(kind, status=200, times=3))
    with pytest.raises(TryLater) as caught:
        await stripe.errors(since=day(1), match=None, limit=10)
    assert "do-not-repeat" not in str(caught.value)


# -- switches


async def test_webhook_endpoints_that_may_be_paused(fake: FakeStripe, webhooks: Switches) -> None:
    """By id or by address; others are never touched."""
    found = await webhooks.switches()
    assert [(each.id, each.name, each.state) for each in found] == [
        (SHOP, "https://shop.example.com/webhooks/stripe", Switch.RUNNING),
        (OLD, "https://old.example.com/stripe", Switch.PAUSED),
    ]
    paused = await webhooks.pause([SHOP, OLD, "we_1Qbooks", "we_none", "../events/evt_1Qpaid/retry"])
    assert [each.id for each in paused.changed] == [SHOP]
    assert paused.missed == (
        "we_1Qold was disabled already",
        "we_1Qbooks is not among the webhook endpoints that may be paused",
        "stripe has no webhook endpoint we_none.",
        "stripe has no webhook endpoint ../events/evt_1Qpaid/retry.",
    )
    assert fake.endpoints[SHOP].status == "disabled"
    resumed = await webhooks.resume(paused.changed)
    assert [each.id for each in resumed.changed] == [SHOP]
    assert (fake.done("disabled"), fake.done("enabled")) == ([SHOP], [SHOP])
    assert (await webhooks.resume(paused.changed)).missed == (
        "https://shop.example.com/webhooks/stripe was enabled already",
    )
    assert [call.body for call in fake.heard if call.method == "POST"] == ["disabled=true", "disabled=false"]


async def test_what_happens_while_disabled_is_lost_and_said(webhooks: Switches) -> None:
    paused = await webhooks.pause([SHOP])
    assert paused.note.startswith("Events made while an endpoint is disabled are not sent to it later.")
    resumed = await webhooks.resume(paused.changed)
    assert resumed.note.startswith("Events made while the endpoint was disabled are not sent to it now.")


async def test_a_used_idempotency_key_does_nothing(fake: FakeStripe, webhooks: Switches) -> None:
    """Stripe repeats what it said for 24 hours, so that a second pause with the key of the first would change nothing:
    each call has its own."""
    for _ in range(2):
        await webhooks.resume((await webhooks.pause([SHOP])).changed)
    assert fake.done("disabled") == [SHOP] * 2
    assert (len(fake.idempotent), "" in fake.idempotent) == (4, False)


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED, Kind.GARBAGE])
async def test_a_pause_whose_answer_is_lost_is_unknown_and_sent_once(
    fake: FakeStripe, webhooks: Switches, kind: Kind
) -> None:
    fake.endpoints[OLD].status = "enabled"
    fake.faults.arm(Fault(kind, only=f"POST /v1/webhook_endpoints/{SHOP}"))
    with pytest.raises(OutcomeUnknown, match=r"Before that, disabled: https://old\.example\.com/stripe"):
        await webhooks.pause([OLD, SHOP])
    assert fake.done("disabled") == [OLD, SHOP]


async def test_an_endpoint_that_cannot_be_paused_leaves_the_others(fake: FakeStripe, webhooks: Switches) -> None:
    fake.endpoints[OLD].status = "enabled"
    fake.faults.arm(Fault(Kind.STATUS, status=429, only=f"POST /v1/webhook_endpoints/{SHOP}"))
    paused = await webhooks.pause([SHOP, OLD])
    assert [each.id for each in paused.changed] == [OLD]
    assert paused.missed == (f"{SHOP}: stripe asks us to slow down (429).",)


async def test_a_key_without_write_changes_nothing(fake: FakeStripe, webhooks: Switches) -> None:
    fake.rights.remove("rak_webhook_write")
    with pytest.raises(Refused, match="rak_webhook_write"):
        await webhooks.pause([SHOP])
    assert fake.effects == []


async def test_ops_pause_disables_an_endpoint_and_its_undo_enables_it(fake: FakeStripe, webhooks: Switches) -> None:
    action = PauseThing((webhooks,))
    plan = await action.preview(Pause(name=fake.endpoints[SHOP].url, reason="the shop answers 500"))
    receipt = await action.execute(plan)
    assert (fake.endpoints[SHOP].status, plan.nothing_to_do) == ("disabled", "")
    (note,) = [fact for fact in receipt.facts if fact.label == "Note"]
    assert "not sent to it later" in str(note.value)
    await action.undo(plan, receipt)
    assert fake.endpoints[SHOP].status == "enabled"
    with pytest.raises(Stale, match="Somebody changed this since"):
        await action.undo(plan, receipt)
    assert fake.done("enabled") == [SHOP]


async def test_an_endpoint_that_is_unknown(stripe: Stripe) -> None:
    with pytest.raises(NotUnderstood, match="no webhook endpoint we_gone"):
        await stripe._api.endpoint("we_gone")
