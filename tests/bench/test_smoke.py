"""That the benchmark can still measure everything; what it measures is judged by `make bench` alone."""

import re
import subprocess
import sys

from tests.bench.figures import Bar, Rounds, Row, over, percentile, table
from tests.bench.processes import ROOT


def test_a_quick_run_fills_the_whole_table() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if "|" in line]
    measured = {row[0]: row for row in rows[2:]}
    for mode in ("HTTP", "Socket Mode"):
        for command in ("help", "health"):
            assert f"/ops {command}, {mode}, one at a time, p50" in measured
            assert f"/ops {command}, {mode}, 16 at once" in measured
    for title in (
        "approve click",
        "/ops health of 20",
        "calls to the two dead",
        "memory with every kind",
        "audit rows appended",
        "audit rows verified",
        "memory",
        "start",
    ):
        assert any(what.startswith(title) for what in measured), title
    for what, ours, _, ratio, _ in rows[2:]:
        assert _first(ours) > 0 or what.startswith("calls to the two dead"), what
        assert not ratio or _first(ratio) > 0, what
    assert len([row for row in rows[2:] if row[4]]) == 12, "a bar was added or lost"


def test_a_bar_is_judged_by_the_median_of_the_rounds_own_ratios() -> None:
    ours, theirs = Rounds((1.0, 9.0, 1.0), " ms"), Rounds((10.0, 10.0, 2.0), " ms")
    assert over(ours, theirs).values == (0.1, 0.9, 0.5)
    assert Row("quick enough", ours, theirs, bar=Bar(at_most=0.5)).missed is False
    assert Row("too slow", ours, theirs, bar=Bar(at_most=0.25)).missed is True
    assert Row("too few", ours, theirs, bar=Bar(at_least=1)).missed is True
    assert "MISSED" in table([Row("too few", ours, theirs, bar=Bar(at_least=1))])


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.0
    assert percentile([float(value) for value in range(1, 101)], 99) == 99.0
    assert percentile([7.0], 99) == 7.0


def _first(text: str) -> float:
    found = re.search(r"[\d,.]+", text)
    return float(found[0].replace(",", "")) if found else 0.0
