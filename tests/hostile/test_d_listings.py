"""Kind: a listing that was cut off. It is read to its end, or refused; a part is never told as the whole."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from aiohttp import web

from bot.words.exceptions import Refused
from integrations import Services, open_services
from integrations.capabilities import ErrorSource, Executions, Level, LogSource, Switches, Workflows
from integrations.github import api as github_api
from sandbox.world.github import FakeGitHub
from sandbox.world.github_state import Flow
from sandbox.world.neon import FakeNeon

HOUR_AGO = timedelta(hours=1)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def served(app: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture
async def github() -> AsyncIterator[tuple[FakeGitHub, str]]:
    fake = FakeGitHub("t0ken")
    runner, url = await served(fake.app())
    yield fake, url
    await runner.cleanup()


def opened(fake: FakeGitHub, url: str, http: httpx.AsyncClient) -> Services:
    return open_services({"ci": fake.section(url)}, http, lambda _: fake.token)


@pytest.mark.parametrize("before", [0, 28, 98, 99, 140, 400])
async def test_the_job_that_failed_is_on_a_later_page(
    github: tuple[FakeGitHub, str], http: httpx.AsyncClient, before: int
) -> None:
    fake, url = github
    fake.more_jobs = before
    services = opened(fake, url, http)
    since = datetime.now(UTC) - HOUR_AGO
    errors = await services.named("ci", ErrorSource).errors(since=since, match=None, limit=9)
    assert ["build" in event.message for event in errors.events] == [True, True]
    logs = await services.named("ci", LogSource).logs(since=since, level=Level.ERROR, match=None, limit=50)
    assert any("expected 19.99, got 20" in line.message for line in logs.lines)
    assert "build" in repr(await services.named("ci", Executions).execution("9002"))


async def test_all_workflows_can_be_turned(github: tuple[FakeGitHub, str], http: httpx.AsyncClient) -> None:
    fake, url = github
    fake.flows |= {number: Flow(number, f"Flow {number}", f"{number}.yml") for number in range(600, 810)}
    services = opened(fake, url, http)
    assert len(await services.named("ci", Workflows).workflows()) == len(fake.flows)
    assert len(await services.named("ci", Switches).switches()) == len(fake.flows)


async def test_more_than_is_read_is_refused(
    github: tuple[FakeGitHub, str], http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, url = github
    monkeypatch.setattr(github_api, "_PAGES", 1)
    fake.flows |= {number: Flow(number, f"Flow {number}", f"{number}.yml") for number in range(600, 810)}
    with pytest.raises(Refused, match="lists 214 of these, and only 100 can be read"):
        await opened(fake, url, http).named("ci", Workflows).workflows()


async def test_the_branch_is_on_a_later_page(http: httpx.AsyncClient) -> None:
    fake = FakeNeon("k3y")
    fake.previews, fake.at_once = 7, 3
    runner, url = await served(fake.app())
    services = open_services({"db": fake.section(url)}, http, lambda _: "k3y")
    names = [thing.name for thing in await services.named("db", Switches).switches()]
    await runner.cleanup()
    assert any(name.endswith(" on main") for name in names)
    assert any(name.endswith(" on staging") for name in names)
