"""Figures as they are told: counted, compared with the period before, the worst first."""

from collections.abc import Sequence
from datetime import timedelta

from bot.words.params import duration_text
from bot.words.report import Fact, Line, Status, Suggestion
from commands._shared.asking import Unanswered
from commands._shared.operation_words import length, rate
from commands._shared.stats_chart import last_words
from commands._shared.stats_tables import Reading, compared, errors_compared
from integrations.capabilities import Statistic, Statistics


def lead_of(
    current: tuple[int, int],
    previous: tuple[int, int] | None,
    since: timedelta,
    words: str,
    *,
    errors_only: bool,
    cut: bool,
) -> str:
    if errors_only:
        told = errors_compared(current[1], previous, words)
        return f"{told[0].upper()}{told[1:]}."
    told = compared(current, previous, words, cut=cut)
    if not current[0]:
        return f"No operations in the last {last_words(since)}{told.removeprefix('no operations')}."
    return f"{told[0].upper()}{told[1:]}."


def facts_of(now: Statistic, then: Statistic | None, *, cut: bool) -> tuple[Fact, ...]:
    def fact(label: str, value: str, was: str | None) -> Fact:
        return Fact(label=label, value=f"{value}, was {was}" if was is not None else value)

    def spans(label: str, value: timedelta | None, was: timedelta | None) -> Fact:
        if value is None:
            return Fact(label=label, value="not known")
        return fact(label, length(value), length(was) if was is not None else None)

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


def unread_of(service: str, no: Unanswered) -> Line:
    again = Suggestion(label="Health", words=f"health {service}")
    return Line(text=service, detail=no.why, status=Status.UNKNOWN, word="could not be read", suggestions=(again,))


def notes_of(readings: Sequence[Reading]) -> tuple[str, ...]:
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


def suggestions_of(asked: Sequence[Statistics], current: tuple[int, int], since: timedelta) -> tuple[Suggestion, ...]:
    if not current[1]:
        return ()
    where = f" {asked[0].name}" if len(asked) == 1 else ""
    return (Suggestion(label="Show the errors", words=f"errors{where} since={duration_text(since)}"),)
