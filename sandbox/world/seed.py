"""Fills the demo world's tables with a believable last day: quiet, then an hour in which HubSpot says no."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg

SCHEMA = "demo"
_MARK = "handrail demo world"
_SPACE = UUID("6c1f3f0e-9f0f-4d0b-8c55-2f6f0c7d4711")
_BUSINESSES = ("Teelixir", "Boo", "Elevate Wholesale", "Red Hill Fresh", "Harbour Dental", "Northside Plumbing")


@dataclass(frozen=True)
class _Trouble:
    """One kind of error: how often in the last hour and in the 23 before, and what it says."""

    source: str
    operation: str
    last_hour: int
    before: int
    message: Callable[[random.Random], str]
    details: dict[str, object]
    level: str = "error"


_TROUBLES = (
    _Trouble(
        "hubspot",
        "upsertContact",
        17,
        5,
        lambda r: f"HubSpot answered 429: rate limit reached at contact {r.randint(10**7, 10**8)}",
        {"status": 429, "policyName": "TEN_SECONDLY_ROLLING", "limit": 100},
    ),
    _Trouble(
        "hubspot",
        "syncBusiness",
        6,
        2,
        lambda r: f"Property 'abn_number' does not exist on company {r.randint(10**9, 10**10)}",
        {"status": 400, "category": "VALIDATION_ERROR"},
    ),
    _Trouble(
        "unleashed",
        "listSalesOrders",
        5,
        7,
        lambda r: f"Read timed out after 30000 ms on page {r.randint(2, 40)}",
        {"timeout_ms": 30000},
    ),
    _Trouble(
        "unleashed",
        "getStockOnHand",
        2,
        3,
        lambda r: f"Unleashed answered 403 for product TLX-{r.randint(100, 999)}: signature not accepted",
        {"status": 403},
    ),
    _Trouble(
        "n8n",
        "webhook",
        4,
        6,
        lambda r: f"Workflow 'Sync orders to HubSpot' ended with error in execution {r.randint(4600, 4712)}",
        {"workflowId": "kT3vQe8LwYc1ZsRb"},
    ),
    _Trouble(
        "supabase",
        "insertOrder",
        1,
        2,
        lambda r: f'duplicate key violates unique constraint "orders_external_id" (SO-{r.randint(1000, 9999)})',
        {"code": "23505"},
    ),
    _Trouble(
        "telnyx",
        "sendMessage",
        0,
        4,
        lambda r: f"Message to +1555{r.randint(10**6, 10**7 - 1)} blocked: recipient opted out (40300)",
        {"code": "40300"},
    ),
    _Trouble(
        "stripe",
        "webhook",
        1,
        0,
        lambda r: "No signatures found matching the expected signature for payload",
        {"status": 400},
        level="critical",
    ),
)

_ROUTINE = (
    ("hubspot", "upsertContact", "Contact upserted", 180),
    ("hubspot", "syncBusiness", "Company synced", 240),
    ("hubspot", "health_check", "HubSpot is well", 95),
    ("unleashed", "listSalesOrders", "Page of sales orders read", 900),
    ("unleashed", "getStockOnHand", "Stock on hand read", 420),
    ("n8n", "webhook", "Workflow ended well", 1500),
    ("supabase", "insertOrder", "Order written", 40),
    ("telnyx", "sendMessage", "Message queued", 130),
)


async def seed(dsn: str, *, rng: random.Random | None = None) -> None:
    """Make the schema `demo` anew. Raises RuntimeError where a schema of that name is somebody else's."""
    chance = rng or random.Random(4711)
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            whose = await connection.fetchrow(
                "SELECT obj_description(oid, 'pg_namespace') AS mark FROM pg_namespace WHERE nspname = $1", SCHEMA
            )
            if whose is not None:
                if whose["mark"] != _MARK:
                    raise RuntimeError(f"The database has a schema {SCHEMA!r} that is not ours; it was left alone.")
                await connection.execute("DROP SCHEMA demo CASCADE")
            await connection.execute(Path(__file__).with_name("tables.sql").read_text(encoding="utf-8"))
            await _fill(connection, chance, datetime.now(UTC))
    finally:
        await connection.close()


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", chance: random.Random, now: datetime) -> None:
    async def put(table: str, columns: str, rows: list[tuple[object, ...]]) -> None:
        await connection.copy_records_to_table(table, schema_name=SCHEMA, columns=columns.split(), records=rows)

    businesses = [uuid5(_SPACE, name) for name in _BUSINESSES]
    await put(
        "businesses",
        "id business_name phone_number retell_agent_id hubspot_company_id",
        [
            (id_, name, f"+1555010{number:04}", f"agent_{id_.hex[:12]}", str(9_400_000_000 + number))
            for number, (id_, name) in enumerate(zip(businesses, _BUSINESSES, strict=True), 1)
        ],
    )
    # By a chance of its own, so that today stays what it is.
    other = random.Random(1147)
    await put(
        "integration_logs",
        "created_at source operation level message details_json duration_ms business_id",
        [(*row, other.choice(businesses)) for row in sorted(_day_before(other, now))],
    )
    logs = sorted([*_errors(chance, now), *_routine(chance, now)])
    await put(
        "integration_logs",
        "created_at source operation level message details_json duration_ms business_id",
        [(*row, chance.choice(businesses)) for row in logs],
    )
    await put(
        "workflow_execution_logs",
        "execution_id workflow_id workflow_name status error_message error_details_json nodes_executed nodes_failed "
        "started_at finished_at",
        list(_workflow_rows(chance, now)),
    )
    await put("rate_limits", "identifier endpoint request_count window_start", list(_rate_limits(chance, now)))
    await put(
        "ip_allow_list",
        "network note expires_at",
        [
            ("198.51.100.0/28", "office", None),
            ("192.0.2.44", "partner import, ended", now - timedelta(days=3)),
        ],
    )
    await put(
        "campaigns",
        "name channel status sent_today updated_at",
        [
            ("Spring sale", "email", "active", 1840, now - timedelta(hours=5)),
            ("Win-back SMS", "sms", "active", 312, now - timedelta(hours=2)),
            ("Trial follow-up calls", "voice", "active", 46, now - timedelta(hours=9)),
            ("Abandoned cart", "email", "active", 655, now - timedelta(days=1)),
            ("Mother's Day preview", "email", "paused", 0, now - timedelta(days=2)),
            ("Summer launch", "ads", "draft", 0, now - timedelta(days=4)),
            ("New Year offer", "email", "ended", 0, now - timedelta(days=80)),
        ],
    )
    await put(
        "toll_free_numbers",
        "number status assigned_to created_at",
        [
            (f"+1888555{number:04}", status, owner, now - timedelta(days=number))
            for number, (status, owner) in enumerate(
                [
                    ("assigned", businesses[0]),
                    ("assigned", businesses[4]),
                    ("assigned", businesses[5]),
                    ("suspended", None),
                    ("available", None),
                ],
                101,
            )
        ],
    )
    await put("api_metrics", "created_at service endpoint requests errors p95_ms", list(_metrics(chance, now)))
    await put(
        "api_call_logs",
        "created_at function_name status error_message",
        [
            (
                now - timedelta(minutes=chance.randint(1, 1440)),
                chance.choice(("mining-proxy", "graphql-v2", "handle-stripe-webhook", "ai-chat")),
                *(("error", "upstream timed out after 10 s") if chance.random() < 0.08 else ("success", None)),
            )
            for _ in range(120)
        ],
    )
    await put(
        "compliance_events",
        "created_at channel event_type metadata",
        [
            (
                now - timedelta(minutes=17 * number),
                chance.choice(("sms", "sms", "voice")),
                chance.choice(("opt_in", "stop", "help", "consent_recorded")),
                json.dumps({"request": {"from": f"+1555{chance.randint(10**6, 10**7 - 1)}"}}),
            )
            for number in range(60)
        ],
    )


_Log = tuple[datetime, str, str, str, str, str, int | None]
"""created_at, source, operation, level, message, details_json, duration_ms"""


def _errors(chance: random.Random, now: datetime) -> Iterator[_Log]:
    for trouble in _TROUBLES:
        spans = [chance.uniform(30, 3500) for _ in range(trouble.last_hour)]
        spans += [chance.uniform(3700, 86000) for _ in range(trouble.before)]
        for span in spans:
            yield (
                now - timedelta(seconds=span),
                trouble.source,
                trouble.operation,
                trouble.level,
                trouble.message(chance),
                json.dumps(trouble.details),
                chance.randint(80, 30000),
            )


def _routine(chance: random.Random, now: datetime) -> Iterator[_Log]:
    for _ in range(420):
        source, operation, message, usual = chance.choice(_ROUTINE)
        level = "warn" if chance.random() < 0.05 else "info"
        said = f"{message}, slowly" if level == "warn" else message
        took = int(usual * chance.uniform(0.6, 1.8) * (6 if level == "warn" else 1))
        yield now - timedelta(seconds=chance.uniform(20, 86000)), source, operation, level, said, "{}", took


def _day_before(chance: random.Random, now: datetime) -> Iterator[_Log]:
    """What today is compared with: about as much work, and few errors."""
    for at, source, operation, level, message, details, took in _routine(chance, now - timedelta(days=1)):
        if chance.random() < 0.02:
            level, message = "error", "Request failed with status code 502"
        yield at, source, operation, level, message, details, took


def _workflow_rows(chance: random.Random, now: datetime) -> Iterator[tuple[object, ...]]:
    flows = (
        ("kT3vQe8LwYc1ZsRb", "Sync orders to HubSpot"),
        ("Vb7RkXn2UqPj5MdA", "Nightly stock from Unleashed"),
        ("hG4sWm9ZtCe6YfLo", "Lead intake"),
    )
    for number in range(48):
        id_, name = flows[number % 3]
        started = now - timedelta(minutes=30 * number + chance.randint(1, 20))
        bad = number % 9 == 0
        yield (
            str(4700 - number),
            id_,
            name,
            "error" if bad else "success",
            "Authorization failed - please check your credentials" if bad else None,
            json.dumps({"node": "HubSpot", "httpCode": "401"}) if bad else None,
            chance.randint(3, 9),
            1 if bad else 0,
            started,
            started + timedelta(seconds=chance.randint(1, 40)),
        )


def _rate_limits(chance: random.Random, now: datetime) -> Iterator[tuple[object, ...]]:
    def ago(minutes: int) -> datetime:
        return now - timedelta(minutes=minutes)

    yield "203.0.113.7", "/api/mining-proxy", 1412, ago(4)
    yield "203.0.113.7", "/api/ai-chat", 306, ago(9)
    yield "::ffff:203.0.113.7", "/api/graphql", 118, ago(12)
    yield "203.0.113.9", "/api/mining-proxy", 240, ago(6)
    yield "2001:DB8:0:0::7", "/api/ai-chat", 133, ago(3)
    # Not addresses, as in real tables: a user, a placeholder from a runbook, an unknown client.
    yield "user:5f2c9c1e", "/api/ai-chat", 77, ago(8)
    yield "123.456.789.0", "/api/mining-proxy", 1, ago(50)
    yield "unknown", "/api/health", 12, ago(2)
    for _ in range(40):
        yield (
            f"198.51.100.{chance.randint(20, 250)}",
            "/api/mining-proxy",
            chance.randint(1, 99),
            ago(chance.randint(1, 60)),
        )


def _metrics(chance: random.Random, now: datetime) -> Iterator[tuple[object, ...]]:
    for hour in range(24):
        for service, endpoint, usual in (
            ("hubspot", "/crm/v3/objects/contacts", 210),
            ("unleashed", "/SalesOrders", 950),
            ("storefront", "/api/checkout", 120),
        ):
            requests = chance.randint(200, 900)
            share = 0.12 if service == "hubspot" and hour == 0 else 0.004
            at = (now - timedelta(hours=hour)).replace(minute=0, second=0, microsecond=0)
            yield at, service, endpoint, requests, int(requests * share), int(usual * chance.uniform(0.9, 1.5))
