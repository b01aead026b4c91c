"""A vendor's public status page. A page that cannot be read is unknown, and never a reason to say "down"."""

import difflib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from bot.words.exceptions import OpsError, TryLater
from integrations.capabilities import Checked, Health, Trial, VendorState
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.section import Outside, Section, Url
from integrations.plumbing.trying import Step, tried
from integrations.plumbing.vendor_pages import VENDORS, Format
from integrations.statuspage.formats import FORMATS, Told, narrowed

MOST_AFFECTED = 20
"""Components that are named; a page may have hundreds."""

M = TypeVar("M", bound=BaseModel)


class StatusPageSection(Section):
    kind: Literal["statuspage"]
    vendor: str = ""
    """A vendor that is known: where its page is and how it is read need not be written then."""
    url: Url | None = None
    """Where the page is, without a path of its API."""
    format: Format | None = None
    """How it is read; `statuspage` if left out and the vendor is not known. incident.io's pages are read like that."""
    components: tuple[str, ...] = Field(default=(), max_length=50)
    """Those that matter, as `NAME` or `GROUP / NAME`; the whole page if left out."""
    services: tuple[str, ...] = ()
    """Services of ops.toml that stand on this vendor; those of its kind if left out."""

    rights: ClassVar[str] = "None: the page is public, and nothing of ours is sent to it."
    undo: ClassVar[str] = "Nothing to undo: it is only read."

    @field_validator("vendor")
    @classmethod
    def _known(cls, vendor: str) -> str:
        if vendor and vendor not in VENDORS:
            close = difflib.get_close_matches(vendor, VENDORS, n=1)
            instead = f'did you mean "{close[0]}"?' if close else f"write one of {', '.join(VENDORS)}"
            raise ValueError(f"no such vendor is known: {instead} For another, write url instead")
        return vendor

    @model_validator(mode="after")
    def _somewhere(self) -> "StatusPageSection":
        if not self.vendor and self.url is None:
            raise ValueError("write vendor or url")
        return self


class StatusPage:
    """VendorStatus, Testable."""

    kind = "statuspage"

    def __init__(
        self,
        name: str,
        section: StatusPageSection,
        outside: Outside,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        known = VENDORS.get(section.vendor)
        self.name = name
        self.vendor = section.vendor or name
        self.services = section.services
        self.deadline = section.deadline
        self.page = (section.url or (known.page if known else "")).rstrip("/")
        self._format = section.format or (known.format if known else "statuspage")
        self._why = known.why if known else ""
        self._components = section.components
        self._now = now
        self._service = Service(outside, name=name, base_url=self.page, timeout=section.deadline)

    async def vendor_state(self) -> VendorState:
        try:
            told = narrowed(await self._told(), self._components)
        except OpsError as error:
            return VendorState(Health.UNKNOWN, f"Its status page cannot be read: {error}", page=self.page)
        clean = self._service.clean
        affected = Counter(f"{clean(c.shown)}: {clean(c.state)}" for c in told.components if c.health is not Health.OK)
        named = [f"{text} ({count} times)" if count > 1 else text for text, count in affected.items()]
        more = len(named) - MOST_AFFECTED
        return VendorState(
            told.health,
            f"{clean(told.sentence)}; {clean(told.unread)}" if told.unread else clean(told.sentence),
            (*named[:MOST_AFFECTED], *((f"{more} more",) if more > 0 else ())),
            tuple(
                replace(each.told, name=clean(each.told.name), state=clean(each.told.state)) for each in told.incidents
            ),
            self.page,
        )

    async def _told(self) -> Told:
        if self._format is None or not self.page:
            raise TryLater(self._why)
        return await FORMATS[self._format](self._read, self.page, self._now())

    async def _read(self, path: str, shape: type[M]) -> M:
        """A host that nobody claims, or an application that answers everything, sends HTML with success, or sends us
        on: only JSON that says it is, in the format's own shape, counts."""
        answer = await self._service.look(path, limit=self.deadline)
        if isinstance(answer, Checked):
            raise TryLater(answer.detail)
        if 300 <= answer.status < 400:
            raise TryLater(f"it sends us elsewhere ({answer.status})")
        if not answer.good:
            raise TryLater(f"it answers {answer.status}")
        if "json" not in answer.media:
            raise TryLater(f"it answers {answer.media or 'without a content type'} instead of JSON")
        return _shaped(answer, shape)

    async def test(self) -> tuple[Trial, ...]:
        where = f"services.{self.name}"
        return await tried(
            Step("read the status page", self._told, f"Check {where}.url and {where}.format."),
            *((Step("find the components", self._find, f"Check {where}.components."),) if self._components else ()),
        )

    async def _find(self) -> None:
        if lacking := narrowed(await self._told(), self._components).unread:
            raise TryLater(lacking)


def _shaped(answer: Answer, shape: type[M]) -> M:
    try:
        return shape.model_validate(answer.json())
    except ValidationError:
        # The cause is dropped: pydantic's text quotes the answer.
        raise TryLater("it answers JSON of another shape than its format has") from None
    except (ValueError, RecursionError):
        broken = "broken JSON" if answer.whole else f"JSON that {answer.cut}"
        raise TryLater(f"it answers {broken}") from None
