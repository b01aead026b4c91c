"""Telnyx's API v2, as far as we use it: shapes of its answers, and a method a call."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.shape import Shape

_AT_ONCE = 250
"""Numbers or messaging profiles a page."""
_RECORDS_AT_ONCE: Final = 50
"""Detail records a page; more is refused."""
_MOST = 5_000
"""Numbers or messaging profiles that are read at most."""
_NOT_KNOWN_KEY = "10009"
_NOT_PERMITTED = "10010"

Money = Annotated[float, Field(allow_inf_nan=False)]
"""Telnyx writes it as text."""

T = TypeVar("T", bound=BaseModel)


class NotPermitted(Refused):
    """The key is good, and may not do this."""


class Balance(Shape):
    balance: Money
    credit_limit: Money = 0.0
    available_credit: Money
    """Both together: what can still be spent."""
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")


class Profile(Shape):
    """A messaging profile: what numbers send and receive with."""

    id: str
    name: str = ""
    enabled: bool | None = None


class PhoneNumber(Shape):
    id: str
    phone_number: str
    status: str = "active"
    messaging_profile_id: str | None = None
    purchased_at: datetime | None = None


class Messaging(Shape):
    """How a number sends and receives."""

    messaging_profile_id: str | None = None


class Message(Shape):
    """A message's detail record; what the message says is not in it."""

    uuid: str
    status: str
    created_at: datetime
    completed_at: datetime | None = None
    direction: str = "outbound"
    message_type: str = "SMS"
    cli: str = ""
    """From whom."""
    cld: str = ""
    """To whom."""
    profile_name: str | None = None
    errors: tuple[str, ...] | None = None
    """Codes."""

    @property
    def ended_at(self) -> datetime:
        return _aware(self.completed_at or self.created_at)


class One(Shape, Generic[T]):
    data: T


class _Meta(Shape):
    total_pages: int = 1
    total_results: int = 0


class Page(Shape, Generic[T]):
    data: tuple[T, ...]
    meta: _Meta = _Meta()


class TelnyxService(Service):
    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        """The code tells a key that is not known from one that may not do this, whatever the status."""
        codes = {str(each.get("code")) for each in _errors(answer)}
        if answer.status < 500 and _NOT_KNOWN_KEY in codes:
            return self.refused(answer)
        if answer.status < 500 and _NOT_PERMITTED in codes:
            return NotPermitted(
                f"{self.name} takes our key, which may not do this ({answer.status}){self.said(answer)}."
            )
        if answer.status == 403 and codes:  # it is not about the key: a number that is not active, an account
            return Refused(f"{self.name} refused (403){self.said(answer)}.")
        return super().error_of(answer, write=write, missing=missing)

    def said(self, answer: Answer) -> str:
        """Of its errors the first."""
        told = (self.quoted(error.get("detail") or error.get("title")) for error in _errors(answer))
        return next(filter(None, told), "") or super().said(answer)


class TelnyxApi:
    def __init__(self, service: TelnyxService) -> None:
        self.service = service

    @property
    def name(self) -> str:
        return self.service.name

    async def balance(self) -> Balance:
        """Source: GET /balance"""
        return (await self.service.get("/balance", One[Balance])).data

    async def messages(self, status: str, *, since: datetime, page: int = 1) -> Page[Message]:
        """Newest first, from the beginning of that day (UTC). There is no list of messages, only this one of records,
        and none of those without saying of which sort. Source: GET /detail_records"""
        params = {
            "filter[record_type]": "messaging",
            "filter[status]": status,
            "filter[created_at][gte]": since.astimezone(UTC).date().isoformat(),
            "sort": "-created_at",
            "page[number]": str(page),
            "page[size]": str(_RECORDS_AT_ONCE),
        }
        return await self.service.get("/detail_records", Page[Message], params=params)

    async def profiles(self) -> tuple[Profile, ...]:
        """Source: GET /messaging_profiles"""
        return await self._all("/messaging_profiles", Page[Profile])

    async def profile(self, id_: str) -> Profile:
        """Source: GET /messaging_profiles/{id}"""
        path = f"/messaging_profiles/{quote(id_, safe='')}"
        return (await self.service.get(path, One[Profile], missing=self._no_profile(id_))).data

    async def enable(self, id_: str, *, on: bool) -> None:
        """Source: PATCH /messaging_profiles/{id}"""
        path = f"/messaging_profiles/{quote(id_, safe='')}"
        now = await self.service.post(
            path, One[Profile], method="PATCH", body={"enabled": on}, missing=self._no_profile(id_)
        )
        if now.data.enabled is not on:
            state = "enabled" if now.data.enabled else "disabled"
            raise OutcomeUnknown(f"{self.name} took the change, and says that {now.data.name} is {state}; look there.")

    async def numbers(self) -> tuple[PhoneNumber, ...]:
        """Source: GET /phone_numbers"""
        return await self._all("/phone_numbers", Page[PhoneNumber], {"sort": "phone_number"})

    async def number(self, number: str) -> PhoneNumber | None:
        """In E.164. Asked for by its digits, because a + finds nothing. Source: GET /phone_numbers"""
        digits = "".join(letter for letter in number if letter.isdigit())
        found = await self._all("/phone_numbers", Page[PhoneNumber], {"filter[phone_number]": digits})
        return next((each for each in found if each.phone_number == number), None)

    async def messaging(self, id_: str, *, missing: OpsError) -> Messaging:
        """Source: GET /phone_numbers/{id}/messaging"""
        path = f"/phone_numbers/{quote(id_, safe='')}/messaging"
        return (await self.service.get(path, One[Messaging], missing=missing)).data

    async def assign(self, id_: str, profile: str, *, missing: OpsError) -> None:
        """To a messaging profile's id, or to none where it is empty: null would leave it as it is.

        Source: PATCH /phone_numbers/{id}/messaging
        """
        path = f"/phone_numbers/{quote(id_, safe='')}/messaging"
        body = {"messaging_profile_id": profile}
        now = await self.service.post(path, One[Messaging], method="PATCH", body=body, missing=missing)
        if (now.data.messaging_profile_id or "") != profile:
            raise OutcomeUnknown(
                f"{self.name} took the change, and says that the number has "
                f"{now.data.messaging_profile_id or 'no messaging profile'}; look there."
            )

    async def _all(self, path: str, shape: type[Page[T]], params: Mapping[str, str] | None = None) -> tuple[T, ...]:
        found: list[T] = []
        number = 1
        while True:
            page = await self.service.get(
                path, shape, params={**(params or {}), "page[number]": str(number), "page[size]": str(_AT_ONCE)}
            )
            found += page.data
            if not page.data or number >= page.meta.total_pages:
                return tuple(found)
            if len(found) >= _MOST:
                raise Refused(f"{self.name} has more than {_MOST:,} {path.strip('/').replace('_', ' ')}.")
            number += 1

    def _no_profile(self, id_: str) -> NotUnderstood:
        return NotUnderstood(f"{self.name} has no messaging profile {id_[:60]} any more.")


def _errors(answer: Answer) -> tuple[Mapping[str, Any], ...]:
    errors = answer.fields().get("errors")
    return tuple(each for each in errors if isinstance(each, dict)) if isinstance(errors, list) else ()


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
