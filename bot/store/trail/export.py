"""The trail as a file, and how old rows leave the table without breaking the chain."""

import csv
import hashlib
import io
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TextIO, assert_never

import asyncpg

from bot.store.pool import canonical, reading, transaction
from bot.store.trail.audit import ROWS, NotAsWritten, append, fields_of
from bot.store.trail.verify import Anchor, Row, one_view, verify
from bot.tell.sheet import safe_cell
from bot.words.exceptions import NotUnderstood, Refused
from bot.words.ports import Clock, Entry
from bot.words.report import PersonId

Format = Literal["jsonl", "csv"]

_BATCH = 500
_COLUMNS = ("seq", "at", "kind", "actor", "on_behalf_of", "request", "action", "target", "detail", "mac")


async def export(pool: asyncpg.Pool, fmt: Format, since: datetime | None = None) -> AsyncIterator[str]:
    """The file piece by piece, oldest row first, from one moment's view."""
    if fmt == "csv":
        yield _csv(_COLUMNS)
    async with one_view(pool) as connection:
        cursor = await connection.cursor(
            ROWS + " WHERE $1::timestamptz IS NULL OR at >= $1 ORDER BY seq",
            since,
        )
        while records := await cursor.fetch(_BATCH):
            yield "".join(_line(_exported(record), fmt) for record in records)


def _exported(record: asyncpg.Record) -> Row:
    """A row that was not written by us goes out as it stands, so that whoever looks into it has it."""
    try:
        return fields_of(record)
    except NotAsWritten:
        texts = {name: None if value is None else str(value) for name, value in record.items()}
        return {**texts, "seq": record["seq"], "not_as_written": True}


@dataclass(frozen=True)
class Archived:
    rows: int
    cut: Anchor
    """The last row in the file."""
    sha256: str


async def archive(
    pool: asyncpg.Pool, key: bytes, clock: Clock, *, before: datetime, file: Path, by: PersonId
) -> Archived:
    """Write the rows before a moment to a new JSONL file, and the cut into the chain; `drop_archived` may follow.

    The whole chain is verified meanwhile, so what is in the file was good. From then on the chain is walked from the
    cut, to which the `archived` row testifies.

    Raises: Refused where the chain is broken; NotUnderstood where nothing is that old; FileExistsError.
    """
    async with reading(pool) as connection:
        last = await connection.fetchval(
            "SELECT coalesce((SELECT min(seq) FROM audit WHERE at >= $1) - 1, (SELECT max(seq) FROM audit))", before
        )
        mac = await connection.fetchval("SELECT mac FROM audit WHERE seq = $1", last)
    if mac is None:
        raise NotUnderstood("The trail has no rows as old as that.")
    digest, rows = hashlib.sha256(), 0
    with _written_whole(file) as out:

        def keep(row: Row) -> None:
            nonlocal rows
            if isinstance(row["seq"], int) and row["seq"] <= last:
                line = _line(row, "jsonl")
                digest.update(line.encode())
                out.write(line)
                rows += 1

        verdict = await verify(pool, key, Anchor(seq=last, mac=mac), see=keep)
        if verdict.first_bad is not None:
            raise Refused(f"Nothing is archived, for the trail is broken: {verdict.first_bad.reason}.")
    archived = Archived(rows, Anchor(seq=last, mac=mac), digest.hexdigest())
    detail = {"seq": last, "mac": mac, "rows": rows, "file": file.name, "sha256": archived.sha256}
    async with transaction(pool) as connection:
        entry = Entry.model_validate({"kind": "archived", "actor": by, "detail": detail})
        await append(connection, entry, key, clock())
    return archived


async def drop_archived(pool: asyncpg.Pool, key: bytes) -> int:
    """Forget the archived rows; returns how many went. The tables' owner alone may.

    Raises: Refused where the chain is broken: the row that names the cut might be forged.
    """
    verdict = await verify(pool, key)
    if verdict.first_bad is not None:
        raise Refused(f"Nothing is dropped, for the trail is broken: {verdict.first_bad.reason}.")
    async with transaction(pool) as connection:
        dropped: int = await connection.fetchval("SELECT audit_drop_archived()")
    return dropped


@contextmanager
def _written_whole(file: Path) -> Iterator[TextIO]:
    """A new file that is on the disk afterwards, or gone where something failed."""
    with file.open("x", encoding="utf-8") as out:
        try:
            yield out
            out.flush()
            os.fsync(out.fileno())
        except BaseException:
            file.unlink()
            raise


def _line(row: Row, fmt: Format) -> str:
    match fmt:
        case "jsonl":
            return canonical(row) + "\n"
        case "csv":
            detail = row["detail"]
            text = canonical(detail) if isinstance(detail, dict) else detail
            cells = {**row, "detail": text}
            return _csv(["" if cells[name] is None else str(cells[name]) for name in _COLUMNS])
        case _:
            assert_never(fmt)


def _csv(cells: tuple[str, ...] | list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([safe_cell(cell) for cell in cells])
    return line.getvalue()
