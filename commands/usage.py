"""/ops usage: what is used of quotas and budgets, the nearest to its limit first, and what has been spent."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.action import Lookup
from bot.words.params import Params
from bot.words.report import Fact, Line, Moment, Report, Status, Suggestion
from commands import House
from commands._shared.asking import ask_all
from commands._shared.services import OnService, ServiceName, pick
from integrations.capabilities import Metered, Quota

NEAR = 0.8
"""Of a limit: past this it is told as a warning."""

_CENTS = frozenset({"AUD", "CAD", "CHF", "EUR", "GBP", "USD"})
"""Units that are money, and written with two decimals whatever the sum."""


class Metering(Params):
    positional = ("service",)

    service: ServiceName = None
    """Service whose usage to read, as named in ops.toml; all of them if left out."""


@dataclass(frozen=True)
class ShowUsage(OnService[Metered], Lookup[Metering]):
    """Show quotas, budgets and costs, nearest their limit first."""

    now: Callable[[], datetime]
    deadline: timedelta = timedelta(seconds=12)
    """For one service to answer: some are asked page by page."""

    can = "tell its usage"
    examples = ("usage", "usage neon")

    async def answer(self, params: Metering) -> Report:
        chosen = self.services
        if params.service is not None or not self.services:
            name = pick(self.services, params.service, can="tell its usage", typed=lambda name: f"usage {name}").name
            chosen = tuple(service for service in self.services if service.name == name)
        heard = await ask_all(chosen, lambda service: service.usage(), self.deadline)
        unread = [(service.name, no.why) for service, no in heard.unread]
        read = [(service.name, quotas) for service, quotas in heard.read]
        found = [(name, quota) for name, quotas in read for quota in quotas]
        limits = sorted(
            ((name, quota) for name, quota in found if _taken(quota) is not None),
            key=lambda each: -(_taken(each[1]) or 0.0),
        )
        costs = [(name, quota) for name, quota in found if _taken(quota) is None]
        key = chosen[0].name if params.service else ""
        return Report(
            title=f"Usage of {key}" if key else "Usage",
            lead=_lead([quota for _, quota in limits], len(costs), len(unread), len(chosen)),
            status=_overall([quota for _, quota in limits], unread=bool(unread)),
            lines=(
                *(_limit(name, quota) for name, quota in limits),
                *(_unread(name, why) for name, why in unread),
                *(_cost(name, quota) for name, quota in costs),
            ),
            notes=tuple(dict.fromkeys(_notes(read))),
            suggestions=(Suggestion(label="Read again", words=f"usage {key}".strip()),),
            taken_at=self.now(),
        )


def _taken(quota: Quota) -> float | None:
    """How much of it is gone, 0 to 1 and beyond; None where there is no limit to compare with."""
    if quota.remaining_is_good and quota.used <= 0:
        return 1.0  # nothing is left, whatever there was
    if quota.share is None:
        return None
    return 1 - quota.share if quota.remaining_is_good else quota.share


def _near(quota: Quota) -> bool:
    return (_taken(quota) or 0.0) > NEAR


def _used_up(quota: Quota) -> bool:
    return (_taken(quota) or 0.0) >= 1


def _overall(limits: Sequence[Quota], *, unread: bool) -> Status:
    """Never down: a service at its limit may still answer. What is known to be near comes before what is not known."""
    if any(_near(quota) for quota in limits):
        return Status.WARNING
    return Status.UNKNOWN if unread else Status.OK


def _lead(limits: Sequence[Quota], costs: int, unread: int, services: int) -> str:
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


def _limit(name: str, quota: Quota) -> Line:
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


def _cost(name: str, quota: Quota) -> Line:
    left = " left" if quota.remaining_is_good else ""
    used = _number(quota.used, quota.unit)
    unit = quota.unit.removesuffix("s") if used == "1" else quota.unit
    told = f"{used} {unit}{left}, no limit told"
    return Line(text=f"{name}: {quota.name}", detail=told, facts=_resets(quota))


def _unread(name: str, why: str) -> Line:
    health = Suggestion(label="Health", words=f"health {name}")
    return Line(text=name, detail=why, status=Status.UNKNOWN, suggestions=(health,))


def _resets(quota: Quota) -> tuple[Fact, ...]:
    return () if quota.resets_at is None else (Fact(label="resets", value=Moment(at=quota.resets_at)),)


def _share(quota: Quota) -> str:
    """In whole percent, rounded down: 100 % is said of nothing that has some left."""
    percent = math.floor(round((_taken(quota) or 0.0) * 100, 6))
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


def _notes(read: Sequence[tuple[str, Sequence[Quota]]]) -> list[str]:
    told = [f"{name}: {quota.note}" for name, quotas in read for quota in quotas if quota.note]
    return told + [f"{name}: it counts nothing." for name, quotas in read if not quotas]


def actions(house: House) -> ShowUsage:
    return ShowUsage(house.having(Metered), house.now)
