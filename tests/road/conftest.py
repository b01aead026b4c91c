"""A story on a database and in a world of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.world import World
from tests.road.story import Clock, Story, process

Begin = Callable[..., AbstractAsyncContextManager[Story]]


@pytest.fixture
async def world(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with World(database) as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def begin(database: str, world: World, clock: Clock, tmp_path: Path) -> AsyncIterator[Any]:
    """Opens a process with these tables of ops.toml over the usual ones; a second call is a second replica."""
    async with AsyncExitStack() as stack:

        async def open_(**settings: Any) -> Story:
            return await stack.enter_async_context(process(database, tmp_path, world, settings, clock))

        yield open_


@pytest.fixture
async def story(begin: Any) -> Story:
    opened: Story = await begin()
    return opened
