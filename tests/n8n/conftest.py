"""Fixtures of the `n8n` tier: a real server for the session, fresh workflows for each test."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.n8n import install, server, workflows
from tests.n8n.server import N8n
from tests.n8n.target import Target, serving
from tests.n8n.workflows import Workflow


@pytest.fixture(scope="session")
def real_n8n(tmp_path_factory: pytest.TempPathFactory) -> Iterator[N8n]:
    """A running n8n; the tests are skipped where it was never installed."""
    installation = install.find(install.default_home())
    if installation is None:
        pytest.skip(f"n8n {install.N8N} is not installed: python -m tests.n8n.install")
    with server.running(installation, tmp_path_factory.mktemp("n8n")) as n8n:
        yield n8n


@pytest.fixture
async def api(real_n8n: N8n) -> AsyncIterator[httpx.AsyncClient]:
    """The public API as the bot reaches it."""
    async with real_n8n.client() as client:
        yield client


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """What the workflows call: set `mode`, read `hits`, let slow calls go with `release()`."""
    async with serving() as target:
        yield target


@pytest.fixture
async def failing_workflow(real_n8n: N8n, target: Target) -> AsyncIterator[Workflow]:
    """Fails in its last node for as long as `target.mode` is "fail"."""
    order, charge = f"{target.url}/order", f"{target.url}/charge"
    async with workflows.published(real_n8n, "Charge orders", order, charge) as workflow:
        yield workflow


@pytest.fixture
async def slow_workflow(real_n8n: N8n, target: Target) -> AsyncIterator[Workflow]:
    """Hangs in its last node until `target.release()`."""
    order, slow = f"{target.url}/order", f"{target.url}/slow"
    async with workflows.published(real_n8n, "Charge slowly", order, slow) as workflow:
        yield workflow
