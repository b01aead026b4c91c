"""Quotas and costs in words, and how near each is to its limit."""

import math
from collections.abc import Sequence

from bot.words.report import Line, Moment, Sentence, Share, Status, Suggestion, Table, Value
from bot.words.spelling import counted
from integrations.capabilities import Checkable, ErrorSource, Metered, Quota, Statistics

NEAR = 0.8
"""Of a limit: past this it is told as a warning."""


_CENTS = frozenset({"AUD", "CAD", "CHF", "EUR", "GBP", "USD"})
"""Units that are money, and written with two decimals whatever the sum."""


def taken(quota: Quota) -> float | None:
    """How much of it is gone, 0 to 1 and beyond; None where there is no limit to compare with."""
    if quota.remaining_is_good and quota.used <= 0:
        return 1.0  # nothing is left, whatever there was
    if quota.share is None:
        return None
    return 1 - quota.share if quota.remaining_is_good else quota.share


def is_near(quota: Quota) -> bool:
    """Whether somebody has to look at it."""
    return (taken(quota) or 0.0) > NEAR


def _used_up(quota: Quota) -> bool:
    return (taken(quota) or 0.0) >= 1


def overall_of(limits: Sequence[Quota], *, unread: bool) -> Status:
    """Never down: a service at its limit may still answer. What is known to be near comes before what is not known."""
    if any(is_near(quota) for quota in limits):
        return Status.WARNING
    return Status.UNKNOWN if unread else Status.OK


def lead_of(limits: Sequence[tuple[str, Quota]], costs: int, unread: int, services: int) -> str:
    """`2 of 3 limits are past 80 %, 1 of them used up.` The limits are those of each service, the nearest first."""
    if unread == services:
        return "No usage could be read."
    quotas = [quota for _, quota in limits]
    near, gone = sum(map(is_near, quotas)), sum(map(_used_up, quotas))
    if near:
        told = f"{near} of {counted(len(limits), 'limit')} {'are' if near > 1 else 'is'} past {NEAR * 100:g} %"
        if gone:
            told += f", {gone} of them used up" if near > 1 else ", and it is used up"
    elif limits:
        name, nearest = limits[0]
        told = f"Nothing is past {NEAR * 100:g} % of its limit; nearest is {name}: {nearest.name}, {_share(nearest)}"
    elif costs:
        told = f"No limit is told; {counted(costs, 'amount')} without one"
    else:
        told = "Nothing is counted there"
    return f"{told}; {unread} of {counted(services, 'service')} could not be read." if unread else f"{told}."


def near_of(service: Metered, quota: Quota) -> Line:
    """A limit that somebody has to look at."""
    resets: Sentence = () if quota.resets_at is None else (", resets ", Moment(at=quota.resets_at, said="ago"))
    return Line(
        text=f"{service.name}: {quota.name}",
        detail=(f"{_amount(quota)}, {_share(quota)}", *resets),
        status=Status.WARNING,
        word="used up" if _used_up(quota) else "near its limit",
        suggestions=_remedies(service),
    )


def _remedies(service: Metered) -> tuple[Suggestion, ...]:
    """Where to see what uses it, if the service can be looked into at all."""
    stats = (Suggestion(label="Statistics", words=f"stats {service.name}"),) if isinstance(service, Statistics) else ()
    errors = (Suggestion(label="Errors", words=f"errors {service.name}"),) if isinstance(service, ErrorSource) else ()
    return stats + errors or (Suggestion(label="Read again", words=f"usage {service.name}"),)


def unread_of(service: Metered, why: str) -> Line:
    again = (Suggestion(label="Try again", words=f"usage {service.name}"),)
    health = (Suggestion(label="Health", words=f"health {service.name}"),) if isinstance(service, Checkable) else ()
    word = "could not be read"
    return Line(text=service.name, detail=why, status=Status.UNKNOWN, word=word, suggestions=again + health)


def table_of(rest: Sequence[tuple[str, Quota]]) -> Table | None:
    """What needs nobody: limits that are far, and amounts without one."""
    if not rest:
        return None
    return Table(
        columns=("service", "what", "used or left", "of its limit", "resets"),
        rows=tuple((name, quota.name, _amount(quota), _part(quota), _resets(quota)) for name, quota in rest),
    )


def _part(quota: Quota) -> Value:
    share = taken(quota)
    return None if share is None else Share(part=share, of=1)


def _resets(quota: Quota) -> Value:
    return None if quota.resets_at is None else Moment(at=quota.resets_at, said="ago")


def _amount(quota: Quota) -> str:
    """`90 of 100 hours`, `12.40 of 100.00 USD left`, `1 call`."""
    used = _number(quota.used, quota.unit)
    left = " left" if quota.remaining_is_good else ""
    if quota.limit:
        return f"{used} of {_number(quota.limit, quota.unit)} {quota.unit}{left}"
    return f"{used} {quota.unit.removesuffix('s') if used == '1' else quota.unit}{left}"


def _share(quota: Quota) -> str:
    """In whole percent, rounded down: 100 % is said of nothing that has some left."""
    percent = math.floor(round((taken(quota) or 0.0) * 100, 6))
    if not _used_up(quota):
        return f"{percent} % used"
    return f"used up ({percent:,} %)" if percent > 100 else "used up"


def _number(value: float, unit: str) -> str:
    """Money with its cents, anything else as short as it can be told apart."""
    if unit in _CENTS:
        return f"{value:,.2f}"
    if 0 < abs(value) < 0.01:
        return f"{value:.1g}"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def notes_of(read: Sequence[tuple[str, Sequence[Quota]]]) -> list[str]:
    told = [f"{name}: {quota.note}" for name, quotas in read for quota in quotas if quota.note]
    return told + [f"{name}: it counts nothing." for name, quotas in read if not quotas]
