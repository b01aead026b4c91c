"""Statistics of log tables, against a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from bot.words.exceptions import Misconfigured, TryLater
from integrations import Services, open_services
from integrations.capabilities import Bucket, Operation, Statistic, Statistics

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ms(milliseconds: float) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def opened(http: httpx.AsyncClient, dsn: str, *tables: dict[str, Any], **more: Any) -> Services:
    section = {"kind": "postgres", "dsn": "env:DSN", "logs": list(tables), **more}
    return open_services({"db": section}, http, lambda reference: dsn)


async def counted(http: httpx.AsyncClient, dsn: str, *tables: dict[str, Any], slices: int = 4) -> Statistic:
    async with opened(http, dsn, *tables) as services:
        return await services.named("db", Statistics).statistics(since=NOON - 4 * HOUR, until=NOON, slices=slices)


@pytest.fixture
async def logs(database: str) -> str:
    """One row before the period, one at its end, and in between every sort that there is."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(database)
    await connection.execute(
        """CREATE TABLE integration_logs (
               id int GENERATED ALWAYS AS IDENTITY, created_at timestamptz, source text, operation text, message text,
               level text, duration_ms float8);
           CREATE TABLE workflow_execution_logs (
               execution_id text, finished_at timestamp, workflow_name text, error_message text, status text)"""
    )

    async def put(hours: float, operation: str | None, level: str | None, took: float | None) -> None:
        await connection.execute(
            "INSERT INTO integration_logs (created_at, source, operation, level, duration_ms) "
            "VALUES ($1, 'hubspot', $2, $3, $4)",
            NOON - timedelta(hours=hours), operation, level, took,
        )  # fmt: skip

    await put(4.001, "sync", "error", 9e9)
    await put(0, "sync", "error", 9e9)
    await put(4, "sync", "info", 100)
    await put(3.5, "sync", "error", 300)
    await put(1.5, "sync", "critical", 200)
    await put(1.4, "read", "error", -5)
    await put(0.5, "read", None, float("nan"))
    await put(0.2, None, "info", 1e15)
    await connection.execute(
        "INSERT INTO workflow_execution_logs VALUES ('1', '2026-03-04 11:30', 'Lead intake', 'broke', 'error'), "
        "('2', NULL, 'Lead intake', NULL, 'running')"
    )
    await connection.close()
    return database


INTEGRATION = {"duration": "duration_ms"}
WORKFLOWS = {
    "table": "workflow_execution_logs", "key": "execution_id", "at": "finished_at", "origin": "workflow_name",
    "operation": "", "message": "error_message", "level": "status",
}  # fmt: skip


async def test_a_period_in_even_slices(logs: str, http: httpx.AsyncClient) -> None:
    """From its beginning on, up to its end without it. A duration that cannot be one counts as none."""
    found = await counted(http, logs, INTEGRATION)
    assert (found.count, found.errors, found.p50, found.p95) == (6, 3, ms(200), ms(290))
    assert found.buckets == (
        Bucket(NOON - 4 * HOUR, 2, 1),
        Bucket(NOON - 3 * HOUR, 0, 0),
        Bucket(NOON - 2 * HOUR, 2, 2),
        Bucket(NOON - HOUR, 2, 0),
    )
    assert found.worst == (
        Operation("hubspot / sync", 3, 2, ms(290)),
        Operation("hubspot / read", 2, 1, None),
        Operation("hubspot", 1, 0, None),
    )
    assert found.note == ""


async def test_several_tables_are_one_service(logs: str, http: httpx.AsyncClient) -> None:
    found = await counted(http, logs, INTEGRATION, WORKFLOWS, slices=1)
    assert (found.count, found.errors, found.p95) == (7, 4, ms(290))
    assert Operation("Lead intake", 1, 1, None) in found.worst
    assert found.buckets == (Bucket(NOON - 4 * HOUR, 7, 4),)


async def test_a_quiet_period_has_slices_too(logs: str, http: httpx.AsyncClient) -> None:
    async with opened(http, logs, INTEGRATION) as services:
        found = await services.named("db", Statistics).statistics(since=NOON + HOUR, until=NOON + 3 * HOUR, slices=2)
    assert (found.count, found.errors, found.p50, found.worst) == (0, 0, None, ())
    assert found.buckets == (Bucket(NOON + HOUR, 0, 0), Bucket(NOON + 2 * HOUR, 0, 0))


async def test_a_table_of_errors_alone_makes_no_rate(logs: str, http: httpx.AsyncClient) -> None:
    beside = await counted(http, logs, INTEGRATION, {**WORKFLOWS, "level": ""})
    assert (beside.count, beside.errors, beside.errors_only) == (6, 3, False)
    assert beside.note == "Not counted in db: workflow_execution_logs, where every row is an error."
    alone = await counted(http, logs, {**WORKFLOWS, "level": ""})
    assert (alone.count, alone.errors, alone.errors_only) == (1, 1, True)
    assert alone.note == "Every row of db's log tables is an error; what went well is not there."


async def test_only_the_worst_ten_by_errors_then_by_duration(database: str, http: httpx.AsyncClient) -> None:
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(database)
    await connection.execute(
        """CREATE TABLE integration_logs AS
           SELECT n AS id, '2026-03-04 11:00+00'::timestamptz AS created_at, 's' AS source,
                  'op' || lpad(n::text, 2, '0') AS operation, '' AS message,
                  CASE WHEN n = 5 THEN 'error' ELSE 'info' END AS level, n AS duration_ms
           FROM generate_series(1, 30) AS n"""
    )
    await connection.close()
    found = await counted(http, database, INTEGRATION)
    assert [each.name for each in found.worst] == ["s / op05", *(f"s / op{n}" for n in range(30, 21, -1))]


async def test_a_column_that_is_not_there_is_a_setting_to_mend(logs: str, http: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured, match=r'services\.db names what is not there.*"?took"?'):
        await counted(http, logs, {"duration": "took"})


async def test_a_name_cannot_carry_sql(http: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured, match="write a name of letters"):
        opened(http, "postgresql://127.0.0.1:9/x", {"duration": "1; DROP TABLE x"})


async def test_a_table_too_large_to_count_is_said_in_time(logs: str, http: httpx.AsyncClient) -> None:
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(logs)
    await connection.execute("ALTER TABLE integration_logs RENAME TO kept")
    await connection.execute("CREATE VIEW integration_logs AS SELECT kept.* FROM kept, pg_sleep(5)")
    await connection.close()
    async with opened(http, logs, INTEGRATION, statement_timeout="1s") as services:
        with pytest.raises(TryLater, match=r"longer than 1 s"):
            await services.named("db", Statistics).statistics(since=NOON - HOUR, until=NOON, slices=2)
