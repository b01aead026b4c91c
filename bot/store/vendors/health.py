"""How the services were, period by period."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import asyncpg

from bot.store.pool import storable, transaction, utc


class Check(Protocol):
    """Result of one look at one service."""

    @property
    def service(self) -> str: ...
    @property
    def health(self) -> str: ...
    @property
    def at(self) -> datetime: ...


class PgHealthHistory:
    """One row a period in which a service stayed as it was."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def record(self, results: Sequence[Check]) -> Mapping[str, datetime]:
        """Keep these, and say for each service since when it has been as it is now."""
        async with transaction(self._pool) as connection:
            # Replicas that look at the same moment write one after the other.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('health', 2))")
            records = await connection.fetch(
                _RECORD,
                [storable(result.service) for result in results],
                [str(result.health) for result in results],
                [utc(result.at) for result in results],
            )
        return {record["service"]: record["since"] for record in records}


# A period never begins before the one it follows, whatever a replica's clock says.
_RECORD = """
WITH seen AS (
    SELECT DISTINCT ON (service) service, health, at
    FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS seen (service, health, at)
    ORDER BY service, at DESC
), latest AS (
    SELECT seen.*, period.health AS was, period.since FROM seen LEFT JOIN LATERAL (
        SELECT health, since FROM health WHERE health.service = seen.service ORDER BY since DESC LIMIT 1
    ) AS period ON true
)
INSERT INTO health AS period (service, since, health, seen_at)
SELECT service,
    CASE WHEN was = health THEN since ELSE greatest(at, since + interval '1 microsecond') END,
    health, at
FROM latest
ON CONFLICT (service, since) DO UPDATE SET seen_at = greatest(period.seen_at, excluded.seen_at)
RETURNING service, since
"""
