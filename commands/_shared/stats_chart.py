"""The picture of /ops stats: what went on in each slice of a period, how much of it failed, and what the period before
was like."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.words.params import duration_text
from bot.words.report import Chart, Series, Tone
from integrations.capabilities import Bucket, Statistic

DAY = timedelta(days=1)
_SLICES = tuple(timedelta(minutes=m) for m in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440))
_FEWEST_SLICES, _MOST_SLICES = 24, 48
"""Enough to see when it began, and bars that can be told apart on a phone."""


def sliced(since: timedelta) -> int:
    """The fewest of a round length that show when it began; fewer under 24m, and 24 where none divides it."""
    for width in reversed(_SLICES):
        if since % width == timedelta() and _FEWEST_SLICES <= since / width <= _MOST_SLICES:
            return since // width
    minutes, rest = divmod(since, _SLICES[0])
    return _FEWEST_SLICES if rest or minutes > _MOST_SLICES else minutes


def before_words(since: timedelta) -> str:
    """What the period before is called."""
    return "the day before" if since == DAY else f"the {duration_text(since)} before"


def last_words(since: timedelta) -> str:
    """The period as people say it: a day is typed as 24h."""
    return "24h" if since == DAY else duration_text(since)


def chart(
    title: str, now: Sequence[Statistic], then: Sequence[Statistic], *, start: datetime, since: timedelta, slices: int
) -> Chart | None:
    """Of one statistic a service, and as many or fewer of the period before. None where nothing went on: an empty
    picture says less than the sentence."""
    width = since / slices
    current = _added([each.buckets for each in now], start, width, slices)
    complete = len(then) == len(now)  # else it would be another sum than that of now
    before = _added([each.buckets for each in then], start - since, width, slices) if complete else ()
    if not any(pair and pair[0] for pair in (*current, *before)):
        return None
    unit = "per hour" if width == timedelta(hours=1) else "per day" if width == DAY else f"per {duration_text(width)}"
    worst = max((pair[1], place) for place, pair in enumerate(current) if pair) if any(current) else (0, 0)
    faint = f", with {before_words(since)} as a dashed line" if before else ""
    errors_only = now[0].errors_only
    failed = sum(each.errors for each in now)
    if errors_only:
        what, total, most = "Errors", f"{failed:,} in all", "most"
    else:
        total = f"{sum(each.count for each in now):,} operations, {failed:,} failed"
        what, most = "Operations and failures", "most failed"
    peak = f"; {most}, {worst[0]:,}, from {start + worst[1] * width:%d %b %H:%M} UTC" if worst[0] else ""
    return Chart(
        title=f"{title}, last {last_words(since)}",
        unit=unit,
        times=tuple(start + place * width for place in range(slices)),
        series=(
            *(
                ()
                if errors_only
                else (Series(name="operations", values=_column(current, 0), before=_column(before, 0)),)
            ),
            Series(
                name="errors" if errors_only else "failed",
                values=_column(current, 1),
                before=_column(before, 1),
                tone=Tone.TROUBLE,
            ),
        ),
        before=before_words(since),
        alt=f"{what} {unit} over the last {last_words(since)}{faint}: {total}{peak}.",
    )


_Pair = tuple[int, int] | None


def _added(services: Sequence[tuple[Bucket, ...]], start: datetime, width: timedelta, slices: int) -> tuple[_Pair, ...]:
    """Operations and failures of each slice; None where a service did not tell of it."""
    added: list[_Pair] = [(0, 0)] * slices
    for buckets in services:
        told = {round((bucket.at - start) / width): bucket for bucket in buckets}
        for place, pair in enumerate(added):
            one = told.get(place)
            added[place] = (pair[0] + one.count, pair[1] + one.errors) if one and pair is not None else None
    return tuple(added)


def _column(pairs: Sequence[_Pair], at: int) -> tuple[float | None, ...]:
    return tuple(None if pair is None else float(pair[at]) for pair in pairs)
