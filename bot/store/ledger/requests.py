"""The ledger in PostgreSQL: each move one transaction with its audit row, its cards owed and its word to the others."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Unpack, assert_never
from uuid import uuid4

import asyncpg

from bot.store.ledger import outbox
from bot.store.ledger.columns import COLUMNS, draft_values, move_values, request_of, vote_of
from bot.store.ledger.standing import FORGET_VOTE, SAID_YES, standing
from bot.store.pool import CHANNEL, Connection, number, reading, request_id, storable, transaction, utc
from bot.store.trail.audit import append
from bot.words.exceptions import StoreUnwritable
from bot.words.ports import Claimed, Clock, Columns, Draft, Due, Duplicate, Entry, Standing, Voted
from bot.words.report import PersonId
from bot.words.request import OPEN, Request, RequestId, State, Vote
from bot.words.verdict import Clearance, NotCounted, Rejected, Waiting

SEEN_FOR = timedelta(minutes=10)
"""How long a delivery's key is remembered; Slack has stopped repeating by then."""

PLANNING = timedelta(seconds=60)
"""How long whoever took a request in may plan it before another tries."""

_HEARTBEAT_S = 30.0
_RECONNECT_S = 1.0

_RUNS = frozenset({State.RUNNING, State.UNDOING})


class PgRequests:
    """Fulfils `bot.words.ports.Requests`; every method raises StoreUnwritable when the database is away or refuses."""

    def __init__(self, pool: asyncpg.Pool, audit_key: bytes, clock: Clock) -> None:
        self._pool = pool
        self._key = audit_key
        self._clock = clock

    async def add(self, draft: Draft, entry: Entry, *, again_after: timedelta) -> Request | Duplicate:
        now = self._clock()
        values = draft_values(draft, now) | {"planning_until": now + PLANNING, "state": State.ASKED.value}
        async with transaction(self._pool) as connection:
            # Two of one kind at the same moment: the second waits here, and then sees the first.
            words = f"{draft.said.who} {draft.action}"
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", words)
            if earlier := await _earlier(connection, draft, values["params"], now, again_after):
                return earlier
            places = ", ".join(f"${place}" for place, _ in enumerate(values, 1))
            [record] = await connection.fetch(
                f"INSERT INTO requests ({', '.join(values)}) VALUES ({places}) RETURNING {COLUMNS}",
                *values.values(),
            )
            request = request_of(record)
            if draft.said.delivery is not None:
                await connection.execute(
                    "INSERT INTO deliveries (key, at, request) VALUES ($1, $2, $3)"
                    " ON CONFLICT (key) DO UPDATE SET at = excluded.at, request = excluded.request",
                    storable(draft.said.delivery),
                    now,
                    record["id"],
                )
            await self._audit(connection, request, entry)
            return request

    async def get(self, request: RequestId) -> Request | None:
        async with reading(self._pool) as connection:
            record = await connection.fetchrow(f"SELECT {COLUMNS} FROM requests WHERE id = $1", number(request))
        return None if record is None else request_of(record)

    async def standing(self, request: RequestId) -> Standing | None:
        async with reading(self._pool) as connection:
            return await standing(connection, number(request), self._clock())

    async def votes(self, request: RequestId) -> tuple[Vote, ...]:
        async with reading(self._pool) as connection:
            return await _votes(connection, request)

    async def open(self) -> tuple[Request, ...]:
        async with reading(self._pool) as connection:
            records = await connection.fetch(
                f"SELECT {COLUMNS} FROM requests"
                " WHERE state = ANY($1) OR (state = 'done' AND ends_at IS NOT NULL) OR review = 'open' ORDER BY id",
                [*OPEN, State.UNKNOWN],
            )
        return tuple(request_of(record) for record in records)

    async def asked_since(self, at: datetime) -> tuple[Request, ...]:
        async with reading(self._pool) as connection:
            records = await connection.fetch(
                f"SELECT {COLUMNS} FROM requests WHERE asked_at >= $1 ORDER BY id LIMIT 1000",
                utc(at),
            )
        return tuple(request_of(record) for record in records)

    async def last_run(self, action: str, target: str) -> datetime | None:
        """One that was undone since counts too: it ran."""
        async with reading(self._pool) as connection:
            found: datetime | None = await connection.fetchval(
                "SELECT max(finished_at) FROM requests"
                " WHERE action = $1 AND target = $2 AND state IN ('done', 'undoing', 'undone')",
                storable(action),
                storable(target),
            )
        return found

    async def move(
        self,
        request: RequestId,
        sources: frozenset[State],
        to: State,
        entry: Entry,
        *,
        fence: str | None = None,
        lapsed: bool = False,
        **columns: Unpack[Columns],
    ) -> Request | None:
        if to in _RUNS:
            raise ValueError(f"a move to {to} goes through claim")
        values = move_values(columns) | {"state": to.value, "fence": None, "lease_until": None}
        async with transaction(self._pool) as connection:
            moved = await _update(
                connection,
                request,
                values,
                "state = ANY($2) AND CASE WHEN fence IS NULL THEN $3::uuid IS NULL"
                " ELSE fence = $3::uuid OR ($4 AND lease_until <= $5) END",
                *([*sources], fence, lapsed, self._clock()),
            )
            if moved is not None:
                await self._settle(connection, moved, entry, columns)
            return moved

    async def note(
        self, request: RequestId, entry: Entry, *, version: int | None = None, **columns: Unpack[Columns]
    ) -> Request | None:
        # Two replicas see at the same moment that somebody is to be reminded.
        once = "NOT reminded" if columns.get("reminded") else "true"
        async with transaction(self._pool) as connection:
            unchanged = f"{once} AND ($2::integer IS NULL OR version = $2)"
            noted = await _update(connection, request, move_values(columns), unchanged, version)
            if noted is not None:
                await self._settle(connection, noted, entry, columns)
            return noted

    async def vote(
        self, request: RequestId, vote: Vote, judge: Callable[[Request, Sequence[Vote]], Voted], entry: Entry
    ) -> Voted | None:
        """Votes are kept while the request waits; of one that came later, the state it had then is in the answer."""
        async with transaction(self._pool) as connection:
            record = await connection.fetchrow(
                f"SELECT {COLUMNS} FROM requests WHERE id = $1 FOR UPDATE",
                number(request),
            )
            if record is None:
                return None
            before = request_of(record)
            votes = await _votes(connection, request)
            for earlier in votes:
                # Only a yes that becomes a no is weighed anew; the trail has both.
                if earlier.person == vote.person and (vote.approve or not earlier.approve):
                    return Voted(before, judge(before, votes).verdict, earlier)
            weighed, others = judge(before, (*votes, vote)), [each for each in votes if each.person != vote.person]
            verdict = weighed.verdict
            if before.state is not State.WAITING and not isinstance(verdict, NotCounted):
                verdict = NotCounted(f"the request is already {before.state}")
            match verdict:
                case NotCounted(reason):
                    refused = {"kind": "refused", "detail": entry.detail | {"wanted": entry.kind, "reason": reason}}
                    await self._audit(connection, before, entry.model_copy(update=refused))
                    return Voted(before, verdict)
                case Waiting():
                    values: Mapping[str, object] = {}
                case Rejected(by, why):
                    values = {"state": State.REJECTED.value, "ended_by": by, "outcome": storable(why)}
                    values["finished_at"] = utc(vote.at)
                case Clearance():
                    values = {"state": State.CLEARED.value, "self_approved": verdict.self_approved}
                case _:
                    assert_never(verdict)
            # It is there: the row is locked.
            after = await _move(connection, request, values, self._clock()) or before
            await connection.execute(
                "INSERT INTO votes (request, person, approve, at, digest, typed, note, via)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (request, person) DO UPDATE SET"
                " approve = excluded.approve, at = excluded.at, digest = excluded.digest, typed = excluded.typed,"
                " note = excluded.note, via = excluded.via",
                *(record["id"], vote.person, vote.approve, utc(vote.at), vote.digest, vote.typed),
                *(storable(vote.note), vote.via.value),
            )
            await outbox.owe(connection, after, self._clock(), {"notices": weighed.notices})
            await self._audit(connection, after, entry)
            return Voted(after, verdict, votes=(*others, vote))

    async def take_back(self, request: RequestId, person: PersonId, entry: Entry) -> Request | None:
        async with transaction(self._pool) as connection:
            back = await _update(connection, request, {}, SAID_YES, person)
            if back is not None:
                await connection.execute(FORGET_VOTE, number(request), person)
                await self._settle(connection, back, entry)
            return back

    async def claim(
        self, request: RequestId, sources: frozenset[State], to: State, entry: Entry, *, lease: timedelta
    ) -> Claimed | None:
        if to not in _RUNS:
            raise ValueError(f"nothing is claimed by a move to {to}")
        now, fence = self._clock(), str(uuid4())
        values = {"state": to.value, "fence": fence, "lease_until": now + lease}
        if to is State.RUNNING:
            values["started_at"] = now
        try:
            async with transaction(self._pool) as connection:
                # Two that look at the same moment both find the target free: there the unique index decides.
                claimed = await _move(
                    connection,
                    request,
                    values,
                    now,
                    "state = ANY($2) AND NOT EXISTS (SELECT FROM requests AS other"
                    " WHERE other.state IN ('running', 'undoing') AND other.target <> ''"
                    " AND left(other.target, 600) = left(requests.target, 600))",
                    [*sources],
                )
                if claimed is None:
                    return None
                await self._audit(connection, claimed, entry)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "one_run_per_target":
                raise
            return None
        return Claimed(claimed, fence)

    async def renew(self, claimed: Claimed, lease: timedelta) -> bool:
        """A lease that ran out is lost, even where nobody has called the run unknown yet."""
        now = self._clock()
        async with reading(self._pool) as connection:  # one statement is a transaction of its own
            status = await connection.execute(
                "UPDATE requests SET lease_until = $4 WHERE id = $1 AND fence = $2 AND lease_until > $3",
                *(number(claimed.request.id), claimed.fence, now, now + lease),
            )
        return status == "UPDATE 1"

    async def progress(self, claimed: Claimed, text: str) -> bool:
        values = {"progress": storable(text)}
        async with reading(self._pool) as connection:  # one statement is a transaction of its own
            told = await _move(connection, claimed.request.id, values, self._clock(), "fence = $2::uuid", claimed.fence)
        return told is not None

    async def due(self, now: datetime, *, plans: int = 100) -> Due:
        """The unplanned are given to one caller at a time, for `PLANNING`."""
        async with reading(self._pool) as connection:
            records = await connection.fetch(_DUE, now, now + PLANNING, now - SEEN_FOR, plans)
        found: dict[str, list[RequestId]] = {}
        for record in records:
            found.setdefault(record["kind"], []).append(request_id(record["id"]))
        kinds = ("unplanned", "cleared", "expired", "lapsed", "ending", "reminding")
        return Due(**{kind: tuple(found.get(kind, ())) for kind in kinds})

    async def listen(self, wake: Callable[[], None]) -> None:
        """Runs until cancelled, on a connection of its own; also wakes after a reconnect, for what it missed."""
        while True:
            with contextlib.suppress(StoreUnwritable):
                await self._listen(wake)
            await asyncio.sleep(_RECONNECT_S)

    async def _listen(self, wake: Callable[[], None]) -> None:
        lost = asyncio.Event()

        def hear(*_: object) -> None:
            wake()

        def lose(*_: object) -> None:
            lost.set()

        async with reading(self._pool) as connection:
            connection.add_termination_listener(lose)
            await connection.add_listener(CHANNEL, hear)
            try:
                wake()
                while not lost.is_set():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_HEARTBEAT_S):
                            await lost.wait()
                    await connection.execute("SELECT")  # a dead peer says nothing, and does not answer either
            finally:
                connection.remove_termination_listener(lose)
                await connection.remove_listener(CHANNEL, hear)

    async def _settle(
        self, connection: Connection, request: Request, entry: Entry, columns: Columns | None = None
    ) -> None:
        """Write everything that follows a change of a request, within its transaction; the audit row last."""
        now = self._clock()
        await outbox.redraw(connection, request, now)
        await outbox.owe(connection, request, now, columns or {})
        await self._audit(connection, request, entry)

    async def _audit(self, connection: Connection, request: Request, entry: Entry) -> None:
        known = {"action": entry.action or request.action, "target": entry.target or request.target}
        whole = entry.model_copy(update=known | {"request": request.id})
        await append(connection, whole, self._key, self._clock())


async def _update(
    connection: Connection, request: RequestId, values: Mapping[str, object], condition: str = "true", *bound: object
) -> Request | None:
    """Set columns where the condition holds, its parameters from $2 on; counts the version up."""
    update = _setting(values, condition, len(bound) + 2)
    record = await connection.fetchrow(update, number(request), *bound, *values.values())
    return None if record is None else request_of(record)


async def _move(
    connection: Connection,
    request: RequestId,
    values: Mapping[str, object],
    now: datetime,
    condition: str = "true",
    *bound: object,
) -> Request | None:
    """The same, and in the same statement owe the cards of the request.

    A statement that waits for a row does not see the cards that were added meanwhile: for what is moved again soon, or
    is locked already.
    """
    update = _setting(values, condition, len(bound) + 3)
    record = await connection.fetchrow(
        f"WITH moved AS ({update}), owed AS (UPDATE postings SET wanted = moved.version,"
        f" owed_since = CASE WHEN drawn < wanted THEN owed_since ELSE ${len(bound) + 2} END"
        " FROM moved WHERE postings.request = moved.id AND is_card) SELECT * FROM moved",
        *(number(request), *bound, now, *values.values()),
    )
    return None if record is None else request_of(record)


def _setting(values: Mapping[str, object], condition: str, first: int) -> str:
    """An UPDATE of the request $1, its values bound from the place `first` on."""
    sets = ["version = version + 1", *(f"{name} = ${place}" for place, name in enumerate(values, first))]
    if "state" in values:
        sets.append("state_version = version + 1")
    return f"UPDATE requests SET {', '.join(sets)} WHERE id = $1 AND {condition} RETURNING {COLUMNS}"


async def _votes(connection: Connection, request: RequestId) -> tuple[Vote, ...]:
    records = await connection.fetch("SELECT * FROM votes WHERE request = $1 ORDER BY at, person", number(request))
    return tuple(vote_of(record) for record in records)


async def _earlier(
    connection: Connection, draft: Draft, params: object, now: datetime, again_after: timedelta
) -> Duplicate | None:
    if draft.said.delivery is not None:
        record = await connection.fetchrow(
            f"SELECT {COLUMNS} FROM requests WHERE id = (SELECT request FROM deliveries WHERE key = $1 AND at > $2)",
            storable(draft.said.delivery),
            now - SEEN_FOR,
        )
        if record is not None:
            return Duplicate(request_of(record), same_delivery=True)
    record = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM requests"
        " WHERE requester = $1 AND action = $2 AND asked_params::text = $3 AND asked_at > $4 ORDER BY id DESC LIMIT 1",
        *(draft.said.who, storable(draft.action), params, now - again_after),
    )
    if again_after and record is not None:
        return Duplicate(request_of(record), same_delivery=False)
    return None


_DUE = """
WITH unplanned AS (
    UPDATE requests SET planning_until = $2
    -- An array, as IN may look more than once and so take more than it was to.
    WHERE state = 'asked' AND id = ANY (ARRAY(
        SELECT id FROM requests WHERE state = 'asked' AND planning_until <= $1 ORDER BY id LIMIT $4
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING id
), forgotten AS (
    DELETE FROM deliveries WHERE key IN (
        SELECT key FROM deliveries WHERE at <= $3 ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED
    )
)
SELECT 'unplanned' AS kind, id FROM unplanned
UNION ALL SELECT 'cleared', id FROM requests WHERE state = 'cleared' AND expires_at > $1
UNION ALL SELECT 'expired', id FROM requests WHERE state IN ('waiting', 'cleared') AND expires_at <= $1
UNION ALL SELECT 'lapsed', id FROM requests WHERE state IN ('running', 'undoing') AND lease_until <= $1
UNION ALL SELECT 'ending', id FROM requests WHERE state = 'done' AND ends_at <= $1
    AND (end_again_at IS NULL OR end_again_at <= $1)
UNION ALL SELECT 'reminding', id FROM requests
    WHERE state = 'waiting' AND NOT reminded AND expires_at > $1 AND $1 - asked_at > (expires_at - asked_at) / 2
ORDER BY id
"""
