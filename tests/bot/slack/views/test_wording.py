"""Sentences as people read them now: what the machine used to say, and what it says."""

from datetime import timedelta

import pytest

from bot.slack.door.clicks import OLDER
from bot.slack.views.cards import CardFacts, request_card
from bot.slack.views.reports import answer_message, report_message
from bot.slack.views.text import when
from bot.tell.sentences import told
from bot.words.ports import Voted
from bot.words.report import Line, Moment, Report, Status
from bot.words.request import State
from bot.words.verdict import Waiting
from tests.bot.slack import made

DONE = request_card(made.request(State.DONE), made.votes(State.DONE), CardFacts(now=made.AT), made.names)
WAITING = request_card(made.request(), (), CardFacts(now=made.AT), made.names)
HEALTH = report_message(
    Report(
        title="Health",
        lead="shop is down; the other 3 are healthy.",
        lines=(Line(text="shop", detail=("no answer ", Moment(at=made.AT, said="since")), status=Status.DOWN),),
        taken_at=made.AT + timedelta(minutes=6),
    ),
    made.names,
)
ONE_MORE = told(Voted(request=made.request(), verdict=Waiting(missing=1)), made.votes(State.CLEARED)[0])


@pytest.mark.parametrize(
    ("shown", "was", "now"),
    [
        (str(DONE.blocks), "Was: Retry", "It runs as execution 4712."),
        (str(DONE.blocks), "Today at", "approved by"),
        (str(WAITING.blocks), "has to approve", ": approve?"),
        (str(WAITING.blocks), "'Approve'", "Approve and run"),
        (str(HEALTH.blocks), "*Health*", "*shop is down; the other 3 are healthy.*"),
        (str(HEALTH.blocks), "{date_short_pretty} at", "since {time}"),
        (str(HEALTH.blocks), "*DOWN*", ":red_circle: *shop*  down: no answer"),
        (
            str(answer_message(OLDER).blocks),
            "older version of Handrail",
            "This button is out of date.\\nType `/ops help`",
        ),
        (ONE_MORE.text, "approval(s)", "You approved R42; 1 more approval is needed before it runs."),
        (when(made.AT, made.AT), "date_short_pretty", "{time}"),
    ],
)
def test_what_people_see(shown: str, was: str, now: str) -> None:
    assert was not in shown
    assert now.casefold() in shown.casefold()
