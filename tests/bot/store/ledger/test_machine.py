"""Whatever people, executors and time do, in whatever order: legal moves, one run at a time, a chain that holds."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.store.server.embedded import EmbeddedPostgres
from bot.store.trail.verify import verify
from bot.words.ports import Claimed
from bot.words.report import PersonId
from bot.words.request import MOVES, RequestId, State
from tests.bot.store.kept import BOB, EVE, KEY, LEASE, Ledger, entry, judge, vote

T = TypeVar("T")

WHICH = st.integers(0, 3)
BY_MOVE = sorted(set(State) - {State.ASKED, State.RUNNING, State.UNDOING})


class Life(RuleBasedStateMachine):
    runner: asyncio.Runner
    pool: asyncpg.Pool

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(self.pool)
        self.run_name = uuid4().hex
        self.states: dict[RequestId, State] = {}
        self.targets: dict[RequestId, str] = {}
        self.fences: dict[RequestId, list[Claimed]] = {}
        self.moves = 0
        self.audited = 0

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.audited = self.do(self._rows())

    @property
    def alive(self) -> list[RequestId]:
        return [request for request, state in self.states.items() if MOVES[state]]

    def pick(self, number: int) -> RequestId:
        """One that can still move, or the last that cannot."""
        return self.choice[number % len(self.choice)]

    @property
    def choice(self) -> list[RequestId]:
        return self.alive + [request for request in self.states if request not in self.alive][-1:]

    @precondition(lambda self: len(self.alive) < 3)
    @rule(place=st.sampled_from(["db", "web"]), far=st.integers(0, 4))
    def ask(self, place: str, far: int) -> None:
        """And go the straight way for a while, so that what comes late is met often enough."""
        target = f"{place} {self.run_name}"
        request = self.do(self.ledger.waiting(target=target)).id
        self.states[request], self.targets[request] = State.WAITING, target
        self.moves += 2
        number = self.choice.index(request)
        if far > 0:
            self.vote(number, BOB, True)
        if far > 1:
            self.claim(number, False)
        if far > 2:
            self.finish(number, False)
        if far > 3:
            self.claim(number, False)

    @precondition(lambda self: self.states)
    @rule(number=WHICH, who=st.sampled_from([BOB, EVE, PersonId("U0X")]), approve=st.sampled_from([True, True, False]))
    def vote(self, number: int, who: PersonId, approve: bool) -> None:
        request = self.pick(number)
        before = self.states[request]
        word = vote(who, self.ledger.clock, approve=approve)
        voted = self.do(self.ledger.requests.vote(request, word, judge, entry("voted", who)))
        assert voted is not None
        counts = before is State.WAITING and who in (BOB, EVE)
        assert voted.request.state is ((State.CLEARED if approve else State.REJECTED) if counts else before)
        self.states[request] = voted.request.state
        self.moves += voted.earlier is None

    @precondition(lambda self: self.states)
    @rule(number=WHICH, astray=st.sampled_from([False, False, True]))
    def claim(self, number: int, astray: bool) -> None:
        request = self.pick(number)
        to = State.UNDOING if (self.states[request] is State.DONE) is not astray else State.RUNNING
        claimed = self.do(self.ledger.claim(request, to))
        busy = [
            other
            for other, state in self.states.items()
            if state in (State.RUNNING, State.UNDOING) and self.targets[other] == self.targets[request]
        ]
        assert (claimed is not None) == (to in MOVES[self.states[request]] and not busy)
        if claimed is not None:
            self.states[request] = to
            self.fences.setdefault(request, []).append(claimed)
            self.moves += 1

    @precondition(lambda self: self.states)
    @rule(number=WHICH, to=st.sampled_from(BY_MOVE), which=st.integers(-1, 3), lapsed=st.booleans())
    def move(self, number: int, to: State, which: int, lapsed: bool) -> None:
        """With no fence, an old one or the right one, from wherever it stands."""
        request = self.pick(number)
        held = self.fences.get(request, [])
        fence = held[which % len(held)] if held and which >= 0 else None
        before = self.states[request]
        sources = frozenset(source for source in State if to in MOVES[source])
        moved = self.do(
            self.ledger.requests.move(
                request, sources, to, entry(to.value), fence=fence.fence if fence else None, lapsed=lapsed
            )
        )
        runs = before in (State.RUNNING, State.UNDOING)
        ours = fence is held[-1] if fence and runs else fence is None
        over = lapsed and runs and not self.do(self._leased(request))
        may = (ours and not (runs and fence is None)) or over
        assert (moved is not None) == (to in MOVES[before] and may)
        if moved is not None:
            self.states[request] = to
            self.moves += 1

    @precondition(lambda self: self.states)
    @rule(number=WHICH, late=st.booleans())
    def finish(self, number: int, late: bool) -> None:
        """By the run that has it, or by one that had it before."""
        request = self.pick(number)
        held, before = self.fences.get(request, []), self.states[request]
        if before not in (State.RUNNING, State.UNDOING) or (late and len(held) < 2):
            return
        move = self.ledger.requests.move(
            request, frozenset({before}), State.DONE, entry("done"), fence=held[-2 if late else -1].fence
        )
        moved = self.do(move)
        assert (moved is None) == late
        if moved is not None:
            self.states[request] = State.DONE
            self.moves += 1

    @rule(seconds=st.sampled_from([1, LEASE.total_seconds()]))
    def wait(self, seconds: float) -> None:
        self.ledger.clock.forward(seconds=seconds)

    @precondition(lambda self: self.states)
    @rule(number=WHICH)
    def renew(self, number: int) -> None:
        request = self.pick(number)
        for claimed in self.fences.get(request, []):
            runs = self.states[request] in (State.RUNNING, State.UNDOING)
            holds = claimed is self.fences[request][-1] and runs and self.do(self._leased(request))
            assert self.do(self.ledger.requests.renew(claimed, LEASE)) == holds

    @invariant()
    def what_is_stored_is_what_was_told(self) -> None:
        for request, state in self.states.items():
            found = self.do(self.ledger.requests.get(request))
            assert found is not None
            assert found.state is state

    @invariant()
    def each_move_has_its_row(self) -> None:
        assert self.do(self._rows()) - self.audited == self.moves

    def teardown(self) -> None:
        verdict = self.do(verify(self.pool, KEY))
        assert verdict.first_bad is None

    async def _rows(self) -> int:
        count: int = await self.pool.fetchval("SELECT count(*) FROM audit")
        return count

    async def _leased(self, request: RequestId) -> bool:
        query = "SELECT lease_until > $2 FROM requests WHERE id = $1"
        return bool(await self.pool.fetchval(query, int(request[1:]), self.ledger.clock()))


def test_every_life_of_a_request_is_legal(postgres: EmbeddedPostgres, template: str) -> None:
    with asyncio.Runner() as runner:
        name = f"machine_{uuid4().hex}"

        async def begin() -> tuple[asyncpg.Connection, asyncpg.Pool]:
            admin = await asyncpg.connect(postgres.dsn("postgres"))
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            return admin, await asyncpg.create_pool(postgres.dsn(name), min_size=1, max_size=2)

        async def end(admin: asyncpg.Connection, pool: asyncpg.Pool) -> None:
            await pool.close()
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await admin.close()

        admin, pool = runner.run(begin())
        machine = type("LifeHere", (Life,), {"runner": runner, "pool": pool})
        limits = settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        )
        try:
            run_state_machine_as_test(machine, settings=limits)
        finally:
            runner.run(end(admin, pool))
