"""The answer to a call, and how long a vendor wants to be left alone."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

ANSWER_LIMIT = 8 * 1024 * 1024
"""Bytes read of one answer, after decompression."""
AFTER_LIMIT = timedelta(hours=1)
"""Longest wait that a Retry-After may ask for."""


@dataclass(frozen=True)
class Answer:
    """An answer, whatever its status."""

    status: int
    media: str
    """Content type without parameters, lower case."""
    body: bytes = field(repr=False)
    whole: bool
    """False where the body was cut off at ANSWER_LIMIT, or by the connection."""
    retry_after: timedelta | None
    seconds: float
    """From sending to the last byte."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Whatever the case of their names."""

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def broken(self) -> bool:
        """A success whose connection broke before its end."""
        return self.good and not self.whole and len(self.body) < ANSWER_LIMIT

    @property
    def cut(self) -> str:
        """Why not all of it is here, as the end of "an answer that"; empty where all is."""
        if self.whole:
            return ""
        large = len(self.body) >= ANSWER_LIMIT
        return f"is too large: more than {ANSWER_LIMIT >> 20} MB" if large else "was cut off"

    @property
    def no_json(self) -> str:
        """What a check says of it where it cannot be read as the JSON that was expected."""
        if self.cut:
            return f"its answer {self.cut}"
        if "json" not in self.media:
            return f"it answers {self.media or 'without a content type'}, not JSON"
        return "it answers JSON that is broken or of another shape"

    def json(self) -> Any:
        """Raises ValueError."""
        if not self.whole:
            raise ValueError(self.cut)
        return json.loads(self.body)

    def fields(self) -> Mapping[str, Any]:
        """Those of its JSON object; none where it is no such thing."""
        try:
            found = self.json()
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header, seconds or a date; None where it says nothing usable; at most AFTER_LIMIT."""
    if not value:
        return None
    try:
        span = timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        try:
            span = parsedate_to_datetime(value).astimezone(UTC) - now
        except (ValueError, OverflowError, TypeError):
            return None
    return min(max(span, timedelta(0)), AFTER_LIMIT)


class TooLarge(Exception):
    """More came than is read of one answer."""


async def lines_of(response: httpx.Response) -> AsyncIterator[str]:
    """Its lines as they come. Raises TooLarge after ANSWER_LIMIT bytes, although no line may have ended yet."""
    begun, size = bytearray(), 0
    async for part in response.aiter_bytes():
        begun += part
        size += len(part)
        if b"\n" in part:
            *whole, begun = begun.split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace").rstrip("\r")
        if size > ANSWER_LIMIT:
            raise TooLarge
    if begun:
        yield begun.decode("utf-8", "replace")


async def received(response: httpx.Response, started: float) -> Answer:
    """Read it as far as it comes; `started` is monotonic. A connection that breaks in the middle of a success leaves
    a success."""
    parts: list[bytes] = []
    size, whole = 0, True
    try:
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > ANSWER_LIMIT:
                whole = False
                break
    except (httpx.ReadError, httpx.RemoteProtocolError, httpx.DecodingError):
        whole = False
    return Answer(
        status=response.status_code,
        media=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
        body=b"".join(parts)[:ANSWER_LIMIT],
        whole=whole,
        retry_after=retry_after(response.headers.get("retry-after"), datetime.now(UTC)),
        seconds=time.monotonic() - started,
        headers=response.headers,
    )
