"""Quotas and costs in words, and how near each is to its limit."""

import math
from collections.abc import Sequence

from bot.words.report import Fact, Line, Moment, Status, Suggestion
from integrations.capabilities import Quota

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


def _near(quota: Quota) -> bool:
    return (taken(quota) or 0.0) > NEAR


def _used_up(quota: Quota) -> bool:
    return (taken(quota) or 0.0) >= 1


def overall_of(limits: Sequence[Quota], *, unread: bool) -> Status:
    """Never down: a service at its limit may still answer. What is known to be near comes before what is not known."""
    if any(_near(quota) for quota in limits):
        return Status.WARNING
    return Status.UNKNOWN if unread else Status.OK


def lead_of(limits: Sequence[Quota], costs: int, unread: int, services: int) -> str:
    if unread == services:
        return "No usage could be read."
    near, gone = sum(map(_near, limits)), sum(map(_used_up, limits))
    if limits:
        are = "are" if near > 1 else "is"
        told = f"{near or 'None'} of {_counted(len(limits), 'limit')} {are} past {NEAR * 100:g} %"
        if gone:
            told += f", {gone} of them used up" if near > 1 else ", and it is used up"
    elif costs:
        told = f"No limit is told; {_counted(costs, 'amount')} without one"
    else:
        told = "Nothing is counted there"
    return f"{told}; {unread} of {_counted(services, 'service')} could not be read." if unread else f"{told}."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def limit_of(name: str, quota: Quota) -> Line:
    of = (
        f"{_number(quota.used, quota.unit)} of {_number(quota.limit, quota.unit)}"
        if quota.limit
        else (_number(quota.used, quota.unit))
    )
    left = " left" if quota.remaining_is_good else ""
    return Line(
        text=f"{name}: {quota.name}",
        detail=f"{of} {quota.unit}{left}, {_share(quota)}",
        status=Status.WARNING if _near(quota) else Status.OK,
        facts=_resets(quota),
    )


def cost_of(name: str, quota: Quota) -> Line:
    left = " left" if quota.remaining_is_good else ""
    used = _number(quota.used, quota.unit)
    unit = quota.unit.removesuffix("s") if used == "1" else quota.unit
    told = f"{used} {unit}{left}, no limit told"
    return Line(text=f"{name}: {quota.name}", detail=told, facts=_resets(quota))


def unread_of(name: str, why: str) -> Line:
    health = Suggestion(label="Health", words=f"health {name}")
    return Line(text=name, detail=why, status=Status.UNKNOWN, suggestions=(health,))


def _resets(quota: Quota) -> tuple[Fact, ...]:
    return () if quota.resets_at is None else (Fact(label="resets", value=Moment(at=quota.resets_at)),)


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
