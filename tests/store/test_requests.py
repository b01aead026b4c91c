"""The ledger on a real PostgreSQL."""

import asyncpg
import pytest

from bot.request import State
from tests.store.ledger import Ledger


@pytest.fixture
def ledger(pool: asyncpg.Pool) -> Ledger:
    return Ledger(pool)


async def test_a_request_travels_and_each_step_is_a_version_and_an_audit_row(ledger: Ledger) -> None:
    request = await ledger.done()
    assert (request.state, request.version) == (State.DONE, 5)
    assert await ledger.requests.get(request.id) == request
    assert await ledger.trail() == ["asked", "waiting", "approved", "started", "done"]
