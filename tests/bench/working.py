"""What has no counterpart in bare Bolt: approvals, many services at once, the trail; and what it costs to be there."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg

from bot.store.trail.audit import PgAuditLog, append
from bot.store.trail.verify import verify
from bot.words.ports import Entry
from bot.words.report import PersonId
from tests.bench.figures import Bar, Rounds, Row, percentile
from tests.bench.processes import family, megabytes
from tests.bench.scene import AUDIT_KEY, Bot, World, bare, handrail
from tests.bench.slack import Front, approval

KEY = AUDIT_KEY.encode()
WRITERS = 8


@dataclass
class Approvals:
    """From the approver's click to the first line of the action, beside the price of one commit there."""

    front: Front
    bot: Bot
    connection: asyncpg.Connection
    """To the bot's own database."""
    waits: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)

    async def round(self, count: int) -> None:
        waits, commits = [], []
        await self.connection.execute("CREATE TABLE IF NOT EXISTS bench_commits (at timestamptz)")
        for _ in range(count):
            waits.append(await self._approved())
            began = time.perf_counter()
            await self.connection.execute("INSERT INTO bench_commits VALUES (now())")
            commits.append((time.perf_counter() - began) * 1000)
        self.waits += waits
        self.p50s.append(percentile(waits, 50))
        self.p99s.append(percentile(waits, 99))
        self.commits.append(percentile(commits, 50))

    async def _approved(self) -> float:
        """Milliseconds."""
        await self.front.ask(self.bot.line, "/ops", f"stamp {time.time_ns()}")
        number = await self._reached("waiting")
        clicked = time.time()
        await self.bot.line.deliver("interactive", approval(f"R{number}"))
        await self._reached("done")
        receipt = await self.connection.fetchval("SELECT receipt FROM requests WHERE id = $1", number)
        return (float(json.loads(receipt)["undo"]["started"]) - clicked) * 1000

    async def _reached(self, state: str) -> int:
        """The newest request's number, when it is there."""
        async with asyncio.timeout(20):
            while True:
                newest = await self.connection.fetchrow("SELECT id, state FROM requests ORDER BY id DESC LIMIT 1")
                if newest is not None and newest["state"] == state:
                    return int(newest["id"])
                await asyncio.sleep(0.005)

    def rows(self) -> list[Row]:
        commit = Rounds(tuple(self.commits), " ms")
        title, count = "approve click to start of the action", len(self.waits) // len(self.p99s)
        return [
            Row(f"{title}, p50", Rounds(tuple(self.p50s), " ms"), commit, "one commit", Bar(at_most=10)),
            Row(f"{title}, p99 of {count} a round", Rounds(tuple(self.p99s), " ms"), commit, "one commit"),
        ]


@dataclass
class ManyServices:
    """A whole check, from the typed words to the answer."""

    world: World
    ours: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)

    async def round(self, bot: Bot, times: int) -> None:
        await self._checked(bot)  # the first one connects
        for _ in range(times):
            took, slowest = await self._checked(bot)
            self.ours.append(took)
            self.slowest.append(slowest)

    async def _checked(self, bot: Bot) -> tuple[float, float]:
        await self.world.slowest_ms()
        took, _ = await self.world.front.ask(bot.line, "/ops", "health fresh=yes")
        return took, await self.world.slowest_ms()

    def row(self) -> Row:
        return Row(
            f"/ops health of {len(self.world.slow_services)} services of 200 ms",
            Rounds(tuple(self.ours), " ms"),
            Rounds(tuple(self.slowest), " ms"),
            "the slowest service",
            Bar(at_most=1.15),
        )


@dataclass
class Presence:
    """Starts, one after the other, of Handrail on data that is there and of bare Bolt; what each weighs when idle."""

    world: World
    dsn: str
    """Empty for Handrail's own embedded server."""
    rest_s: float
    starts: dict[str, list[float]] = field(default_factory=dict)
    weights: dict[str, list[float]] = field(default_factory=dict)

    @asynccontextmanager
    async def round(self) -> AsyncIterator[Bot]:
        """Yields Handrail, still running."""
        began = time.perf_counter()
        async with bare(self.world, http=False) as bolt:
            await self._weigh("bare", began, bolt)
        began = time.perf_counter()
        async with handrail(self.world, http=False, dsn=self.dsn, services=self.world.slow_services) as ours:
            await self._weigh("ours", began, ours)
            yield ours

    async def _weigh(self, who: str, began: float, bot: Bot) -> None:
        self.starts.setdefault(who, []).append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(self.rest_s)
        self.weights.setdefault(who, []).append(megabytes(bot.process.pid))
        whole = sum(megabytes(pid) for pid in family(bot.process.pid))
        self.weights.setdefault(f"{who} whole", []).append(whole)

    @property
    def bare(self) -> Rounds:
        """What bare Bolt weighs."""
        return Rounds(tuple(self.weights["bare"]), " MB")

    def rows(self) -> list[Row]:
        def weight(who: str) -> Rounds:
            return Rounds(tuple(self.weights[who]), " MB")

        def start(who: str) -> Rounds:
            return Rounds(tuple(self.starts[who]), " ms")

        return [
            Row("memory at rest", weight("ours"), weight("bare"), "bare Bolt"),
            Row("memory at rest with the embedded PostgreSQL", weight("ours whole"), weight("bare"), "bare Bolt"),
            Row("start to ready, embedded PostgreSQL with data", start("ours"), start("bare"), "bare Bolt"),
        ]


@dataclass
class Trail:
    """Rows appended by one writer and by several, each in a transaction of its own; and the walk over all of them."""

    pool: asyncpg.Pool
    plain: list[float] = field(default_factory=list)
    """One writer, each row inserted into a table like the trail's, without a chain."""
    alone: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)
    verified: list[float] = field(default_factory=list)

    async def fill(self, rows: int) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            for number in range(rows):
                await append(connection, _entry(number), KEY, datetime.now(UTC))

    async def round(self, seconds: float) -> None:
        self.plain.append(await self._insert(seconds))
        self.alone.append(await self._append(1, seconds))
        self.together.append(await self._append(WRITERS, seconds))
        began = time.perf_counter()
        verdict = await verify(self.pool, KEY)
        if not verdict.ok:
            raise RuntimeError(f"the trail is broken: {verdict.first_bad}")
        self.verified.append(verdict.rows / (time.perf_counter() - began))

    async def _insert(self, seconds: float) -> float:
        await self.pool.execute("CREATE TABLE IF NOT EXISTS bench_rows (LIKE audit INCLUDING ALL)")
        began, written = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            entry = _entry(written)
            await self.pool.execute(
                "INSERT INTO bench_rows (seq, at, kind, actor, action, target, detail, mac)"
                " SELECT coalesce(max(seq), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM bench_rows",
                *(datetime.now(UTC), entry.kind, entry.actor, entry.action, entry.target),
                *(json.dumps(entry.detail), "0" * 64),
            )
            written += 1
        return written / (time.perf_counter() - began)

    async def _append(self, writers: int, seconds: float) -> float:
        log = PgAuditLog(self.pool, KEY, lambda: datetime.now(UTC))
        began, written = time.perf_counter(), 0

        async def writer() -> None:
            nonlocal written
            while time.perf_counter() - began < seconds:
                await log.write(_entry(written))
                written += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(writers):
                group.create_task(writer())
        return written / (time.perf_counter() - began)

    def rows(self) -> list[Row]:
        return [
            Row(
                "audit rows appended, one writer",
                Rounds(tuple(self.alone), "/s"),
                Rounds(tuple(self.plain), "/s"),
                "a plain INSERT",
                Bar(at_least=0.5),
            ),
            Row(f"audit rows appended, {WRITERS} writers", Rounds(tuple(self.together), "/s")),
            Row("audit rows verified", Rounds(tuple(self.verified), "/s")),
        ]


def _entry(number: int) -> Entry:
    detail = {"outcome": f"Execution {number} was retried and succeeded as {number + 1}.", "rule": "rule '*'"}
    return Entry(
        kind="done", actor=PersonId("U0ANA0001"), action="retry", target=f"n8n execution {number}", detail=detail
    )
