"""Stripe's REST API, as far as we use it: shapes of its answers, a method a call, and which version they are of."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused
from integrations.plumbing.addressing import segment
from integrations.plumbing.outbound import Answer, Query, Service
from integrations.plumbing.pace import Pace
from integrations.plumbing.shape import Shape

PACE = Pace(25, timedelta(seconds=1))
"""A quarter of what Stripe lets an account ask in live mode, and as much as in test mode."""
BALANCE = "/v1/balance"
ENDPOINTS = "/v1/webhook_endpoints"
_EVENTS = "/v1/events"
_PAGE = 100


class NotPermitted(Refused):
    """403: the key is good, and has not this right."""


class Balance(Shape):
    livemode: bool


class WebhookEndpoint(Shape):
    id: str
    url: str
    status: str
    """enabled or disabled."""
    livemode: bool


class Event(Shape):
    id: str
    type: str
    created: int
    """Seconds since 1970."""
    pending_webhooks: int
    livemode: bool


T = TypeVar("T", WebhookEndpoint, Event)


class _List(Shape, Generic[T]):
    data: tuple[T, ...]
    has_more: bool


class StripeService(Service):
    """Every call names the version of the API that these shapes are of."""

    pace = PACE
    version = ""
    """Of the API, as Stripe writes it."""

    def wanted(self, method: str, path: str, params: Query | None) -> Mapping[str, str]:
        return {"Stripe-Version": self.version}

    def worth_again(self, answer: Answer) -> bool:
        """Stripe's own word on it comes first."""
        return super().worth_again(answer) and answer.headers.get("Stripe-Should-Retry") != "false"

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        error = super().error_of(answer, write=write, missing=missing)
        return NotPermitted(str(error)) if answer.status == 403 else error


class StripeApi:
    """One account, in live or in test mode: the key decides."""

    def __init__(self, service: StripeService) -> None:
        self.service = service

    async def balance(self) -> Balance:
        """Source: GET /v1/balance"""
        return await self.service.get(BALANCE, Balance)

    async def undelivered(self, *, since: datetime, most: int) -> tuple[tuple[Event, ...], bool]:
        """Newest first, whose webhooks are pending or have failed; and whether there are more.

        Source: GET /v1/events
        """
        asked = {"delivery_success": "false", "created[gte]": str(int(since.timestamp()))}
        return await self._all(_EVENTS, _List[Event], asked, most)

    async def endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """Source: GET /v1/webhook_endpoints"""
        found, _ = await self._all(ENDPOINTS, _List[WebhookEndpoint], {}, 1000)
        return found

    async def endpoint(self, id_: str) -> WebhookEndpoint:
        """Raises NotUnderstood. Source: GET /v1/webhook_endpoints/{webhook_endpoint}"""
        return await self.service.get(self._at(id_), WebhookEndpoint, missing=self._unknown(id_))

    async def disable(self, id_: str, *, disabled: bool) -> WebhookEndpoint:
        """Each call has a key of its own: with one that was used, Stripe repeats what it said then and does nothing.

        Source: POST /v1/webhook_endpoints/{webhook_endpoint}
        """
        now = await self.service.post(
            self._at(id_),
            WebhookEndpoint,
            form={"disabled": "true" if disabled else "false"},
            headers={"Idempotency-Key": str(uuid.uuid4())},
            missing=self._unknown(id_),
        )
        if (now.status == "disabled") is not disabled:
            raise OutcomeUnknown(f"{self.service.name} took the call and shows {now.url} as {now.status}.")
        return now

    async def _all(
        self, path: str, shape: type[_List[T]], asked: Mapping[str, str], most: int
    ) -> tuple[tuple[T, ...], bool]:
        found: list[T] = []
        params = dict(asked)
        while True:
            page = await self.service.get(path, shape, params={**params, "limit": str(min(_PAGE, most - len(found)))})
            found.extend(page.data)
            if not page.has_more or not page.data or len(found) >= most:
                return tuple(found), page.has_more
            params["starting_after"] = page.data[-1].id

    def _at(self, id_: str) -> str:
        return f"{ENDPOINTS}/{segment(id_, self._unknown(id_))}"

    def _unknown(self, id_: str) -> NotUnderstood:
        return NotUnderstood(f"{self.service.name} has no webhook endpoint {id_[:80]}.")
