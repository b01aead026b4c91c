"""What an answer is made of: plain facts, rendered elsewhere as cards, terminal text or files."""

from enum import StrEnum
from typing import NewType

from pydantic import AwareDatetime, BaseModel, ConfigDict

PersonId = NewType("PersonId", str)
"""A Slack user id (`U…`), or `machine:<name>` for whatever is not a person."""


class Frozen(BaseModel):
    """A value that travels: immutable, and nothing it does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Moment(Frozen):
    """A time, shown in each reader's own zone."""

    at: AwareDatetime


class Span(Frozen):
    """A length of time in seconds, shown with its unit."""

    seconds: float


class Person(Frozen):
    """Somebody, shown by name."""

    id: PersonId


class Link(Frozen):
    """Something to look at elsewhere, under a name. Only http and https addresses become links."""

    url: str
    name: str


Value = str | int | float | Moment | Span | Person | Link | None
"""A cell. None is shown as a dash. Text is from anywhere and is escaped where it is rendered."""


class Fact(Frozen):
    """One labelled value."""

    label: str
    value: Value


class Table(Frozen):
    """Rows under named columns; a long table becomes a file by itself."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    csv: bool = False
    """Asked for as a CSV file; given whatever its length."""


class Status(StrEnum):
    """Worst last. UNKNOWN is "we could not find out", never a guess at down."""

    OK = "ok"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    DOWN = "down"


class Line(Frozen):
    """One item of a list that reads as a sentence, with a status in front where it has one."""

    text: str
    detail: str = ""
    status: Status | None = None
    facts: tuple[Fact, ...] = ()
    suggestions: tuple["Suggestion", ...] = ()


class Suggestion(Frozen):
    """A button that types `words` for the person who presses it; judged at the click like any typing."""

    label: str
    words: str


class Series(Frozen):
    """One line of a chart."""

    name: str
    values: tuple[float | None, ...]
    """One for each of the chart's times; None where nothing is known."""
    faint: bool = False
    """Beside what matters: the period before."""


class Chart(Frozen):
    """Figures over time; a picture in Slack, blocks in a terminal."""

    title: str
    unit: str
    times: tuple[AwareDatetime, ...]
    series: tuple[Series, ...]
    alt: str
    """What it shows, in a sentence, for those who cannot see it."""


class Report(Frozen):
    """The answer of a lookup: plain facts. Cards, terminal and files are made of it elsewhere."""

    title: str
    lead: str = ""
    """The one thing that matters, in one sentence."""
    status: Status | None = None
    facts: tuple[Fact, ...] = ()
    lines: tuple[Line, ...] = ()
    table: Table | None = None
    chart: Chart | None = None
    notes: tuple[str, ...] = ()
    """Small print: what could not be read, what was left out."""
    suggestions: tuple[Suggestion, ...] = ()
    taken_at: AwareDatetime | None = None
    secret: str = ""
    """Shown to the asker alone, once; never shared, stored or logged. The only text that is not redacted."""
