"""Walks the trail and names the first row that is not as it was written."""

import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from pydantic import JsonValue

from bot.store.pool import Connection, canonical, reading
from bot.store.trail.audit import GENESIS, LOST_HEAD, RESTORE, ROWS, NotAsWritten, fields_of, key_check, seal
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.report import Frozen

_BATCH = 500
"""Rows between two breaths of the event loop: some 15 ms."""


Row = Mapping[str, JsonValue]
"""As exported."""


class Anchor(Frozen):
    """A row's place and seal, kept where whoever has the database does not reach."""

    seq: int
    mac: str


@dataclass(frozen=True)
class Bad:
    seq: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    rows: int
    """How many were walked over, the bad one included."""
    head: Anchor
    """The last good row: to be anchored, where all is well."""
    first_bad: Bad | None = None
    archived: int = 0
    """Rows up to this one were dropped after they had been exported; the chain itself says so."""

    @property
    def ok(self) -> bool:
        return self.first_bad is None


async def verify(
    pool: asyncpg.Pool, key: bytes, anchor: Anchor | None = None, *, see: Callable[[Row], None] | None = None
) -> Verdict:
    """Find rows that were changed, removed, put in or moved, a wrong key, and a cut-off end.

    Whoever owns the tables can cut the end off and set `audit_head` back: that is seen only against an anchor. `see`
    is called with each good row.

    Raises: NotUnderstood for an anchor older than what was archived; StoreUnwritable when the database is away.
    """
    async with one_view(pool) as connection:
        head = await connection.fetchrow("SELECT seq, mac, key_check FROM audit_head")
        if head is None or not isinstance(head["seq"], int) or not isinstance(head["mac"], str):
            raise Misconfigured(LOST_HEAD)
        start = await _start(connection)
        walked = Anchor(seq=head["seq"], mac=head["mac"])
        if head["key_check"] not in ("", None, key_check(key)):
            return Verdict(0, start, Bad(start.seq + 1, "OPS_AUDIT_KEY is not the key this trail was written with"))
        if anchor is not None and anchor.seq < start.seq:
            raise NotUnderstood(
                f"The anchor is of row {anchor.seq}, and rows up to {start.seq} are archived. "
                "Compare it with the archived file, or use a newer anchor."
            )
        walk = _Walk(key, start, anchor, see)
        cursor = await connection.cursor(ROWS + " ORDER BY seq")
        while walk.bad is None and (records := await cursor.fetch(_BATCH)):
            walk.over(records)
        return walk.end(walked, keyed=bool(head["key_check"]))


@asynccontextmanager
async def one_view(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """Of one moment, read as slowly as the reader likes: it holds no lock that anybody waits for.

    Raises Misconfigured where the trail's tables are not there as they were made.
    """
    try:
        async with reading(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield connection
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise Misconfigured(f"The audit trail's tables are not as they were made: {error}. {RESTORE}") from error


async def _start(connection: Connection) -> Anchor:
    """Where the chain begins: at the first row, or after the cut that a later row of the chain testifies."""
    first = await connection.fetchval("SELECT min(seq) FROM audit")
    if first is not None and first > 1:
        cuts = await connection.fetch("SELECT detail FROM audit WHERE kind = 'archived' ORDER BY seq DESC")
        for cut in map(_cut, cuts):
            if isinstance(cut, dict) and isinstance(cut.get("seq"), int) and cut["seq"] < first:
                return Anchor(seq=cut["seq"], mac=str(cut.get("mac")))
    return Anchor(seq=0, mac=GENESIS)


def _cut(record: asyncpg.Record) -> object:
    try:
        return json.loads(record["detail"])
    except (ValueError, TypeError, RecursionError):  # the walk comes to that row, and names it
        return None


class _Walk:
    def __init__(self, key: bytes, start: Anchor, anchor: Anchor | None, see: Callable[[Row], None] | None) -> None:
        self.bad: Bad | None = None
        self._see = see
        self._key = key
        self._start = self._last = start
        self._anchor = anchor
        self._rows = 0
        if anchor is not None and anchor.seq == start.seq and anchor.mac != start.mac:
            self.bad = Bad(anchor.seq, "the row before the first is not the one that was anchored")

    def over(self, records: list[asyncpg.Record]) -> None:
        for record in records:
            self._rows += 1
            if not isinstance(record["seq"], int):
                self.bad = Bad(self._last.seq + 1, f"after row {self._last.seq} stands one without a number")
                return
            reason = self._wrong(record)
            if reason:
                self.bad = Bad(min(record["seq"], self._last.seq + 1), reason)
                return
            self._last = Anchor.model_construct(seq=record["seq"], mac=record["mac"])
            if self._see is not None:
                self._see(fields_of(record))

    def _wrong(self, record: asyncpg.Record) -> str:
        due = self._last.seq + 1
        if record["seq"] > due:
            return (
                f"row {due} is missing"
                if record["seq"] == due + 1
                else f"rows {due} to {record['seq'] - 1} are missing"
            )
        if record["seq"] < due or not self._fits(record):
            return f"row {record['seq']} does not fit its seal: it was changed, moved or put in by hand"
        if self._anchor is not None and self._anchor.seq == record["seq"] and self._anchor.mac != record["mac"]:
            return f"row {record['seq']} is not the one that was anchored: the trail was written anew"
        return ""

    def _fits(self, record: asyncpg.Record) -> bool:
        try:
            row = fields_of(record)
        except NotAsWritten:
            return False
        # Another text that reads the same was not written by us.
        if not isinstance(row["detail"], dict) or canonical(row["detail"]) != record["detail"]:
            return False
        if not isinstance(record["mac"], str):
            return False
        # As bytes: a seal with other letters than ASCII's does not fit, and is no exception.
        return hmac.compare_digest(seal(self._key, self._last.mac, row).encode(), record["mac"].encode())

    def end(self, head: Anchor, *, keyed: bool) -> Verdict:
        last = self._last
        bad = self.bad
        if bad is None and head.seq != last.seq:
            short = head.seq > last.seq
            bad = Bad(
                min(head.seq, last.seq) + 1,
                f"rows after {last.seq} are missing: {head.seq} were written"
                if short
                else f"rows after {head.seq} are not known to audit_head: it was set back, or they were put in by hand",
            )
        if bad is None and head.mac != last.mac:
            bad = Bad(last.seq, f"audit_head holds another seal than row {last.seq}")
        if bad is None and self._anchor is not None and self._anchor.seq > last.seq:
            bad = Bad(last.seq + 1, f"rows after {last.seq} were cut off: row {self._anchor.seq} has been anchored")
        if bad is None and not keyed and last.seq > 0:
            bad = Bad(last.seq, "audit_head has lost its key_check: it was emptied by hand")
        return Verdict(self._rows, last, bad, self._start.seq)
