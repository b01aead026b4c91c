"""Calls that are left by a vendor's own headers: told with a health check, and obeyed when none is left."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.words.exceptions import OpsError, TryLater
from integrations.plumbing.answer import AFTER_LIMIT, Answer

NEARLY_USED = 0.05
"""Share that is left when it is said as a warning."""
_DIGITS = 12


@dataclass(frozen=True)
class RateHeaders:
    """Where a vendor tells it."""

    left: str
    limit: str
    resets: str = ""
    """When, in seconds since 1970; empty where none is told, or nobody knows in which unit. A Retry-After does too."""
    per: str = ""
    """`this hour`, `today`; empty where the span is too short to be worth telling."""


@dataclass(frozen=True)
class Left:
    """As an answer told it."""

    calls: int
    of: int
    until: datetime | None
    """When it is counted anew, never later than an hour from the answer; None where nobody told."""


@dataclass
class Allowance:
    """Of one client of one service."""

    name: str
    headers: RateHeaders | None
    """None where the vendor tells nothing: then nothing is known, and nothing held back."""
    credentials: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)
    """Whose it is: with another one it is counted anew."""
    last: Left | None = None
    _whose: int | None = field(default=None, repr=False)
    """Mark of the credential with which it was used up; None while it is not."""

    def hear(self, answer: Answer) -> Answer:
        """Keep what it tells; the answer itself, for whoever goes on with it.

        A 401 tells of another one: that of strangers at our address.
        """
        if self.headers is None or answer.status == 401:
            return answer
        if told := _read(self.headers, answer, datetime.now(UTC)):
            self.last = told
            self._whose = None if told.calls else self._mark()
        return answer

    async def turn(self, limit: timedelta) -> timedelta:
        """Wait for the next span where this one is used up; what is left of the limit, at least half of it. Raises
        TryLater where that would be too long: nothing was sent."""
        wait = self._wait()
        if wait > limit / 2:
            raise self.used_up()
        await asyncio.sleep(wait.total_seconds())
        return limit - wait

    @property
    def gone(self) -> bool:
        """Whether the vendor allows no call now, as it said itself."""
        return self._wait() > timedelta(0)

    def used_up(self) -> TryLater:
        wait, per = self._wait(), f" {self.headers.per}" if self.headers is not None and self.headers.per else ""
        return TryLater(f"{self.name} has no calls left{per}; more {_in_words(wait)}.", after=wait)

    @property
    def nearly_used(self) -> bool:
        return self.last is not None and self.last.calls < NEARLY_USED * self.last.of

    def told(self, noun: str = "") -> str:
        """`4,812 of 5,000 this hour`, the noun before the span; empty where it is not known, or not worth telling."""
        if self.last is None or self.headers is None or not self.headers.per:
            return ""
        return f"{self.last.calls:,} of {self.last.of:,}{noun} {self.headers.per}"

    def _wait(self) -> timedelta:
        if self.last is None or self.last.calls > 0 or self.last.until is None:
            return timedelta(0)
        wait = max(self.last.until - datetime.now(UTC), timedelta(0))
        return wait if wait and self._whose == self._mark() else timedelta(0)

    def _mark(self) -> int | None:
        """None where it cannot be found: without it nothing is sent anyway."""
        try:
            return hash(frozenset(self.credentials().items()))
        except OpsError:
            return None


def _read(names: RateHeaders, answer: Answer, now: datetime) -> Left | None:
    """None where the answer tells nothing usable. The vendor's time is measured by the vendor's own clock."""
    calls, of = _count(answer.headers, names.left), _count(answer.headers, names.limit)
    if calls is None or not of:
        return None
    resets = _count(answer.headers, names.resets)
    span = None if resets is None else timedelta(seconds=resets - _date(answer.headers, now).timestamp())
    span = span if span is not None else answer.retry_after
    return Left(calls, of, None if span is None else now + min(span, AFTER_LIMIT))


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip() if name else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _date(headers: Mapping[str, str], now: datetime) -> datetime:
    try:
        return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return now


def _in_words(wait: timedelta) -> str:
    seconds = max(math.ceil(wait.total_seconds()), 1)
    return f"in {seconds} s" if seconds < 60 else f"in {math.ceil(seconds / 60)} min"
