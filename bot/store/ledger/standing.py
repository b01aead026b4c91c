"""A request with its votes and all else that policy asks for, in one statement: a click waits for it."""

import json
from datetime import datetime

from bot.store.ledger.columns import COLUMNS, request_of
from bot.store.pool import Connection
from bot.words.ports import Freeze, Standing
from bot.words.request import Vote

SAID_YES = (
    "state = 'waiting' AND EXISTS (SELECT FROM votes WHERE votes.request = requests.id AND person = $2 AND approve)"
)
FORGET_VOTE = "DELETE FROM votes WHERE request = $1 AND person = $2"


async def standing(connection: Connection, row: int | None, now: datetime) -> Standing | None:
    record = await connection.fetchrow(_STANDING, row, now)
    if record is None:
        return None
    found = dict(record)
    votes, frozen, last_run = json.loads(found.pop("votes")), found.pop("frozen"), found.pop("last_run")
    return Standing(
        request=request_of(found),
        votes=tuple(map(Vote.model_validate, votes)),
        frozen=None if frozen is None else Freeze.model_validate_json(frozen),
        last_run=last_run,
        read_at=now,
    )


_STANDING = f"""
SELECT {", ".join(f"r.{name}" for name in COLUMNS.split(", "))},
    (SELECT coalesce(json_agg(json_build_object({", ".join(f"'{name}', v.{name}" for name in Vote.model_fields)})
        ORDER BY v.at, v.person), '[]') FROM votes AS v WHERE v.request = r.id) AS votes,
    (SELECT json_build_object('name', f.name, 'reason', f.reason, 'until', f.until, 'by', f.by) FROM freezes AS f
        WHERE f.lifted_at IS NULL AND (f.until IS NULL OR f.until > $2)
        ORDER BY f.until DESC NULLS FIRST, f.id DESC LIMIT 1) AS frozen,
    (SELECT max(ran.finished_at) FROM requests AS ran WHERE ran.action = r.action AND ran.target = r.target
        AND ran.state IN ('done', 'undoing', 'undone')) AS last_run
FROM requests AS r WHERE r.id = $1
"""
