"""What Home shows, in three statements on one connection."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import asyncpg

from bot.store.ledger.columns import COLUMNS, request_of
from bot.store.pool import reading
from bot.words.dashboard import Dashboard, Known, OldKey
from bot.words.ports import Clock
from bot.words.report import PersonId
from bot.words.request import OPEN, Request, RequestId, State

MOST_RECENT = 5


class PgDashboards:
    """Fulfils `bot.words.dashboard.Dashboards`."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        services: Sequence[str] = (),
        credentials: Mapping[str, str] | None = None,
        old: timedelta = timedelta(days=90),
    ) -> None:
        """`credentials`: services by the setting that holds their key; a key is due once it is `old`."""
        self._pool = pool
        self._clock = clock
        self._services = list(services)
        self._credentials = dict(credentials or {})
        self._old = old

    async def of(self, person: PersonId) -> Dashboard:
        async with reading(self._pool) as connection:
            requests = await connection.fetch(_REQUESTS, [*OPEN, State.UNKNOWN], person, MOST_RECENT)
            services = await connection.fetch(_SERVICES, self._services)
            keys = await connection.fetch(_KEYS, list(self._credentials), self._clock() - self._old)
        read = [_read(record) for record in requests]
        recent = [(request.asked_at, request) for request, found in read if found["recent"]]
        return Dashboard(
            open=tuple(request for request, found in read if found["going"]),
            recent=tuple(request for _, request in sorted(recent, key=lambda pair: pair[0], reverse=True)),
            yes={request.id: found["yes"] for request, found in read},
            voted=frozenset[RequestId](request.id for request, found in read if found["voted"]),
            services=tuple(Known.model_validate(dict(record)) for record in services),
            keys=tuple(
                OldKey(service=self._credentials[each["setting"]], setting=each["setting"], since=each["since"])
                for each in keys
            ),
        )


def _read(record: asyncpg.Record) -> tuple[Request, dict[str, int]]:
    row = dict(record)
    found = {name: row.pop(name) for name in ("going", "recent", "yes", "voted")}
    return request_of(row), found


# Each side of the UNION has an index of its own.
_REQUESTS = f"""
WITH wanted AS (
    SELECT id, bool_or(going) AS going, bool_or(recent) AS recent FROM (
        SELECT id, true AS going, false AS recent FROM requests
        WHERE state = ANY($1) OR (state = 'done' AND ends_at IS NOT NULL) OR review = 'open'
        UNION ALL
        (SELECT id, false, true FROM requests WHERE requester = $2 ORDER BY asked_at DESC LIMIT $3)
    ) AS each GROUP BY id
)
SELECT {", ".join(f"r.{name}" for name in COLUMNS.split(", "))}, wanted.going, wanted.recent,
    (SELECT count(*) FROM votes AS v WHERE v.request = r.id AND v.approve) AS yes,
    EXISTS (SELECT FROM votes AS v WHERE v.request = r.id AND v.person = $2) AS voted
FROM wanted JOIN requests AS r USING (id) ORDER BY r.id
"""

_SERVICES = """
SELECT latest.* FROM unnest($1::text[]) AS named (service) CROSS JOIN LATERAL (
    SELECT service, health, since, seen_at FROM health
    WHERE health.service = named.service ORDER BY since DESC LIMIT 1
) AS latest ORDER BY service
"""

_KEYS = """
SELECT setting, max(first_seen) AS since FROM credentials WHERE setting = ANY($1)
GROUP BY setting HAVING max(first_seen) <= $2 ORDER BY since, setting
"""
