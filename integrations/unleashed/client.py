"""Unleashed: is it reachable, are our signatures taken, and do its sales orders move. Nothing is ever written."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote, urlencode

from pydantic import AwareDatetime, BeforeValidator, Field

from bot.words.exceptions import OpsError, Refused, TryLater
from integrations.capabilities import Checked, Credential, Quota, Rights, Trial
from integrations.plumbing.base import Client
from integrations.plumbing.checking import checked
from integrations.plumbing.outbound import Answer, Query, Service
from integrations.plumbing.pace import Pace
from integrations.plumbing.section import Outside, SecretRef, Url, VendorSection
from integrations.plumbing.shape import Shape
from integrations.plumbing.trying import Step, tried

PACE = Pace(60, timedelta(minutes=1), at_once=5)
"""Unleashed publishes no limit a minute, and what the plan has a month is shared with what the company lives on."""
_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")
_BLOCKED = "at 100 % of the plan's calls Unleashed refuses every call until the 1st of the month, 00:00 UTC"
_REST_UNTOLD = (
    "Unleashed does not tell what is used of the plan: what the company's other programs call is not in this count. "
    f"It mails at 90, 95 and 100 %; {_BLOCKED}."
)


class UnleashedSection(VendorSection):
    kind: Literal["unleashed"]
    id: SecretRef
    """The API id."""
    key: SecretRef
    """The API key: calls are signed with it, and it is never sent."""
    url: Url = "https://api.unleashedsoftware.com"
    client_type: str = Field(default="handrail/ops", pattern=r"^[A-Za-z0-9_.-]{1,40}/[A-Za-z0-9_.-]{1,40}$")
    """The name that Unleashed lists our calls under: company/app."""
    plan_calls: int | None = Field(default=None, gt=0)
    """Calls a month that the plan has; /ops usage sets those of this bot against it."""

    rights: ClassVar[str] = (
        "An API id and key with read on sales orders. They cannot be rotated in place: make a new pair and delete the "
        "old one. Each check is a call, and Unleashed does not tell how many of the plan's are used: it mails at 90, "
        "95 and 100 %, and then refuses every call until the 1st of the month, 00:00 UTC. What this bot called is "
        "counted here."
    )
    undo: ClassVar[str] = "Nothing is changed in Unleashed."


def dated(value: Any) -> Any:
    """`/Date(1586833770780)/`, milliseconds since 1970, as a time; anything else as it is."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(found[1])) if found else value
    except OverflowError:
        return value


class _Pagination(Shape):
    NumberOfItems: int
    NumberOfPages: int


class _Order(Shape):
    LastModifiedOn: Annotated[AwareDatetime | None, BeforeValidator(dated)] = None


class Orders(Shape):
    Pagination: _Pagination
    Items: tuple[_Order, ...]


def asking(path: str, **params: str) -> str:
    """Path and query in one: what is signed must be what is sent, to the letter."""
    return f"{path}?{urlencode(params, quote_via=quote)}" if params else path


def signature(key: str, query: str) -> str:
    """Over the query alone, without `?` and path; the key is taken as the text that it is, although it looks like
    base64."""
    return base64.b64encode(hmac.new(key.encode(), query.encode(), hashlib.sha256).digest()).decode()


class UnleashedService(Service):
    """Signs each call. Queries stand in the path (see `asking`), never in `params`."""

    def __init__(self, outside: Outside, *, name: str, section: UnleashedSection) -> None:
        super().__init__(
            outside,
            name=name,
            base_url=section.url.rstrip("/"),
            timeout=section.timeout,
            credentials=lambda: {"api-auth-id": outside.secrets(section.id)},
            credential_setting=f"services.{name}.id and services.{name}.key",
            pace=PACE,
            counted=True,
        )
        self._secrets = outside.secrets
        self._section = section

    def wanted(self, method: str, path: str, params: Query | None) -> Mapping[str, str]:
        if params:
            raise ValueError("a query of Unleashed's is signed as it stands in the path")
        return {
            "api-auth-signature": signature(self._secrets(self._section.key), path.partition("?")[2]),
            "Content-Type": "application/json",
            "client-type": self._section.client_type,
        }

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        match answer.status:
            case 401 | 403:
                return Refused(
                    f"{self.name} refused our signature, or the key may not read this ({answer.status}); Unleashed "
                    f"says the same for both{self.said(answer)}. Check services.{self.name}.id and "
                    f"services.{self.name}.key."
                )
            case 429:
                return TryLater(f"{self.name} asks us to slow down (429); {_BLOCKED}.", after=answer.retry_after)
            case _:
                return super().error_of(answer, write=write, missing=missing)

    def clean(self, text: str) -> str:
        return super().clean(_SIGNATURE.sub("[redacted]", text))


class Unleashed(Client[UnleashedService, UnleashedSection]):
    """Checkable, Testable, Credentialed, Metered: of its own calls, as Unleashed tells nothing of the plan's."""

    def __init__(self, name: str, section: UnleashedSection, outside: Outside) -> None:
        super().__init__(name, section, UnleashedService(outside, name=name, section=section))
        self._tally = outside.tally

    async def check(self) -> Checked:
        """Source: GET /SalesOrders/{pageNumber}"""
        return await checked(self._api, asking("/SalesOrders/1", pageSize="1"), Orders, limit=self.deadline)

    async def test(self) -> tuple[Trial, ...]:
        """The second step's detail is what changed since yesterday, so that a sync that stands still is seen."""
        where = f"services.{self.name}"
        changed = ""

        async def look_back() -> None:
            nonlocal changed
            changed = _told(await self.orders(since=datetime.now(UTC) - timedelta(days=1)))

        first, second = await tried(
            Step("read sales orders", self.orders, f"Check {where}.id and {where}.key; {_BLOCKED}."),
            Step("read what changed since yesterday", look_back, f"See the step before, or try later; {_BLOCKED}."),
        )
        return first, replace(second, detail=second.detail or changed)

    def credentials(self) -> tuple[Credential, ...]:
        where, section = f"services.{self.name}", self._section
        return Credential(f"{where}.id", section.id), Credential(f"{where}.key", section.key)

    async def rights(self) -> Rights:
        await self.orders()
        return Rights(has=("read on sales orders",), note=f"Unleashed does not tell a key's rights. {_least()}")

    async def usage(self) -> tuple[Quota, ...]:
        """Asks nobody but our own database: a call would be one more."""
        counted = await self._tally.this_month(self.name)
        return (
            Quota(
                f"calls by Handrail this month{'' if counted.whole else ', at least'}",
                used=counted.calls,
                limit=self._section.plan_calls,
                unit="calls",
                resets_at=counted.until,
                note=_REST_UNTOLD,
            ),
        )

    async def orders(self, *, since: datetime | None = None) -> Orders:
        """One, or the first 200 that changed on the day of `since` (UTC) or later.

        Source: GET /SalesOrders/{pageNumber}
        """
        if since is None:
            return await self._api.get(asking("/SalesOrders/1", pageSize="1"), Orders)
        day = f"{since.astimezone(UTC):%Y-%m-%d}"
        return await self._api.get(asking("/SalesOrders/1", modifiedSince=day, pageSize="200"), Orders)


def _least() -> str:
    return f"Least: {UnleashedSection.rights[0].lower()}{UnleashedSection.rights[1:]}"


def _told(orders: Orders) -> str:
    times = [order.LastModifiedOn for order in orders.Items if order.LastModifiedOn is not None]
    count = orders.Pagination.NumberOfItems
    many = f"{count:,} sales order{'' if count == 1 else 's'} changed since yesterday"
    if not times or orders.Pagination.NumberOfPages > 1:
        return many
    return f"{many}, the last at {max(times):%Y-%m-%d %H:%M} UTC"
