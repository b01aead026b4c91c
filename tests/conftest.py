"""One PostgreSQL per run of pytest (per worker with xdist), one fresh database per test that asks for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from bot.store.migrate import migrate
from bot.store.server.embedded import DATABASE, EmbeddedPostgres

# Its limit of 200 ms on each example is a wall time, which a machine that does something else for a moment misses.
settings.register_profile("handrail", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("handrail")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Not async: a session's server must not belong to one test's event loop."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """Name of a migrated database that nobody is connected to, so that it can be copied."""

    async def install() -> None:
        connection = await asyncpg.connect(postgres.dsn(DATABASE))
        try:
            await migrate(connection)
        finally:
            await connection.close()

    asyncio.run(install())
    return DATABASE


@pytest.fixture
async def database(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """DSN of a database of this test's own, with the migrations applied."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield postgres.dsn(name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database, min_size=1, max_size=5) as pool:
        yield pool
