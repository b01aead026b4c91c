"""What the store's tests stand on: a clock that is set by hand, people, and a request brought to a state."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg

from bot.decide.approval import tally
from bot.store.ledger.requests import PgRequests
from bot.words.action import Plan, Receipt, Risk
from bot.words.ports import Claimed, Draft, Entry, Voted
from bot.words.report import PersonId
from bot.words.request import Mode, Needs, Request, RequestId, Said, State, Via, Vote, sources_of
from bot.words.verdict import NotCounted

KEY = b"the key of these tests"
ADA, BOB, EVE = PersonId("U0ADA"), PersonId("U0BOB"), PersonId("U0EVE")
LEASE = timedelta(seconds=30)
NEVER_AGAIN = timedelta(0)

_numbers = count(1)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def entry(kind: str, actor: PersonId = ADA, **fields: Any) -> Entry:
    return Entry(kind=kind, actor=actor, **fields)


def draft(clock: HandClock, *, who: PersonId = ADA, delivery: str | None = None, **params: Any) -> Draft:
    """Of other params each time, unless some are given."""
    return Draft(
        said=Said(who=who, words="retry 4711", via=Via.SLASH, channel="C1", delivery=delivery),
        action="retry",
        params=params or {"execution": str(next(_numbers))},
        risk=Risk.DESTRUCTIVE,
        expires_at=clock() + timedelta(hours=1),
    )


def needs(*approvers: PersonId, count: int = 1) -> Needs:
    return Needs(
        rule="retry",
        reason="destructive",
        mode=Mode.OTHERS,
        approvers=approvers or (BOB, EVE),
        count=count,
        lives=timedelta(hours=1),
    )


def vote(person: PersonId, clock: HandClock, *, approve: bool = True, digest: str = "d1") -> Vote:
    return Vote(person=person, approve=approve, at=clock(), digest=digest)


def judge(request: Request, votes: Sequence[Vote]) -> Voted:
    assert request.needs is not None
    if request.needs.approvers and votes and votes[-1].person not in request.needs.approvers:
        return Voted(request, NotCounted("you are not among those who may decide on this request"))
    return Voted(request, tally(request, request.needs, votes))


class Ledger:
    """The requests of one database, and the ways to bring one somewhere."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.clock = HandClock()
        self.pool = pool
        self.requests = PgRequests(pool, KEY, self.clock)

    async def asked(self, **fields: Any) -> Request:
        added = await self.requests.add(draft(self.clock, **fields), entry("asked"), again_after=NEVER_AGAIN)
        assert isinstance(added, Request)
        return added

    async def move(self, request: RequestId, to: State, **columns: Any) -> Request | None:
        return await self.requests.move(request, sources_of(to), to, entry(to.value), **columns)

    async def waiting(self, *, target: str = "", count: int = 1, **fields: Any) -> Request:
        request = await self.asked(**fields)
        target = target or f"n8n execution {request.id}"
        plan = Plan(target=target, headline="One execution is retried.").model_dump(mode="json")
        moved = await self.move(
            request.id, State.WAITING, target=target, plan=plan, digest="d1", needs=needs(count=count)
        )
        assert moved is not None
        return moved

    async def cleared(self, **fields: Any) -> Request:
        request = await self.waiting(**fields)
        voted = await self.requests.vote(request.id, vote(BOB, self.clock), judge, entry("approved", BOB))
        assert voted is not None
        assert voted.request.state is State.CLEARED
        return voted.request

    async def running(self, **fields: Any) -> Claimed:
        request = await self.cleared(**fields)
        claimed = await self.claim(request.id)
        assert claimed is not None
        return claimed

    async def claim(self, request: RequestId, to: State = State.RUNNING) -> Claimed | None:
        return await self.requests.claim(request, sources_of(to), to, entry("started"), lease=LEASE)

    async def done(self, **fields: Any) -> Request:
        claimed = await self.running()
        finished = await self.requests.move(
            claimed.request.id,
            frozenset({State.RUNNING}),
            State.DONE,
            entry("done"),
            fence=claimed.fence,
            **{"finished_at": self.clock(), "receipt": Receipt(headline="Retried."), **fields},
        )
        assert finished is not None
        return finished

    async def trail(self) -> list[str]:
        return [row["kind"] for row in await self.pool.fetch("SELECT kind FROM audit ORDER BY seq")]
