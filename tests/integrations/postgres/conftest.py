"""A PostgreSQL of the team's, opened as ops.toml would."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from integrations import Services, open_services
from integrations.postgres.database import Database

HOUR = timedelta(hours=1)


Connection = asyncpg.Connection  # generic in the stubs alone


@pytest.fixture
async def sql(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def opened(http: httpx.AsyncClient, dsn: str, **tables: Any) -> Services:
    section = {"kind": "postgres", "dsn": "env:DSN", **tables}
    return open_services({"db": section}, http, lambda reference: dsn)


@pytest.fixture
async def bare(database: str, http: httpx.AsyncClient) -> AsyncIterator[Database]:
    database_ = _database(database)
    yield database_
    await database_.aclose()


def _database(dsn: str, **more: Any) -> Database:
    settings = {
        "statement_timeout": timedelta(seconds=1), "connect_timeout": timedelta(seconds=2), "size": 2,
        "transaction_pooler": False, **more,
    }  # fmt: skip
    return Database("db", dsn=lambda: dsn, **settings)
