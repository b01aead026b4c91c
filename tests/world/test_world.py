"""The demo world shows what the runbooks promise, and harms nobody's tables."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from sandbox.world import World
from sandbox.world.seed import seed


async def test_the_tables_answer_the_runbooks_questions(database: str) -> None:
    """Queries of the master-ops, xmrt and cloudgreet runbooks."""
    await seed(database)
    sql = await asyncpg.connect(database, server_settings={"search_path": "demo"})
    try:
        logs = await sql.fetchval(
            "SELECT count(*) FROM integration_logs WHERE created_at > now() - interval '24 hours'"
        )
        assert logs >= 300
        errors = await sql.fetch(
            """SELECT created_at, operation, message, details_json FROM integration_logs WHERE source = 'hubspot'
               AND level = 'error' AND created_at > NOW() - INTERVAL '1 hour' ORDER BY created_at DESC LIMIT 20"""
        )
        assert len(errors) == 20
        assert await sql.fetchval("SELECT max(created_at) <= now() FROM integration_logs")
        slow = await sql.fetch(
            """SELECT source, operation, ROUND(AVG(duration_ms), 0) AS avg_ms FROM integration_logs
               WHERE duration_ms IS NOT NULL GROUP BY source, operation HAVING AVG(duration_ms) > 1000"""
        )
        assert slow
        failed = await sql.fetch(
            """SELECT execution_id, status, error_message, error_details_json, nodes_executed, nodes_failed, started_at,
               finished_at FROM workflow_execution_logs WHERE workflow_id = 'kT3vQe8LwYc1ZsRb' AND status = 'error'
               ORDER BY started_at DESC LIMIT 10"""
        )
        assert failed
        limited = await sql.fetch(
            """SELECT identifier, endpoint, request_count, window_start FROM rate_limits
               WHERE window_start > now() - interval '1 hour' ORDER BY request_count DESC"""
        )
        assert limited[0]["identifier"] == "203.0.113.7"
        numbers = await sql.fetch("SELECT number, status, assigned_to, created_at FROM toll_free_numbers")
        assert {row["status"] for row in numbers} == {"available", "assigned", "suspended"}
        events = await sql.fetch(
            """SELECT channel, event_type, created_at, metadata FROM compliance_events
               WHERE metadata->'request'->>'from' LIKE '+1555%' AND channel IN ('voice','sms') LIMIT 20"""
        )
        assert len(events) == 20
        assert await sql.fetchval("SELECT sum(errors) FROM api_metrics") > 0
        assert await sql.fetchval("SELECT count(*) FROM api_call_logs WHERE status = 'error'") > 0
        assert await sql.fetchval("SELECT cleanup_old_logs(30, 90, 30)") == 0
    finally:
        await sql.close()


async def test_seeding_again_starts_anew_and_touches_nothing_else(database: str) -> None:
    sql = await asyncpg.connect(database)
    try:
        await sql.execute("CREATE TABLE campaigns (id int); INSERT INTO campaigns VALUES (7)")
        await seed(database)
        await sql.execute("DELETE FROM demo.campaigns")
        await seed(database)
        assert await sql.fetchval("SELECT count(*) FROM demo.campaigns") == 7
        assert await sql.fetchval("SELECT id FROM public.campaigns") == 7
    finally:
        await sql.close()


async def test_somebody_elses_schema_is_left_alone(database: str) -> None:
    sql = await asyncpg.connect(database)
    try:
        await sql.execute("CREATE SCHEMA demo; CREATE TABLE demo.precious ()")
        with pytest.raises(RuntimeError, match="not ours"):
            await seed(database)
        assert await sql.fetchval("SELECT to_regclass('demo.precious') IS NOT NULL")
    finally:
        await sql.close()


async def test_keys_are_demanded(database: str) -> None:
    async with World(None) as world, httpx.AsyncClient(trust_env=False) as client:
        n8n, payments = world.urls["n8n"], world.urls["payments-api"]
        none = await client.get(f"{n8n}/api/v1/executions")
        assert (none.status_code, none.json()["message"]) == (401, "Unauthorized")
        wrong = await client.get(f"{n8n}/api/v1/executions", headers={"X-N8N-API-KEY": "wrong"})
        assert wrong.status_code == 401
        assert (await client.get(f"{n8n}/healthz")).json() == {"status": "ok"}
        assert (await client.get(f"{payments}/health")).status_code == 401
        authorised = await client.get(f"{payments}/health", headers={"Authorization": f"Bearer {world.payments.token}"})
        assert authorised.status_code == 200


async def test_the_older_n8n_refuses_what_it_does_not_know() -> None:
    async with World(None, flavour="2.8") as world:
        headers = {"X-N8N-API-KEY": world.n8n.api_key}
        base = f"{world.urls['n8n']}/api/v1"
        async with httpx.AsyncClient(trust_env=False, headers=headers, base_url=base) as client:
            assert (await client.get("/executions", params={"status": "crashed"})).status_code == 400
            assert (await client.get("/executions", params={"startedAfter": "2026-01-01"})).status_code == 400
            assert (await client.get("/discover")).status_code == 404
            assert (await client.post("/executions/4720/stop")).status_code == 404
            assert (await client.post("/workflows/Ue1GzJx0EhOc8YvT/publish")).status_code == 404


async def test_two_retries_are_two_runs() -> None:
    """As in n8n: whoever wants one has to see to it."""
    async with World(None) as world:
        headers = {"X-N8N-API-KEY": world.n8n.api_key}
        url = f"{world.urls['n8n']}/api/v1/executions/4711/retry"
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            answers = await asyncio.gather(client.post(url), client.post(url))
        assert len({answer.json()["id"] for answer in answers}) == 2
        assert world.n8n.done("retry") == ["4711", "4711"]


def test_moody_payments_fail_for_a_third_of_the_time() -> None:
    now = [0.0]
    world = World(None, moody=True)
    world.payments._clock = lambda: now[0]
    moods = []
    for now[0] in (0.0, 19.0, 20.0, 59.0, 61.0):
        moods.append(world.payments.failing)
    assert moods == [True, True, False, False, True]


async def test_a_pulse_brings_new_errors(database: str) -> None:
    async with World(database, pulse=0.02):
        sql = await asyncpg.connect(database)
        try:
            before = await sql.fetchval("SELECT count(*) FROM demo.integration_logs")
            deadline = datetime.now(UTC) + timedelta(seconds=30)
            while await sql.fetchval("SELECT count(*) FROM demo.integration_logs") == before:
                assert datetime.now(UTC) < deadline
        finally:
            await sql.close()


def test_the_world_by_itself_from_a_terminal() -> None:
    process = subprocess.Popen([sys.executable, "-m", "sandbox.world"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "{\n"
        assert '"services"' in process.stdout.readline()
    finally:
        process.terminate()
        process.wait(5)
        process.stdout.close()  # type: ignore[union-attr]  # asked for above
