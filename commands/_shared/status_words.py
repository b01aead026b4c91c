"""What vendors say of themselves, beside our checks, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.words.report import Status
from integrations.capabilities import Checked, Health, VendorState

FIRST = (Health.DOWN, Health.DEGRADED, Health.UNKNOWN, Health.OK)
"""Trouble that is told comes before a page that cannot be read: some never can."""


_TROUBLE = (Health.DOWN, Health.DEGRADED)


@dataclass(frozen=True)
class Beside:
    """One vendor's word, and our checks of what stands on it."""

    name: str
    told: VendorState
    ours: tuple[tuple[str, Checked], ...]
    """By the service's name."""

    @property
    def failing(self) -> tuple[str, ...]:
        return tuple(service for service, checked in self.ours if checked.health in _TROUBLE)

    @property
    def status(self) -> Status:
        """As its page says; where all is well there, as our checks say, which cannot make it worse than a warning."""
        if self.told.health is not Health.OK:
            return Status(self.told.health.value)
        if self.failing:
            return Status.WARNING
        return Status.UNKNOWN if any(checked.health is Health.UNKNOWN for _, checked in self.ours) else Status.OK

    @property
    def place(self) -> tuple[int, str]:
        found = (self.told.health, *(checked.health for _, checked in self.ours))
        return min(FIRST.index(health) for health in found), self.name


def lead_of(found: Sequence[Beside]) -> str:
    """How many are in trouble, then where their word and our checks differ."""
    troubled = [each for each in found if each.told.health in _TROUBLE]
    unread = [each for each in found if each.told.health is Health.UNKNOWN]
    if len(found) == 1:
        counted = ""
    elif troubled:
        counted = f"{_say(len(troubled), len(found))} that something is wrong."
    elif unread:
        counted = f"{_say(len(found) - len(unread), len(found))} that all is well."
    else:
        counted = f"All {len(found)} vendors say that all is well."
    if unread and len(found) > 1:
        counted += f" {len(unread)} {'page' if len(unread) == 1 else 'pages'} could not be read."
    compared = [text for each in found if (text := _compared(each, alone=len(found) == 1))]
    more = [f"{len(compared) - 3} more below."] if len(compared) > 3 else []
    return " ".join(filter(None, [counted, *compared[:3], *more]))


def _say(some: int, of: int) -> str:
    return f"{some} of {of} vendors {'says' if some == 1 else 'say'}"


def _compared(each: Beside, *, alone: bool) -> str:
    """Where both sides say something of weight, or differ; else only if it is all there is to say."""
    well = [service for service, checked in each.ours if checked.health is Health.OK]
    failing, checks = _listed(each.failing), "check" if len(each.failing) == 1 else "checks"
    fail = "fails" if len(each.failing) == 1 else "fail"
    match each.told.health:
        case Health.OK if each.failing:
            return f"{each.name} says all is well; our {checks} of {failing} {fail}: look at our side."
        case Health.OK:
            return f"{each.name} says all is well." if alone else ""
        case Health.UNKNOWN if each.failing:
            return f"{each.name} says nothing we could read; our {checks} of {failing} {fail}."
        case Health.UNKNOWN:
            return f"What {each.name} says could not be read." if alone else ""
        case health if each.failing:
            return f"{each.name} says it is {health.value}, and our {checks} of {failing} {fail} too."
        case health if well:
            are = "check" if len(well) == 1 else "checks"
            return f"{each.name} says it is {health.value}; our {are} of {_listed(well)} found nothing wrong."
        case health:
            return f"{each.name} says it is {health.value}."


def _listed(services: Sequence[str]) -> str:
    more = f" and {len(services) - 3} more" if len(services) > 3 else ""
    return ", ".join(services[:3]) + more
