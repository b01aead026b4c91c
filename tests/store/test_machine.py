"""Whatever people, executors and time do, in whatever order: legal moves, one run at a time, a chain that holds."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.ports import Claimed
from bot.report import PersonId
from bot.request import MOVES, RequestId, State
from bot.store.embedded import EmbeddedPostgres
from bot.store.verify import verify
from tests.store.ledger import BOB, EVE, KEY, LEASE, Ledger, entry, judge, vote

T = TypeVar("T")

BY_MOVE = sorted(set(State) - {State.ASKED, State.RUNNING, State.UNDOING})


class Life(RuleBasedStateMachine):
    runner: asyncio.Runner
    pool: asyncpg.Pool

    requests = Bundle("requests")

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

    @rule(target=requests, place=st.sampled_from(["db", "web"]))
    def ask(self, place: str) -> RequestId:
        name = f"{place} {self.run_name}"
        request = self.do(self.ledger.waiting(target=name))
        self.states[request.id], self.targets[request.id] = State.WAITING, name
        self.moves += 2
        return request.id

    @rule(request=requests, who=st.sampled_from([BOB, EVE, PersonId("U0X")]), approve=st.booleans())
    def vote(self, request: RequestId, who: PersonId, approve: bool) -> None:
        before = self.states[request]
        word = vote(who, self.ledger.clock, approve=approve)
        voted = self.do(self.ledger.requests.vote(request, word, judge, entry("voted", who)))
        assert voted is not None
        counts = before is State.WAITING and who in (BOB, EVE)
        assert voted.request.state is ((State.CLEARED if approve else State.REJECTED) if counts else before)
        self.states[request] = voted.request.state
        self.moves += voted.earlier is None

    @rule(request=requests, undo=st.booleans())
    def claim(self, request: RequestId, undo: bool) -> None:
        to = State.UNDOING if undo else State.RUNNING
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

    @rule(request=requests, to=st.sampled_from(BY_MOVE), which=st.integers(-1, 3), lapsed=st.booleans())
    def move(self, request: RequestId, to: State, which: int, lapsed: bool) -> None:
        """With no fence, an old one or the right one, from wherever it stands."""
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

    @rule(seconds=st.sampled_from([1, LEASE.total_seconds()]))
    def wait(self, seconds: float) -> None:
        self.ledger.clock.forward(seconds=seconds)

    @rule(request=requests)
    def renew(self, request: RequestId) -> None:
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
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        )
        try:
            run_state_machine_as_test(machine, settings=limits)
        finally:
            runner.run(end(admin, pool))
