"""The process that draws: a real picture, and what goes wrong on the way to it."""

import struct
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from bot.tell.chart import PNG, NotDrawn, Painter
from bot.words.report import Chart, Series, Tone

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def a_chart(slices: int = 24, title: str = "Statistics, last 24h") -> Chart:
    return Chart(
        title=title,
        unit="per hour",
        times=tuple(START + timedelta(hours=n) for n in range(slices)),
        series=(
            Series(name="operations", values=(None, *(float(n) for n in range(1, slices))), before=(3.0,) * slices),
            Series(name="failed", values=(0.0,) * slices, before=(None,) * slices, tone=Tone.TROUBLE),
        ),
        before="the day before",
        alt="Operations and failures per hour.",
    )


def size(picture: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", picture[16:24])
    return int(width), int(height)


@pytest.mark.parametrize("title", ["Statistics, last 24h", r"$\frac{ $x_1$ <b> ‮ 統計 \n"])
async def test_a_picture_is_made(title: str) -> None:
    """Of any words: nothing in them is mathematics or markup."""
    picture = await Painter().png(a_chart(title=title))
    assert picture.startswith(PNG)
    assert size(picture) == (1200, 980)
    assert 10_000 < len(picture) < 400_000


async def test_one_slice_is_a_picture_too() -> None:
    assert size(await Painter().png(a_chart(1))) == (1200, 980)


def test_the_bot_does_not_load_what_draws() -> None:
    """It weighs more than the bot itself."""
    loaded = "[n for n in ('matplotlib', 'numpy') if n in sys.modules]"
    code = f"import sys, ops.serve, bot.tell.chart, ops.cli; print({loaded})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


async def test_the_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-for-you")
    tells = "import os, sys; sys.exit('SLACK_BOT_TOKEN' in os.environ and 'it knows' or 'it does not know')"
    with pytest.raises(NotDrawn, match="it does not know"):
        await Painter(command=(sys.executable, "-c", tells)).png(a_chart())


@pytest.mark.parametrize(
    ("code", "limit", "why"),
    [
        ("raise MemoryError('no room')", 20.0, "its process ended with 1: MemoryError: no room"),
        ("import os; os.kill(os.getpid(), 9)", 20.0, "its process ended with -9"),
        ("print('no picture')", 20.0, "what came was no picture"),
        ("import time; time.sleep(60)", 0.2, r"it was not done within 0\.2 s"),
    ],
)
async def test_what_goes_wrong_is_said(code: str, limit: float, why: str) -> None:
    painter = Painter(command=(sys.executable, "-c", code), limit=timedelta(seconds=limit))
    with pytest.raises(NotDrawn, match=f"^{why}$"):
        await painter.png(a_chart())


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(NotDrawn, match="its process did not start"):
        await Painter(command=("/no/such/program",)).png(a_chart())


def test_a_chart_has_a_number_for_each_time() -> None:
    with pytest.raises(ValidationError, match="a number for each of 2 times"):
        Chart(title="t", unit="u", times=(START, START + timedelta(hours=1)), series=(Series(name="s", values=(1.0,)),))


def test_a_chart_travels_as_json() -> None:
    assert Chart.model_validate_json(a_chart().model_dump_json()) == a_chart()
