"""Reads what the judge needs, from the ledger and from what Slack shows."""

from datetime import datetime

import asyncpg

from bot.slack.views.cards import state_words
from bot.store.ledger.columns import COLUMNS, request_of
from bot.store.trail.verify import verify
from bot.words.request import Request
from tests.crash.eyes import Eyes
from tests.crash.facts import Audit, Copy, Row
from tests.crash.judge import NOT_OVER


async def rows(pool: asyncpg.Pool) -> tuple[Row, ...]:
    records = await pool.fetch(f"SELECT {COLUMNS} FROM requests ORDER BY id")
    return tuple(_row(request_of(record)) for record in records)


def _row(request: Request) -> Row:
    return Row(
        id=request.id,
        action=request.action,
        state=request.state.value,
        words=state_words(request),
        requester=request.requester,
        version=request.version,
        key=str(request.params.get("key", "")),
        of=str(request.params.get("request", "")),
        expires_at=request.expires_at.timestamp(),
        ends_at=_seconds(request.ends_at),
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


async def votes(pool: asyncpg.Pool) -> frozenset[tuple[str, str]]:
    return frozenset((f"R{vote['request']}", vote["person"]) for vote in await pool.fetch("SELECT * FROM votes"))


async def trail(pool: asyncpg.Pool) -> tuple[Audit, ...]:
    records = await pool.fetch("SELECT seq, at, kind, actor, request FROM audit ORDER BY seq")
    return tuple(
        Audit(r["seq"], r["at"].timestamp(), r["kind"], r["actor"], f"R{r['request']}" if r["request"] else "")
        for r in records
    )


async def trail_problem(pool: asyncpg.Pool, key: str) -> tuple[str, int]:
    """What is wrong with the chain, and its rows."""
    verdict = await verify(pool, key.encode())
    bad = verdict.first_bad
    return (f"row {bad.seq}: {bad.reason}" if bad else ""), verdict.rows


async def copies(pool: asyncpg.Pool, eyes: Eyes) -> tuple[Copy, ...]:
    known = {(r["channel"], r["ts"]) for r in await pool.fetch("SELECT channel, ts FROM postings WHERE is_card")}
    return tuple(
        Copy(card.request, *card.place, card.text, frozenset(card.buttons), card.place in known)
        for card in eyes.cards.values()
    )


async def owed(pool: asyncpg.Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM postings WHERE drawn < wanted AND given_up_at IS NULL")
    return count


async def unsettled(pool: asyncpg.Pool) -> str:
    """What is still to come, in words; empty where nothing is."""
    states = await pool.fetch(
        "SELECT CASE WHEN state = 'done' THEN 'time-boxed' ELSE state END AS what, count(*) AS many FROM requests"
        " WHERE state = ANY($1) OR (state = 'done' AND ends_at IS NOT NULL) GROUP BY 1 ORDER BY 1",
        list(NOT_OVER),
    )
    told = [f"{record['many']} {record['what']}" for record in states]
    if messages := await owed(pool):
        told.append(f"{messages} messages owed")
    return ", ".join(told)


async def given_up(pool: asyncpg.Pool) -> dict[str, int]:
    """Messages that were given up, by why."""
    found = await pool.fetch("SELECT error, count(*) AS many FROM postings WHERE given_up_at IS NOT NULL GROUP BY 1")
    return {record["error"]: record["many"] for record in found}
