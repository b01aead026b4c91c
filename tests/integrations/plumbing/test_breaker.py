"""A service that gives no answer is left alone for a while; one that answers, whatever it says, never is."""

import asyncio
from dataclasses import dataclass

import httpx
import pytest

from bot.words.exceptions import OutcomeUnknown, Refused
from integrations import open_services
from integrations.capabilities import Checkable, Health
from integrations.plumbing.breaker import FIRST_S, TRIPS, Breaker, Open
from integrations.plumbing.probe import probe_session
from tests.integrations.vendor import Vendor, hangs_up, says


@dataclass
class Timer:
    at: float = 100.0

    def __call__(self) -> float:
        return self.at


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError), breaker.calling("acme"):
            raise ConnectionError


def test_it_opens_after_so_many_silences_and_lets_one_call_find_out() -> None:
    timer = Timer()
    breaker = Breaker(timer)
    fail(breaker, TRIPS)

    with pytest.raises(Open, match="acme gave no answer 3 times in a row; it is asked again in 15 s") as caught:
        breaker.calling("acme").__enter__()
    assert isinstance(caught.value.__cause__, ConnectionError)

    timer.at += FIRST_S
    with breaker.calling("acme"), pytest.raises(Open), breaker.calling("acme"):
        pass  # the second waits for what the first finds out
    with breaker.calling("acme"):
        pass


def test_each_trial_that_fails_doubles_the_wait() -> None:
    timer = Timer()
    breaker = Breaker(timer)
    fail(breaker, TRIPS)
    for seconds in (30, 60, 120, 120):
        timer.at += 1000
        fail(breaker, 1)
        with pytest.raises(Open, match=f"again in {seconds} s"), breaker.calling("acme"):
            pass


def test_what_is_our_own_fault_opens_nothing() -> None:
    breaker = Breaker()
    for _ in range(TRIPS + 1):
        with pytest.raises(ValueError, match="ours"), breaker.calling("acme", ours=(ValueError,)):
            raise ValueError("ours")
    assert breaker.silent == 0


async def test_a_call_that_is_given_up_on_counts_and_frees_the_trial() -> None:
    timer = Timer()
    breaker = Breaker(timer)
    fail(breaker, TRIPS)
    timer.at += FIRST_S

    async def waits() -> None:
        with breaker.calling("acme"):
            timer.at += 2
            await asyncio.sleep(10)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waits(), 0.01)
    with pytest.raises(Open, match="4 times in a row"), breaker.calling("acme"):
        pass


async def test_one_hiccup_of_many_calls_is_one() -> None:
    """What was under way when it opened says nothing new, and a call that is cancelled at once says nothing at all."""
    timer = Timer()
    breaker = Breaker(timer)
    calls = [breaker.calling("acme") for _ in range(9)]
    for call in calls:
        call.__enter__()
    for call in calls:
        assert not call.__exit__(ConnectionError, ConnectionError(), None), "the error goes on its way"
    assert breaker.silent == TRIPS
    with pytest.raises(Open, match="again in 15 s"), breaker.calling("acme"):
        pass

    quick = Breaker(timer)
    for _ in range(2 * TRIPS):
        with pytest.raises(asyncio.CancelledError), quick.calling("acme"):
            raise asyncio.CancelledError
    assert quick.silent == 0


def test_a_service_that_stays_dead_for_weeks() -> None:
    timer = Timer()
    breaker = Breaker(timer)
    for _ in range(2000):
        timer.at += 1000
        fail(breaker, 1)
    with pytest.raises(Open, match="again in 120 s"), breaker.calling("acme"):
        pass


def test_a_trial_that_lasts_keeps_nobody_out_for_longer_than_its_lease() -> None:
    timer = Timer()
    breaker = Breaker(timer)
    fail(breaker, TRIPS)
    timer.at += FIRST_S
    with breaker.calling("acme"):
        timer.at += FIRST_S
        with breaker.calling("acme"):
            pass
    assert breaker.silent == 0


async def test_a_dead_vendor_is_not_asked_again_and_again(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [hangs_up()]
    service = vendor.service(http)
    for _ in range(TRIPS):
        with pytest.raises(OutcomeUnknown):
            await service.tell("/a")
    with pytest.raises(Open):
        await service.tell("/a")
    assert len(vendor.requests) == TRIPS


async def test_an_answer_of_any_kind_is_an_answer(vendor: Vendor, http: httpx.AsyncClient) -> None:
    vendor.steps = [says(status=400)]
    service = vendor.service(http)
    for _ in range(2 * TRIPS):
        with pytest.raises(Refused):
            await service.tell("/a")
    assert len(vendor.requests) == 2 * TRIPS


@pytest.mark.parametrize("over_aiohttp", [True, False])
async def test_a_check_keeps_what_it_last_saw_of_a_dead_service(nobodys_port: int, over_aiohttp: bool) -> None:
    """It was down by its own word, so it stays down; nothing is guessed."""
    async with httpx.AsyncClient() as http, probe_session() as probes:
        table = {"kind": "http", "url": f"http://127.0.0.1:{nobodys_port}/"}
        services = open_services({"it": table}, http, str, probes=probes if over_aiohttp else None)
        client = services.named("it", Checkable)
        for _ in range(TRIPS):
            assert (await client.check()).detail == "it refused the connection"
        seen = await client.check()
    assert seen.health is Health.DOWN
    assert seen.detail.startswith("it gave no answer 3 times in a row; it is asked again in ")


async def test_a_dead_database_is_not_waited_for_again(nobodys_port: int, http: httpx.AsyncClient) -> None:
    table = {"kind": "postgres", "dsn": "env:DSN"}
    dsn = f"postgresql://u:p@127.0.0.1:{nobodys_port}/d"
    async with open_services({"db": table}, http, lambda _: dsn) as services:
        client = services.named("db", Checkable)
        for _ in range(TRIPS + 1):
            seen = await client.check()
    assert (seen.health, seen.detail) == (Health.DOWN, "it refused the connection")
