"""Lines that a run says of itself meanwhile: redacted, the latest only, written down at most every two seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from bot.words.action import Tell
from bot.words.exceptions import StoreUnwritable
from bot.words.ports import Claimed, Requests
from bot.words.redaction import Redactor

log = structlog.get_logger(__name__)
EVERY = timedelta(seconds=2)
"""Between two writings; whatever was told meanwhile is overtaken by what came after it."""
PATIENCE_S = 2.0
"""With the database, each time: the end of a run waits for the last lines."""
MOST = 3000
"""Characters that are kept: the last ones."""


@asynccontextmanager
async def telling(
    requests: Requests, claimed: Claimed, redactor: Redactor, *, every: timedelta = EVERY
) -> AsyncIterator[Tell]:
    """Put everything told within onto the request's card soon, and its last when this ends. A database that is away for
    a moment costs only the lines: a run never fails for them."""
    latest, news = "", asyncio.Event()

    def tell(text: str) -> None:
        nonlocal latest
        if text != latest:
            latest = text
            news.set()

    async def write() -> None:
        news.clear()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await requests.progress(claimed, redactor.text(latest)[-MOST:])
        except (StoreUnwritable, TimeoutError) as error:
            log.warning("progress_not_written", request=claimed.request.id, error=str(error))
        except Exception:
            log.exception("progress_crashed", request=claimed.request.id)

    async def go_on() -> None:
        while True:
            await news.wait()
            await write()
            await asyncio.sleep(every.total_seconds())

    writing = asyncio.create_task(go_on())
    try:
        yield tell
    finally:
        writing.cancel()
        await asyncio.wait((writing,))
        if latest:  # one that was cancelled in the middle may not be written
            await write()
