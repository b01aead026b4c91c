"""A stand-in for Supabase, held to Supabase's own description, and a client opened on it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from integrations import Services, open_services
from integrations.capabilities import (
    RateLimiter,
)
from sandbox.world.supabase import FakeSupabase
from tests.integrations.contract import Contract

TOKEN = "sbp_t0ken-that-must-not-be-seen"


BANNED, STRANGER, OWN = "203.0.113.7", "192.0.2.77", "198.51.100.4"


HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("supabase-management", service="supabase")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeSupabase]:
    fake = FakeSupabase(TOKEN)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeSupabase, url: str, http: httpx.AsyncClient, token: str = TOKEN, **settings: Any) -> Services:
    return open_services({"supabase": fake.section(url) | settings}, http, lambda reference: token)


@pytest.fixture
def services(fake: FakeSupabase, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def limiter(services: Services) -> RateLimiter:
    return services.named("supabase", RateLimiter)


def ago(**by: float) -> datetime:
    return datetime.now(UTC) - timedelta(**by)
