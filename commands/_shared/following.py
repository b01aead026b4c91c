"""Following several sources, each from its own place: what `/ops errors` and `/ops logs` have in common."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Generic, Protocol, TypeVar

from pydantic import AfterValidator, AwareDatetime, Field, TypeAdapter

from bot.words.params import Duration, duration_text
from bot.words.report import Frozen
from commands._shared.asking import Unanswered

LONGEST_FOLLOW = timedelta(hours=2)


def _at_most_two_hours(follow: timedelta) -> timedelta:
    if follow > LONGEST_FOLLOW:
        raise ValueError(f"{duration_text(follow)} is too long to follow; type at most {duration_text(LONGEST_FOLLOW)}")
    return follow


FollowFor = Annotated[Duration, AfterValidator(_at_most_two_hours)]
"""How long to follow."""


class Recorded(Protocol):
    """What a source keeps."""

    @property
    def key(self) -> str: ...
    @property
    def at(self) -> datetime: ...


T = TypeVar("T", bound=Recorded)


@dataclass(frozen=True)
class Reading(Generic[T]):
    """What one source gave."""

    found: tuple[T, ...]
    truncated: bool
    """There was more than that."""
    note: str = ""
    """To be said each time."""
    aside: str = ""
    """To be said once, while it stays the same."""


class Place(Frozen):
    """How far one source has been told."""

    since: AwareDatetime
    """Where the next reading begins: a while before the newest, for those that are written late."""
    seen: dict[str, AwareDatetime] = Field(default_factory=dict)
    """Keys at or after `since` that have been told, with their times."""
    unread: bool = False
    """The last reading failed, and that has been said."""
    aside: str = ""
    """The last one that was said."""

    def fresh(self, reading: Reading[T]) -> list[T]:
        """Each once, even where a reading holds it twice."""
        return list({e.key: e for e in reading.found if e.at >= self.since and e.key not in self.seen}.values())

    def after(self, reading: Reading[T], now: datetime, late: timedelta) -> "Place":
        seen = self.seen | {each.key: each.at for each in reading.found}
        # A clock that runs ahead at the source must not carry us past what others write meanwhile: hence min().
        since = max(self.since, min(max(seen.values(), default=self.since), now) - late)
        if reading.truncated:  # what lies before the oldest one read was never seen, and is given up with a note
            since = max(since, min((each.at for each in reading.found), default=since))
        kept = {key: at for key, at in seen.items() if at >= since}
        return Place(since=since, seen=kept, aside=reading.aside or self.aside)


_CURSOR = TypeAdapter(dict[str, Place])


@dataclass(frozen=True)
class News(Generic[T]):
    found: tuple[tuple[str, T], ...]
    """With the source of each."""
    notes: tuple[str, ...]
    cursor: str


async def news(
    sources: Iterable[str],
    cursor: str,
    read: Callable[[Mapping[str, datetime]], Awaitable[Mapping[str, Reading[T] | Unanswered]]],
    *,
    now: datetime,
    late: timedelta,
) -> News[T]:
    """What each source has that has not been told; from now on where `cursor` is empty or does not know it.

    `read` is given since when for each source; `late` is how long after its own time something may appear and still be
    told. A source that does not answer is said so once, and read from the same place next time.
    """
    places = _CURSOR.validate_json(cursor) if cursor else {}
    since = {name: places[name].since if name in places else now - late for name in sources}
    found: list[tuple[str, T]] = []
    notes: list[str] = []
    for name, reading in (await read(since)).items():
        place = places.get(name)
        if isinstance(reading, Unanswered):
            if not (place and place.unread):
                notes.append(reading.about(name))
            places[name] = (place or Place(since=now)).model_copy(update={"unread": True})
            continue
        if place is not None:
            found.extend((name, each) for each in place.fresh(reading))
            told_before = reading.aside == place.aside
            notes.extend(filter(None, (reading.note, "" if told_before else reading.aside)))
        places[name] = (place or Place(since=since[name])).after(reading, now, late)
    return News(tuple(found), tuple(notes), _CURSOR.dump_json({name: places[name] for name in since}).decode())
