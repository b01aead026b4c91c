"""Telnyx: its balance, messages that failed, messaging profiles that may be paused, and the account's numbers."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, Final, Literal

from pydantic import JsonValue

from bot.words.exceptions import NotUnderstood, Refused, Stale
from integrations.capabilities import (
    Checked,
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
from integrations.plumbing.base import Client, Part
from integrations.plumbing.checking import looked
from integrations.plumbing.flipping import flipped
from integrations.plumbing.section import KeySection, Outside, Url
from integrations.plumbing.trying import Step, tried
from integrations.telnyx.api import (
    Balance,
    Message,
    NotPermitted,
    One,
    PhoneNumber,
    Profile,
    TelnyxApi,
    TelnyxService,
)

_FAILED = ("failed", "gw_reject", "gw_timeout")
"""A receipt that did not come (dlr_timeout, dlr_unconfirmed) says nothing of the message."""
_HOW: Final[Mapping[str, str]] = MappingProxyType(
    {
        "failed": "failed",
        "gw_reject": "was refused by the gateway",
        "gw_timeout": "got no answer from the gateway in time",
    }
)
_WHY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "40001": "a landline, or not routable",
        "40002": "blocked as spam for now",
        "40003": "blocked as spam for good",
        "40004": "refused by the recipient's carrier",
        "40005": "too late to be delivered",
        "40006": "the recipient's carrier cannot be reached",
        "40008": "undeliverable",
        "40009": "its text was not taken",
    }
)
"""Telnyx's codes of delivery errors, those that do not depend on the account."""
_LATE = timedelta(days=1)
"""How long after it was made a message may still fail; records are found by when they were made."""
_PAGES = 4
"""Of failed messages, for each way to fail."""
_KEY = "services.{}.api_key"


class TelnyxSection(KeySection):
    kind: Literal["telnyx"]
    url: Url = "https://api.telnyx.com/v2"
    pausable: tuple[str, ...] = ()
    """Messaging profiles that may be paused, by id or name."""

    rights: ClassVar[str] = (
        "An API v2 key that reads the balance, detail records, numbers and messaging profiles, and changes the last "
        "two. Telnyx does not tell what else a key may do: as a rule it acts for the whole account, sending included."
    )
    undo: ClassVar[str] = (
        "A paused messaging profile is enabled again. A number goes back to the messaging profile it had, unless "
        "somebody changed it since. No number is ever given up: a released one stays in the account."
    )


def telnyx(name: str, section: TelnyxSection, outside: Outside) -> tuple[Named, ...]:
    api = TelnyxApi(TelnyxService.of(name, section, outside))
    return (
        Telnyx(name, section, api),
        ProfiledNumbers(name, api),
        *((PausableProfiles(name, api, section.pausable),) if section.pausable else ()),
    )


class Telnyx(Client[TelnyxApi, TelnyxSection]):
    """Checkable, Testable, Credentialed, ErrorSource, Metered."""

    # -- be checked and tested

    async def check(self) -> Checked:
        """Without money left it answers, and sends nothing. Source: GET /balance"""
        found = await looked(self._api.service, "/balance", One[Balance], limit=self.deadline)
        if isinstance(found, Checked):
            return found
        left = found.data
        if left.available_credit > 0:
            return Checked(Health.OK)
        return Checked(Health.DEGRADED, f"nothing is left to spend ({_sum(left.available_credit, left)}): top it up")

    async def test(self) -> tuple[Trial, ...]:
        where = f"Check {_KEY.format(self.name)}, and what its user may see at Telnyx."
        steps = [
            Step("read the balance", self._api.balance, where),
            Step("read the records of failed messages", self._newest, where),
            Step("list phone numbers", self._api.numbers, where),
            Step("list messaging profiles", self._api.profiles, where),
        ]
        if self._section.pausable:
            steps.append(Step("find those that may be paused", self._pausable, f"Write services.{self.name}.pausable."))
        return await tried(*steps)

    async def rights(self) -> Rights:
        """As far as reading tells."""
        has: list[str] = []
        lacking: list[tuple[str, str]] = []
        for what, commands, read in (
            ("read the balance", "health, usage", self._api.balance),
            ("read detail records", "errors", self._newest),
            ("list phone numbers", "numbers", self._api.numbers),
            ("list messaging profiles", "numbers, pause", self._api.profiles),
        ):
            try:
                await read()
            except NotPermitted:
                lacking.append((what, commands))
            else:
                has.append(what)
        return Rights(has=tuple(has), lacking=tuple(lacking), note=self._section.rights)

    async def _newest(self) -> object:
        return await self._api.messages(_FAILED[0], since=datetime.now(UTC))

    async def _pausable(self) -> None:
        profiles = await self._api.profiles()
        known = {known for each in profiles for known in (each.id, each.name)}
        if unknown := [each for each in self._section.pausable if each not in known]:
            raise NotUnderstood(f"{self.name} has no messaging profile {', '.join(unknown)}.")

    # -- errors and usage

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Messages that failed; of a recipient the last digits only."""
        parts = await asyncio.gather(*(self._messages(status, since - _LATE) for status in _FAILED))
        wanted = (match or "").casefold()
        events = [_event(message) for messages, _ in parts for message in messages if message.ended_at >= since]
        kept = [each for each in events if wanted in f"{each.origin} {each.message}".casefold()]
        kept.sort(key=lambda event: event.at, reverse=True)
        return ErrorPage(tuple(kept[:limit]), truncated=len(kept) > limit or not all(whole for _, whole in parts))

    async def _messages(self, status: str, since: datetime) -> tuple[list[Message], bool]:
        """Those that ended so, and whether these are all."""
        found: dict[str, Message] = {}
        for number in range(1, _PAGES + 1):
            page = await self._api.messages(status, since=since, page=number)
            found |= {each.uuid: each for each in page.data}  # what is sent meanwhile moves others to the next page
            if not page.data or number >= page.meta.total_pages:
                return list(found.values()), True
        return list(found.values()), False

    async def usage(self) -> tuple[Quota, ...]:
        """The money that can still be spent. Telnyx knows no budget to hold it against."""
        left = await self._api.balance()
        note = ""
        if left.credit_limit:
            note = f"It is the balance of {_sum(left.balance, left)} and credit of {_sum(left.credit_limit, left)}."
        return (Quota("available credit", left.available_credit, None, left.currency, None, note, True),)


class PausableProfiles(Part[TelnyxApi]):
    """CautionsPause. A messaging profile that is disabled sends nothing."""

    pausing_means = "Messages that are to be sent by a paused messaging profile are refused, not kept for later."

    def __init__(self, name: str, api: TelnyxApi, pausable: Sequence[str]) -> None:
        super().__init__(name, api)
        self._pausable = pausable

    async def switches(self) -> tuple[Switchable, ...]:
        """The messaging profiles that ops.toml lets us pause."""
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
        return profile.id in self._pausable or bool(profile.name and profile.name in self._pausable)


class ProfiledNumbers(Part[TelnyxApi]):
    """Numbers. Whom one is assigned to is its messaging profile; voice is left as it is."""

    async def numbers(self) -> tuple[Number, ...]:
        """By number, in E.164."""
        numbers, profiles = await asyncio.gather(self._api.numbers(), self._api.profiles())
        named = _names(profiles)
        return tuple(_number(each, named) for each in numbers)

    async def set_number(self, was: Number, *, state: NumberState, assigned_to: str) -> dict[str, JsonValue]:
        """`assigned_to` is a messaging profile's name or id. Gives `{"id", "was", "is"}`: the number's id, and of the
        profiles, empty for none."""
        if state not in (NumberState.AVAILABLE, NumberState.ASSIGNED):
            raise NotUnderstood(f"A number cannot be made {state}.")
        found, profiles = await asyncio.gather(self._api.number(was.number), self._api.profiles())
        gone = _gone(was.number)
        if found is None:
            raise gone
        named = _names(profiles)
        now = _number(found, named)
        if now.state is NumberState.OTHER:
            raise Refused(f"{was.number} is {now.detail}: only an active number can be assigned.")
        after = _chosen(profiles, assigned_to).id if state is NumberState.ASSIGNED else ""
        before = (await self._api.messaging(found.id, missing=gone)).messaging_profile_id or ""
        if (is_ := named.get(before, before)) != was.assigned_to:
            raise _changed(was.number, was.assigned_to, is_)
        if before == after:
            raise Stale(f"{was.number} {f'belongs to {is_}' if is_ else 'is available'} already.")
        await self._api.assign(found.id, after, missing=gone)
        return {"id": found.id, "was": before, "is": after}

    async def restore_number(self, number: str, kept: dict[str, JsonValue]) -> None:
        id_, was, is_ = (str(kept[key]) for key in ("id", "was", "is"))
        gone = _gone(number)
        now = (await self._api.messaging(id_, missing=gone)).messaging_profile_id or ""
        if now != is_:
            raise _changed(number, is_, now)
        await self._api.assign(id_, was, missing=gone)


def _names(profiles: Sequence[Profile]) -> dict[str, str]:
    """By id; a name that several have is none."""
    counts = Counter(each.name for each in profiles)
    return {each.id: each.name if each.name and counts[each.name] == 1 else each.id for each in profiles}


def _chosen(profiles: Sequence[Profile], typed: str) -> Profile:
    """By id or name. Raises NotUnderstood."""
    found = [each for each in profiles if typed == each.id or typed.casefold() == each.name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotUnderstood(f"Several messaging profiles are called {typed}: {', '.join(each.id for each in found)}.")
    known = ", ".join(each.name or each.id for each in profiles[:10]) or "none"
    raise NotUnderstood(f"There is no messaging profile {typed[:60]!r}. There are: {known}.")


def _number(number: PhoneNumber, named: Mapping[str, str]) -> Number:
    profile = number.messaging_profile_id or ""
    owner = named.get(profile, profile)
    at = number.purchased_at
    since = at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
    if number.status != "active":
        return Number(number.phone_number, NumberState.OTHER, owner, since, number.status)
    return Number(number.phone_number, NumberState.ASSIGNED if owner else NumberState.AVAILABLE, owner, since)


def _gone(number: str) -> Stale:
    return Stale(f"{number} is not there any more.")


def _changed(number: str, then: str, now: str) -> Stale:
    return Stale(
        f"{number} was changed since; it was left as it is.",
        differences=(f"assigned to was {then or 'nobody'}, is {now or 'nobody'}",),
    )


def _switchable(profile: Profile) -> Switchable:
    state = {True: Switch.RUNNING, False: Switch.PAUSED, None: Switch.OTHER}[profile.enabled]
    return Switchable(profile.id, profile.name or profile.id, state)


def _event(message: Message) -> ErrorEvent:
    how = _HOW.get(message.status, message.status)
    why = ", ".join(f"{_WHY[code]} ({code})" if code in _WHY else f"error {code}" for code in message.errors or ())
    outbound = message.direction == "outbound"
    ours, theirs = (message.cli, message.cld) if outbound else (message.cld, message.cli)
    between = f"from {ours} to …{theirs[-4:]}" if outbound else f"from …{theirs[-4:]} to {ours}"
    return ErrorEvent(
        key=message.uuid,
        at=message.ended_at,
        origin=message.profile_name or "no messaging profile",
        operation=f"{'send' if outbound else 'receive'} {message.message_type}",
        message=f"{message.message_type} {between} {how}{f': {why}' if why else ''}",
    )


def _sum(amount: float, of: Balance) -> str:
    return f"{amount:,.2f} {of.currency}"
