"""What is counted as a call: whatever the vendor may have seen, and nothing else."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, date, datetime

import aiohttp
import httpx
import pytest

from bot.words.exceptions import Misconfigured
from integrations.plumbing.call_counts import Counted, OwnTally, tallied

NOW = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
MONTH = date(2026, 12, 1)


def own() -> OwnTally:
    return OwnTally(lambda: NOW)


async def counted(tally: OwnTally) -> int:
    return (await tally.this_month("stock")).calls


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.PoolTimeout("no connection free"),
        httpx.LocalProtocolError("a line end in a header"),
        aiohttp.InvalidURL("http://["),
        aiohttp.ConnectionTimeoutError(),
        ValueError("a line end in a header"),  # aiohttp's word for it
        Misconfigured("env:STOCK_KEY is not set"),
    ],
)
async def test_what_was_not_sent_is_not_counted(error: Exception) -> None:
    tally = own()
    with pytest.raises(type(error)), tallied(nullcontext(), tally, "stock"):
        raise error
    assert await counted(tally) == 0


@pytest.mark.parametrize("error", [httpx.ReadTimeout("silent"), TimeoutError(), asyncio.CancelledError()])
async def test_what_may_have_been_seen_is_counted(error: BaseException) -> None:
    tally = own()
    with pytest.raises(type(error)), tallied(nullcontext(), tally, "stock"):
        raise error
    assert await counted(tally) == 1


async def test_one_process_s_count_is_no_whole_and_ends_with_its_month() -> None:
    tally = own()
    with tallied(nullcontext(), tally, "stock"):
        pass
    found = await tally.this_month("stock")
    assert found == Counted(1, False, MONTH)
    assert found.until == datetime(2027, 1, 1, tzinfo=UTC)
    assert await tally.this_month("another") == Counted(0, False, MONTH)
