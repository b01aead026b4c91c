"""A stand-in for Telnyx, held to Telnyx's own description, and its clients."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from integrations import Services, open_services
from integrations.capabilities import (
    ErrorSource,
    Number,
    Numbers,
    Switches,
)
from integrations.telnyx.client import Telnyx
from sandbox.world.telnyx import FakeTelnyx
from tests.integrations.contract import Contract

KEY = "KEY-that-must-not-be-seen"


NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


TAKEN, FREE, PORTING = "+18885550101", "+18885550104", "+13125550177"


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    found = Contract.load("telnyx", base="/v2")
    if found is not None:  # any record fits each of its three sorts, where only one may; and we ask for this one
        found.spec["components"]["schemas"]["DetailRecord"] = {"$ref": "#/components/schemas/MessageDetailRecord"}
    return found


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeTelnyx]:
    fake = FakeTelnyx(KEY, now=lambda: NOW)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeTelnyx, url: str, http: httpx.AsyncClient, key: str = KEY, **settings: Any) -> Services:
    return open_services({"sms": fake.section(url) | settings}, http, lambda reference: key)


@pytest.fixture
def services(fake: FakeTelnyx, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def sms(services: Services) -> Telnyx:
    client = services.named("sms", ErrorSource)
    assert isinstance(client, Telnyx)
    return client


@pytest.fixture
def numbers(services: Services) -> Numbers:
    return services.named("sms", Numbers)


@pytest.fixture
def profiles(services: Services) -> Switches:
    return services.named("sms", Switches)


async def the(numbers: Numbers, number: str) -> Number:
    return next(each for each in await numbers.numbers() if each.number == number)
