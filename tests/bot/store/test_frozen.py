"""A replica that is frozen (a paused machine, a stopped process) holds nobody up; nor is anything done twice for it."""

import asyncio
import time

import pytest

from bot.store.pool import open_pool, transaction
from bot.words.exceptions import StoreUnwritable
from tests.bot.store.kept import Ledger, entry


async def test_a_replica_frozen_in_a_transaction_lets_go_of_the_trail(ledger: Ledger, database: str) -> None:
    """Found by `make crash`: whoever stopped with the audit's head in hand stopped every other replica too."""
    async with open_pool(database, size=2) as pool:
        begun = time.monotonic()

        async def freezes() -> None:
            async with transaction(pool) as frozen:
                await frozen.execute("SELECT FROM audit_head FOR UPDATE")
                await asyncio.wait_for(ledger.asked(), 30)
                await frozen.execute("SELECT")

        with pytest.raises(StoreUnwritable):
            await freezes()
    assert time.monotonic() - begun > 1
    assert await ledger.trail() == ["asked"]


async def test_of_two_replicas_one_reminds(ledger: Ledger) -> None:
    request = await ledger.waiting()
    both = [await ledger.requests.note(request.id, entry("reminded"), reminded=True) for _ in range(2)]
    assert [noted is not None for noted in both] == [True, False]
    assert (await ledger.trail()).count("reminded") == 1
