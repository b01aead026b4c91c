"""Draws a chart as a PNG, in a process of its own: what draws weighs more than the bot, and goes when it is done.

`python -m bot.tell.chart` reads a Chart as JSON and writes the picture.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.words.clean import whole_json
from bot.words.report import Chart, Series, Tone

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PNG: Final = b"\x89PNG\r\n\x1a\n"
COMMAND: Final = (sys.executable, "-m", "bot.tell.chart")
_LARGEST = 4_000_000
"""Bytes; a chart has some fifty thousand."""
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "MPLCONFIGDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""Variables of our environment, which holds secrets, that the process may know."""
_ROOT = Path(__file__).parents[2]

_COLOURS: Final[Mapping[Tone, str]] = {Tone.PLAIN: "#56B4E9", Tone.TROUBLE: "#D55E00"}
"""Okabe and Ito's: told apart by the colour-blind, and in grey."""
_INK, _FAINT, _GRID = "#1d1c1d", "#4a4a4a", "#e3e3e3"
_INCHES, _DPI = (6.0, 4.9), 200
"""A phone shows it at some 360 points: 12 points here are 10 there."""


class NotDrawn(Exception):
    """Why there is no picture, as a clause a person may read."""


class Painter:
    """One picture at a time: a crowd that asks at once waits, and takes the memory of one."""

    def __init__(self, *, limit: timedelta = timedelta(seconds=20), command: Sequence[str] = COMMAND) -> None:
        self._limit = limit
        self._command = tuple(command)
        self._turn = asyncio.Lock()

    async def png(self, chart: Chart) -> bytes:
        """Raises: NotDrawn"""
        async with self._turn:
            try:
                return await self._drawn(json.dumps(whole_json(chart.model_dump(mode="json"))).encode())
            except TimeoutError:
                raise NotDrawn(f"it was not done within {self._limit.total_seconds():g} s") from None
            except OSError as error:
                raise NotDrawn(f"its process did not start ({type(error).__name__})") from error

    async def _drawn(self, chart: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=_ROOT,  # where -m finds us, installed or not
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                picture, said = await process.communicate(chart)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            last = said.decode(errors="replace").strip().rpartition("\n")[2][:200]
            raise NotDrawn(f"its process ended with {process.returncode}: {last}".rstrip(": "))
        if not picture.startswith(PNG) or len(picture) > _LARGEST:
            raise NotDrawn("what came was no picture")
        return picture


def png(chart: Chart) -> bytes:
    """Draws it here and now; only in the process of its own."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with rc_context(
        {
            "font.family": "sans-serif",
            "font.size": 12,
            "text.color": _INK,
            "axes.labelcolor": _INK,
            "axes.edgecolor": _FAINT,
            "xtick.color": _INK,
            "ytick.color": _INK,
            "text.parse_math": False,
        }
    ):
        figure = Figure(
            figsize=_INCHES, dpi=_DPI, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1), facecolor="white"
        )
        count = len(chart.series)
        panels = figure.subplots(count, 1, sharex=True, squeeze=False, height_ratios=[3, *[2] * (count - 1)])[:, 0]
        for panel, series in zip(panels, chart.series, strict=True):
            _panel(panel, chart, series)
        _times(panels[-1], chart)
        figure.suptitle(chart.title[:60], x=0.02, ha="left", fontsize=14, fontweight="bold")
        if chart.before and any(series.before for series in chart.series):
            place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)}
            panels[0].legend(**place, frameon=False, fontsize=11, handlelength=1.8, borderpad=0.1)
        made = BytesIO()
        figure.savefig(made, format="png")
    return made.getvalue()


def _panel(panel: "Axes", chart: Chart, series: Series) -> None:
    from matplotlib.ticker import MaxNLocator

    places = range(len(chart.times))
    known = [value if value is not None else 0.0 for value in series.values]
    panel.bar(places, known, width=0.82, color=_COLOURS[series.tone])
    if unknown := [place for place in places if series.values[place] is None]:
        for place in unknown:  # not known is not zero
            panel.axvspan(place - 0.5, place + 0.5, facecolor="#f4f4f4", edgecolor=_GRID, hatch="///", linewidth=0)
    if series.before:
        before = [float("nan") if value is None else value for value in series.before]
        label = chart.before[:40] or None
        panel.plot(places, before, color=_FAINT, linewidth=1.6, linestyle=(0, (4, 2)), label=label)
    most = max((value for value in (*series.values, *series.before) if value is not None), default=0.0)
    panel.set_ylim(0, most * 1.12 if most else 1)
    panel.set_ylabel(f"{series.name}\n{chart.unit}"[:80])
    panel.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=2))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    panel.set_axisbelow(True)
    panel.grid(axis="y", color=_GRID)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(left=False, bottom=False)


def _times(panel: "Axes", chart: Chart) -> None:
    """At most five, at round hours or midnights where there are some."""
    times = [at.astimezone(UTC) for at in chart.times]
    length = times[-1] - times[0]
    shape = "%H:%M" if length <= timedelta(days=1) else "%a %H:%M" if length <= timedelta(days=4) else "%d %b"
    step = next(step for step in (1, 2, 3, 4, 6, 8, 12, 24, 48, len(times)) if len(times) <= 5 * step)
    ticks = range(0, len(times), step)
    panel.set_xticks([place - 0.5 for place in ticks], [f"{times[place]:{shape}}" for place in ticks])
    panel.set_xlim(-0.6, len(times) - 0.4)
    panel.set_xlabel(
        f"{times[0]:%d %b} – {times[-1]:%d %b %Y}, UTC"
        if times[0].date() != times[-1].date()
        else f"{times[0]:%d %b %Y}, UTC"
    )


def main() -> None:
    sys.stdout.buffer.write(png(Chart.model_validate_json(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
