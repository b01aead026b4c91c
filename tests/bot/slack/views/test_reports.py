"""Every shape of a report, and of an answer to one person."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.slack.views import blockkit
from bot.slack.views.kit import Message
from bot.slack.views.reports import answer_message, report_message
from bot.words.report import (
    Fact,
    Folded,
    Line,
    Link,
    Moment,
    Person,
    Report,
    Share,
    Span,
    Status,
    Suggestion,
    Table,
)
from bot.words.request import Answer, RequestId
from tests.bot.slack import made

ERRORS = Suggestion(label="Errors", words="errors shop")
SHAPES: dict[str, Report] = {
    "lead": Report(title="R42 withdrawn", lead="Nothing was run."),
    "title_alone": Report(title="Nothing"),
    "health": Report(
        title="Health",
        lead="2 of 4: shop is down, mail is degraded.",
        status=Status.DOWN,
        lines=(
            Line(
                text="shop",
                detail=("no answer in ", Span(seconds=3), ", ", Moment(at=made.AT, said="since")),
                status=Status.DOWN,
                suggestions=(ERRORS,),
            ),
            Line(text="mail", detail="slow", status=Status.DEGRADED, suggestions=(ERRORS, ERRORS)),
            Line(text="n8n", status=Status.UNKNOWN, detail=("asked for ", Span(seconds=0.0421))),
            Line(text="db", status=Status.OK, detail=("answered in ", Span(seconds=1.25))),
        ),
        notes=("History not available: the database is away.",),
        suggestions=(Suggestion(label="Check again", words="health fresh=yes"),),
        taken_at=made.AT,
    ),
    "facts": Report(
        title="One",
        facts=(
            Fact(label="By", value=Person(id=made.ANA)),
            Fact(label="Machine", value=Person(id="machine:alerts")),
            Fact(label="Rows", value=1234567),
            Fact(label="Share", value=12.5),
            Fact(label="Empty", value=None),
            Fact(label="Yes", value=True),
            Fact(label="Long", value=Span(seconds=93784)),
        ),
    ),
    "table": Report(
        title="Audit",
        table=Table(
            columns=("When", "What", "Who", "Detail"),
            rows=(
                (Moment(at=made.AT), "asked", Person(id=made.ANA), "retry 4711"),
                (Moment(at=made.AT), "approved", Person(id=made.MIA), None),
            ),
        ),
    ),
    "help": Report(
        title="What you may run here",
        lead="Type /ops and one of these.",
        lines=(Line(text="Look", detail="health [SERVICE] — Check.\nerrors [SOURCE] — Tail."),),
    ),
    "secret": Report(title="Your token", lead="Keep it.", secret="ops_not_a_real_one"),
}


def sound(message: Message) -> dict[str, Any]:
    payload = message.payload()
    assert blockkit.problems(payload, "message") == []
    assert message.text
    return payload


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape(name: str, json: SnapshotAssertion) -> None:
    assert sound(report_message(SHAPES[name], made.names, share="health")) == json


def test_shared(json: SnapshotAssertion) -> None:
    assert sound(report_message(SHAPES["lead"], made.names, shared_by=made.ANA)) == json


def test_a_long_report_is_cut_counted_and_whole_as_a_file(json: SnapshotAssertion) -> None:
    """FAILURES: bolt-js#2509."""
    long = Report(
        title="Errors",
        lead="y" * 5000,
        facts=tuple(Fact(label=f"fact {n}", value="z" * 900) for n in range(40)),
        lines=tuple(Line(text=f"line {n}", detail="x" * 900, suggestions=(ERRORS,) * 3) for n in range(120)),
        table=Table(columns=("a", "b"), rows=tuple((f"row {n}", "c" * 200) for n in range(500))),
        notes=("n" * 2000,) * 20,
        suggestions=(ERRORS,) * 30,
    )
    message = report_message(long, made.names, share="errors")
    payload = sound(message)
    assert message.file is not None
    assert all(f"line {n}" in message.file.content for n in range(120))
    assert "row 499" in message.file.content
    assert "more in the file." in str(payload)
    assert payload == json


def test_each_lines_buttons_stay_under_that_line() -> None:
    """Past fifty blocks lines were left out and their buttons kept: a Resolve stood under another issue."""
    lines = tuple(
        Line(
            text=f"issue {n}",
            suggestions=(Suggestion(label=f"Resolve {n}", words="a"), Suggestion(label="b", words="b")),
        )
        for n in range(40)
    )
    facts = tuple(Fact(label=str(n), value=n) for n in range(20))
    shown = report_message(
        Report(title="Issues", facts=facts, lines=lines, taken_at=made.AT), made.names, share="issues"
    )
    rows = [block for block in shown.blocks if "accessory" in block]
    beside = [(block["text"]["text"], block["accessory"]["options"][0]["text"]["text"]) for block in rows]
    assert beside == [(f"*issue {n}*", f"Resolve {n}") for n in range(len(beside))]
    assert len(beside) > 10
    assert shown.blocks[-1]["elements"][0]["action_id"] == "share"
    assert shown.file is not None


def test_a_secret_is_never_shared_nor_in_a_file() -> None:
    rows = tuple((f"row {n}", "x" * 100) for n in range(200))
    report = SHAPES["secret"].model_copy(update={"table": Table(columns=("a", "b"), rows=rows)})
    message = report_message(report, made.names, share="token")
    assert message.file is not None
    assert report.secret not in message.file.content
    assert "share" not in [
        element.get("action_id") for block in message.blocks for element in block.get("elements", ())
    ]


def test_words_from_outside_are_inert() -> None:
    hostile = made.HOSTILE
    report = Report(
        title=hostile,
        lead=hostile,
        facts=(Fact(label=hostile, value=hostile),),
        lines=(Line(text=hostile, detail=f"{hostile}\n{hostile}"),),
        table=Table(columns=(hostile,), rows=((hostile + "```",),)),
        notes=(hostile,),
    )
    message = report_message(report, made.names)
    payload = sound(message)
    # A cell of raw text is never read as markup: it is literal, and only what turns the direction is taken out of it.
    literal = [
        cell["text"] for row in next(b for b in payload["blocks"] if b["type"] == "table")["rows"] for cell in row
    ]
    assert not any("\u202e" in text for text in literal)
    shown = str([block for block in payload["blocks"] if block["type"] != "table"]) + str(message.instead)
    assert "<!channel>" not in shown
    assert "<https" not in shown
    assert "``` " not in shown.replace("```'", "")


TABLE = Table(
    columns=("operation", "failed", "of runs", "share", "slowest 5 %", "last seen", "asked by", "in n8n"),
    rows=tuple(
        (
            f"operation {n} with a name that goes on and on",
            n * 1000,
            None if n == 3 else 5000,
            Share(part=n, of=5000),
            Span(seconds=n / 3),
            Moment(at=made.AT, said="ago"),
            Person(id=made.ANA),
            Link(url="https://n8n.example/1", name="open"),
        )
        for n in range(61)
    ),
)


def test_a_table_is_a_table() -> None:
    """Values joined by dots under an italic legend: nobody could tell which was which, an empty cell shifted all."""
    shown = report_message(Report(title="Statistics", lead="61 operations.", table=TABLE), made.names, words="stats")
    table = next(block for block in sound(shown)["blocks"] if block["type"] == "table")
    assert len(table["rows"]) == 11, "a header and ten rows"
    assert [cell["text"] for cell in table["rows"][0]] == list(TABLE.columns)
    assert [setting["align"] for setting in table["column_settings"]] == ["left", *["right"] * 4, *["left"] * 3]
    assert table["rows"][4][2] == {"type": "raw_text", "text": "–"}, "what is not known keeps its place"
    kinds = [cell["elements"][0]["elements"][0]["type"] for cell in table["rows"][1][-3:]]
    assert kinds == ["date", "user", "link"]
    assert table["rows"][1][5]["elements"][0]["elements"][0]["format"] == "{ago}"
    (row,) = [block for block in shown.blocks if block["type"] == "actions"]
    assert [(each["text"]["text"], each["value"]) for each in row["elements"]] == [("Show all 61", "stats")]
    assert shown.file is None, "it is one button away"


def test_the_same_table_in_monospace() -> None:
    shown = report_message(Report(title="Statistics", table=TABLE), made.names, words="stats")
    plainer = shown.plainer
    assert plainer is not None
    assert plainer.plainer is None
    text = next(block["text"]["text"] for block in sound(plainer)["blocks"] if "```" in str(block))
    lines = text.strip("`").split("\n")
    assert len(lines) == 12
    assert max(map(len, lines)) <= 76
    assert lines[0].startswith("operat…  failed  of runs")
    assert lines[9].split()[:2] == ["operat…", "7,000"], "a number is never cut"


def test_a_row_has_one_button_or_a_menu() -> None:
    many = Line(text="Win-back", status=Status.WARNING, word="paused", suggestions=(
        Suggestion(label="Resume", words="campaigns resume"), Suggestion(label="Show", words="campaigns"),
    ))  # fmt: skip
    one = many.model_copy(update={"suggestions": many.suggestions[:1], "detail": ("by ", Person(id=made.ANA))})
    shown = sound(report_message(Report(title="Campaigns", lead="2 are paused.", lines=(many, one)), made.names))
    rows = [block for block in shown["blocks"] if "accessory" in block]
    assert [block["text"]["text"] for block in rows] == [
        ":large_orange_circle: *Win-back*  paused",
        f":large_orange_circle: *Win-back*  paused: by <@{made.ANA}>",
    ]
    menu, button = (block["accessory"] for block in rows)
    assert [option["value"] for option in menu["options"]] == ["campaigns resume", "campaigns"]
    assert button["value"] == "campaigns resume"


def test_what_is_well_is_one_line() -> None:
    well = Folded(
        word="healthy",
        names=tuple(f"service-{n}" for n in range(17)),
        remark="Slowest: neon, 480 ms.",
        table=Table(columns=("service",), rows=(("service-0",),)),
    )
    report = Report(title="Health", lead="All 17 are healthy.", well=well)
    shown = sound(report_message(report, made.names, words="health"))
    (told,) = [block for block in shown["blocks"] if "accessory" in block]
    assert told["text"]["text"].startswith(":large_green_circle: *17 healthy:* service-0, service-1")
    assert "and 5 more\nSlowest" in told["text"]["text"]


@pytest.mark.parametrize(
    ("name", "answer"),
    {
        "plain": Answer(text="You approved R42; it runs now."),
        "hint": Answer(text="There is no command 'pant'. Did you mean paint?", hint="paint"),
        "form": Answer(text="paint needs COLOUR.", hint="paint COLOUR", form="paint"),
        "again": Answer(text="You asked for the same 5s ago.", again=RequestId("R42")),
        "hostile": Answer(text=made.HOSTILE, hint=made.HOSTILE),
        "choices": Answer(
            text="Several walls can be painted: north, south. Say which.",
            hint="paint red wall=north",
            choices=(
                Suggestion(label="north", words="paint red wall=north"),
                Suggestion(label="south", words="paint red wall=south"),
            ),
        ),
        "more choices than buttons": Answer(
            text="Several walls can be painted. Say which.",
            hint="paint red wall=w0",
            choices=tuple(Suggestion(label=f"w{n}", words=f"paint red wall=w{n}") for n in range(6)),
        ),
    }.items(),
)
def test_every_answer(name: str, answer: Answer, json: SnapshotAssertion) -> None:
    shown = sound(answer_message(answer))
    assert "<!channel>" not in str(shown)
    assert shown == json
