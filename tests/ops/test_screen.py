"""A chart in the terminal: a line of blocks for each series, for when Slack is down."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from bot.words.report import Chart, Report, Series, Suggestion, Tone
from bot.words.request import Answer
from ops.screen import Terminal, blocks

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ((0.0, 1.0, 4.0, 8.0), " ▁▄█"),
        ((None, 0.0, 1000.0, 1.0), "· █▁"),  # the smallest is seen beside the largest
        ((0.0, None), " ·"),
        ((), ""),
    ],
)
def test_blocks(values: tuple[float | None, ...], drawn: str) -> None:
    assert blocks(values) == drawn


def test_a_chart_in_the_terminal() -> None:
    chart = Chart(
        title="Statistics [of] n8n",
        unit="per hour",
        times=tuple(START + timedelta(hours=n) for n in range(4)),
        series=(
            Series(name="operations", values=(0.0, 500.0, 2000.0, 4000.0), before=(4.0, 4.0, 4.0, None)),
            Series(name="failed", values=(0.0, 0.0, 0.0, 1.0), tone=Tone.TROUBLE),
        ),
        before="the day before",
    )
    written = StringIO()
    terminal = Terminal(Console(file=written, width=120), str, ZoneInfo("Europe/Madrid"))
    terminal.report(Report(title="Statistics", lead="412 operations.", chart=chart, notes=("A note.",)))
    assert written.getvalue().splitlines() == [
        "412 operations.",
        "Statistics [of] n8n  04 Mar 13:00 to 04 Mar 16:00",
        "  operations                  ▁▄█  at most 4,000 per hour",
        "  failed                        █  at most 1 per hour",
        "  operations the day before  ███·  at most 4 per hour",
        "A note.",
    ]


def test_lines_to_choose_from_are_listed() -> None:
    written = StringIO()
    terminal = Terminal(Console(file=written, width=120), str, ZoneInfo("Europe/Madrid"))
    choices = tuple(
        Suggestion(label=name, words=f'whitelist 203.0.113.7 reason="an import" on={name}') for name in ("api", "neon")
    )
    terminal.answer(Answer(text="Several can. Say which.", hint=choices[0].words, choices=choices))
    assert written.getvalue().splitlines() == [
        "Several can. Say which.",
        """  ops run 'whitelist 203.0.113.7 reason="an import" on=api'""",
        """  ops run 'whitelist 203.0.113.7 reason="an import" on=neon'""",
    ]
