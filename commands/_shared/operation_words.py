"""Operations of a service in words: which fail most, how long they take."""

from collections.abc import Sequence
from datetime import timedelta

from bot.words.params import duration_text
from bot.words.report import Share, Span, Value
from bot.words.spelling import share
from integrations.capabilities import Operation, Statistic


def rate(errors: int, count: int) -> str:
    return share(Share(part=errors, of=count))


def operations(count: int) -> str:
    return "1 operation" if count == 1 else f"{count:,} operations"


def length(span: timedelta) -> str:
    milliseconds = span.total_seconds() * 1000
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 60_000 else duration_text(span)


def share_failed(counted: Statistic) -> Share | None:
    return Share(part=counted.errors, of=counted.count) if counted.count else None


def took(span: timedelta | None) -> Span | None:
    return Span(seconds=span.total_seconds()) if span is not None else None


def fails_most(worst: Sequence[Operation]) -> str:
    most = max(worst, key=lambda each: each.errors, default=None)
    return f"{most.name} ({most.errors:,})" if most is not None and most.errors else ""


def _cells(each: Operation, *, rated: bool) -> tuple[Value, ...]:
    if not rated:
        return (each.name, each.errors, None, None, took(each.p95))
    return (each.name, each.errors, each.count, Share(part=each.errors, of=each.count), took(each.p95))
