"""How we talk HTTP to anybody: time limits, retries of reads, and one table from answers to `bot.errors`.

A write is sent once. Whatever leaves it open whether the service acted is OutcomeUnknown: a time-out, a broken
connection, and also a 5xx or a 408, because a gateway gives up on a call that its upstream goes on with; and a 302
or 303, which is how web applications answer what they have done.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from bot.errors import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.answer import AFTER_LIMIT as AFTER_LIMIT
from integrations.answer import Answer as Answer
from integrations.answer import TooLarge, lines_of, received
from integrations.answer import retry_after as retry_after
from integrations.breaker import Open
from integrations.capabilities import Checked, Health
from integrations.pace import Pace
from integrations.probe import PROBE_FAILURES, probe
from integrations.section import Outside
from integrations.unreached import unreached

USER_AGENT = "handrail"
QUOTE_LIMIT = 300
"""Characters of a vendor's own sentence that an error repeats."""
CONNECT_LIMIT = timedelta(seconds=5)
ATTEMPTS = 3

_UNSENDABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)
_FAILURES = (httpx.HTTPError, TimeoutError, *_UNSENDABLE)
_AGAIN = frozenset({429, 502, 503, 504})
_OPEN = frozenset({302, 303, 408})
_BROKEN = (httpx.ReadError, httpx.RemoteProtocolError, httpx.DecodingError)

M = TypeVar("M", bound=BaseModel)
Query = Mapping[str, str | Sequence[str]]
"""What stands behind the `?`; a sequence repeats its name."""


class Unreadable(TryLater):
    """A read was answered with success, and the answer is too large, cut off, or not what the API promises."""


class Unread(OutcomeUnknown):
    """A write was answered with success, and the answer is too large, cut off, or not what the API promises."""


class Service:
    """One vendor's HTTP API, as one service of ops.toml."""

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
    ) -> None:
        """`credentials` gives the headers that prove who we are, asked for at each call; `credential_setting` is
        where a person mends them, like `services.n8n.api_key`; `pace` is how often the vendor lets itself be asked."""
        self.name = name
        self._outside = outside
        self._base_url = base_url
        self._timeout = timeout
        self._credentials = credentials
        self._credential_setting = credential_setting
        self._pace = pace

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
                if isinstance(error, _UNSENDABLE):
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
                return await probe(self._outside.probes, method, url, headers, body, limit=limit, connect=connect)
        except (ValueError, *_UNSENDABLE):  # the first is aiohttp's
            return Checked(Health.DEGRADED, str(self._unsendable))
        except (*_FAILURES, *PROBE_FAILURES) as error:
            return unreached(error, limit)
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
        started = time.monotonic()
        with self._calling():
            async with (
                asyncio.timeout(limit.total_seconds()),
                self._stream(method, path, limit, params, body, form, headers) as response,
            ):
                return await received(response, started)

    def _calling(self) -> AbstractContextManager[None]:
        return self._outside.breaker.calling(self.name, ours=(OpsError, httpx.PoolTimeout, ValueError, *_UNSENDABLE))

    async def _turn(self, limit: timedelta) -> timedelta:
        """Wait for it; what is left of the limit. Raises TryLater, at once, where it would not come in time."""
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

    def _read(self, answer: Answer, shape: type[M], *, write: bool, missing: OpsError | None) -> M:
        if not answer.good:
            raise self.error_of(answer, write=write, missing=missing)
        return self._parsed(answer, shape, write=write)

    def _parsed(self, answer: Answer, shape: type[M], *, write: bool) -> M:
        try:
            return shape.model_validate(answer.json())
        except (ValueError, ValidationError, RecursionError) as error:
            # The cause is dropped: pydantic's text quotes the answer.
            self._unreadable(answer, error, write=write)

    def _unreadable(self, answer: Answer, error: Exception, *, write: bool) -> NoReturn:
        if not answer.whole:
            why = "an answer that was cut off or is too large"
        elif "json" not in answer.media:
            why = f"{answer.media or 'no content type'} instead of JSON"
        elif isinstance(error, ValidationError):
            why = f"JSON of a shape it does not promise ({_places(error)})"
        else:
            why = "broken JSON"
        if write:
            raise Unread(
                f"{self.name} accepted the call and answered with {why}; look there for how it ended."
            ) from None
        raise Unreadable(
            f"{self.name} answered with {why}. If this stays so, check services.{self.name}.url."
        ) from None

    @property
    def _unsendable(self) -> Misconfigured:
        return Misconfigured(
            f"services.{self.name}: its address or its credential holds characters that cannot be sent; "
            "write them anew, without line ends."
        )

    def failure_of(self, error: Exception, *, write: bool, limit: timedelta) -> OpsError:
        """The error for a call that got no whole answer."""
        if isinstance(error, _UNSENDABLE):
            return self._unsendable
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
            return TryLater(f"Could not connect to {self.name}: {unreached(error, limit).detail}. Nothing was sent.")
        timed_out = isinstance(error, httpx.TimeoutException | TimeoutError)
        why = f"did not answer within {limit.total_seconds():g} s" if timed_out else "broke the connection"
        if write:
            return OutcomeUnknown(f"{self.name} {why}; the call may or may not have worked.")
        return TryLater(f"{self.name} {why}.")

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        """The error for an answer that is no success."""
        said = self.said(answer)
        match answer.status:
            case status if write and (status >= 500 or status in _OPEN):
                how = "sends us elsewhere" if status < 400 else "failed"
                return OutcomeUnknown(f"{self.name} {how} ({status}){said}; the call may or may not have worked.")
            case 401 | 403:
                where = f" Check {self._credential_setting}." if self._credential_setting else ""
                return Refused(f"{self.name} refused our credential ({answer.status}){said}.{where}")
            case 404 | 410:
                return missing or NotUnderstood(
                    f"{self.name} does not know what was asked for ({answer.status}){said}."
                )
            case 408 | 425 | 429:
                return TryLater(f"{self.name} asks us to slow down ({answer.status}).", after=answer.retry_after)
            case status if status >= 500:
                return TryLater(f"{self.name} is in trouble ({status}){said}.", after=answer.retry_after)
            case status if status < 400:
                return Misconfigured(
                    f"{self.name} sends us elsewhere ({status}): write its final address in services.{self.name}.url."
                )
            case status:
                return Refused(f"{self.name} refused ({status}){said}.")

    def said(self, answer: Answer) -> str:
        """`: its sentence`, or nothing: only JSON's `message`, or that of its `error`, is repeated, made clean."""
        try:
            found = answer.json()
        except (ValueError, RecursionError):
            return ""
        if isinstance(found, dict) and isinstance(found.get("error"), dict):
            found = found["error"]
        message = found.get("message") if isinstance(found, dict) else None
        if not isinstance(message, str) or not message.strip():
            return ""
        return f": {self.clean(message)}"

    def clean(self, text: str) -> str:
        """Make a vendor's text fit to be repeated: one line, no secret of ours, at most QUOTE_LIMIT characters."""
        try:
            values = tuple(filter(str.strip, self._credentials().values()))
        except OpsError:  # it cannot be found now; what was found before is known to `redact`
            values = ()
        for value in values:
            text = text.replace(value, "[redacted]").replace(value.split()[-1], "[redacted]")
        text = " ".join(self._outside.redact(text).split()).rstrip(".")
        return text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 1] + "…"


def _shown(failure: Exception | None, failed: OpsError) -> Exception | None:
    """The cause, except where it quotes the credential that could not be sent."""
    return None if isinstance(failed, Misconfigured) else failure


def _connect_limit(limit: timedelta) -> float:
    """In seconds. Connecting ends well before the whole does: "nothing was sent" is told from "no answer"."""
    return min(CONNECT_LIMIT.total_seconds(), limit.total_seconds() / 3)


def _places(error: ValidationError) -> str:
    """Where the shape was wrong, without what was there."""
    places = {".".join(str(part) for part in detail["loc"]) or "the whole" for detail in error.errors()[:20]}
    return ", ".join(sorted(places)[:3])
