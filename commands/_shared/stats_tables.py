"""Figures as tables: one row a service, and the operations that fail most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.words.report import Table, Value
from commands._shared.asking import Unanswered
from commands._shared.operation_words import _cells, fails_most, operations, rate, share_failed, took
from integrations.capabilities import Statistic

_TOO_FEW = 10
"""The rate of a period with so many times fewer operations is chance, and is not compared."""


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


def errors_only_of(reading: Reading) -> bool:
    return isinstance(reading.now, Statistic) and reading.now.errors_only


def _worst_first(reading: Reading) -> tuple[bool, bool, float, int]:
    """What could not be read is first, as in health; what has no rate is last."""
    if isinstance(reading.now, Unanswered):
        return False, False, 0.0, 0
    now = reading.now
    return True, now.errors_only, -now.errors / now.count if now.count else 0.0, -now.errors


def summed_of(found: Sequence[Statistic]) -> tuple[int, int]:
    """Operations and failures."""
    return sum(each.count for each in found), sum(each.errors for each in found)


def compared(current: tuple[int, int], previous: tuple[int, int] | None, words: str, *, cut: bool = False) -> str:
    """`412 operations, 31 failed (7.5 %), up from 2.1 % the day before`."""
    count, errors = current
    was = "" if previous is None else f"; {previous[0]:,} {words}" if previous[0] else f", as in {words}"
    if not count:
        return f"no operations{was}"
    failed = f"{errors:,} failed ({rate(errors, count)})" if errors else "none failed"
    told = f"{'at least ' if cut else ''}{operations(count)}, {failed}"
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


def errors_compared(errors: int, previous: tuple[int, int] | None, words: str) -> str:
    """`17 errors, up from 9 the day before`."""
    told = "1 error" if errors == 1 else f"{errors:,} errors" if errors else "no errors"
    if previous is None:
        return told
    was = previous[1]
    return (
        f"{told}, as {words}" if was == errors else f"{told}, {'up' if errors > was else 'down'} from {was:,} {words}"
    )


def services_of(read: Sequence[Reading], words: str) -> Table:
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
        None if now.errors_only else share_failed(now),
        None if now.errors_only or then is None else share_failed(then),
        took(now.p50),
        took(now.p95),
        fails_most(now.worst),
    )


def operations_table_of(read: Sequence[Reading]) -> Table | None:
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
        rows=tuple(_cells(each, rated=not errors_only_of(reading)) for reading, each in found),
    )
