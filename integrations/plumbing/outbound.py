"""How we talk HTTP to anybody: time limits, turns, retries of reads. A write is sent once."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta
from typing import Any, ClassVar, Self, TypeVar

import httpx
from pydantic import BaseModel

from bot.words.exceptions import Misconfigured, OpsError, TryLater
from integrations.capabilities import Checked, Health
from integrations.plumbing.allowance import RateHeaders
from integrations.plumbing.answer import Answer as Answer
from integrations.plumbing.answer import TooLarge, lines_of, received
from integrations.plumbing.breaker import Open
from integrations.plumbing.call_counts import tallied
from integrations.plumbing.meaning import UNSENDABLE, Meaning, unsendable
from integrations.plumbing.meaning import Unread as Unread
from integrations.plumbing.meaning import Unreadable as Unreadable
from integrations.plumbing.pace import Pace
from integrations.plumbing.probe import PROBE_FAILURES, probe
from integrations.plumbing.section import Outside, VendorSection
from integrations.plumbing.unreached import Unfinished, unreached

USER_AGENT = "handrail"
CONNECT_LIMIT = timedelta(seconds=5)
ATTEMPTS = 3

_FAILURES = (httpx.HTTPError, TimeoutError, *UNSENDABLE)
_AGAIN = frozenset({429, 502, 503, 504})
_BROKEN = (httpx.ReadError, httpx.RemoteProtocolError, httpx.DecodingError)

M = TypeVar("M", bound=BaseModel)
Query = Mapping[str, str | Sequence[str]]
"""The query string; a sequence repeats its name."""


class Service(Meaning):
    """One vendor's HTTP API, as one service of ops.toml."""

    below: ClassVar[str] = ""
    """Path below the address in ops.toml where the API begins."""
    header: ClassVar[str] = ""
    """Carries the credential as it is; without it the credential is a bearer token."""
    pace: ClassVar[Pace | None] = None
    rate: ClassVar[RateHeaders | None] = None

    def __init__(
        self,
        outside: Outside,
        *,
        name: str,
        base_url: str,
        timeout: timedelta,
        credentials: Callable[[], Mapping[str, str]] = dict,
        credential_setting: str = "",
        pace: Pace | None = None,
        rate: RateHeaders | None = None,
        counted: bool = False,
    ) -> None:
        """`credentials` gives the headers that prove who we are, asked for at each call; `credential_setting` is
        where a person mends them, like `services.n8n.api_key`; `pace` is how often the vendor lets itself be asked,
        and `rate` where its answers tell what is left of that; `counted` adds each call but streams to the month's
        tally."""
        super().__init__(outside, name, credentials, credential_setting, rate)
        self._base_url = base_url
        self._timeout = timeout
        self._pace = pace
        self._counted = counted

    @classmethod
    def of(
        cls,
        name: str,
        section: VendorSection,
        outside: Outside,
        *,
        holds: str = "",
        pace: Pace | None = None,
    ) -> Self:
        """The API that a section tells of. `holds` is the setting with the credential, where it is not the usual one;
        `pace` is one that a setting tells."""
        setting = holds or section.holds

        def credentials() -> Mapping[str, str]:
            secret = outside.secrets(getattr(section, setting))
            return {cls.header: secret} if cls.header else {"Authorization": f"Bearer {secret}"}

        return cls(
            outside,
            name=name,
            base_url=section.url.rstrip("/") + cls.below,
            timeout=section.timeout,
            credentials=credentials,
            credential_setting=f"services.{name}.{setting}",
            pace=pace or cls.pace,
            rate=cls.rate,
        )

    async def get(
        self,
        path: str,
        shape: type[M],
        *,
        params: Query | None = None,
        missing: OpsError | None = None,
    ) -> M:
        """Read, trying again within the time limit. `missing` is raised for a 404."""
        return await self._read_again("GET", path, shape, params, None, missing)

    async def query(self, path: str, shape: type[M], body: Mapping[str, Any] | None) -> M:
        """As `get`, for a question that is posted: GraphQL."""
        return await self._read_again("POST", path, shape, None, body, None)

    async def _read_again(
        self,
        method: str,
        path: str,
        shape: type[M],
        params: Query | None,
        body: Mapping[str, Any] | None,
        missing: OpsError | None,
    ) -> M:
        until = time.monotonic() + self._timeout.total_seconds()
        for attempt in range(1, ATTEMPTS + 1):
            pause = random.uniform(0, 0.1 * 2**attempt)  # noqa: S311 - spreads load, guards nothing
            left = max(until - time.monotonic(), 0.01)
            answer: Answer | None = None
            failure: Exception | None = None
            try:
                answer = await self._send(method, path, params=params, body=body, limit=timedelta(seconds=left))
            except _FAILURES as error:
                failure = error
                if unsendable(error):
                    break
            else:
                if not self.worth_again(answer) and not answer.broken:
                    return self._read(answer, shape, write=False, missing=missing)
                pause = max(pause, answer.retry_after.total_seconds() if answer.retry_after else 0.0)
            if attempt == ATTEMPTS or time.monotonic() + pause >= until:
                break
            await asyncio.sleep(pause)
        if answer is not None:
            return self._read(answer, shape, write=False, missing=missing)
        failed = self.failure_of(failure or TimeoutError(), write=False, limit=self._timeout)
        raise failed from _shown(failure, failed)

    def worth_again(self, answer: Answer) -> bool:
        """Whether a read that was answered like this is asked once more."""
        return answer.status in _AGAIN

    async def post(
        self,
        path: str,
        shape: type[M],
        *,
        method: str = "POST",
        params: Query | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        limit: timedelta | None = None,
        missing: OpsError | None = None,
    ) -> M:
        """Write, once. Raises Unread where it worked and the answer is of no use."""
        answer = await self.tell(
            path, method=method, params=params, body=body, form=form, headers=headers, limit=limit, missing=missing
        )
        return self._parsed(answer, shape, write=True)

    async def tell(
        self,
        path: str,
        *,
        method: str = "POST",
        params: Query | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        limit: timedelta | None = None,
        missing: OpsError | None = None,
    ) -> Answer:
        """Write, once, where the answer is empty or of no interest beyond its success.

        `body` goes as JSON, `form` url-encoded; `headers` are of this one call, like a key that makes it idempotent.
        """
        limit = limit or self._timeout
        try:
            answer = await self._send(method, path, params=params, body=body, form=form, headers=headers, limit=limit)
        except _FAILURES as error:
            failed = self.failure_of(error, write=True, limit=limit)
            raise failed from _shown(error, failed)
        if not answer.good:
            raise self.error_of(answer, write=True, missing=missing)
        return answer

    async def lines(
        self, path: str, *, params: Query | None = None, limit: timedelta, most: int
    ) -> tuple[tuple[str, ...], bool]:
        """Read a stream that may stay open: at most `most` lines that came within `limit`, and whether it ended."""
        found: list[str] = []
        limit = await self._turn(limit)
        try:
            async with asyncio.timeout(limit.total_seconds()), self._stream("GET", path, limit, params) as response:
                if response.status_code >= 300:
                    raise self.error_of(await received(response, time.monotonic()), write=False)
                async for line in lines_of(response):
                    if len(found) == most:
                        return tuple(found), False
                    if line.strip():
                        found.append(line)
        except (TooLarge, TimeoutError, httpx.ReadTimeout, *_BROKEN):
            return tuple(found), False
        except _FAILURES as error:
            failed = self.failure_of(error, write=False, limit=limit)
            raise failed from _shown(error, failed)
        return tuple(found), True

    async def look(
        self, path: str, *, limit: timedelta, method: str = "GET", body: Mapping[str, Any] | None = None
    ) -> Answer | Checked:
        """One try, for health checks: the answer whatever its status, or what its absence means."""
        try:
            if self._outside.probes is None:
                return await self._send(method, path, body=body, limit=limit)
            limit = await self._turn(limit)
            headers = {**self._headers(), **self.wanted(method, path, None)}
            connect, url = _connect_limit(limit), self._base_url + path
            with self._calling():
                answer = await probe(self._outside.probes, method, url, headers, body, limit=limit, connect=connect)
            return self.allowance.hear(answer)
        except (*_FAILURES, *PROBE_FAILURES) as error:
            return Checked(Health.DEGRADED, str(self._unsendable)) if unsendable(error) else unreached(error, limit)
        except Open as error:
            health = unreached(error.__cause__, limit).health if isinstance(error.__cause__, Exception) else None
            return Checked(health or Health.UNKNOWN, str(error))
        except OpsError as error:  # a credential that cannot be found
            return Checked(Health.UNKNOWN, str(error))

    async def _send(
        self,
        method: str,
        path: str,
        *,
        limit: timedelta,
        params: Query | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises httpx's errors, and TryLater where nothing was sent: not our turn in time, or an open breaker."""
        limit = await self._turn(limit)
        started, begun = time.monotonic(), False
        with self._calling():
            try:
                async with (
                    asyncio.timeout(limit.total_seconds()),
                    self._stream(method, path, limit, params, body, form, headers) as response,
                ):
                    begun = True
                    return self.allowance.hear(await received(response, started))
            except (TimeoutError, httpx.ReadTimeout) as error:
                if begun:
                    raise Unfinished from error
                raise

    def _calling(self) -> AbstractContextManager[None]:
        call = self._outside.breaker.calling(self.name, ours=(OpsError, httpx.PoolTimeout, ValueError, *UNSENDABLE))
        return tallied(call, self._outside.tally, self.name) if self._counted else call

    async def _turn(self, limit: timedelta) -> timedelta:
        """Wait for it; what is left of the limit. Raises TryLater, at once, where it would not come in time."""
        limit = await self.allowance.turn(limit)
        if self._pace is None:
            return limit
        began = time.monotonic()
        wait = await self._outside.turns.book(self.name, self._pace, limit)
        limit -= timedelta(seconds=time.monotonic() - began)
        if wait >= limit:
            raise TryLater(f"{self.name} has been asked as often as it lets us; nothing was sent.", after=wait)
        if wait:
            await asyncio.sleep(wait.total_seconds())
        return limit - wait

    def _stream(
        self,
        method: str,
        path: str,
        limit: timedelta,
        params: Query | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[httpx.Response]:
        seconds, connect = limit.total_seconds(), _connect_limit(limit)
        return self._outside.http.stream(
            method,
            self._base_url + path,
            params=params,
            json=body,
            data=form,
            headers={**self._headers(), **self.wanted(method, path, params), **(headers or {})},
            timeout=httpx.Timeout(seconds, connect=connect, pool=connect),
            follow_redirects=False,  # a redirect would carry the credential to wherever it points
        )

    def wanted(self, method: str, path: str, params: Query | None) -> Mapping[str, str]:
        """A vendor's own headers for one call: the form and the version of its answer, that it be newer than known."""
        return {}

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/json", "User-Agent": USER_AGENT, **self._credentials()}


def _shown(failure: Exception | None, failed: OpsError) -> Exception | None:
    """The cause, except where it quotes the credential that could not be sent."""
    return None if isinstance(failed, Misconfigured) else failure


def _connect_limit(limit: timedelta) -> float:
    """In seconds. Connecting ends well before the whole does: "nothing was sent" is told from "no answer"."""
    return min(CONNECT_LIMIT.total_seconds(), limit.total_seconds() / 3)
