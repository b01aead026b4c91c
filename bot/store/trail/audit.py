"""The trail in PostgreSQL: rows appended in the transaction of what they record, each sealed with the one before."""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg
from pydantic import JsonValue, ValidationError

from bot.store.pool import Connection, canonical, number, reading, request_id, storable, transaction, unwritable
from bot.words.exceptions import Misconfigured, OpsError
from bot.words.ports import Audited, Clock, Entry
from bot.words.report import PersonId
from bot.words.request import RequestId

ROWS = (
    # A time that Python has no year for, which only somebody's hand put there, is read as none.
    "SELECT seq, CASE WHEN at BETWEEN '0001-01-02Z' AND '9999-12-30Z' THEN at END AS at,"
    " kind, actor, on_behalf_of, request, action, target, detail, mac FROM audit"
)
GENESIS = "0" * 64
"""Stands before the first row's seal."""


def seal(key: bytes, before: str, fields: Mapping[str, JsonValue]) -> str:
    """Hex HMAC-SHA256 over the canonical JSON of a row as exported, without its `mac`, with `prev`: the seal before."""
    text = canonical({name: value for name, value in fields.items() if name != "mac"} | {"prev": before})
    return hmac.digest(key, text.encode(), "sha256").hex()


def fields_of(record: asyncpg.Record) -> dict[str, JsonValue]:
    """A stored row as it is sealed and exported. Raises: NotAsWritten"""
    try:
        request = record["request"]
        fields = {**record, "at": _instant(record["at"]), "detail": json.loads(record["detail"])}
        canonical(fields)  # what cannot be written as JSON was not read from it by us
        return fields | {"request": None if request is None else request_id(request)}
    except _ODD as error:
        raise NotAsWritten(f"row {record['seq']} of the audit trail is not as it was written") from error


_ODD = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What a row raises whose table somebody changed by hand: an empty seal or time, a detail nested 3,000 deep."""


class NotAsWritten(OpsError):
    """A row that we did not write; `ops audit verify` says which is the first."""


def key_check(key: bytes) -> str:
    """Tells a wrong key from a changed row."""
    return hmac.digest(key, b"handrail audit key", "sha256").hex()


RESTORE = "Restore it from a backup."
LOST_HEAD = f"The audit trail has lost its head (table audit_head). {RESTORE}"


def wrong_key(head: asyncpg.Record, key: bytes) -> str:
    """Why nothing may be written with this key; empty where it fits. `head` is the row of audit_head."""
    if head["key_check"] == key_check(key) or (head["seq"] == 0 and not head["key_check"]):
        return ""
    if not head["key_check"]:
        return "audit_head has lost its key_check, which tells the right key. Restore the table from a backup."
    return "OPS_AUDIT_KEY is not the key with which this audit trail was begun. Set the former key."


async def check_key(pool: asyncpg.Pool, key: bytes) -> None:
    """Before anything is written. Raises Misconfigured for a key that is not the trail's; StoreUnwritable."""
    async with reading(pool) as connection:
        head = await connection.fetchrow("SELECT seq, key_check FROM audit_head")
    if head is None or (wrong := wrong_key(head, key)):
        raise Misconfigured(LOST_HEAD if head is None else wrong)


async def append(connection: Connection, entry: Entry, key: bytes, now: datetime) -> Audited:
    """Add a row within the caller's transaction, as its last statement: every other appender waits from here to the
    commit.

    Raises: StoreUnwritable when PostgreSQL refuses the row, for whatever reason; Misconfigured when the trail was begun
    with another key.
    """
    try:
        head = await connection.fetchrow("SELECT seq, mac, key_check FROM audit_head FOR UPDATE")
        if head is None or (wrong := wrong_key(head, key)):
            raise Misconfigured(LOST_HEAD if head is None else wrong)
        check = key_check(key)
        unsealed = Audited(**_storable(entry), seq=head["seq"] + 1, at=now.astimezone(UTC), mac="")
        fields = unsealed.model_dump() | {"at": _instant(unsealed.at)}
        row = unsealed.model_copy(update={"mac": seal(key, head["mac"], fields)})
        await connection.execute(
            "WITH head AS (UPDATE audit_head SET seq = $1, mac = $10, key_check = $11)"
            " INSERT INTO audit (seq, at, kind, actor, on_behalf_of, request, action, target, detail, mac)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            row.seq,
            row.at,
            row.kind,
            row.actor,
            row.on_behalf_of,
            None if row.request is None else number(row.request),
            row.action,
            row.target,
            canonical(row.detail),
            row.mac,
            check,
        )
    except asyncpg.PostgresError as error:
        raise unwritable(error) from error
    return row


class PgAuditLog:
    """For what is recorded without a move; fulfils `bot.words.ports.AuditLog`."""

    def __init__(self, pool: asyncpg.Pool, key: bytes, clock: Clock) -> None:
        self._pool = pool
        self._key = key
        self._clock = clock

    async def write(self, entry: Entry) -> Audited:
        async with transaction(self._pool) as connection:
            return await append(connection, entry, self._key, self._clock())

    async def read(
        self,
        *,
        who: PersonId | None = None,
        action: str | None = None,
        request: RequestId | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> tuple[Audited, ...]:
        """Newest first. `who` is the actor or the one acted for."""
        row = None if request is None else number(request) or 0
        async with reading(self._pool) as connection:
            found = await connection.fetch(
                ROWS + " WHERE ($1::text IS NULL OR actor = $1 OR on_behalf_of = $1)"
                " AND ($2::text IS NULL OR action = $2)"
                " AND ($3::bigint IS NULL OR request = $3)"
                " AND ($4::timestamptz IS NULL OR at >= $4)"
                " ORDER BY seq DESC LIMIT $5",
                who,
                action,
                row,
                since,
                limit,
            )
        try:
            return tuple(Audited.model_validate(fields_of(record)) for record in found)
        except (NotAsWritten, ValidationError) as error:
            raise NotAsWritten("A row of the audit trail is not as it was written. Run ops audit verify.") from error


def _storable(entry: Entry) -> dict[str, object]:
    """The fields as PostgreSQL will give them back, so that the seal still fits."""
    fields = entry.model_dump(exclude={"seq", "at", "mac"})
    clean = {name: storable(value) if isinstance(value, str) else value for name, value in fields.items()}
    row = number(entry.request) if entry.request else None
    return clean | {"request": row and request_id(row), "detail": json.loads(canonical(entry.detail))}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
