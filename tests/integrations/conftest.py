"""Clients against the demo world's stand-ins, over real HTTP and a real PostgreSQL."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx
import pytest

from bot.store.server.embedded import EmbeddedPostgres
from integrations import Services, open_services
from sandbox.world import World
from sandbox.world.vendors import StandIn
from tests.integrations.contract import Contract
from tests.integrations.standin import serving
from tests.integrations.vendor import Vendor


@pytest.fixture(scope="session")
def emptied(postgres: EmbeddedPostgres) -> str:
    """DSN of one database for all tests here: a new one for each takes longer than most of them."""

    async def make() -> None:
        admin = await asyncpg.connect(postgres.dsn("postgres"))
        await admin.execute("CREATE DATABASE emptied")
        await admin.close()

    asyncio.run(make())
    return postgres.dsn("emptied")


@pytest.fixture
async def database(emptied: str) -> AsyncIterator[str]:
    """DSN of a database without tables."""
    yield emptied
    admin = await asyncpg.connect(emptied, server_settings={"default_transaction_read_only": "off"})
    await admin.execute("ALTER DATABASE emptied RESET ALL")
    await admin.execute(
        "DROP SCHEMA IF EXISTS demo, public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC"
    )
    await admin.close()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
async def url(fake: StandIn) -> AsyncIterator[str]:
    """Where a vendor's stand-in answers: the `fake` of the folder, or of the file, that asks."""
    async with serving(fake.app()) as url:
        yield url


@pytest.fixture
def nobodys_port() -> Iterator[int]:
    """Where connections are refused; it is held, so that no server of a test beside this one comes to listen there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Vendor() as vendor:
        yield vendor


@pytest.fixture(scope="session")
def contract() -> Contract | None:
    """n8n's own description of its API; None where it is not at hand."""
    return Contract.load("n8n-2.41", service="n8n", base="/api/v1", beyond=("/discover",))


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
