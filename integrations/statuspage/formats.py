"""The formats in which vendors publish how they are, each read into the same few facts.

A vendor is down only where it says so of all that is asked about. What it says in words that its format does not have
is unknown.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, Field

from bot.words.exceptions import OpsError, TryLater
from integrations.capabilities import Health, VendorIncident
from integrations.plumbing.shape import Shape
from integrations.plumbing.vendor_pages import Format

M = TypeVar("M", bound=BaseModel)


class Read(Protocol):
    async def __call__(self, path: str, shape: type[M]) -> M:
        """Raises TryLater, whose text is a clause, where it is not there or not of that shape."""
        ...


@dataclass(frozen=True)
class Component:
    group: str
    name: str
    state: str
    """The vendor's word."""
    health: Health
    shown: str
    """Its name, with its group before it where others of the page are called the same."""

    @property
    def names(self) -> frozenset[str]:
        """Names for it in ops.toml, casefolded."""
        return frozenset({self.name.casefold(), f"{self.group} / {self.name}".casefold()})


@dataclass(frozen=True)
class OpenIncident:
    told: VendorIncident
    components: frozenset[str] = frozenset()
    """Bare names of what it is about; empty where it does not say."""


@dataclass(frozen=True)
class Told:
    """The facts of a page, whatever its format."""

    health: Health
    sentence: str
    components: tuple[Component, ...] = ()
    incidents: tuple[OpenIncident, ...] = ()
    unread: str = ""
    """A clause on what of it could not be read."""


def _moment(text: object) -> datetime | None:
    """A time that is written badly costs no more than itself."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


When = Annotated[datetime | None, BeforeValidator(_moment)]
Word = Annotated[str, BeforeValidator(lambda text: "" if text is None else text)]


def _letters(word: str) -> str:
    """`PARTIAL_OUTAGE`, `partial_outage` and `PARTIALOUTAGE` are the same state."""
    return "".join(letter for letter in word.casefold() if letter.isalpha())


_STATES: Final[Mapping[str, tuple[Health, str]]] = MappingProxyType(
    {
        "operational": (Health.OK, "operational"),
        "up": (Health.OK, "up"),
        "degraded": (Health.DEGRADED, "degraded"),
        "degradedperformance": (Health.DEGRADED, "degraded performance"),
        "hasissues": (Health.DEGRADED, "has issues"),
        "minoroutage": (Health.DEGRADED, "minor outage"),
        "partialoutage": (Health.DEGRADED, "partial outage"),
        "maintenance": (Health.DEGRADED, "maintenance"),
        "undermaintenance": (Health.DEGRADED, "under maintenance"),
        "majoroutage": (Health.DOWN, "major outage"),
        "fulloutage": (Health.DOWN, "full outage"),
        "downtime": (Health.DOWN, "downtime"),
        "down": (Health.DOWN, "down"),
    }
)


def _state(word: str) -> tuple[Health, str]:
    return _STATES.get(_letters(word), (Health.UNKNOWN, " ".join(word.split())[:40] or "says nothing"))


def _named(found: Iterable[tuple[str, str, str]]) -> tuple[Component, ...]:
    """Of (group, name, state): a name that is there twice has its group before it."""
    parts = list(found)
    counts = Counter(name for _, name, _ in parts)
    return tuple(
        Component(group, name, state, health, f"{group} / {name}" if group and counts[name] > 1 else name)
        for group, name, word in parts
        for health, state in (_state(word),)
    )


# -- Statuspage, and incident.io in its shape


class _Page(Shape):
    name: str = Field(min_length=1)


class _Rollup(Shape):
    indicator: str
    description: Word = ""


class _Component(Shape):
    id: Word = ""
    name: str
    status: Word = ""
    group: bool | None = False
    group_id: str | None = None


class _Concerned(Shape):
    name: str


class _Incident(Shape):
    id: Word = ""
    name: str
    status: Word = ""
    started_at: When = None
    created_at: When = None
    shortlink: Word = ""
    components: tuple[_Concerned, ...] | None = ()


class _Summary(Shape):
    page: _Page
    status: _Rollup
    components: tuple[_Component, ...] = ()
    incidents: tuple[_Incident, ...] | None = None
    scheduled_maintenances: tuple[_Incident, ...] | None = ()


class _Incidents(Shape):
    page: _Page
    incidents: tuple[_Incident, ...]


_INDICATORS: Final[Mapping[str, Health]] = MappingProxyType(
    {
        "none": Health.OK,
        "minor": Health.DEGRADED,
        "major": Health.DEGRADED,  # Statuspage's own sentence for it is "Partial System Outage"
        "critical": Health.DOWN,
        "maintenance": Health.DEGRADED,
    }
)
_OVER = frozenset({"resolved", "postmortem", "completed", "scheduled"})
"""`scheduled` has not begun."""


async def statuspage(read: Read, page: str, now: datetime) -> Told:
    """Source: GET /api/v2/summary.json, and /api/v2/incidents.json where the summary has no incidents"""
    summary = await read("/api/v2/summary.json", _Summary)
    incidents, unread = summary.incidents, ""
    if incidents is None:
        try:
            incidents = (await read("/api/v2/incidents.json", _Incidents)).incidents
        except OpsError as error:
            incidents, unread = (), f"its incidents could not be read: {error}"
    indicator = summary.status.indicator
    groups = {each.id: each.name for each in summary.components if each.group}
    return Told(
        _INDICATORS.get(indicator, Health.UNKNOWN),
        summary.status.description or f"indicator {indicator}",
        _named((groups.get(c.group_id or "", ""), c.name, c.status) for c in summary.components if not c.group),
        tuple(
            OpenIncident(
                VendorIncident(
                    each.name,
                    each.status.replace("_", " "),
                    each.started_at or each.created_at,
                    each.shortlink or f"{page}/incidents/{each.id}",
                ),
                frozenset(concerned.name for concerned in each.components or ()),
            )
            for each in (*incidents, *(summary.scheduled_maintenances or ()))
            if each.status not in _OVER
        ),
        unread,
    )


# -- Stripe


class _Stripe(Shape):
    largestatus: Word = ""
    uptime: Word = Field(default="", alias="UptimeStatus")
    message: Word = ""
    statuses: Mapping[str, str] = Field(default_factory=dict)


async def stripe(read: Read, page: str, now: datetime) -> Told:
    """It lists no incidents. Source: GET /current"""
    found = await read("/current", _Stripe)
    health, state = _state(found.largestatus or found.uptime)
    if health is Health.UNKNOWN:
        raise TryLater("it answers JSON without a state of Stripe")
    components = _named(("", name, word) for name, word in found.statuses.items())
    return Told(health, found.message or f"Stripe is {state}", components)


# -- Instatus, which Railway's own page is like


class _Node(Shape):
    """Of a tree: what has others under it is a group."""

    name: str
    status: Word = ""
    children: tuple["_Node", ...] | None = ()
    components: tuple["_Node", ...] | None = ()

    def leaves(self, group: str = "") -> Iterable[tuple[str, str, str]]:
        under = (*(self.children or ()), *(self.components or ()))
        if not under:
            yield group, self.name, self.status
        for each in under:
            yield from each.leaves(self.name)


class _InstatusPage(_Page):
    status: Word = ""


class _Active(Shape):
    name: str
    status: Word = ""
    started: When = None
    start: When = None
    url: Word = ""


class _Instatus(Shape):
    page: _InstatusPage
    incidents: tuple[_Active, ...] | None = Field(default=(), alias="activeIncidents")
    maintenances: tuple[_Active, ...] | None = Field(default=(), alias="activeMaintenances")
    components: tuple[_Node, ...] | None = ()


_NOT_BEGUN = frozenset({"notstartedyet", "completed", "resolved"})


async def instatus(read: Read, page: str, now: datetime) -> Told:
    """Source: GET /summary.json"""
    found = await read("/summary.json", _Instatus)
    components = _named(leaf for node in found.components or () for leaf in node.leaves())
    active = [
        OpenIncident(VendorIncident(each.name, _spoken(each.status), each.started or each.start, each.url or page))
        for each in (*(found.incidents or ()), *(found.maintenances or ()))
        if _letters(each.status) not in _NOT_BEGUN
    ]
    health, state = _state(found.page.status) if found.page.status else _of_all(components)
    if health is Health.OK and any(each.health is not Health.OK for each in components):
        health, state = _of_all(components)
    sentence = active[0].told.name if active else f"{found.page.name}: {state}"
    return Told(health, sentence, components, tuple(active))


def _of_all(components: Sequence[Component]) -> tuple[Health, str]:
    """Down where all are; degraded where some are not well."""
    if not components:
        return Health.UNKNOWN, "says nothing"
    states = {each.health for each in components}
    if len(states) == 1:
        return components[0].health, components[0].state
    return Health.DEGRADED, "has issues"


def _spoken(word: str) -> str:
    known = {"inprogress": "in progress"}
    return known.get(_letters(word), word.replace("_", " ").casefold())


# -- Better Stack


class _Attributes(Shape):
    company_name: Word = ""
    aggregate_state: Word = ""
    public_name: Word = ""
    name: Word = ""
    status: Word = ""
    title: Word = ""
    starts_at: When = None
    ends_at: When = None
    status_page_section_id: Any = None


class _Included(Shape):
    id: Any = None
    type: str
    attributes: _Attributes = _Attributes()


class _Top(Shape):
    attributes: _Attributes


class _BetterStack(Shape):
    data: _Top
    included: tuple[_Included, ...] = ()


_PARTS = ("status_page_section", "status_page_resource", "status_report")


async def betterstack(read: Read, page: str, now: datetime) -> Told:
    """Source: GET /index.json"""
    found = await read("/index.json", _BetterStack)
    top = found.data.attributes
    if not top.company_name:
        raise TryLater("it answers JSON that does not say whose page it is")
    health, state = _state(top.aggregate_state)
    of = {kind: [each for each in found.included if each.type == kind] for kind in _PARTS}
    sections = {str(each.id): each.attributes.name for each in of["status_page_section"]}
    resources = [each.attributes for each in of["status_page_resource"]]
    active = tuple(
        OpenIncident(VendorIncident(each.title, _spoken(each.aggregate_state) or "open", each.starts_at, page))
        for each in (report.attributes for report in of["status_report"])
        if each.title
        and (each.starts_at is None or each.starts_at <= now)
        and not (each.ends_at and each.ends_at <= now)
    )
    return Told(
        health,
        active[0].told.name if active else f"{top.company_name}: {state}",
        _named((sections.get(str(r.status_page_section_id), ""), r.public_name, r.status) for r in resources),
        active,
    )


FORMATS: Final[Mapping[Format, Callable[[Read, str, datetime], Awaitable[Told]]]] = MappingProxyType(
    {"statuspage": statuspage, "stripe": stripe, "instatus": instatus, "betterstack": betterstack}
)


# -- only what matters


_WORST = tuple(Health)


def narrowed(told: Told, wanted: Sequence[str]) -> Told:
    """Only these components, and what is open about them; the health is then that of the worst one.

    A name that several components have means all of them. One that the page has not makes it UNKNOWN: it may have been
    renamed, and would never be heard of again.
    """
    if not wanted:
        return told
    names = {name.casefold() for name in wanted}
    chosen = tuple(each for each in told.components if names & each.names)
    met = frozenset[str]().union(*(each.names for each in chosen))
    lacking = [name for name in wanted if name.casefold() not in met]
    health = max((each.health for each in chosen), key=_WORST.index, default=Health.UNKNOWN)
    if lacking:
        health = max(health, Health.UNKNOWN, key=_WORST.index)
    sentence = told.sentence
    if health is Health.OK and told.health is not Health.OK:
        sentence = f"{sentence.rstrip('.')}, which is not about {', '.join(wanted)}"
    concerned = {each.name for each in chosen}
    unread = [*(f"its page has no component {name!r}" for name in lacking), *filter(None, [told.unread])]
    return replace(
        told,
        health=health,
        sentence=sentence,
        components=chosen,
        incidents=tuple(each for each in told.incidents if not each.components or concerned & each.components),
        unread="; ".join(unread),
    )
