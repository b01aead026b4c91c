"""Kind: whatever a vendor sends, what leaves is whole, no formula in a spreadsheet, no order to a terminal."""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bot.slack.door.connection import clients
from bot.slack.views.reports import report_message
from bot.store.trail.audit import PgAuditLog
from bot.store.trail.export import export
from bot.tell.chart import PNG, Painter
from bot.tell.sheet import csv_of
from bot.words.clean import printable, whole, whole_json
from bot.words.ports import Entry
from bot.words.report import Chart, Fact, Line, Link, PersonId, Report, Series, Span, Status, Table
from ops.screen import Terminal
from ops.wiring import utc_now
from tests.hostile.program import KEY

HALF, OTHER = "\ud83d", "\ude00"
WHOLE = {
    "nothing": ("", ""),
    "plain": ("as it is é 😀 👩‍🚀", "as it is é 😀 👩‍🚀"),
    "the first half": (f"a{HALF}", "a\ufffd"),
    "the second half": (f"{OTHER}b", "\ufffdb"),
    "halves in the wrong order": (f"{OTHER}{HALF}", "\ufffd\ufffd"),
    "both halves": (f"{HALF}{OTHER}", "😀"),
    "between letters": (f"x{HALF}y{OTHER}z", "x\ufffdy\ufffdz"),
    "many": (HALF * 3, "\ufffd" * 3),
}


@pytest.mark.parametrize(("given", "out"), WHOLE.values(), ids=WHOLE.keys())
def test_a_half_is_replaced_and_two_halves_are_one(given: str, out: str) -> None:
    assert whole(given) == out
    assert whole_json({given: [given, (given, 1, None)]}) == {out: [out, [out, 1, None]]}


ORDERS = {
    "a colour": ("\x1b[31mred\x1b[0m", "red"),
    "a title": ("\x1b]0;owned\x07x", "x"),
    "a link": ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
    "a link that never ends": ("a\x1b]8;;https://evil.example", "a"),
    "clear the screen": ("\x1b[2J\x1b[Hgone", "gone"),
    "reset": ("\x1bcx", "x"),
    "a question to the terminal": ("\x1b[6nx", "x"),
    "one byte for two": ("\x9b31mred", "red"),
    "one byte for a title": ("\x9d0;owned\x9cx", "x"),
    "a bell": ("ding\x07", "ding"),
    "backspaces": ("safe\x08\x08\x08\x08evil", "safeevil"),
    "back to the line's start": ("rm -rf\recho hi", "rm -rfecho hi"),
    "NUL and DEL": ("a\x00b\x7fc", "abc"),
    "turned around": ("\u202egnp.exe\u202c", "gnp.exe"),
    "an isolate": ("\u2066a\u2069", "a"),
    "a lonely ESC": ("\x1b", ""),
    "breaks and tabs stay": ("a\tb\nc\r\nd", "a\tb\nc\nd"),
    "a half": (HALF, "\ufffd"),
}


@pytest.mark.parametrize(("given", "out"), ORDERS.values(), ids=ORDERS.keys())
def test_no_order_reaches_a_terminal(given: str, out: str) -> None:
    assert printable(given) == out


@given(st.text(st.characters(), max_size=40))
def test_whatever_it_is_it_can_be_written_and_is_no_order(text: str) -> None:
    out = printable(text)
    out.encode("utf-8")
    assert all(letter in "\n\t" or ord(letter) >= 32 for letter in out)
    assert not {"\x7f", "\x9b", "\u202e"} & set(out)
    assert printable(out) == out


EVIL = f"\x1b]0;owned\x07=1+1{HALF}\u202e"


def report() -> Report:
    """One that has the text in every place there is."""
    times = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    return Report(
        title=EVIL, lead=EVIL, status=Status.FAILED, facts=(Fact(label=EVIL, value=EVIL),),
        lines=(Line(text=EVIL, detail=EVIL, status=Status.DOWN), Line(text=EVIL, detail=(EVIL,))),
        table=Table(columns=(EVIL, "n"), rows=((EVIL, 1), (Link(url=f"https://a.example/{EVIL}", name=EVIL), 2))),
        chart=Chart(title=EVIL, unit=EVIL, times=times, series=(Series(name=EVIL, values=(1.0, 2.0)),)),
        notes=(EVIL,),
    )  # fmt: skip


def test_no_place_of_a_report_lets_it_through_to_the_terminal() -> None:
    out = io.StringIO()
    Terminal(Console(file=out, force_terminal=False, width=200), str, ZoneInfo("UTC")).report(report())
    said = out.getvalue()
    said.encode("utf-8")
    assert "owned" not in said
    assert not {"\x1b", "\x07", "\u202e", HALF} & set(said)


def test_no_place_of_a_report_lets_a_half_through_to_slack() -> None:
    payload = report_message(report(), lambda person: f"{person}{HALF}").payload()
    json.dumps(payload, ensure_ascii=False).encode("utf-8")


async def test_no_call_to_slack_carries_a_half() -> None:
    bodies: list[str] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.text())
        return web.json_response({"ok": True, "channel": "C1", "ts": "1.1"})

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with clients("xoxb-x", f"http://127.0.0.1:{runner.addresses[0][1]}/api/") as both:
        for client in (both.patient, both.strict):
            block = {"type": "section", "text": {"type": "mrkdwn", "text": HALF}}
            await client.chat_postMessage(channel="C1", text=HALF, blocks=[block])
            await client.views_open(trigger_id="1", view={"type": "modal", "title": {"text": HALF}})
            await client.conversations_list(cursor=HALF)
    await runner.cleanup()
    assert len(bodies) == 6
    assert not [body for body in bodies if "\\ud83d" in body.lower() or HALF in body]


async def test_a_chart_is_drawn_all_the_same() -> None:
    chart = report().chart
    assert chart is not None
    assert (await Painter(limit=timedelta(minutes=2)).png(chart)).startswith(PNG)


CELLS: dict[str, tuple[object, str]] = {
    "equals": ("=1+1", "'=1+1"),
    "plus": ("+cmd", "'+cmd"),
    "minus": ("-cmd", "'-cmd"),
    "at": ("@SUM(A1)", "'@SUM(A1)"),
    "tab": ("\t=1", "'\t=1"),
    "CR": ("\r=1", "'\r=1"),
    "line break": ("\n=1", "'\n=1"),
    "after a space": (" =1", "' =1"),
    "after a quote": ('"=1', "'\"=1"),
    "full-width": ("＝1+1", "'＝1+1"),
    "a pipe": ("|calc", "'|calc"),
    "a negative number": (-5, "-5"),
    "a small one": (-0.0000001, "-1e-07"),
    "a length of time": (Span(seconds=-3), "-3"),
    "a number in a text": ("-5.25", "-5.25"),
    "its exponent": ("+1e6", "+1e6"),
    "a phone's number": ("+34600000000", "+34600000000"),
    "nearly a number": ("-5+cmd", "'-5+cmd"),
    "digits of another script": ("-٥", "'-٥"),
    "a half": (f"a{HALF}", "a\ufffd"),
    "plain": ("shop", "shop"),
}


@pytest.mark.parametrize(("given", "out"), CELLS.values(), ids=CELLS.keys())
def test_a_cell_is_no_formula_and_a_number_stays_one(given: str, out: str) -> None:
    text = csv_of(Table(columns=("a",), rows=((given,),)), str)
    assert [*csv.reader(io.StringIO(text, newline=""))] == [["a"], [out]]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
async def test_the_trail_is_exported_whole(kind: str, pool: asyncpg.Pool) -> None:
    entry = {"kind": "asked", "actor": PersonId("=cmd"), "action": f"=1{HALF}", "detail": {HALF: EVIL}}
    await PgAuditLog(pool, KEY.encode(), utc_now).write(Entry.model_validate(entry))
    text = "".join([piece async for piece in export(pool, "csv" if kind == "csv" else "jsonl")])
    text.encode("utf-8")
    if kind == "csv":
        assert [row[3] for row in csv.reader(io.StringIO(text))] == ["actor", "'=cmd"]
    else:
        assert json.loads(text)["actor"] == "=cmd"  # as sealed, for who verifies it again


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_with_few_letters_is_written_to(encoding: str) -> None:
    """`ops --help` has dashes and quotes; whatever is missing there becomes a question mark."""
    env = {"PYTHONIOENCODING": encoding, "PATH": "", "TERM": "dumb", "OPS_CONFIG": "né–\N{SNOWMAN}.toml"}
    done = subprocess.run(
        [sys.executable, "-m", "ops", "doctor"], env=env, capture_output=True, check=False, timeout=120
    )
    assert (done.returncode, b"Traceback" in done.stderr, b"does not exist" in done.stderr) == (2, False, True)
