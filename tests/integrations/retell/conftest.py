"""A stand-in for Retell, held to Retell's own description, and its clients."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from integrations import Services, open_services
from integrations.capabilities import (
    Calls,
    Number,
    Numbers,
)
from integrations.retell.client import Retell
from integrations.retell.numbers import RetellNumbers
from sandbox.world.retell import FakeRetell
from tests.integrations.contract import Contract

KEY = "key_k3y-that-must-not-be-seen"


DAY_AGO = timedelta(hours=24)


FRONT, NIGHT, OUT, SPARE = "+18885550181", "+18885550182", "+18885550183", "+18885550184"


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("retell")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeRetell]:
    fake = FakeRetell(KEY)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeRetell, url: str, http: httpx.AsyncClient, key: str = KEY, **settings: Any) -> Services:
    return open_services({"voice": fake.section(url) | settings}, http, {"env:DEMO_RETELL_API_KEY": key}.__getitem__)


@pytest.fixture
def voice(fake: FakeRetell, url: str, http: httpx.AsyncClient) -> Retell:
    found = opened(fake, url, http).named("voice", Calls)
    assert isinstance(found, Retell)
    return found


@pytest.fixture
def phones(fake: FakeRetell, url: str, http: httpx.AsyncClient) -> RetellNumbers:
    found = opened(fake, url, http).named("voice", Numbers)
    assert isinstance(found, RetellNumbers)
    return found


def yesterday() -> datetime:
    return datetime.now(UTC) - DAY_AGO


async def one(phones: RetellNumbers, number: str) -> Number:
    return next(each for each in await phones.numbers() if each.number == number)


def bodies(fake: FakeRetell, path: str) -> list[Any]:
    return [json.loads(call.body) for call in fake.heard if call.path.startswith(path)]
