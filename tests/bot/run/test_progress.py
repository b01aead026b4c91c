"""What a run says of itself is written down seldom, without secrets, and never at the run's cost."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.run.progress import MOST, telling
from bot.words.exceptions import StoreUnwritable
from bot.words.ports import Claimed
from bot.words.redaction import Redactor


class Book:
    """As much of the ledger as is needed here."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.away: Exception | None = None
        self.news = asyncio.Event()

    async def progress(self, claimed: Claimed, text: str) -> bool:
        self.news.set()
        if self.away is not None:
            raise self.away
        self.written.append(text)
        return True


def told(book: Book, **more: Any) -> Any:
    claimed = SimpleNamespace(request=SimpleNamespace(id="R1"))
    return telling(cast(Any, book), cast(Any, claimed), Redactor(["hunter2-of-the-shop"]), **more)


async def test_only_the_latest_is_written_and_the_last_for_sure() -> None:
    book = Book()
    async with told(book, every=timedelta(hours=1)) as tell:
        tell("one")
        await book.news.wait()
        for count in range(1000):
            tell(f"line {count}")
            await asyncio.sleep(0)
    assert book.written == ["one", "line 999"]


async def test_nothing_told_nothing_written() -> None:
    book = Book()
    async with told(book):
        await asyncio.sleep(0)
    assert book.written == []


async def test_secrets_and_floods() -> None:
    book = Book()
    async with told(book) as tell:
        tell("x" * 9000 + " the key is hunter2-of-the-shop")
    assert book.written[-1].endswith("xx the key is [redacted]")
    assert len(book.written[-1]) == MOST


@pytest.mark.parametrize("why", [StoreUnwritable("no room"), TimeoutError(), KeyError("a mistake of ours")])
async def test_a_database_that_is_away_costs_only_the_lines(why: Exception) -> None:
    book = Book()
    book.away = why
    async with told(book, every=timedelta(0)) as tell:
        tell("one")
        await book.news.wait()
        book.away = None
        tell("two")
    assert book.written[-1] == "two"


async def test_a_run_that_fails_still_says_its_last() -> None:
    book = Book()

    async def run() -> None:
        async with told(book) as tell:
            tell("reading")
            raise ValueError("no such table")

    with pytest.raises(ValueError, match="no such table"):
        await run()
    assert book.written == ["reading"]
