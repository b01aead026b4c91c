"""How many calls we made to a vendor this month, for those that sell calls and do not tell how many are left."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

import aiohttp
import httpx

from bot.words.exceptions import OpsError

_UNSENT = (
    OpsError,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    ValueError,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
)
"""Of a call that ended with one of these the vendor has seen nothing."""


@dataclass(frozen=True)
class Counted:
    """Calls of one service in a calendar month (UTC)."""

    calls: int
    whole: bool
    """No other call is known of; otherwise there were at least so many."""
    month: date
    """Its first day."""

    @property
    def until(self) -> datetime:
        """When the next one begins."""
        year, month = self.month.year, self.month.month
        return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


class Tally(Protocol):
    """Of all processes that share it."""

    def count(self, service: str) -> None:
        """One more call was sent. Takes no time and cannot fail: no call waits for being counted."""
        ...

    async def this_month(self, service: str) -> Counted: ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class OwnTally:
    """Of this process alone, since it started: never whole, as it knows of no other."""

    clock: Callable[[], datetime] = _now
    _calls: Counter[tuple[str, date]] = field(default_factory=Counter)

    def count(self, service: str) -> None:
        self._calls[service, self._month()] += 1

    async def this_month(self, service: str) -> Counted:
        month = self._month()
        return Counted(self._calls[service, month], False, month)

    def _month(self) -> date:
        return self.clock().astimezone(UTC).date().replace(day=1)


@contextmanager
def tallied(call: AbstractContextManager[None], tally: Tally, service: str) -> Iterator[None]:
    """Counts what happens within `call`, unless the vendor cannot have seen it; also where it is given up midway."""
    with call:
        try:
            yield
        except _UNSENT:
            raise
        except BaseException:
            tally.count(service)
            raise
        tally.count(service)
