"""/ops stats: how much went on and how much of it failed, against the period before, with a chart."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from bot.words.action import Lookup
from bot.words.exceptions import Misconfigured
from bot.words.params import Duration, Params, duration_text
from bot.words.report import Fact, Line, Report, Share, Span, Status, Suggestion, Table, Value
from bot.words.spelling import share
from commands import House
from commands._shared.asking import Unanswered, ask, but_unread
from commands._shared.retyping import retyped
from commands._shared.services import OnService, ServiceName, pick
from commands._shared.stats_chart import DAY, before_words, chart, last_words, sliced
from integrations.capabilities import Operation, Statistic, Statistics

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=30)
_TOO_FEW = 10
"""The rate of a period with so many times fewer operations is chance, and is not compared."""


def _readable(since: timedelta) -> timedelta:
    if not SHORTEST <= since <= LONGEST:
        raise ValueError(
            f"{duration_text(since)} cannot be counted; type {duration_text(SHORTEST)} to {duration_text(LONGEST)}"
        )
    return since


class Counted(Params):
    positional = ("service",)

    service: ServiceName = None
    """Only of this service, as named in ops.toml; all together if left out."""
    since: Annotated[Duration, AfterValidator(_readable)] = DAY
    """How long the period is, as in 2h, 24h or 7d; the one before it is as long."""


@dataclass(frozen=True)
class Reading:
    """One service, now and before."""

    service: str
    now: Statistic | Unanswered
    before: Statistic | Unanswered
    slices: int

    @property
    def cut(self) -> bool:
        """Its source did not tell of the whole period: there was more."""
        return isinstance(self.now, Statistic) and len(self.now.buckets) < self.slices

    @property
    def compared(self) -> Statistic | None:
        """The period before, where both were told as a whole: a part of a day is no quiet day."""
        if self.cut or isinstance(self.before, Unanswered) or len(self.before.buckets) < self.slices:
            return None
        return self.before


@dataclass(frozen=True)
class ShowStatistics(OnService[Statistics], Lookup[Counted]):
    """Count operations, failures and durations, against the period before."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=20)
    """For one service to answer; long listings are walked."""

    can = "give figures"
    examples = ("stats", "stats n8n", "stats shop-db since=7d")

    async def answer(self, params: Counted) -> Report:
        if not self.services:
            raise Misconfigured("ops.toml names no service that can count what went on; add one under [services].")
        asked = self.services
        if params.service is not None:
            can = "count what went on"
            asked = (pick(asked, params.service, can=can, typed=lambda name: retyped("stats", params, service=name)),)
        now, since = self.now(), params.since
        slices = sliced(since)
        readings = await asyncio.gather(*(self._read(service, now, since, slices) for service in asked))
        answered = [each for each in readings if isinstance(each.now, Statistic)]
        # A rate is of those that count what went well too; where none does, errors are counted.
        rated = [each for each in answered if not _errors_only(each)] or answered
        counted = [each.now for each in rated if isinstance(each.now, Statistic)]
        title = f"Statistics of {asked[0].name}" if len(asked) == 1 else "Statistics"
        if not counted:
            return Report(
                title=title,
                lead="No service's numbers could be read.",
                status=Status.UNKNOWN,
                notes=_notes(readings),
                taken_at=now,
            )
        # Compared is only what was read both times: else a service that was away would look like a quiet day.
        befores = [each.compared for each in rated if each.compared is not None]
        current, previous = _summed(counted), None
        if len(befores) == len(counted):
            previous = _summed(befores)
        earlier = [each.before for each in rated if isinstance(each.before, Statistic)]
        cut = any(each.cut for each in rated)
        words = before_words(since)
        lead = _lead(current, previous, since, words, errors_only=_errors_only(rated[0]), cut=cut)
        return Report(
            title=title,
            lead=but_unread(lead, len(asked) - len(answered), len(asked)),
            facts=_facts(counted[0], readings[0].compared, cut=cut) if len(asked) == 1 else (),
            lines=tuple(_unread(each.service, each.now) for each in readings if isinstance(each.now, Unanswered)),
            table=_services(answered, words) if len(asked) > 1 else _operations_table(answered),
            chart=chart(title, counted, earlier, start=now - since, since=since, slices=slices),
            notes=_notes(readings),
            suggestions=_suggestions(asked, current, since),
            taken_at=now,
        )

    async def _read(self, service: Statistics, now: datetime, since: timedelta, slices: int) -> Reading:
        """One after the other: the same service is asked for both."""
        start = now - since
        current = await ask(service.statistics(since=start, until=now, slices=slices), self.deadline)
        if isinstance(current, Unanswered):
            return Reading(service.name, current, current, slices)
        before = await ask(service.statistics(since=start - since, until=start, slices=slices), self.deadline)
        return Reading(service.name, current, before, slices)


def rate(errors: int, count: int) -> str:
    return share(Share(part=errors, of=count))


def _errors_only(reading: Reading) -> bool:
    return isinstance(reading.now, Statistic) and reading.now.errors_only


def _worst_first(reading: Reading) -> tuple[bool, bool, float, int]:
    """What could not be read is first, as in health; what has no rate is last."""
    if isinstance(reading.now, Unanswered):
        return False, False, 0.0, 0
    now = reading.now
    return True, now.errors_only, -now.errors / now.count if now.count else 0.0, -now.errors


def _summed(found: Sequence[Statistic]) -> tuple[int, int]:
    """Operations and failures."""
    return sum(each.count for each in found), sum(each.errors for each in found)


def _operations(count: int) -> str:
    return "1 operation" if count == 1 else f"{count:,} operations"


def _told(current: tuple[int, int], previous: tuple[int, int] | None, words: str, *, cut: bool = False) -> str:
    """`412 operations, 31 failed (7.5 %), up from 2.1 % the day before`."""
    count, errors = current
    was = "" if previous is None else f"; {previous[0]:,} {words}" if previous[0] else f", as in {words}"
    if not count:
        return f"no operations{was}"
    failed = f"{errors:,} failed ({rate(errors, count)})" if errors else "none failed"
    told = f"{'at least ' if cut else ''}{_operations(count)}, {failed}"
    if previous is None:
        return told
    if not previous[0]:
        return f"{told}; none at all {words}"
    if previous[0] * _TOO_FEW < count:
        return f"{told}; only {previous[0]:,} {words}"
    then, now = 100 * previous[1] / previous[0], 100 * errors / count
    if rate(errors, count) == rate(previous[1], previous[0]):
        told += f", as {words}"
    else:
        told += f", {'up' if now > then else 'down'} from {rate(previous[1], previous[0])} {words}"
    if not previous[0] / 2 <= count <= previous[0] * 2:
        told += f"; there were {previous[0]:,} then"
    return told


def _errors_told(errors: int, previous: tuple[int, int] | None, words: str) -> str:
    """`17 errors, up from 9 the day before`."""
    told = "1 error" if errors == 1 else f"{errors:,} errors" if errors else "no errors"
    if previous is None:
        return told
    was = previous[1]
    return (
        f"{told}, as {words}" if was == errors else f"{told}, {'up' if errors > was else 'down'} from {was:,} {words}"
    )


def _lead(
    current: tuple[int, int],
    previous: tuple[int, int] | None,
    since: timedelta,
    words: str,
    *,
    errors_only: bool,
    cut: bool,
) -> str:
    if errors_only:
        told = _errors_told(current[1], previous, words)
        return f"{told[0].upper()}{told[1:]}."
    told = _told(current, previous, words, cut=cut)
    if not current[0]:
        return f"No operations in the last {last_words(since)}{told.removeprefix('no operations')}."
    return f"{told[0].upper()}{told[1:]}."


def _length(span: timedelta) -> str:
    milliseconds = span.total_seconds() * 1000
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 60_000 else duration_text(span)


def _facts(now: Statistic, then: Statistic | None, *, cut: bool) -> tuple[Fact, ...]:
    def fact(label: str, value: str, was: str | None) -> Fact:
        return Fact(label=label, value=f"{value}, was {was}" if was is not None else value)

    def spans(label: str, value: timedelta | None, was: timedelta | None) -> Fact:
        if value is None:
            return Fact(label=label, value="not known")
        return fact(label, _length(value), _length(was) if was is not None else None)

    if now.errors_only:
        return (fact("Errors", f"{now.errors:,}", f"{then.errors:,}" if then else None),)
    return (
        fact("Operations", f"{'at least ' if cut else ''}{now.count:,}", f"{then.count:,}" if then else None),
        fact(
            "Failed",
            f"{now.errors:,} ({rate(now.errors, now.count)})",
            f"{then.errors:,} ({rate(then.errors, then.count)})" if then else None,
        ),
        spans("Half take at most", now.p50, then.p50 if then else None),
        spans("Slowest 5 % take over", now.p95, then.p95 if then else None),
    )


def _unread(service: str, no: Unanswered) -> Line:
    again = Suggestion(label="Health", words=f"health {service}")
    return Line(text=service, detail=no.why, status=Status.UNKNOWN, word="could not be read", suggestions=(again,))


def _services(read: Sequence[Reading], words: str) -> Table:
    """A row a service, the worst rate first."""
    return Table(
        columns=(
            "service", "operations", "failed", "failed %", f"{words} %", "half take at most", "slowest 5 %",
            "fails most",
        ),
        rows=tuple(_service(each) for each in sorted(read, key=_worst_first)),
    )  # fmt: skip


def _service(reading: Reading) -> tuple[Value, ...]:
    now = reading.now
    if isinstance(now, Unanswered):
        return (reading.service,)
    then = reading.compared
    return (
        reading.service,
        None if now.errors_only else now.count,
        now.errors,
        None if now.errors_only else _share(now),
        None if now.errors_only or then is None else _share(then),
        _took(now.p50),
        _took(now.p95),
        _fails_most(now.worst),
    )


def _share(counted: Statistic) -> Share | None:
    return Share(part=counted.errors, of=counted.count) if counted.count else None


def _took(span: timedelta | None) -> Span | None:
    return Span(seconds=span.total_seconds()) if span is not None else None


def _fails_most(worst: Sequence[Operation]) -> str:
    most = max(worst, key=lambda each: each.errors, default=None)
    return f"{most.name} ({most.errors:,})" if most is not None and most.errors else ""


def _operations_table(read: Sequence[Reading]) -> Table | None:
    """Of one service."""
    found = [
        (reading, each)
        for reading in read
        if isinstance(reading.now, Statistic)
        for each in reading.now.worst
        if each.errors or each.p95 is not None
    ]
    found.sort(key=lambda each: (-each[1].errors, -(each[1].p95 or timedelta()), each[1].name))
    if not found:
        return None
    return Table(
        columns=("operation", "failed", "of runs", "failed %", "slowest 5 %"),
        rows=tuple(_cells(each, rated=not _errors_only(reading)) for reading, each in found),
    )


def _cells(each: Operation, *, rated: bool) -> tuple[Value, ...]:
    if not rated:
        return (each.name, each.errors, None, None, _took(each.p95))
    return (each.name, each.errors, each.count, Share(part=each.errors, of=each.count), _took(each.p95))


def _notes(readings: Sequence[Reading]) -> tuple[str, ...]:
    told = []
    for each in readings:
        if isinstance(each.now, Unanswered):
            told.append(f"Could not read {each.service}: {each.now.why}")
            continue
        told.append(each.now.note)
        if isinstance(each.before, Unanswered):
            told.append(f"Could not read the period before of {each.service}: {each.before.why}")
        elif each.before.note != each.now.note and each.before.note:
            told.append(f"The period before: {each.before.note}")
    return tuple(filter(None, told))


def _suggestions(asked: Sequence[Statistics], current: tuple[int, int], since: timedelta) -> tuple[Suggestion, ...]:
    if not current[1]:
        return ()
    where = f" {asked[0].name}" if len(asked) == 1 else ""
    return (Suggestion(label="Show the errors", words=f"errors{where} since={duration_text(since)}"),)


def actions(house: House) -> ShowStatistics:
    return ShowStatistics(house.having(Statistics), house.now)
