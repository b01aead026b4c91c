"""Stripe: webhooks that did not arrive, and webhook endpoints that may be paused. Money is never touched."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from bot.words.exceptions import Stale
from integrations.capabilities import (
    Checked,
    ErrorEvent,
    ErrorPage,
    Flipped,
    Named,
    Rights,
    Switch,
    Switchable,
    Trial,
)
from integrations.plumbing.base import Client, Part
from integrations.plumbing.checking import checked
from integrations.plumbing.flipping import flipped
from integrations.plumbing.section import Outside, SecretRef, Url, VendorSection
from integrations.plumbing.trying import Step, tried
from integrations.stripe.api import BALANCE, Balance, Event, NotPermitted, StripeApi, StripeService, WebhookEndpoint

KEPT = timedelta(days=30)
"""How long Stripe lists its events."""
_RECOVERY = "Stripe has no call that sends it again: list the events and process them yourselves"
_STATES = {"enabled": Switch.RUNNING, "disabled": Switch.PAUSED}
_FULL_KEY = "sk_"


class StripeSection(VendorSection):
    kind: Literal["stripe"]
    key: SecretRef
    """A restricted key (rk_…); live or test mode is its choice."""
    api_version: str = Field(default="2025-09-30.clover", pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z]{1,20})?$")
    """Sent with every call, whatever the account's own default is."""
    url: Url = "https://api.stripe.com"
    pausable: tuple[str, ...] = ()
    """Webhook endpoints that may be disabled, by id or address."""

    holds: ClassVar[str] = "key"
    rights: ClassVar[str] = (
        "A restricted key with read on Balance, Events and Webhook Endpoints; and write on Webhook Endpoints, to pause "
        "one. No right to charge, refund or pay out."
    )
    undo: ClassVar[str] = (
        "A disabled webhook endpoint is enabled again. Events made meanwhile are not sent later, and nothing sends an "
        "event again: they have to be listed and processed."
    )


def stripe(name: str, section: StripeSection, outside: Outside) -> tuple[Named, ...]:
    service = StripeService.of(name, section, outside)
    service.version = section.api_version
    api = StripeApi(service)
    client = Stripe(name, section, api, outside)
    return (client, PausableWebhooks(name, api, section.pausable)) if section.pausable else (client,)


class Stripe(Client[StripeApi, StripeSection]):
    """Checkable, Testable, Credentialed, ErrorSource."""

    kind = "stripe"

    def __init__(self, name: str, section: StripeSection, api: StripeApi, outside: Outside) -> None:
        super().__init__(name, section, api)
        self._outside = outside

    # -- be checked and tested

    async def check(self) -> Checked:
        """Source: GET /v1/balance"""
        return await checked(self._api.service, BALANCE, Balance, limit=self.deadline)

    async def test(self) -> tuple[Trial, ...]:
        """The first step's detail is the mode that the key is for."""
        where = f"services.{self.name}.key"
        mode = ""

        async def read_balance() -> None:
            nonlocal mode
            mode = _mode((await self._api.balance()).livemode)

        first, *others = await tried(
            Step("read the balance", read_balance, f"Check {where}: it needs read on Balance."),
            Step("list events", self._any_event, f"Give {where} read on Events."),
            Step("list webhook endpoints", self._api.endpoints, f"Give {where} read on Webhook Endpoints."),
        )
        return (replace(first, detail=first.detail or mode), *others)

    async def rights(self) -> Rights:
        """Found out by asking: Stripe does not tell a key's rights. Raises Refused for a key that is no good."""
        has, lacking = [], []
        for right, needed, call in (
            ("read on Balance", "health", self._api.balance),
            ("read on Events", "errors", self._any_event),
            ("read on Webhook Endpoints", "pause, resume", self._api.endpoints),
        ):
            try:
                answer = await call()
            except NotPermitted:
                lacking.append((right, needed))
            else:
                has.append(f"{right} ({_mode(answer.livemode)})" if isinstance(answer, Balance) else right)
        full = self._outside.secrets(self._section.key).startswith(_FULL_KEY)
        return Rights(
            has=tuple(has),
            unneeded=("everything else in the account: it is a secret key, not a restricted one",) if full else (),
            lacking=tuple(lacking),
            note="Stripe does not tell a key's rights: reads were tried, write on Webhook Endpoints cannot be. "
            f"Least: {self._section.rights[0].lower()}{self._section.rights[1:]}",
        )

    async def _any_event(self) -> object:
        return await self._api.undelivered(since=datetime.now(UTC), most=1)

    # -- list errors

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Events whose webhooks are pending or have failed; Stripe lists both as one. `match` looks through the newest
        `limit` of them."""
        wanted = (match or "").casefold()
        events, more = await self._api.undelivered(since=since, most=limit)
        found = tuple(self._error(event) for event in events)
        older = since < datetime.now(UTC) - KEPT - timedelta(minutes=1)
        return ErrorPage(
            tuple(each for each in found if wanted in f"{each.origin} {each.operation} {each.message}".casefold()),
            truncated=more,
            note=f"{self.name} lists events of the last {KEPT.days} days only." if older else "",
        )

    def _error(self, event: Event) -> ErrorEvent:
        count = event.pending_webhooks
        behind = f", {count} webhook{'' if count == 1 else 's'} pending" if count else ""
        tries = " Stripe tries for up to 3 days." if event.livemode else ""
        mode = "" if event.livemode else "test/"
        return ErrorEvent(
            key=event.id,
            at=datetime.fromtimestamp(event.created, UTC),
            origin="webhooks" if event.livemode else "webhooks in test mode",
            operation=event.type,
            message=f"{event.type} is not delivered yet, or failed{behind}.{tries} {_RECOVERY}.",
            link=f"https://dashboard.stripe.com/{mode}events/{event.id}",
        )


class PausableWebhooks(Part[StripeApi]):
    """CautionsPause. What happens while an endpoint is disabled is never sent to it."""

    pausing_means = f"Events made while an endpoint is disabled are not sent to it later. {_RECOVERY}."

    def __init__(self, name: str, api: StripeApi, pausable: Sequence[str]) -> None:
        super().__init__(name, api)
        self._pausable = pausable

    async def switches(self) -> tuple[Switchable, ...]:
        """The webhook endpoints that ops.toml lets us disable."""
        return tuple(_switchable(each) for each in await self._api.endpoints() if self._may(each))

    async def pause(self, ids: Sequence[str]) -> Flipped:
        """Source: POST /v1/webhook_endpoints/{webhook_endpoint}"""
        note = self.pausing_means
        return await flipped(ids, lambda id_: self._flip(id_, id_, Switch.RUNNING), verb="disabled", note=note)

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        """Source: POST /v1/webhook_endpoints/{webhook_endpoint}"""
        note = f"Events made while the endpoint was disabled are not sent to it now. {_RECOVERY}."
        return await flipped(
            things, lambda thing: self._flip(thing.id, thing.name, Switch.PAUSED), verb="enabled", note=note
        )

    async def _flip(self, id_: str, name: str, expected: Switch) -> Switchable:
        endpoint = await self._api.endpoint(id_)
        was = _switchable(endpoint)
        if not self._may(endpoint):
            raise Stale(f"{name} is not among the webhook endpoints that may be paused")
        if was.state is not expected:
            raise Stale(f"{name} was {endpoint.status} already")
        await self._api.disable(id_, disabled=expected is Switch.RUNNING)
        return was

    def _may(self, endpoint: WebhookEndpoint) -> bool:
        return endpoint.id in self._pausable or endpoint.url in self._pausable


def _mode(livemode: bool) -> str:
    return "live mode" if livemode else "test mode"


def _switchable(endpoint: WebhookEndpoint) -> Switchable:
    url = endpoint.url.partition("?")[0]  # what stands behind it may be a secret
    name = url if endpoint.livemode else f"{url} (test mode)"
    state = _STATES.get(endpoint.status, Switch.OTHER)
    return Switchable(endpoint.id, name, state, endpoint.status if state is Switch.OTHER else "")
