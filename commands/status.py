"""/ops status: what vendors say of themselves, beside what we measure of them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.words.action import Asker, Lookup
from bot.words.params import Params
from bot.words.report import Frozen, Report, Status, Suggestion
from commands import House
from commands._shared.asking import Unanswered, ask
from commands._shared.recent import Recent
from commands._shared.services import OnService, ServiceName, pick
from commands._shared.status_lines import line_of, well_of
from commands._shared.status_words import FIRST, Beside, lead_of
from integrations.capabilities import Checkable, Checked, Health, VendorState, VendorStatus


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
        well = [each for each in found if each.status is Status.OK]
        folded = len(found) > 1 and bool(well)
        return Report(
            title=f"What {key} says of itself" if key else "What vendors say of themselves",
            lead=lead_of(found),
            status=_overall(found),
            lines=tuple(line_of(each) for each in found if not (folded and each in well)),
            well=well_of(well, found) if folded else None,
            suggestions=(Suggestion(label="Look again", words=" ".join(filter(None, ("status", key, "fresh=yes")))),),
            taken_at=self.now(),
        )

    async def _told(self, page: VendorStatus) -> VendorState:
        state = await ask(page.vendor_state(), self.deadline)
        return VendorState(Health.UNKNOWN, state.why) if isinstance(state, Unanswered) else state


def _overall(found: Sequence[Beside]) -> Status:
    """What they say decides; where all say that all is well, a check of ours that fails is worth a look."""
    worst = min((each.told.health for each in found), key=FIRST.index)
    ours = any(each.failing for each in found)
    return Status.WARNING if worst is Health.OK and ours else Status(worst.value)


def _stands_on(service: Checkable, page: VendorStatus) -> bool:
    return service.name in page.services if page.services else service.kind == page.vendor


async def _checked(service: Checkable) -> Checked:
    answer = await ask(service.check(), service.deadline)
    return Checked(Health.UNKNOWN, answer.why) if isinstance(answer, Unanswered) else answer


def actions(house: House) -> ShowStatus:
    bought = house.services.vendors if house.settings(Settings).vendor_pages else ()
    return ShowStatus((*house.having(VendorStatus), *bought), house.having(Checkable), house.now)
