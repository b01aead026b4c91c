"""Reports and requests as terminal text; the same facts as the cards, for when Slack is down."""

from collections.abc import Callable, Sequence
from datetime import timedelta, tzinfo
from math import ceil

from rich import markup
from rich.console import Console
from rich.table import Table as RichTable

from bot.tell.sheet import csv_of
from bot.words.clean import printable
from bot.words.params import duration_text
from bot.words.report import (
    Chart,
    Fact,
    Line,
    Link,
    Moment,
    Person,
    PersonId,
    Report,
    Sentence,
    Share,
    Span,
    Status,
    Suggestion,
    Value,
)
from bot.words.request import Answer, Needs, Request
from bot.words.spelling import share

_STYLE = {
    Status.OK: "green",
    Status.UNDONE: "cyan",
    Status.RUNNING: "blue",
    Status.REFUSED: "red",
    Status.WAITING: "yellow",
    Status.WARNING: "yellow",
    Status.DEGRADED: "yellow",
    Status.UNKNOWN: "magenta",
    Status.FAILED: "red",
    Status.DOWN: "red",
}

BARS = " ▁▂▃▄▅▆▇█"


def escape(text: str) -> str:
    """Nothing in it is taken for markup, or for an order to the terminal."""
    return markup.escape(printable(text))


class Terminal:
    """Writes to one console; `name` turns a person's id into a name."""

    def __init__(self, console: Console, name: Callable[[PersonId], str], zone: tzinfo) -> None:
        self._console, self._name, self._zone = console, name, zone

    def report(self, report: Report) -> None:
        style = f"bold {_STYLE[report.status]}" if report.status else "bold"
        self._print(f"[{style}]{escape(report.lead or report.title)}[/]")
        for fact in report.facts:
            self._print(f"  {self._fact(fact)}")
        for line in report.lines:
            self._line(line)
        if report.well:
            names = f"{len(report.well.names):,} {report.well.word}: {', '.join(report.well.names)}"
            self._print(
                f"[green]{escape(names)}[/]" + (f"  {escape(report.well.remark)}" if report.well.remark else "")
            )
        if report.table and report.table.csv:
            self._console.print(
                printable(csv_of(report.table, self._name)), markup=False, highlight=False, soft_wrap=True
            )
        elif report.table:
            table = RichTable(box=None, header_style="bold")
            for at, column in enumerate(report.table.columns):
                table.add_column(escape(column), justify="right" if report.table.numeric(at) else "left")
            for row in report.table.rows:
                table.add_row(*(escape(self.value(cell)) for cell in row))
            self._console.print(table)
        if report.chart:
            self._chart(report.chart)
        for note in report.notes:
            self._print(f"[dim]{escape(note)}[/]")
        if report.secret:
            self._console.print(printable(report.secret), markup=False, highlight=False, soft_wrap=True)

    def request(self, request: Request) -> None:
        plan = request.plan or {}
        self._print(f"[bold]{request.id} {request.state}[/]  {escape(str(plan.get('headline') or request.typed))}")
        effects = plan.get("effects")
        for effect in effects if isinstance(effects, list) else []:
            self._print(f"  - {escape(str(effect))}")
        warnings = plan.get("warnings")
        for warning in warnings if isinstance(warnings, list) else []:
            self._print(f"  [yellow]{escape(str(warning))}[/]")
        if plan.get("undo_note"):
            self._print(f"  [dim]{escape(str(plan['undo_note']))}[/]")
        if request.outcome:
            self._print(f"  {escape(request.outcome)}")
        for difference in request.differences:
            self._print(f"  changed: {escape(difference)}")

    def needs(self, needs: Needs) -> None:
        who = ", ".join(self._name(person) for person in needs.approvers)
        self._print(f"  {escape(needs.reason)}: {escape(who)} [dim]({escape(needs.rule)})[/]")

    def say(self, text: str) -> None:
        self._print(escape(text))

    def answer(self, answer: Answer) -> None:
        self._print(escape(answer.text))
        if answer.hint and not answer.choices:
            self._print(f"  ops run [bold]{escape(repr(answer.hint))}[/]")
        self.choices(answer.choices)

    def choices(self, choices: Sequence[Suggestion]) -> None:
        for choice in choices:
            self._print(f"  ops run [bold]{escape(repr(choice.words))}[/]")

    def value(self, value: Value) -> str:
        match value:
            case None:
                return "–"
            case Moment(at=at, said=said):
                local = f"{at.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"
                return f"{said} {local}" if said in ("since", "until") else local
            case Share():
                return share(value)
            case Span(seconds=seconds) if seconds < 1:
                return f"{seconds * 1000:.0f} ms"
            case Span(seconds=seconds):
                return duration_text(timedelta(seconds=round(seconds)))
            case Link(url=url):
                return url
            case Person(id=person):
                return self._name(person)
            case int() | float():
                return f"{value:,}"
            case str():
                return value

    def _chart(self, chart: Chart) -> None:
        """One line of blocks for each series, and one for the period before."""
        rows = [(series.name, series.values) for series in chart.series]
        rows += [(f"{series.name} {chart.before}", series.before) for series in chart.series if series.before]
        widest = max(len(name) for name, _ in rows)
        first, last = (at.astimezone(self._zone) for at in (chart.times[0], chart.times[-1]))
        self._print(f"[bold]{escape(chart.title)}[/]  [dim]{first:%d %b %H:%M} to {last:%d %b %H:%M}[/]")
        for name, values in rows:
            most = max((value for value in values if value is not None), default=0.0)
            unit = escape(f"at most {most:,.0f} {chart.unit}")
            self._print(f"  {escape(name.ljust(widest))}  {blocks(values)}  [dim]{unit}[/]")

    def _line(self, line: Line) -> None:
        mark = f"[{_STYLE[line.status]}]{escape(line.word or line.status.word)}[/]  " if line.status else ""
        first, *rest = self._said(line.detail).splitlines() or [""]
        self._print(f"{mark}[bold]{escape(line.text)}[/]" + (f"  {escape(first)}" if first else ""))
        for part in rest:
            self._print(f"    {escape(part)}")
        self.choices(line.suggestions)

    def _said(self, said: Sentence) -> str:
        if isinstance(said, str):
            return said
        return "".join(part if isinstance(part, str) else self.value(part) for part in said)

    def _fact(self, fact: Fact) -> str:
        return f"[dim]{escape(fact.label)}:[/] {escape(self.value(fact.value))}"

    def _print(self, marked: str) -> None:
        self._console.print(marked, highlight=False, soft_wrap=True)


def blocks(values: Sequence[float | None]) -> str:
    """A bar of eight heights for each, from zero; nothing for zero, and a dot where it is not known."""
    most = max((value for value in values if value is not None), default=0.0) or 1.0

    def bar(value: float | None) -> str:
        if value is None:
            return "·"
        return BARS[min(ceil(value / most * (len(BARS) - 1)), len(BARS) - 1)] if value > 0 else BARS[0]

    return "".join(map(bar, values))
