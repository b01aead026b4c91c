"""The world of the Slack tests, over both ways in which Slack speaks to an app."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import structlog
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from sandbox.server import Sandbox
from tests.bot.slack.world import World, world


@pytest.fixture(params=["socket", "http"])
async def ops(request: pytest.FixtureRequest, pool: asyncpg.Pool) -> AsyncIterator[World]:
    """Everything running, over Socket Mode and over HTTP."""
    async with Sandbox() as slack, world(slack, pool, http=request.param == "http") as made:
        yield made


@pytest.fixture
async def still(pool: asyncpg.Pool) -> AsyncIterator[World]:
    """Over Socket Mode, with the deliverer and the jobs standing still: a test sweeps by hand."""
    async with Sandbox() as slack, world(slack, pool, serve=False) as made:
        yield made


@pytest.fixture(autouse=True, scope="session")
def plain_tracebacks() -> None:
    """The default draws every local of every frame, which takes seconds, within the event loop."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture
def json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """One JSON file a card, which Slack's Block Kit Builder takes as it is."""
    return snapshot.use_extension(JSONSnapshotExtension)
