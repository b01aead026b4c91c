"""Telnyx: failed messages, messaging profiles that may be paused, phone numbers and their profiles, and the balance."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from pydantic import JsonValue

from bot.errors import NotUnderstood, Refused, Stale
from integrations.capabilities import (
    Checked,
    Credential,
    ErrorEvent,
    ErrorPage,
    Flipped,
    Health,
    Named,
    Number,
    NumberState,
    Quota,
    Rights,
    Switch,
    Switchable,
    Trial,
)
from integrations.flipping import flipped
from integrations.pace import Pace
from integrations.section import Outside, SecretRef, Section, TimeLimit, Url
from integrations.telnyx_api import Balanced, Message, PhoneNumber, Profile, TelnyxApi, TelnyxService
from integrations.trying import Step, tried

_READ = 400
"""Detail records looked through for failed messages, newest first."""
_FAILED = ("failed", "gw_reject", "gw_timeout", "dlr_timeout")
_WORDS = {
    "gw_reject": "refused by the gateway",
    "gw_timeout": "not taken by the gateway in time",
    "dlr_timeout": "not known to be delivered",
}
_PACE = Pace(20, timedelta(seconds=1), at_once=10)


class TelnyxSection(Section):
    kind: Literal["telnyx"]
    api_key: SecretRef
    """An API v2 key. Telnyx has no narrower ones: it may do all that its account may."""
    pausable: tuple[str, ...] = ()
    """Messaging profiles that may be paused, by id or name; none if left out."""
    url: Url = "https://api.telnyx.com/v2"
    timeout: TimeLimit = timedelta(seconds=10)
    """For reads, and for writes."""

    rights: ClassVar[str] = "An API v2 key of its own; Telnyx' keys cannot be narrowed."
    undo: ClassVar[str] = (
        "A paused messaging profile sends again; a number gets back the profile it had. A number is never given up, "
        "only taken off its profile."
    )


def telnyx(name: str, section: TelnyxSection, outside: Outside) -> tuple[Named, ...]:
    """One client, one for the numbers, and one more where ops.toml lets profiles be paused."""
    api = TelnyxApi(
        TelnyxService(
            outside,
            name=name,
            base_url=section.url.rstrip("/"),
            timeout=section.timeout,
            credentials=lambda: {"Authorization": f"Bearer {outside.secrets(section.api_key)}"},
            credential_setting=f"services.{name}.api_key",
            pace=_PACE,
        )
    )
    profiles = (PausableProfiles(name, api, section.pausable),) if section.pausable else ()
    return (Telnyx(name, section, api), MessagingNumbers(name, api), *profiles)


class Telnyx:
    """Checkable, Testable, Credentialed, ErrorSource, Metered."""

    kind = "telnyx"

    def __init__(self, name: str, section: TelnyxSection, api: TelnyxApi) -> None:
        self.name = name
        self.deadline = section.deadline
        self._section = section
        self._api = api

    async def check(self) -> Checked:
        """Source: GET /balance"""
        service = self._api.service
        asked = await service.look("/balance", limit=self.deadline)
        if isinstance(asked, Checked):
            return asked
        if asked.status >= 500:
            return Checked(Health.DOWN, f"it answers {asked.status}")
        if not asked.good:
            return Checked(Health.DEGRADED, str(service.error_of(asked, write=False)))
        if asked.media != "application/json":
            return Checked(Health.UNKNOWN, f"it answers {asked.media or 'without a content type'}, not Telnyx' way")
        try:
            credit = Balanced.model_validate(asked.json()).data.available_credit
        except ValueError:
            return Checked(Health.UNKNOWN, "its answer holds no balance")
        if credit <= 0:
            return Checked(Health.DEGRADED, "no credit is left: it sends nothing")
        return Checked(Health.OK)

    async def test(self) -> tuple[Trial, ...]:
        remedy = f"put a valid API v2 key into services.{self.name}.api_key"
        now = datetime.now(UTC)
        return await tried(
            Step("read the balance", self._api.balance, remedy),
            Step("list messaging profiles", self._api.profiles, remedy),
            Step("list numbers", self._api.numbers, remedy),
            Step("read messages", lambda: self._api.messages(now - timedelta(hours=1), now, most=1), remedy),
        )

    def credentials(self) -> tuple[Credential, ...]:
        return (Credential(f"services.{self.name}.api_key", self._section.api_key),)

    async def rights(self) -> Rights:
        return Rights(note="Telnyx' keys cannot be narrowed: this one may do all that its account may.")

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Outbound messages that were not delivered. Source: GET /detail_records"""
        found, more = await self._api.messages(since.astimezone(UTC), datetime.now(UTC), most=_READ)
        wanted = (match or "").casefold()
        events = [_event(each) for each in found if each.status in _FAILED and each.created_at >= since]
        events = [each for each in events if wanted in f"{each.origin} {each.operation} {each.message}".casefold()]
        return ErrorPage(tuple(events[:limit]), truncated=more or len(events) > limit)

    async def usage(self) -> tuple[Quota, ...]:
        """Source: GET /balance"""
        now = await self._api.balance()
        credit = f"With {now.credit_limit:,.2f} {now.currency} of credit." if now.credit_limit else ""
        return (Quota("balance", now.balance, None, now.currency, note=credit, remaining_is_good=True),)


class MessagingNumbers:
    """Numbers: each with the messaging profile it sends by, by name."""

    kind = "telnyx"

    def __init__(self, name: str, api: TelnyxApi) -> None:
        self.name = name
        self._api = api

    async def numbers(self) -> tuple[Number, ...]:
        names = {profile.id: profile.name for profile in await self._api.profiles()}
        return tuple(_number(each, names) for each in await self._api.numbers())

    async def set_number(self, was: Number, *, state: NumberState, assigned_to: str) -> dict[str, JsonValue]:
        """`assigned_to` is a messaging profile's name or id; released, a number is on no profile and stays ours."""
        profiles = await self._api.profiles()
        number, now = await self._found(was.number, profiles)
        if (now.state, now.assigned_to) != (was.state, was.assigned_to):
            raise Stale(f"{was.number} belongs to {now.assigned_to or 'nobody'} now.")
        if now.state is NumberState.OTHER:
            raise Refused(f"{was.number} is {now.detail}: it cannot be moved to a messaging profile.")
        to = _meant(profiles, assigned_to).id if state is NumberState.ASSIGNED else ""
        await self._api.assign(number.id, to)
        return {"from": number.messaging_profile_id or "", "to": to}

    async def restore_number(self, number: str, kept: dict[str, JsonValue]) -> None:
        found, _ = await self._found(number, await self._api.profiles())
        now = (await self._api.messaging(found.id)).messaging_profile_id or ""
        if now != kept["to"]:
            raise Stale(f"Somebody moved {number} to another messaging profile since.")
        await self._api.assign(found.id, str(kept["from"]))

    async def _found(self, number: str, profiles: Sequence[Profile]) -> tuple[PhoneNumber, Number]:
        names = {profile.id: profile.name for profile in profiles}
        for each in await self._api.numbers():
            if each.phone_number == number:
                return each, _number(each, names)
        raise Stale(f"{self.name} has no number {number} any more.")


class PausableProfiles:
    """CautionsPause: a messaging profile that is not enabled sends nothing."""

    kind = "telnyx"
    pausing_means = "Messages that are sent by a paused messaging profile are refused, not kept for later."

    def __init__(self, name: str, api: TelnyxApi, pausable: Sequence[str]) -> None:
        self.name = name
        self._api = api
        self._pausable = pausable

    async def switches(self) -> tuple[Switchable, ...]:
        return tuple(_switchable(each) for each in await self._api.profiles() if self._may(each))

    async def pause(self, ids: Sequence[str]) -> Flipped:
        return await flipped(ids, lambda id_: self._flip(id_, Switch.RUNNING), verb="paused")

    async def resume(self, things: Sequence[Switchable]) -> Flipped:
        return await flipped(things, lambda thing: self._flip(thing.id, Switch.PAUSED), verb="resumed")

    async def _flip(self, id_: str, expected: Switch) -> Switchable:
        profile = await self._api.profile(id_)
        was = _switchable(profile)
        if not self._may(profile):
            raise Stale(f"{was.name} is not among the messaging profiles that may be paused")
        if was.state is not expected:
            raise Stale(f"{was.name} was not {expected.value} any more")
        await self._api.enable(id_, on=expected is Switch.PAUSED)
        return was

    def _may(self, profile: Profile) -> bool:
        return profile.id in self._pausable or profile.name in self._pausable


def _switchable(profile: Profile) -> Switchable:
    return Switchable(profile.id, profile.name, Switch.RUNNING if profile.enabled else Switch.PAUSED)


def _number(number: PhoneNumber, profiles: dict[str, str]) -> Number:
    profile = number.messaging_profile_id or ""
    state = NumberState.ASSIGNED if profile else NumberState.AVAILABLE
    if number.status != "active":
        state = NumberState.OTHER
    return Number(
        number=number.phone_number,
        state=state,
        assigned_to=profiles.get(profile, number.messaging_profile_name or profile),
        since=number.purchased_at,
        detail=number.status,
    )


def _meant(profiles: Sequence[Profile], wanted: str) -> Profile:
    """By id, or by a name that one alone has. Raises NotUnderstood."""
    called = [each for each in profiles if wanted == each.id or wanted.casefold() == each.name.casefold()]
    if len(called) == 1:
        return called[0]
    names = ", ".join(f"{each.name} ({each.id})" for each in (called or profiles)[:5])
    what = "several messaging profiles" if called else "no messaging profile"
    raise NotUnderstood(f"{wanted!r} is {what} of Telnyx. There are: {names or 'none'}.")


def _event(message: Message) -> ErrorEvent:
    codes = f"error {', '.join(message.errors)}" if message.errors else "no reason told"
    return ErrorEvent(
        key=message.uuid,
        at=message.created_at,
        origin="messaging",
        operation=message.direction or "message",
        message=f"{_WORDS.get(message.status, message.status)} to {message.cld or 'an unknown number'}: {codes}",
    )
