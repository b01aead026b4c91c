"""A time-boxed change whose time is over and that could not be ended: it stays in place, and nobody may miss that."""

from collections.abc import Collection
from datetime import datetime, timedelta

from bot.words.exceptions import OpsError, Stale, TryLater
from bot.words.params import duration_text
from bot.words.ports import Columns, Notice, NoticeKind
from bot.words.report import PersonId
from bot.words.request import Request

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""Before the next try, by how many have failed; the last one from then on. An end that fails changes nothing, so it may
be tried for ever."""


def overdue(request: Request, why: OpsError, said: str, now: datetime, people: Collection[PersonId]) -> Columns:
    """Columns to store with a request that is done and could not be ended; its `ends_at` stays as it was.

    `said` is `why`, redacted.
    """
    asked_for = why.after if isinstance(why, TryLater) else None
    pause = max(PAUSES[min(request.end_tries, len(PAUSES) - 1)], asked_for or timedelta(0))
    # Where somebody changed it since, it may be in place or not.
    stands = "" if isinstance(why, Stale) else f" and is still in place: {in_place(request)}"
    text = (
        f"{request.id} should have ended{stands or '.'} It could not be ended: {said} "
        f"Handrail tries again in {duration_text(pause)}. /ops end {request.id} tries at once; "
        f"/ops reconcile {request.id} done leaves it as it is."
    )
    # The version names the try: after an extension they are counted anew.
    told = Notice(kind=NoticeKind.MENTION, text=text, to=tuple(sorted(people)), key=f"end_failed:{request.version}")
    return {
        "end_tries": request.end_tries + 1,
        "end_again_at": now + pause,
        "note": f"{'Still in place, could' if stands else 'Could'} not be ended: {said}",
        "notices": (told,),
    }


def in_place(request: Request) -> str:
    """The change that stands, as its receipt says."""
    return str((request.receipt or {}).get("headline") or request.typed)
