"""A ledger on a database of the test's own."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.bot.store.kept import Ledger


@pytest.fixture
def ledger(pool: asyncpg.Pool) -> Ledger:
    return Ledger(pool)


@pytest.fixture
async def crowd(database: str) -> AsyncIterator[Ledger]:
    """The same with enough connections for twenty at once."""
    async with asyncpg.create_pool(database, min_size=20, max_size=20) as pool:
        yield Ledger(pool)
