"""Figures of several rounds, and the table they stand in."""

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rounds:
    """One figure, measured once a round."""

    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        told = f"{_number(self.median)}{self.unit}"
        low, high = _number(min(self.values)), _number(max(self.values))
        return told if low == high else f"{told} ({low}–{high})"


def over(ours: Rounds, theirs: Rounds) -> Rounds:
    """Our figure as a multiple of theirs, round by round."""
    return Rounds(tuple(a / b for a, b in zip(ours.values, theirs.values, strict=True)), "")


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of them do not exceed."""
    return sorted(values)[max(-(-len(values) * percent // 100) - 1, 0)]


@dataclass(frozen=True)
class Bar:
    """What the median of a ratio has to be."""

    at_most: float | None = None
    at_least: float | None = None

    def held(self, ratio: Rounds) -> bool:
        return (self.at_most is None or ratio.median <= self.at_most) and (
            self.at_least is None or ratio.median >= self.at_least
        )

    def __str__(self) -> str:
        return f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"


@dataclass(frozen=True)
class Row:
    """`against` is what ours is compared with, in words; the ratio is ours over theirs."""

    what: str
    ours: Rounds
    theirs: Rounds | None = None
    against: str = ""
    bar: Bar | None = None

    @property
    def ratio(self) -> Rounds | None:
        return None if self.theirs is None else over(self.ours, self.theirs)

    @property
    def missed(self) -> bool:
        return self.bar is not None and self.ratio is not None and not self.bar.held(self.ratio)

    def cells(self) -> tuple[str, ...]:
        bar = f"{self.bar}: {'MISSED' if self.missed else 'met'}" if self.bar else ""
        theirs = f"{self.against} {self.theirs}" if self.theirs else ""
        return (self.what, str(self.ours), theirs.strip(), str(self.ratio or ""), bar)


def table(rows: Sequence[Row]) -> str:
    head = ("measured", "Handrail", "compared with", "ratio", "bar")
    lines = [head, tuple("---" for _ in head), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((f" ({line.partition(':')[2].strip()})" for line in lines if line.startswith("model name")), "")
    return f"{cores} cores{model}, {platform.system()}, Python {sys.version.partition(' ')[0]}"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
