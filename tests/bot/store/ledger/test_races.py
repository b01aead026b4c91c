"""What happens when many do the same thing at the same moment, and when PostgreSQL goes away or refuses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from bot.store.ledger.outbox import PgOutbox
from bot.store.pool import open_pool
from bot.store.server.embedded import EmbeddedPostgres
from bot.store.trail.audit import PgAuditLog
from bot.store.trail.verify import verify
from bot.words.exceptions import Misconfigured, StoreUnwritable
from bot.words.ports import Duplicate, Entry, Notice, NoticeKind, Place
from bot.words.report import PersonId
from bot.words.request import Request, State
from bot.words.verdict import Clearance, NotCounted
from tests.bot.store.kept import BOB, EVE, KEY, Ledger, draft, entry, judge, needs, vote
from tests.waiting import until_told


async def test_of_twenty_claims_one_holds(crowd: Ledger) -> None:
    """bolt-js#822, bugbug#6732: one click, several runs."""
    request = await crowd.cleared()
    claims = await asyncio.gather(*(crowd.claim(request.id) for _ in range(20)))
    assert sum(claim is not None for claim in claims) == 1
    assert (await crowd.trail()).count("started") == 1


async def test_of_twenty_requests_on_one_target_one_runs(crowd: Ledger) -> None:
    requests = [await crowd.cleared(target="db main") for _ in range(20)]
    claims = await asyncio.gather(*(crowd.claim(request.id) for request in requests))
    assert sum(claim is not None for claim in claims) == 1
    assert (await crowd.trail()).count("started") == 1
    assert len((await crowd.requests.due(crowd.clock())).cleared) == 19


async def test_the_index_decides_where_two_see_the_target_free(crowd: Ledger) -> None:
    """The look before the claim spares an error; what holds in a race is the unique index."""
    first, second = await crowd.cleared(target="db"), await crowd.cleared(target="db")
    async with crowd.pool.acquire() as connection:
        holder = connection.transaction()
        await holder.start()
        await connection.execute(
            "UPDATE requests SET state = 'running', fence = gen_random_uuid(), lease_until = now() WHERE id = $1",
            int(first.id[1:]),
        )
        claim = asyncio.create_task(crowd.claim(second.id))
        waits = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = $1"
        name = await connection.fetchval("SELECT current_database()")
        await until_told(lambda: connection.fetchval(waits, name))
        assert not claim.done()
        await holder.commit()
    assert await claim is None
    assert (await crowd.trail()).count("started") == 0


async def test_of_two_approvers_at_once_one_clears_it(crowd: Ledger) -> None:
    """sso-elevator#47: two approvers at once, two schedules."""
    request = await crowd.waiting()
    voted = await asyncio.gather(
        *(crowd.requests.vote(request.id, vote(who, crowd.clock), judge, entry("approved", who)) for who in (BOB, EVE))
    )
    verdicts = [found.verdict for found in voted if found is not None]
    assert {type(verdict) for verdict in verdicts} == {Clearance, NotCounted}
    assert len(await crowd.requests.votes(request.id)) == 1
    assert (await crowd.trail()).count("approved") == 1


async def test_of_two_needed_votes_at_once_both_count_and_one_clears(crowd: Ledger) -> None:
    request = await crowd.waiting(count=2)
    await asyncio.gather(
        *(crowd.requests.vote(request.id, vote(who, crowd.clock), judge, entry("approved", who)) for who in (BOB, EVE))
    )
    assert len(await crowd.requests.votes(request.id)) == 2
    cleared = await crowd.requests.get(request.id)
    assert cleared is not None
    assert (cleared.state, cleared.version) == (State.CLEARED, 4)


async def test_of_twenty_clicks_of_one_person_one_counts(crowd: Ledger) -> None:
    """sentry#69252: the second click gets its own answer."""
    request = await crowd.waiting(count=2)
    mine = vote(BOB, crowd.clock)
    voted = await asyncio.gather(
        *(crowd.requests.vote(request.id, mine, judge, entry("approved", BOB)) for _ in range(20))
    )
    assert sum(found is not None and found.earlier == mine for found in voted) == 19
    assert (await crowd.trail()).count("approved") == 1


@pytest.mark.parametrize("delivery", ["e1", None])
async def test_of_twenty_same_requests_at_once_one_is_stored(crowd: Ledger, delivery: str | None) -> None:
    """node-slack-sdk#2141: one message, several event ids."""
    same = draft(crowd.clock, delivery=delivery, execution="4711")
    added = await asyncio.gather(
        *(crowd.requests.add(same, entry("asked"), again_after=timedelta(minutes=1)) for _ in range(20))
    )
    stored = [found for found in added if isinstance(found, Request)]
    assert len(stored) == 1
    assert [found for found in added if isinstance(found, Duplicate)] == [
        Duplicate(stored[0], same_delivery=delivery is not None)
    ] * 19


async def test_the_unplanned_are_given_to_one_of_twenty(crowd: Ledger) -> None:
    await crowd.asked()
    now = crowd.clock.forward(minutes=1)
    found = await asyncio.gather(*(crowd.requests.due(now) for _ in range(20)))
    assert sum(len(due.unplanned) for due in found) == 1


async def test_many_moves_at_once_leave_one_chain(crowd: Ledger) -> None:
    log = PgAuditLog(crowd.pool, KEY, crowd.clock)
    await asyncio.gather(*(crowd.running() for _ in range(10)), *(log.write(entry("read")) for _ in range(60)))
    verdict = await verify(crowd.pool, KEY)
    assert (verdict.first_bad, verdict.rows) == (None, 100)


async def test_a_decision_made_elsewhere_is_heard_and_a_lost_connection_is_replaced(crowd: Ledger) -> None:
    """slack_elixir#13: connected for two days, deaf all the while."""
    heard = asyncio.Queue[None]()
    listening = asyncio.create_task(crowd.requests.listen(lambda: heard.put_nowait(None)))
    await asyncio.wait_for(heard.get(), 30)
    await crowd.asked()
    await asyncio.wait_for(heard.get(), 30)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    assert await crowd.pool.fetch(cut)
    await asyncio.wait_for(heard.get(), 30)
    assert heard.empty()
    await PgOutbox(crowd.pool, crowd.clock).post("C1", key="k", text="t")
    await asyncio.wait_for(heard.get(), 30)
    listening.cancel()
    await asyncio.wait([listening])


# -- PostgreSQL refuses ---------------------------------------------------------------------------

CARD = (Place(channel="C1"),)
NOTICE = (Notice(kind=NoticeKind.NEWS, text="t", key="k"),)

Try = Callable[[Ledger, Request], Awaitable[object]]

TRIES: dict[str, tuple[State, Try]] = {
    "add": (
        State.ASKED,
        lambda ledger, _: ledger.requests.add(
            draft(ledger.clock, delivery="e9"), entry("asked"), again_after=timedelta(0)
        ),
    ),
    "move": (
        State.ASKED,
        lambda ledger, request: ledger.move(request.id, State.WAITING, needs=needs(), cards=CARD, notices=NOTICE),
    ),
    "note": (
        State.WAITING,
        lambda ledger, request: ledger.requests.note(request.id, entry("noted"), note="n", notices=NOTICE),
    ),
    "vote": (
        State.WAITING,
        lambda ledger, request: ledger.requests.vote(
            request.id, vote(BOB, ledger.clock), judge, entry("approved", BOB)
        ),
    ),
    "a vote that does not count": (
        State.WAITING,
        lambda ledger, request: ledger.requests.vote(
            request.id, vote(PersonId("U0X"), ledger.clock), judge, entry("approved")
        ),
    ),
    "claim": (State.CLEARED, lambda ledger, request: ledger.claim(request.id)),
}

REFUSALS = {
    "a trigger": "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$;"
    " CREATE TRIGGER no BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION no()",
    "a check": "ALTER TABLE audit ADD CHECK (false) NOT VALID",
    "read only": "ALTER TABLE audit_head ADD CHECK (seq < 0) NOT VALID",
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("attempt", TRIES)
async def test_without_its_audit_row_nothing_has_happened(ledger: Ledger, attempt: str, refusal: str) -> None:
    """astrid#134, onetimesecret#4333, ezauth#164: the audit failed, the action went on. wpmgr#662: here it is
    PostgreSQL itself that refuses the INSERT."""
    state, act = TRIES[attempt]
    request = {State.ASKED: ledger.asked, State.WAITING: ledger.waiting, State.CLEARED: ledger.cleared}[state]
    standing = await request()
    before = await _everything(ledger.pool)
    await ledger.pool.execute(REFUSALS[refusal])
    with pytest.raises(StoreUnwritable, match="The database cannot be written: "):
        await act(ledger, standing)
    assert await _everything(ledger.pool) == before


async def test_a_role_that_may_not_add_to_the_trail_can_move_nothing(ledger: Ledger, database: str) -> None:
    request = await ledger.cleared()
    await ledger.pool.execute(
        "CREATE ROLE mute; GRANT ALL ON ALL TABLES IN SCHEMA public TO mute; REVOKE INSERT ON audit FROM mute"
    )

    async def become(connection: PoolConnectionProxy) -> None:
        await connection.execute("SET ROLE mute")

    async with asyncpg.create_pool(database, min_size=1, max_size=1, setup=become) as pool:
        mute = Ledger(pool)
        with pytest.raises(StoreUnwritable, match="permission denied for table audit"):
            await mute.claim(request.id)
    assert await ledger.requests.get(request.id) == request
    await ledger.pool.execute("DROP OWNED BY mute; DROP ROLE mute")


async def test_another_key_cannot_go_on_with_the_trail(ledger: Ledger) -> None:
    await ledger.asked()
    stranger = PgAuditLog(ledger.pool, b"another key", ledger.clock)
    with pytest.raises(Misconfigured, match="OPS_AUDIT_KEY is not the key"):
        await stranger.write(Entry(kind="read", actor=BOB))
    assert await ledger.trail() == ["asked"]


async def _everything(pool: asyncpg.Pool) -> list[list[Any]]:
    tables = ("requests", "votes", "audit", "audit_head", "postings", "deliveries")
    return [await pool.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in tables]


@pytest.fixture
async def distant(database: str) -> AsyncIterator[Ledger]:
    async with open_pool(database, size=2) as pool:
        yield Ledger(pool)


async def test_a_database_that_went_away_is_said_so_and_found_again(
    distant: Ledger, postgres: EmbeddedPostgres
) -> None:
    request = await distant.asked()
    name = await distant.pool.fetchval("SELECT current_database()")
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    try:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        for _ in range(3):
            with pytest.raises(StoreUnwritable):
                await distant.requests.get(request.id)
            with pytest.raises(StoreUnwritable):
                await distant.asked()
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    finally:
        await admin.close()
    assert await distant.requests.get(request.id) == request


async def test_a_transaction_that_waits_too_long_is_given_up(distant: Ledger, pool: asyncpg.Pool) -> None:
    request = await distant.waiting()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM requests FOR UPDATE")
        await distant.pool.execute("ALTER ROLE CURRENT_USER SET lock_timeout = '100ms'")
        await distant.pool.expire_connections()
        with pytest.raises(StoreUnwritable, match="lock timeout"):
            await distant.move(request.id, State.WITHDRAWN)
        await connection.execute("ALTER ROLE CURRENT_USER RESET lock_timeout")
    assert (await distant.requests.get(request.id)) == request
