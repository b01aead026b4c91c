"""Parts of an answer: plain facts, rendered elsewhere as cards, terminal text or files."""

from enum import StrEnum
from typing import Literal, NewType, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

PersonId = NewType("PersonId", str)
"""A Slack user id (`U…`), or `machine:<name>` for whatever is not a person."""


class Frozen(BaseModel):
    """A value that travels: immutable, and nothing it does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, defer_build=True)


class Moment(Frozen):
    """A time, shown in each reader's own zone."""

    at: AwareDatetime
    said: Literal["", "ago", "since", "until"] = ""
    """`ago` tells the distance (*12 minutes ago*, *in 2 hours*); the other words stand before the time."""


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


class Share(Frozen):
    """A part of a whole, shown in percent. What is small is never rounded to nothing, nor what is missing to all."""

    part: float
    of: float


Value = str | int | float | Moment | Span | Share | Person | Link | None
"""A cell. None is shown as a dash. Text is from anywhere and is escaped where it is rendered."""


class Fact(Frozen):
    """One labelled value."""

    label: str
    value: Value


Sentence = str | tuple[Value, ...]
"""Words, with times, people and links among them where plain text would not do; drawn side by side."""


class Table(Frozen):
    """Rows under named columns; a card shows the first ones, and the rest is one button away.

    Columns of numbers are aligned right wherever it is drawn, so a number travels as a number and not as text.
    """

    columns: tuple[str, ...]
    """In a person's words, with the unit: *failed*, *of runs*, *slowest 5 %*."""
    rows: tuple[tuple[Value, ...], ...]
    csv: bool = False
    """Asked for as a CSV file; given whatever its length."""

    def numeric(self, at: int) -> bool:
        """Whether a column holds numbers alone."""
        cells = [row[at] for row in self.rows if at < len(row) and row[at] is not None]
        return bool(cells) and all(isinstance(cell, int | float | Span | Share) for cell in cells)


class Tone(StrEnum):
    """The meaning of a series to somebody who glances at it."""

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
    """Name of the `before` of a series, like `the day before`."""
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
    UNDONE = "undone"
    RUNNING = "running"
    REFUSED = "refused"
    WAITING = "waiting"
    WARNING = "warning"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    FAILED = "failed"
    DOWN = "down"

    @property
    def word(self) -> str:
        """What stands beside its mark, so that nobody has to know the colours."""
        return _WORDS.get(self, self.value)


_WORDS = {
    Status.WARNING: "needs attention",
    Status.REFUSED: "not allowed",
    Status.WAITING: "waits for approval",
}


class Suggestion(Frozen):
    """A button that types `words` for the person who presses it; judged at the click like any typing."""

    label: str
    words: str


class Line(Frozen):
    """A row that reads as a sentence: what it is about, how it stands, and what can be done about it.

    Values to be compared with those of other rows belong in a table.
    """

    text: str
    detail: Sentence = ""
    status: Status | None = None
    word: str = ""
    """What the mark says here, like *near its limit*; the status's own word if left out."""
    suggestions: tuple[Suggestion, ...] = ()
    """Its next steps, the likeliest first: one is a button in the row, several are a menu."""


class Folded(Frozen):
    """What is well and needs nobody: counted and named on one line."""

    word: str
    """As in *17 healthy*."""
    names: tuple[str, ...]
    remark: str = ""
    """What is worth a glance all the same, like the slowest."""
    table: Table | None = None
    """All of it, well or not: opened by *Show all*, and in the file."""


class Report(Frozen):
    """The answer of a lookup: plain facts. Cards, terminal and files are made of it elsewhere."""

    title: str
    """What was asked for, like *Errors of n8n*: names files and pictures, and stands in the small print."""
    lead: str = ""
    """The headline: the answer with its number, at most 90 characters where it can be. The title stands in for it."""
    status: Status | None = None
    facts: tuple[Fact, ...] = ()
    lines: tuple[Line, ...] = ()
    well: Folded | None = None
    table: Table | None = None
    chart: Chart | None = None
    """Shown after the answer, which never waits for it."""
    notes: tuple[str, ...] = ()
    """Small print: what could not be read, what was left out."""
    suggestions: tuple[Suggestion, ...] = ()
    taken_at: AwareDatetime | None = None
    secret: str = ""
    """Shown to the asker alone, once; never shared, stored or logged. The only text that is not redacted."""
