"""Every shape of a report, and of an answer to one person."""

from itertools import pairwise
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.slack.views import blockkit
from bot.slack.views.kit import Message
from bot.slack.views.reports import answer_message, report_message
from bot.words.report import Fact, Line, Moment, Person, Report, Span, Status, Suggestion, Table
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
                detail="no answer",
                status=Status.DOWN,
                facts=(Fact(label="latency", value=Span(seconds=3)), Fact(label="since", value=Moment(at=made.AT))),
                suggestions=(ERRORS,),
            ),
            Line(text="mail", detail="slow", status=Status.DEGRADED, suggestions=(ERRORS, ERRORS)),
            Line(text="n8n", status=Status.UNKNOWN, facts=(Fact(label="latency", value=Span(seconds=0.0421)),)),
            Line(text="db", status=Status.OK, facts=(Fact(label="latency", value=Span(seconds=1.25)),)),
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
    kinds = [block["type"] for block in shown.blocks]
    under = [
        (above["text"]["text"], below["elements"][0]["text"]["text"])
        for above, below in pairwise(shown.blocks)
        if below["type"] == "actions" and above["type"] == "section"
    ]
    assert [(f"*issue {n}*", f"Resolve {n}") for n in range(len(under))] == under
    assert len(under) == kinds.count("actions") - 1 > 10
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
    shown = str(sound(report_message(report, made.names)))
    assert "<!channel>" not in shown
    assert "<https" not in shown
    assert "``` " not in shown.replace("```'", "")


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
