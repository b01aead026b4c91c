"""Clients against the demo world's stand-ins, over real HTTP and a real PostgreSQL."""

from collections.abc import AsyncIterator

import httpx
import pytest

from integrations import Services, open_services
from sandbox.world import World
from tests.integrations.contract import Contract
from tests.integrations.vendor import Vendor


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Vendor() as vendor:
        yield vendor


@pytest.fixture(scope="session")
def contract() -> Contract | None:
    """n8n's own description of its API; None where it is not at hand."""
    return Contract.load("2.41")


@pytest.fixture
async def world(contract: Contract | None) -> AsyncIterator[World]:
    """Without tables. What was said in the test is checked against n8n's own description afterwards."""
    async with World(None) as world:
        yield world
        if contract is not None:
            contract.check(world.n8n.heard, answers=not world.n8n.faults.armed)


@pytest.fixture
async def services(world: World, http: httpx.AsyncClient) -> AsyncIterator[Services]:
    async with open_services(world.services(), http, world.secret) as services:
        yield services


@pytest.fixture
async def shop(database: str, http: httpx.AsyncClient) -> AsyncIterator[Services]:
    """The demo world's database, mapped as in the demo."""
    async with World(database) as world:
        sections = {"shop-db": world.services()["shop-db"]}
        async with open_services(sections, http, world.secret) as services:
            yield services
