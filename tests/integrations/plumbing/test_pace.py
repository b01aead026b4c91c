"""Calls wait for their turn; one whose turn would come too late is not sent."""

import time
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from pydantic import BaseModel

from bot.words.exceptions import TryLater
from integrations.plumbing.outbound import Service
from integrations.plumbing.pace import OwnTurns, Pace
from integrations.plumbing.section import Outside
from tests.integrations.vendor import Vendor, says


@dataclass
class Timer:
    at: float = 100.0

    def __call__(self) -> float:
        return self.at


class Shape(BaseModel):
    name: str


async def test_some_go_together_and_the_rest_evenly() -> None:
    turns, pace = OwnTurns(Timer()), Pace(10, timedelta(seconds=10), at_once=3)
    waits = [(await turns.book("a", pace, timedelta(minutes=1))).total_seconds() for _ in range(6)]
    assert waits == [0, 0, 0, 1, 2, 3]
    assert await turns.book("b", pace, timedelta(minutes=1)) == timedelta(0)


async def test_a_turn_that_comes_too_late_is_not_taken() -> None:
    timer = Timer()
    turns, pace = OwnTurns(timer), Pace(1, timedelta(seconds=10), at_once=1)
    assert await turns.book("a", pace, timedelta(seconds=5)) == timedelta(0)
    for _ in range(3):
        assert await turns.book("a", pace, timedelta(seconds=5)) == timedelta(seconds=10)
    timer.at += 10
    assert await turns.book("a", pace, timedelta(seconds=5)) == timedelta(0)


async def test_a_service_waits_within_its_limit_and_not_beyond(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says()]
    service = Service(
        Outside(http, str, str),
        name="acme",
        base_url=vendor.url,
        timeout=timedelta(seconds=20),
        pace=Pace(1, timedelta(seconds=0.6), at_once=1),
    )
    began = time.monotonic()
    await service.get("/a", Shape)
    await service.get("/a", Shape)
    assert time.monotonic() - began >= 0.6

    slow = Service(
        Outside(http, str, str),
        name="acme",
        base_url=vendor.url,
        timeout=timedelta(seconds=20),
        pace=Pace(1, timedelta(hours=1), at_once=1),
    )
    await slow.tell("/a")
    with pytest.raises(TryLater, match="asked as often as it lets us; nothing was sent") as caught:
        await slow.tell("/a", limit=timedelta(minutes=30))
    assert caught.value.after is not None
    assert len(vendor.requests) == 3
