"""Messages owed to Slack, kept in PostgreSQL until they are delivered."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from bot.store.pool import Connection, canonical, number, reading, request_id, storable, transaction
from bot.words.ports import Clock, Columns, Copy, Notice, NoticeKind, Place, Posting
from bot.words.report import Report
from bot.words.request import Request, RequestId

REDRAW_AFTER = timedelta(seconds=1.5)
"""Between two drawings of one card, unless people must act on what it shows now, or it has ended."""


async def redraw(connection: Connection, request: Request, now: datetime) -> None:
    """Owe the cards of a request that has changed, in the transaction of the change."""
    await connection.execute(
        "UPDATE postings SET wanted = $2, owed_since = CASE WHEN drawn < wanted THEN owed_since ELSE $3 END"
        " WHERE request = $1 AND is_card",
        *(number(request.id), request.version, now),
    )


async def owe(connection: Connection, request: Request, now: datetime, columns: Columns) -> None:
    """Owe the new cards and the words that a change of a request brings, in the transaction of the change."""
    row = number(request.id)
    for place in columns.get("cards", ()):
        await _owe_card(connection, row, request.version, place, now)
    for notice in columns.get("notices", ()):
        await _owe_notice(connection, row, notice, now)


class PgOutbox:
    """Fulfils `bot.words.ports.Outbox`."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def tell(self, request: RequestId, notice: Notice) -> None:
        async with transaction(self._pool) as connection:
            await _owe_notice(connection, number(request), notice, self._clock())

    async def post(
        self, channel: str, *, key: str, text: str = "", report: Report | None = None, thread: str | None = None
    ) -> None:
        async with transaction(self._pool) as connection:
            await connection.execute(
                "INSERT INTO postings"
                " (is_card, kind, channel, thread, key, text, report, wanted, owed_since, not_before)"
                " VALUES (false, 'news', $1, $2, $3, $4, $5, 1, $6, $6) ON CONFLICT DO NOTHING",
                *(channel, thread, storable(key), storable(text)),
                None if report is None else canonical(report.model_dump(mode="json")),
                self._clock(),
            )

    async def take(self, limit: int, lease: timedelta) -> tuple[Posting, ...]:
        """A request's words wait until its card stands, unless it has none. `attempts` are those before this one."""
        now = self._clock()
        async with transaction(self._pool) as connection:
            records = await connection.fetch(_TAKE, now, now + lease, limit, now - REDRAW_AFTER)
        records.sort(key=lambda record: (record["urgency"], record["owed_since"], record["id"]))
        return tuple(_posting_of(record) for record in records)

    async def delivered(
        self, posting: Posting, *, channel: str, ts: str, version: int, thread_gone: bool = False
    ) -> None:
        async with transaction(self._pool) as connection:
            status = await connection.execute(
                "UPDATE postings SET channel = $2, ts = $3, drawn_at = $5, lease_until = NULL, attempts = 0,"
                " error = '', drawn = greatest(drawn, CASE WHEN is_card THEN $4 ELSE 1 END),"
                " thread = CASE WHEN $6 THEN NULL ELSE thread END"
                " WHERE id = $1 AND (ts IS NULL OR ts = $3)",
                *(posting.id, channel, ts, version, self._clock(), thread_gone),
            )
            if posting.is_card and posting.request is not None and status == "UPDATE 0":
                # Two had it, as a lease ran out: the second message shows the card too.
                await _found(connection, posting.request, channel, ts, self._clock())

    async def postpone(self, posting: Posting, after: timedelta, why: str) -> None:
        async with transaction(self._pool) as connection:
            await connection.execute(
                "UPDATE postings SET not_before = $2, error = $3, lease_until = NULL WHERE id = $1",
                *(posting.id, self._clock() + after, storable(why)),
            )

    async def give_up(self, posting: Posting, why: str) -> None:
        """A card that could not be posted afresh either is given up too."""
        async with transaction(self._pool) as connection:
            await connection.execute(
                "UPDATE postings SET error = $2, lease_until = NULL, attempts = 0,"
                " ts = NULL, drawn = 0, drawn_at = NULL,"
                " given_up_at = CASE WHEN is_card AND ts IS NOT NULL THEN NULL ELSE $3::timestamptz END WHERE id = $1",
                *(posting.id, storable(why), self._clock()),
            )

    async def move_card(self, posting: Posting, places: Sequence[Place], why: str) -> None:
        row = number(posting.request) if posting.request else None
        async with transaction(self._pool) as connection:
            await connection.execute(
                "UPDATE postings SET error = $2, lease_until = NULL, attempts = 0, given_up_at = $3 WHERE id = $1",
                *(posting.id, storable(why), self._clock()),
            )
            for place in places:
                version = await connection.fetchval("SELECT version FROM requests WHERE id = $1", row)
                await _owe_card(connection, row, version, place, self._clock())

    async def copies(self, request: RequestId) -> tuple[Copy, ...]:
        async with reading(self._pool) as connection:
            records = await connection.fetch(
                "SELECT channel, ts IS NOT NULL AND given_up_at IS NULL AS stands,"
                " CASE WHEN given_up_at IS NULL THEN '' ELSE coalesce(nullif(error, ''), 'refused') END AS refused"
                " FROM postings WHERE request = $1 AND is_card ORDER BY id",
                number(request),
            )
        return tuple(Copy.model_validate(dict(record)) for record in records)

    async def found(self, request: RequestId, channel: str, ts: str) -> None:
        async with reading(self._pool) as connection:
            if await connection.fetchval(
                "SELECT true FROM postings WHERE is_card AND channel = $1 AND ts = $2 AND request = $3",
                *(channel, ts, number(request)),
            ):
                return  # as nearly always: no transaction is spent on a click
        async with transaction(self._pool) as connection:
            await _found(connection, request, channel, ts, self._clock())

    async def ts_of(self, key: str) -> str | None:
        async with reading(self._pool) as connection:
            ts: str | None = await connection.fetchval(
                "SELECT ts FROM postings WHERE key = $1 AND NOT is_card AND request IS NULL", storable(key)
            )
        return ts

    async def backlog(self, channel: str | None = None) -> int:
        async with reading(self._pool) as connection:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM postings WHERE drawn < wanted AND given_up_at IS NULL"
                " AND ($1::text IS NULL OR channel = $1)",
                channel,
            )
        return count


async def _owe_card(connection: Connection, row: int | None, version: int, place: Place, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO postings (request, is_card, kind, channel, thread, wanted, owed_since, not_before)"
        " SELECT $1, true, 'mention', $2, $3, $4, $5, $5 WHERE NOT EXISTS (SELECT FROM postings WHERE request = $1"
        " AND is_card AND channel = $2 AND given_up_at IS NULL)",
        *(row, place.channel, place.thread, version, now),
    )


async def _owe_notice(connection: Connection, row: int | None, notice: Notice, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO postings (request, is_card, kind, key, text, people, wanted, owed_since, not_before)"
        " VALUES ($1, false, $2, $3, $4, $5, 1, $6, $6) ON CONFLICT DO NOTHING",
        *(row, notice.kind.value, storable(notice.key), storable(notice.text), [*notice.to], now),
    )


async def _found(connection: Connection, request: RequestId, channel: str, ts: str, now: datetime) -> None:
    # Clicked before its delivery was noted: the row of a card that is being posted there is this one's.
    adopted = await connection.execute(
        "UPDATE postings SET ts = $3 WHERE id = ("
        "SELECT id FROM postings WHERE request = $1 AND is_card AND channel = $2 AND ts IS NULL"
        " AND lease_until IS NOT NULL AND NOT EXISTS (SELECT FROM postings AS known"
        " WHERE known.is_card AND known.channel = $2 AND known.ts = $3) ORDER BY id LIMIT 1 FOR UPDATE)",
        *(number(request), channel, ts),
    )
    if adopted != "UPDATE 0":
        return
    await connection.execute(
        "INSERT INTO postings (request, is_card, kind, channel, ts, wanted, owed_since, not_before)"
        " SELECT id, true, 'mention', $2, $3, version, $4, $4 FROM requests WHERE id = $1 FOR UPDATE"
        " ON CONFLICT DO NOTHING",
        *(number(request), channel, ts, now),
    )


def _posting_of(record: asyncpg.Record) -> Posting:
    return Posting(
        id=record["id"],
        kind=NoticeKind(record["kind"]),
        channel=record["channel"],
        thread=record["thread"],
        request=None if record["request"] is None else request_id(record["request"]),
        is_card=record["is_card"],
        ts=record["ts"],
        text=record["text"],
        to=tuple(record["people"]),
        report=None if record["report"] is None else json.loads(record["report"]),
        attempts=record["attempts"] - 1,
    )


_TAKE = """
WITH owed AS (
    SELECT p.id, c.channel, c.thread, shown.kind, array_position('{mention,result,news}', shown.kind) AS urgency
    FROM postings AS p
    LEFT JOIN requests AS r ON r.id = p.request
    -- The request's first card that stands; one in direct messages only where others do not come.
    LEFT JOIN LATERAL (
        SELECT card.channel, coalesce(card.thread, card.ts) AS thread FROM postings AS card
        WHERE p.channel IS NULL AND card.request = p.request AND card.is_card AND card.ts IS NOT NULL
        ORDER BY card.channel LIKE 'D%', card.id LIMIT 1
    ) AS c ON true
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN NOT p.is_card THEN p.kind WHEN r.state IN ('waiting', 'unknown') THEN 'mention' ELSE 'result'
        END
    ) AS shown (kind)
    WHERE p.drawn < p.wanted AND p.given_up_at IS NULL AND p.not_before <= $1
        AND (p.lease_until IS NULL OR p.lease_until <= $1)
        AND (
            NOT p.is_card OR p.drawn_at IS NULL OR p.drawn_at <= $4
            OR (p.drawn < r.state_version AND r.state NOT IN ('asked', 'cleared', 'running', 'undoing'))
        )
        -- What was just cleared starts first, and is drawn then.
        AND (NOT p.is_card OR r.state <> 'cleared' OR p.owed_since <= $4)
        AND (
            p.channel IS NOT NULL OR c.channel NOT LIKE 'D%'
            OR NOT EXISTS (
                SELECT FROM postings AS card
                WHERE card.request = p.request AND card.is_card AND card.given_up_at IS NULL AND card.ts IS NULL
            )
        )
    ORDER BY urgency, p.owed_since, p.id
    LIMIT $3
    FOR UPDATE OF p SKIP LOCKED
)
UPDATE postings AS p SET lease_until = $2, attempts = p.attempts + 1 FROM owed WHERE p.id = owed.id
RETURNING p.id, owed.kind, owed.urgency, p.owed_since, coalesce(p.channel, owed.channel) AS channel,
    coalesce(p.thread, owed.thread) AS thread, p.request, p.is_card, p.ts, p.text, p.people, p.report, p.attempts
"""
