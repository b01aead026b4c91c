"""What an answer is made of: plain facts, rendered elsewhere as cards, terminal text or files."""

from enum import StrEnum
from typing import NewType, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

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


class Tone(StrEnum):
    """What a series means to somebody who glances at it."""

    PLAIN = "plain"
    TROUBLE = "trouble"


class Series(Frozen):
    """One number over time. None where it is not known, which is not zero."""

    name: str
    values: tuple[float | None, ...]
    before: tuple[float | None, ...] = ()
    """The same of the period before, drawn faintly behind; empty for none."""
    tone: Tone = Tone.PLAIN


class Chart(Frozen):
    """Numbers over time, drawn elsewhere as a picture or a line of blocks; each series on a scale of its own."""

    title: str
    unit: str
    """Of every number, like `per hour`."""
    times: tuple[AwareDatetime, ...] = Field(min_length=1)
    """Where each slice begins; even, oldest first."""
    series: tuple[Series, ...] = Field(min_length=1, max_length=4)
    before: str = ""
    """What `before` of a series is called, like `the day before`."""
    alt: str = ""
    """The picture in one sentence, for who cannot see it."""

    @model_validator(mode="after")
    def _even(self) -> Self:
        for series in self.series:
            if len(series.values) != len(self.times) or len(series.before) not in (0, len(self.times)):
                raise ValueError(f"{series.name}: a number for each of {len(self.times)} times is needed, or None")
        return self


class Status(StrEnum):
    """Worst last. UNKNOWN is "we could not find out", never a guess at down.

    A service is DEGRADED or DOWN; what somebody has to look at is a WARNING, what went wrong has FAILED.
    """

    OK = "ok"
    WARNING = "warning"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    FAILED = "failed"
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
    """Shown after the answer, which never waits for it."""
    notes: tuple[str, ...] = ()
    """Small print: what could not be read, what was left out."""
    suggestions: tuple[Suggestion, ...] = ()
    taken_at: AwareDatetime | None = None
    secret: str = ""
    """Shown to the asker alone, once; never shared, stored or logged. The only text that is not redacted."""
