"""Telnyx' API v2, as far as we use it: shapes of its answers, its errors, and a method a call."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from bot.errors import NotUnderstood, OpsError, Refused
from integrations.http import Answer, Service

_PAGES = 8
"""Read of one list at most."""
_NOT_AUTHENTICATED = "10009"

M = TypeVar("M", bound=BaseModel)


class _Vendor(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Balance(_Vendor):
    """Amounts are decimals in text."""

    balance: float
    available_credit: float
    credit_limit: float
    currency: str


class Profile(_Vendor):
    """A messaging profile."""

    id: str
    name: str
    enabled: bool


class PhoneNumber(_Vendor):
    id: str
    phone_number: str
    status: str
    messaging_profile_id: str | None = None
    messaging_profile_name: str | None = None
    purchased_at: datetime | None = None


class Messaging(_Vendor):
    """A number's messaging settings."""

    id: str
    phone_number: str
    messaging_profile_id: str | None = None


class Message(_Vendor):
    """A message's detail record."""

    uuid: str
    status: str
    direction: str = ""
    created_at: datetime
    errors: tuple[str, ...] | None = None
    """Codes."""
    cli: str = ""
    """From."""
    cld: str = ""
    """To."""


class _Meta(_Vendor):
    total_pages: int = 1


class _One(_Vendor, Generic[M]):
    data: M


class Balanced(_One[Balance]):
    """The whole answer."""


class _Many(_Vendor, Generic[M]):
    data: tuple[M, ...]
    meta: _Meta = Field(default_factory=_Meta)


class TelnyxService(Service):
    def said(self, answer: Answer) -> str:
        """Its errors come as a list, each with a title and a detail."""
        try:
            found = answer.json()["errors"]
            told = "; ".join(str(each.get("detail") or each.get("title")) for each in found if isinstance(each, dict))
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        return f": {self.clean(told)}" if told else ""

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        if answer.status in (401, 403) and _NOT_AUTHENTICATED not in _codes(answer):
            return Refused(f"{self.name} does not let our key do that ({answer.status}){self.said(answer)}.")
        return super().error_of(answer, write=write, missing=missing)


def _codes(answer: Answer) -> tuple[str, ...]:
    """Of its errors; as if not authenticated where there is no list of them."""
    try:
        return tuple(str(each["code"]) for each in answer.json()["errors"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return (_NOT_AUTHENTICATED,)


class TelnyxApi:
    def __init__(self, service: TelnyxService) -> None:
        self.service = service

    async def balance(self) -> Balance:
        """Source: GET /balance"""
        return (await self.service.get("/balance", _One[Balance])).data

    async def profiles(self) -> tuple[Profile, ...]:
        """Source: GET /messaging_profiles"""
        return tuple([each async for each in self._all("/messaging_profiles", _Many[Profile])])

    async def profile(self, profile_id: str) -> Profile:
        """Source: GET /messaging_profiles/{id}"""
        path = f"/messaging_profiles/{segment(profile_id)}"
        return (await self.service.get(path, _One[Profile], missing=self._none(profile_id))).data

    async def enable(self, profile_id: str, *, on: bool) -> Profile:
        """Source: PATCH /messaging_profiles/{id}"""
        path, missing = f"/messaging_profiles/{segment(profile_id)}", self._none(profile_id)
        asked = await self.service.post(path, _One[Profile], method="PATCH", body={"enabled": on}, missing=missing)
        return asked.data

    async def numbers(self) -> tuple[PhoneNumber, ...]:
        """Source: GET /phone_numbers"""
        return tuple([each async for each in self._all("/phone_numbers", _Many[PhoneNumber])])

    async def messaging(self, number_id: str) -> Messaging:
        """Source: GET /phone_numbers/{id}/messaging"""
        return (await self.service.get(f"/phone_numbers/{segment(number_id)}/messaging", _One[Messaging])).data

    async def assign(self, number_id: str, profile_id: str) -> Messaging:
        """An empty `profile_id` takes the number off its profile. Source: PATCH /phone_numbers/{id}/messaging"""
        path, body = f"/phone_numbers/{segment(number_id)}/messaging", {"messaging_profile_id": profile_id}
        return (await self.service.post(path, _One[Messaging], method="PATCH", body=body)).data

    async def messages(self, since: datetime, until: datetime, *, most: int) -> tuple[tuple[Message, ...], bool]:
        """Newest first, and whether there were more. There is no list of messages but their detail records.

        Source: GET /detail_records, where filter[record_type] is demanded
        """
        found: list[Message] = []
        query = {
            "filter[record_type]": "messaging",
            "filter[created_at][gte]": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "filter[created_at][lt]": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            "sort": "-created_at",
        }
        async for each in self._all("/detail_records", _Many[Message], query, size=50):
            if len(found) == most:
                return tuple(found), True
            found.append(each)
        return tuple(found), len(found) == _PAGES * 50

    async def _all(
        self, path: str, shape: type[_Many[M]], query: Mapping[str, str] | None = None, *, size: int = 250
    ) -> AsyncIterator[M]:
        for page in range(1, _PAGES + 1):
            params = {**(query or {}), "page[number]": str(page), "page[size]": str(size)}
            answer = await self.service.get(path, shape, params=params)
            for each in answer.data:
                yield each
            if page >= answer.meta.total_pages:
                return

    def _none(self, profile_id: str) -> NotUnderstood:
        return NotUnderstood(f"{self.service.name} has no messaging profile {profile_id}.")


def segment(text: str) -> str:
    """One part of a path. Raises NotUnderstood for what cannot be an id."""
    if not text or not all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in text):
        raise NotUnderstood(f"{text[:60]!r} is no id of Telnyx.")
    return text
