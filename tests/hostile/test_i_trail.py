"""Kind: whatever somebody did to the trail's tables or files, verify names the first row or says what is wrong."""

import json
from pathlib import Path

import asyncpg
import pytest

from bot.store.trail.audit import NotAsWritten, PgAuditLog
from bot.store.trail.export import export
from bot.store.trail.verify import verify
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.ports import Entry
from bot.words.report import PersonId
from ops.cli import newest_anchor
from ops.wiring import utc_now
from tests.hostile.program import KEY, environment, ran

THIRD = "row 3 does not fit its seal: it was changed, moved or put in by hand"
LOOSE = "ALTER TABLE audit ALTER COLUMN {0} DROP NOT NULL; UPDATE audit SET {0} = NULL WHERE seq = 3"
DEEP = "[" * 3000 + "]" * 3000
DEEPER = '{"a":' * 3000 + "1" + "}" * 3000
EMPTIED = "audit_head has lost its key_check: it was emptied by hand"

# By the tables' owner, who may do everything; the row that is named, and why.
DONE: dict[str, tuple[str, int, str]] = {
    "no seal": (LOOSE.format("mac"), 3, THIRD),
    "no time": (LOOSE.format("at"), 3, THIRD),
    "no kind": (LOOSE.format("kind"), 3, THIRD),
    "no actor": (LOOSE.format("actor"), 3, THIRD),
    "no detail": (LOOSE.format("detail"), 3, THIRD),
    "an empty seal": ("UPDATE audit SET mac = '' WHERE seq = 3", 3, THIRD),
    "a seal with other letters": ("UPDATE audit SET mac = 'é' || mac WHERE seq = 3", 3, THIRD),
    "a seal in capitals": ("UPDATE audit SET mac = upper(mac) || 'A' WHERE seq = 3", 3, THIRD),
    "a detail nested deep": (f"UPDATE audit SET detail = '{DEEP}' WHERE seq = 3", 3, THIRD),
    "an object nested deep": (
        f"UPDATE audit SET detail = '{DEEPER}' WHERE seq = 3", 3, THIRD
    ),
    "a detail that is a number": ("UPDATE audit SET detail = '1' WHERE seq = 3", 3, THIRD),
    "a number past all digits": (f"UPDATE audit SET detail = '{{\"a\": {'9' * 5000}}}' WHERE seq = 3", 3, THIRD),
    "half an emoji": ("UPDATE audit SET detail = '{\"a\": \"\\ud83d\"}' WHERE seq = 3", 3, THIRD),
    "the end of time": ("UPDATE audit SET at = 'infinity' WHERE seq = 3", 3, THIRD),
    "before Christ": ("UPDATE audit SET at = '4000-01-01 BC' WHERE seq = 3", 3, THIRD),
    "a deep cut": (
        f"DELETE FROM audit WHERE seq < 3; UPDATE audit SET kind = 'archived', detail = '{DEEP}' WHERE seq = 4",
        1, "rows 1 to 2 are missing",
    ),
    "no key_check": ("UPDATE audit_head SET key_check = ''", 5, EMPTIED),
    "key_check NULL": (
        "ALTER TABLE audit_head ALTER COLUMN key_check DROP NOT NULL; UPDATE audit_head SET key_check = NULL",
        5, EMPTIED,
    ),
}  # fmt: skip


@pytest.fixture
async def trail(pool: asyncpg.Pool) -> PgAuditLog:
    log = PgAuditLog(pool, KEY.encode(), utc_now)
    for number in range(5):
        detail = {"number": number}
        await log.write(Entry.model_validate({"kind": "asked", "actor": PersonId("U1"), "detail": detail}))
    return log


async def tamper(pool: asyncpg.Pool, statement: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        for table in ("audit", "audit_head"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await connection.execute(statement)


@pytest.mark.parametrize("done", DONE.values(), ids=DONE.keys())
async def test_the_row_is_named_as_not_as_written(
    done: tuple[str, int, str], trail: PgAuditLog, pool: asyncpg.Pool
) -> None:
    statement, seq, why = done
    await tamper(pool, statement)
    verdict = await verify(pool, KEY.encode())
    assert verdict.first_bad is not None
    assert (verdict.first_bad.seq, verdict.first_bad.reason) == (seq, why)


@pytest.mark.parametrize("done", DONE.values(), ids=DONE.keys())
async def test_it_is_exported_all_the_same(done: tuple[str, int, str], trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    """Whoever looks into it needs the rows, the odd one above all."""
    await tamper(pool, done[0])
    rows = await pool.fetchval("SELECT count(*) FROM audit")
    lines = "".join([piece async for piece in export(pool, "jsonl")]).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(6 - rows, 6))
    assert "".join([piece async for piece in export(pool, "csv")]).count("\r\n") >= rows + 1


@pytest.mark.parametrize("statement", ["ALTER TABLE audit DROP COLUMN mac", "DROP TABLE audit",
                                       "DELETE FROM audit_head",
                                       "ALTER TABLE audit_head ALTER mac DROP NOT NULL;"
                                       "UPDATE audit_head SET mac = NULL",
                                       "ALTER TABLE audit_head DROP COLUMN key_check CASCADE"])  # fmt: skip
async def test_tables_that_are_not_as_they_were_made(statement: str, trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    await tamper(pool, statement)
    with pytest.raises(Misconfigured, match=r"Restore it from a backup"):
        await verify(pool, KEY.encode())


async def test_reading_such_a_row_says_so(trail: PgAuditLog, pool: asyncpg.Pool) -> None:
    await tamper(pool, DONE["a detail nested deep"][0])
    with pytest.raises(NotAsWritten, match="Run ops audit verify"):
        await trail.read()


ANCHORS = {
    "empty": (b"", "is empty: it holds no anchor"),
    "blank": (b"\n\n", "is empty: it holds no anchor"),
    "torn": (b'{"seq": 5, "mac": "00"}\n{"seq": 7, "ma', "Line 2 of"),
    "foreign": (b"PK\x03\x04\xff\xfe", "is no text"),
    "a page": (b"<html></html>", "Line 1 of"),
    "other JSON": (b'{"a": 1}', "Line 1 of"),
    "a list": (b"[" * 3000, "Line 1 of"),
    "a number in quotes": (b'{"seq": "five", "mac": "00"}', "Line 1 of"),
    "another trail's": (b'{"seq": 5, "mac": "00"}', "row 5 is not the one that was anchored"),
    "of tomorrow": (b'\xef\xbb\xbf{"seq": 99, "mac": "00"}', "rows after 5 were cut off"),
}


@pytest.mark.parametrize("name", ["torn", "missing", "a folder"])
async def test_the_program_says_what_is_wrong_with_an_anchor_file(
    name: str, trail: PgAuditLog, database: str, tmp_path: Path
) -> None:
    (tmp_path / "ops.toml").write_text("")
    file = tmp_path / "anchors"
    said = {"torn": "Line 2 of", "missing": "does not exist", "a folder": "is a folder, not a file"}[name]
    if name == "torn":
        file.write_bytes(ANCHORS[name][0])
    elif name == "a folder":
        file.mkdir()
    env = environment(tmp_path, DATABASE_URL=database)
    ended = await ran(["audit", "verify", "--anchor", str(file)], env, tmp_path / "said")
    assert (ended.code, said in ended.said, "Traceback" in ended.said) == (2, True, False), ended.said


@pytest.mark.parametrize(("content", "said"), ANCHORS.values(), ids=ANCHORS.keys())
async def test_an_anchor_file_that_is_torn_empty_or_foreign(
    content: bytes, said: str, trail: PgAuditLog, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    file = tmp_path / "anchors.jsonl"
    file.write_bytes(content)
    try:
        verdict = await verify(pool, KEY.encode(), newest_anchor(file))
        told = verdict.first_bad.reason if verdict.first_bad else ""
    except NotUnderstood as error:
        told = str(error)
    assert said in told
