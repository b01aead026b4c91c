"""/ops status: what vendors say of themselves, beside what we measure of them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bot.words.action import Asker, Lookup
from bot.words.params import Params
from bot.words.report import Fact, Frozen, Line, Link, Moment, Report, Status, Suggestion
from commands import House
from commands._shared.asking import Unanswered, ask
from commands._shared.recent import Recent
from commands._shared.services import OnService, ServiceName, pick
from integrations.capabilities import Checkable, Checked, Health, VendorState, VendorStatus

SHOWN = 5
"""Components and incidents of one vendor; the rest is counted, and stands on its page."""

_FIRST = (Health.DOWN, Health.DEGRADED, Health.UNKNOWN, Health.OK)
"""Trouble that is told comes before a page that cannot be read: some never can."""
_TROUBLE = (Health.DOWN, Health.DEGRADED)


class Settings(Frozen):
    """What is looked at."""

    vendor_pages: bool = True
    """The public pages of the vendors that services are bought from, without a section for each."""


class Standing(Params):
    positional = ("vendor",)

    vendor: ServiceName = None
    """Vendor, or its status page as named in ops.toml; all of them if left out."""
    fresh: bool = False
    """Read the pages again now; otherwise an answer may be up to a minute old."""


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
    def place(self) -> tuple[int, str]:
        found = (self.told.health, *(checked.health for _, checked in self.ours))
        return min(_FIRST.index(health) for health in found), self.name


@dataclass(frozen=True)
class ShowStatus(OnService[VendorStatus], Lookup[Standing]):
    """Tell what vendors say of themselves, beside our own checks."""

    checks: tuple[Checkable, ...]
    now: Callable[[], datetime]
    recent: Recent = field(default_factory=lambda: Recent(timedelta(minutes=1)), compare=False)
    deadline: timedelta = timedelta(seconds=10)
    """For one page to be read."""

    can = "tell its vendor's status"
    named_by = "vendor"
    examples = ("status", "status github", "status fresh")

    async def answer(self, params: Standing) -> Report:
        key, chosen = "", self.services
        if params.vendor is not None or not self.services:
            key, chosen = self._called(params.vendor)
        kept = None if params.fresh else self.recent.get(key)
        return kept or await self.recent.make(key, lambda: self._look(chosen, key))

    def ready(self, asker: Asker, params: Standing) -> Report | None:
        return None if params.fresh else self.recent.get(params.vendor or "")

    def _called(self, name: str | None) -> tuple[str, tuple[VendorStatus, ...]]:
        """A page by its own name, or all pages of a vendor."""
        wanted = (name or "").casefold()
        for page in self.services:
            if page.name.casefold() == wanted:
                return page.name, (page,)
        if pages := tuple(page for page in self.services if page.vendor.casefold() == wanted):
            return pages[0].vendor, pages
        page = pick(self.services, name, can="tell its vendor's status", typed=lambda close: f"status {close}")
        return page.name, (page,)

    async def _look(self, pages: Sequence[VendorStatus], key: str) -> Report:
        standing = {page.name: [s for s in self.checks if _stands_on(s, page)] for page in pages}
        wanted = {service.name: service for found in standing.values() for service in found}
        told, checked = await asyncio.gather(
            asyncio.gather(*(self._told(page) for page in pages)),
            asyncio.gather(*(_checked(service) for service in wanted.values())),
        )
        ours = dict(zip(wanted, checked, strict=True))
        found = [
            Beside(page.name, state, tuple((service.name, ours[service.name]) for service in standing[page.name]))
            for page, state in zip(pages, told, strict=True)
        ]
        found.sort(key=lambda each: each.place)
        return Report(
            title=f"What {key} says of itself" if key else "What vendors say of themselves",
            lead=_lead(found),
            status=Status(min((each.told.health for each in found), key=_FIRST.index).value),
            lines=tuple(_line(each) for each in found),
            suggestions=(Suggestion(label="Look again", words=" ".join(filter(None, ("status", key, "fresh=yes")))),),
            taken_at=self.now(),
        )

    async def _told(self, page: VendorStatus) -> VendorState:
        state = await ask(page.vendor_state(), self.deadline)
        return VendorState(Health.UNKNOWN, state.why) if isinstance(state, Unanswered) else state


def _stands_on(service: Checkable, page: VendorStatus) -> bool:
    return service.name in page.services if page.services else service.kind == page.vendor


async def _checked(service: Checkable) -> Checked:
    answer = await ask(service.check(), service.deadline)
    return Checked(Health.UNKNOWN, answer.why) if isinstance(answer, Unanswered) else answer


def _lead(found: Sequence[Beside]) -> str:
    """How many are in trouble, then where their word and our checks differ."""
    troubled = [each for each in found if each.told.health in _TROUBLE]
    unread = [each for each in found if each.told.health is Health.UNKNOWN]
    if len(found) == 1:
        counted = ""
    elif troubled:
        counted = f"{len(troubled)} of {len(found)} vendors say that something is wrong."
    elif unread:
        counted = f"{len(found) - len(unread)} of {len(found)} vendors say that all is well."
    else:
        counted = f"All {len(found)} vendors say that all is well."
    if unread and len(found) > 1:
        counted += f" {len(unread)} {'page' if len(unread) == 1 else 'pages'} could not be read."
    compared = [text for each in found if (text := _compared(each, alone=len(found) == 1))]
    more = [f"{len(compared) - 3} more below."] if len(compared) > 3 else []
    return " ".join(filter(None, [counted, *compared[:3], *more]))


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


def _line(each: Beside) -> Line:
    told = each.told
    facts = [Fact(label="", value=text) for text in _capped(told.affected, "components")]
    for incident in told.incidents[:SHOWN]:
        facts.append(Fact(label=incident.state, value=incident.name))
        if incident.since is not None:
            facts.append(Fact(label="since", value=Moment(at=incident.since)))
        if incident.link:
            facts.append(Fact(label="told at", value=Link(url=incident.link, name=_host(incident.link))))
    if len(told.incidents) > SHOWN:
        facts.append(Fact(label="", value=f"{len(told.incidents) - SHOWN} more incidents"))
    facts += [Fact(label=f"our check of {service}", value=_measured(checked)) for service, checked in each.ours]
    if told.page:
        facts.append(Fact(label="page", value=Link(url=told.page, name=_host(told.page))))
    return Line(
        text=each.name,
        detail=told.summary,
        status=Status(told.health.value),
        facts=tuple(facts),
        suggestions=tuple(
            Suggestion(label=f"Check {service}", words=f"health {service} fresh=yes") for service in each.failing[:2]
        ),
    )


def _capped(affected: Sequence[str], what: str) -> list[str]:
    more = [f"{len(affected) - SHOWN} more {what}"] if len(affected) > SHOWN else []
    return [*affected[:SHOWN], *more]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:  # a vendor's link may be anything
        return url


def _measured(checked: Checked) -> str:
    return f"{checked.health.value}, {checked.detail}" if checked.detail else checked.health.value


def actions(house: House) -> ShowStatus:
    bought = house.services.vendors if house.settings(Settings).vendor_pages else ()
    return ShowStatus((*house.having(VendorStatus), *bought), house.having(Checkable), house.now)
