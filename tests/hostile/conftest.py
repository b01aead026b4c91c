"""The bot, whole, for whoever wants to break it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from sandbox.server import Sandbox
from tests.bot.slack.world import World, world


@pytest.fixture
async def still(pool: asyncpg.Pool) -> AsyncIterator[World]:
    """Over Socket Mode, with the deliverer and the jobs standing still."""
    async with Sandbox() as slack, world(slack, pool, serve=False) as made:
        yield made


@pytest.fixture
async def ops(pool: asyncpg.Pool) -> AsyncIterator[World]:
    """Everything running, over Socket Mode."""
    async with Sandbox() as slack, world(slack, pool) as made:
        yield made
