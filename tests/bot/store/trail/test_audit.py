"""The trail: each way to tamper with it is found and named, by PostgreSQL at the door or by the walk afterwards."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from bot.store.trail import export as exporting
from bot.store.trail.audit import PgAuditLog, seal
from bot.store.trail.export import archive, drop_archived, export
from bot.store.trail.verify import Anchor, Bad, verify
from bot.store.vendors.call_counts import PgTally
from bot.words.exceptions import NotUnderstood, Refused
from bot.words.ports import Audited
from tests.bot.store.kept import ADA, BOB, EVE, KEY, Ledger, entry

GRANTS = Path(exporting.__file__).with_name("grants.sql")


@pytest.fixture
async def trail(ledger: Ledger) -> PgAuditLog:
    """Of ten rows, a minute apart."""
    log = PgAuditLog(ledger.pool, KEY, ledger.clock)
    for number in range(1, 11):
        row = await log.write(entry("read", ADA, action="health", target=f"t{number}", detail={"n": number, "é": None}))
        assert row.seq == number
        ledger.clock.forward(minutes=1)
    return log


async def head(pool: asyncpg.Pool) -> Anchor:
    record = await pool.fetchrow("SELECT seq, mac FROM audit_head")
    assert record is not None
    return Anchor(seq=record["seq"], mac=record["mac"])


async def test_a_whole_trail_is_found_whole(trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    verdict = await verify(pool, KEY)
    assert verdict.ok
    assert (verdict.rows, verdict.head) == (10, await head(pool))


async def test_an_empty_trail_is_whole(pool: asyncpg.Pool) -> None:
    verdict = await verify(pool, KEY)
    assert (verdict.ok, verdict.rows, verdict.head.seq) == (True, 0, 0)


async def test_a_row_comes_back_as_it_was_sealed(ledger: Ledger) -> None:
    log = PgAuditLog(ledger.pool, KEY, ledger.clock)
    awkward = {
        "s": "nul \0 \ud83d ✓",
        "f": 0.1,
        "big": 1e22,
        "nest": [{"b": 1, "a": [None, True]}],
        "nan": float("nan"),
    }
    written = await log.write(entry("read", target="a \0 b", action="\ud83d", on_behalf_of=BOB, detail=awkward))
    assert await log.read() == (written,)
    assert written.detail == awkward | {"nan": "NaN"}
    assert (await verify(ledger.pool, KEY)).ok


async def test_reading_filters(ledger: Ledger) -> None:
    """OpenBot#385, lightdash#22465: actor and on-behalf-of are two columns, and each is found."""
    log = PgAuditLog(ledger.pool, KEY, ledger.clock)
    request = await ledger.asked(who=BOB)
    await log.write(entry("read", BOB, action="health"))
    later = ledger.clock.forward(hours=1)
    await log.write(entry("ended", EVE, on_behalf_of=BOB, action="pause"))
    assert [row.actor for row in await log.read(who=BOB)] == [EVE, BOB]
    assert [row.kind for row in await log.read(action="health")] == ["read"]
    assert [row.kind for row in await log.read(request=request.id)] == ["asked"]
    assert [row.kind for row in await log.read(since=later)] == ["ended"]
    assert [row.seq for row in await log.read(limit=2)] == [3, 2]


# -- at the door ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'U0EVE' WHERE seq = 3",
        "UPDATE audit SET actor = actor WHERE false",
        "DELETE FROM audit WHERE seq = 10",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "SET LOCAL session_replication_role = replica; DELETE FROM audit",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "UPDATE audit_head SET seq = 5",
        "UPDATE audit_head SET seq = seq + 2",
        "UPDATE audit_head SET seq = seq + 1, key_check = ''",
    ],
)
async def test_the_trail_is_only_ever_added_to(trail: PgAuditLog, pool: asyncpg.Pool, statement: str) -> None:
    before = await head(pool)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="is refused"):
        await pool.execute(statement)
    assert await pool.fetchval("SELECT count(*) FROM audit") == 10
    assert await head(pool) == before


@pytest.fixture
async def as_bot(ledger: Ledger, database: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of the role that `grants.sql` is for."""
    await ledger.pool.execute("CREATE ROLE handrail_bot")
    try:
        await ledger.pool.execute(GRANTS.read_text(encoding="utf-8"))

        async def become(connection: PoolConnectionProxy) -> None:
            await connection.execute("SET ROLE handrail_bot")

        async with asyncpg.create_pool(database, min_size=1, max_size=3, setup=become) as pool:
            yield pool
    finally:
        await ledger.pool.execute("DROP OWNED BY handrail_bot; DROP ROLE handrail_bot")


async def test_the_bots_own_role_is_enough_for_all_of_its_work(as_bot: asyncpg.Pool) -> None:
    bot = Ledger(as_bot)
    await bot.asked(delivery="e1", execution="1")
    await bot.done()
    bot.clock.forward(hours=1)
    await bot.requests.due(bot.clock())
    assert (await verify(as_bot, KEY)).ok
    async with PgTally(as_bot, bot.clock, lambda calls, whole, month: (calls, whole)) as tally:
        for _ in range(2):
            tally.count("stock")
            assert (await tally.this_month("stock"))[1]


async def test_the_bots_own_role_may_read_every_table(as_bot: asyncpg.Pool) -> None:
    tables = await as_bot.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 10
    for table in tables:
        await as_bot.fetch(f"SELECT FROM {table['tablename']}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'U0EVE'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "SELECT audit_drop_archived()",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TRIGGER no_update ON audit",
        "DELETE FROM audit_head",
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "TRUNCATE votes",
        "DELETE FROM requests",
        "DROP TABLE votes",
    ],
)
async def test_the_bots_own_role_cannot_touch_what_was_written(
    trail: PgAuditLog, as_bot: asyncpg.Pool, statement: str
) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError)):
        await as_bot.execute(statement)
    assert (await verify(as_bot, KEY)).rows == 10


# -- afterwards -----------------------------------------------------------------------------------

UNFITTING = "row {} does not fit its seal: it was changed, moved or put in by hand"

TAMPERINGS = {
    "an actor": ("UPDATE audit SET actor = 'U0EVE' WHERE seq = 4", 4, UNFITTING),
    "a kind": ("UPDATE audit SET kind = 'denied' WHERE seq = 4", 4, UNFITTING),
    "a time": ("UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 4", 4, UNFITTING),
    "on behalf of": ("UPDATE audit SET on_behalf_of = '' WHERE seq = 4", 4, UNFITTING),
    "a request": ("UPDATE audit SET request = 1 WHERE seq = 4", 4, UNFITTING),
    "an action": ("UPDATE audit SET action = 'errors' WHERE seq = 4", 4, UNFITTING),
    "a target": ("UPDATE audit SET target = 't4 ' WHERE seq = 4", 4, UNFITTING),
    "a detail": ("""UPDATE audit SET detail = '{"n":5,"é":null}' WHERE seq = 4""", 4, UNFITTING),
    "a space in a detail": ("""UPDATE audit SET detail = '{"n":4, "é":null}' WHERE seq = 4""", 4, UNFITTING),
    "a key twice": ("""UPDATE audit SET detail = '{"n":9,"n":4,"é":null}' WHERE seq = 4""", 4, UNFITTING),
    "a detail that is no object": ("UPDATE audit SET detail = '[]' WHERE seq = 4", 4, UNFITTING),
    "a seal": ("UPDATE audit SET mac = repeat('a', 64) WHERE seq = 4", 4, UNFITTING),
    "the first": ("UPDATE audit SET actor = 'U0EVE' WHERE seq = 1", 1, UNFITTING),
    "the last": ("UPDATE audit SET actor = 'U0EVE' WHERE seq = 10", 10, UNFITTING),
    "one removed": ("DELETE FROM audit WHERE seq = 4", 4, "row {} is missing"),
    "some removed": ("DELETE FROM audit WHERE seq BETWEEN 4 AND 6", 4, "rows {} to 6 are missing"),
    "the first removed": ("DELETE FROM audit WHERE seq < 3", 1, "rows {} to 2 are missing"),
    "removed and closed up": (
        "DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4", 4, UNFITTING,
    ),
    "put in at the start": (
        "UPDATE audit SET seq = seq + 100; UPDATE audit SET seq = seq - 99;"
        " INSERT INTO audit SELECT 1, at, kind, actor, on_behalf_of, request, action, target, detail, mac"
        " FROM audit WHERE seq = 2", 2, UNFITTING,
    ),
    "put in at the end": (
        "INSERT INTO audit SELECT 11, at, kind, actor, on_behalf_of, request, action, target, detail, mac"
        " FROM audit WHERE seq = 10", 11, UNFITTING,
    ),
    "two swapped": (
        "UPDATE audit SET seq = 99 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5;"
        " UPDATE audit SET seq = 5 WHERE seq = 99", 4, UNFITTING,
    ),
    "below zero": (
        "ALTER TABLE audit DROP CONSTRAINT audit_seq_check; UPDATE audit SET seq = -1 WHERE seq = 10", -1, UNFITTING,
    ),
    "the end cut off": ("DELETE FROM audit WHERE seq > 7", 8, "rows after 7 are missing: 10 were written"),
    "all of it": ("DELETE FROM audit", 1, "rows after 0 are missing: 10 were written"),
    "the head set back": (
        "UPDATE audit_head SET seq = 7, mac = (SELECT mac FROM audit WHERE seq = 7)",
        8, "rows after 7 are not known to audit_head: it was set back, or they were put in by hand",
    ),
    "the head's seal": (
        "UPDATE audit_head SET mac = repeat('a', 64)", 10, "audit_head holds another seal than row {}",
    ),
    "a forged cut": (
        "DELETE FROM audit WHERE seq < 5; UPDATE audit SET kind = 'archived',"
        """ detail = ('{"seq":4,"mac":"' || repeat('a', 64) || '"}')::json WHERE seq = 9""", 5, UNFITTING,
    ),
}  # fmt: skip


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_tampering_is_found_and_named(trail: PgAuditLog, pool: asyncpg.Pool, tampering: str) -> None:
    statement, seq, reason = TAMPERINGS[tampering]
    await tamper(pool, statement)
    verdict = await verify(pool, KEY)
    assert verdict.first_bad == Bad(seq, reason.format(seq))


async def tamper(pool: asyncpg.Pool, statement: str) -> None:
    """As the owner of the tables can."""
    async with pool.acquire() as connection, connection.transaction():
        for table in ("audit", "audit_head"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await connection.execute(statement)
        for table in ("audit", "audit_head"):
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


async def test_a_forged_cut_is_itself_found(trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    """A forged `archived` row gives the walk another start, and the walk then comes to that row."""
    fourth = await pool.fetchval("SELECT mac FROM audit WHERE seq = 4")
    detail = json.dumps({"seq": 4, "mac": fourth})
    await tamper(pool, f"DELETE FROM audit WHERE seq < 5; UPDATE audit SET kind = 'archived', detail = '{detail}'"
                       " WHERE seq = 9")  # fmt: skip
    assert (await verify(pool, KEY)).first_bad == Bad(9, UNFITTING.format(9))
    with pytest.raises(Refused, match="Nothing is dropped, for the trail is broken: row 9"):
        await drop_archived(pool, KEY)


async def test_the_wrong_key_is_said_to_be_wrong(trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    verdict = await verify(pool, b"another key")
    assert verdict.first_bad == Bad(1, "OPS_AUDIT_KEY is not the key this trail was written with")
    await tamper(pool, "UPDATE audit_head SET key_check = ''")
    assert (await verify(pool, b"another key")).first_bad == Bad(1, UNFITTING.format(1))


async def test_a_trail_cut_off_with_its_head_is_seen_against_an_anchor(trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    """mobula#59: deleting the newest row cannot be seen from inside."""
    anchor = await head(pool)
    await tamper(
        pool,
        "DELETE FROM audit WHERE seq > 7; UPDATE audit_head SET seq = 7, mac = (SELECT mac FROM audit WHERE seq = 7)",
    )
    assert (await verify(pool, KEY)).ok
    cut = Bad(8, "rows after 7 were cut off: row 10 has been anchored")
    assert (await verify(pool, KEY, anchor)).first_bad == cut
    for _ in range(5):
        await trail.write(entry("read"))
    assert (await verify(pool, KEY)).ok
    anew = Bad(10, "row 10 is not the one that was anchored: the trail was written anew")
    assert (await verify(pool, KEY, anchor)).first_bad == anew


async def test_an_older_anchor_holds_too(trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    anchor = await head(pool)
    await trail.write(entry("read"))
    assert (await verify(pool, KEY, anchor)).ok


# -- files ----------------------------------------------------------------------------------------


async def _text(pool: asyncpg.Pool, fmt: exporting.Format, **options: Any) -> str:
    return "".join([piece async for piece in export(pool, fmt, **options)])


async def test_an_exported_trail_can_be_checked_again(trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    lines = (await _text(pool, "jsonl")).splitlines()
    assert len(lines) == 10
    before = "0" * 64
    for line in lines:
        row = json.loads(line)
        assert seal(KEY, before, row) == row["mac"]
        before = Audited.model_validate(row).mac


async def test_an_export_may_begin_late(trail: PgAuditLog, ledger: Ledger) -> None:
    lines = (await _text(ledger.pool, "jsonl", since=ledger.clock() - timedelta(minutes=3))).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [8, 9, 10]


async def test_an_export_waits_for_whoever_reads_it(trail: PgAuditLog, database: str) -> None:
    """`ops audit export | less`: a transaction that is silent for long is ended, but not this one."""
    silent = {"idle_in_transaction_session_timeout": "100ms"}
    async with asyncpg.create_pool(database, min_size=1, max_size=1, server_settings=silent) as pool:
        pieces = export(pool, "jsonl")
        assert len((await anext(pieces)).splitlines()) == 10
        await asyncio.sleep(0.4)
        assert [piece async for piece in pieces] == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_a_cell_is_no_formula(ledger: Ledger, start: str) -> None:
    log = PgAuditLog(ledger.pool, KEY, ledger.clock)
    await log.write(entry("read", target=f'{start}cmd|"/c calc"!A1', detail={"a": "=1,\n2"}))
    header, row = csv.reader(io.StringIO(await _text(ledger.pool, "csv"), newline=""))
    cells = dict(zip(header, row, strict=True))
    assert cells["target"] == f'\'{start}cmd|"/c calc"!A1'
    assert json.loads(cells["detail"]) == {"a": "=1,\n2"}
    assert (cells["seq"], cells["on_behalf_of"]) == ("1", "")


async def test_archived_rows_go_and_the_chain_holds(trail: PgAuditLog, ledger: Ledger, tmp_path: Path) -> None:
    pool, clock = ledger.pool, ledger.clock
    early = await head(pool)
    file = tmp_path / "2026.jsonl"
    done = await archive(pool, KEY, clock, before=clock() - timedelta(minutes=4), file=file, by=ADA)
    assert (done.rows, done.cut.seq, len(file.read_text().splitlines())) == (6, 6, 6)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row 7 is not archived"):
        await pool.execute("DELETE FROM audit WHERE seq <= 7")
    assert await drop_archived(pool, KEY) == 6
    verdict = await verify(pool, KEY, early)
    assert (verdict.first_bad, verdict.archived, verdict.rows) == (None, 6, 5)
    assert (await verify(pool, KEY, done.cut)).ok
    with pytest.raises(NotUnderstood, match="rows up to 6 are archived"):
        await verify(pool, KEY, Anchor(seq=3, mac="a" * 64))
    forged = Anchor(seq=6, mac="a" * 64)
    assert (await verify(pool, KEY, forged)).first_bad == Bad(
        6, "the row before the first is not the one that was anchored"
    )
    await tamper(pool, "DELETE FROM audit WHERE seq = 7")
    assert (await verify(pool, KEY)).first_bad == Bad(7, "row 7 is missing")


async def test_archiving_goes_on_where_it_stopped(trail: PgAuditLog, ledger: Ledger, tmp_path: Path) -> None:
    pool, clock = ledger.pool, ledger.clock
    await archive(pool, KEY, clock, before=clock() - timedelta(minutes=4), file=tmp_path / "1", by=ADA)
    await drop_archived(pool, KEY)
    clock.forward(minutes=1)
    second = await archive(pool, KEY, clock, before=clock(), file=tmp_path / "2", by=ADA)
    assert (second.rows, second.cut.seq) == (5, 11)
    assert await drop_archived(pool, KEY) == 5
    verdict = await verify(pool, KEY)
    assert (verdict.first_bad, verdict.archived, verdict.rows) == (None, 11, 1)


async def test_a_broken_trail_is_not_archived(trail: PgAuditLog, ledger: Ledger, tmp_path: Path) -> None:
    await tamper(ledger.pool, "UPDATE audit SET actor = 'U0EVE' WHERE seq = 9")
    with pytest.raises(Refused, match="the trail is broken: row 9"):
        await archive(ledger.pool, KEY, ledger.clock, before=ledger.clock(), file=tmp_path / "1", by=ADA)
    assert list(tmp_path.iterdir()) == []
    assert len(await ledger.trail()) == 10


async def test_nothing_old_is_nothing_to_archive(trail: PgAuditLog, ledger: Ledger, tmp_path: Path) -> None:
    long_ago = ledger.clock() - timedelta(days=400)
    with pytest.raises(NotUnderstood, match="no rows as old"):
        await archive(ledger.pool, KEY, ledger.clock, before=long_ago, file=tmp_path / "1", by=ADA)
