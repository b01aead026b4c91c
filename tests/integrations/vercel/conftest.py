"""A stand-in for Vercel, held to Vercel's own description, and its clients."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from integrations import Services, open_services
from integrations.capabilities import (
    RateLimiter,
    RollsBack,
)
from integrations.vercel.client import Vercel
from integrations.vercel.firewall import Firewall
from sandbox.world.vercel import FakeVercel
from tests.integrations.contract import Contract

TOKEN = "vcp_t0ken-that-must-not-be-seen"


LIVE, BEFORE, OLD = "dpl_9fYxKq2Ww", "dpl_7mTpLd4Rz", "dpl_5kHvNc8Jb"


ADDRESS = "203.0.113.7"


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("vercel")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeVercel]:
    fake = FakeVercel(TOKEN)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeVercel, url: str, http: httpx.AsyncClient, token: str = TOKEN, **settings: Any) -> Services:
    return open_services({"web": fake.section(url) | settings}, http, lambda reference: token)


@pytest.fixture
def services(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def web(services: Services) -> Vercel:
    client = services.named("web", RollsBack)
    assert isinstance(client, Vercel)
    return client


@pytest.fixture
def firewall(services: Services) -> Firewall:
    client = services.named("web", RateLimiter)
    assert isinstance(client, Firewall)
    return client


def ago(**by: float) -> datetime:
    return datetime.now(UTC) - timedelta(**by)
