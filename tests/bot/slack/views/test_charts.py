"""A report with a chart: the answer first, the picture after it in the same place, and a word where there is none."""

import sys
from dataclasses import replace

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from syrupy.assertion import SnapshotAssertion

from bot.slack.outbox.answering import NOT_TAKEN, Teller
from bot.slack.views.place import Origin
from bot.slack.views.reports import report_message
from bot.tell.chart import PNG, Painter
from bot.words.report import Report, Table
from sandbox.model import File
from tests.bot.slack import made
from tests.bot.slack.actions import CHART
from tests.bot.slack.outbox.test_notices import messages
from tests.bot.slack.views.test_reports import sound
from tests.bot.slack.world import World

OPS = "C0DEMO002"
DRAWN_IN = 30.0
"""Seconds that the first picture may take on a busy machine."""
REPORT = Report(
    title="Statistics of n8n",
    lead="412 operations, 31 failed (7.5 %), up from 2.1 % the day before.",
    table=Table(columns=("worst operations", "failed"), rows=(("Sync orders", 30), ("Lead intake", 1))),
    chart=CHART,
)


def no_painter() -> Painter:
    return Painter(command=(sys.executable, "-c", "raise MemoryError('no <room>')"))


def only_file(still: World) -> File:
    (file,) = still.slack.workspace.files.values()
    return file


def test_the_card_of_a_chart(json: SnapshotAssertion) -> None:
    """The picture is no block: it may come late, or not at all."""
    drawn = report_message(REPORT, made.names, share="stats n8n")
    assert sound(drawn) == json
    assert (drawn.chart, drawn.file) == (CHART, None)


async def test_a_picture_follows_an_answer_to_one_person_in_their_messages_and_a_shared_one_openly(ops: World) -> None:
    """Slack takes no file in what one person alone sees."""
    ana, ben = ops.slack.person("ana"), ops.slack.person("ben")
    await ana.says("/ops wall chart")
    answer = await ana.sees("It is white.", channel="#ops")
    own = await ana.sees("[Coats, last 24h]", channel="@handrail", timeout=DRAWN_IN)
    assert (answer.ephemeral, answer.raw["files"]) == (True, [])
    assert own.rev > answer.rev

    await ana.clicks("Share", on=answer)
    await ben.sees("Shared by <@U0ANA0001>", channel="#ops")
    shared = await ben.sees("[Coats, last 24h]", channel="#ops", timeout=DRAWN_IN)
    (file,) = shared.raw["files"]
    assert (file["mimetype"], file["name"], file["alt"]) == ("image/png", "coats--last-24h.png", CHART.alt)
    async with aiohttp.ClientSession() as session, session.get(ops.slack.base_url + file["url"]) as got:
        assert (got.content_type, (await got.read())[:8]) == ("image/png", PNG)


async def test_a_report_that_is_posted_has_its_picture_in_its_thread(still: World) -> None:
    await still.outbox.post(OPS, key="1", report=REPORT)
    await still.deliverer.settle()
    report, picture = messages(still, OPS)
    assert only_file(still).content.startswith(PNG)
    assert (picture.thread_ts, picture.files) == (report.ts, [only_file(still)])


async def test_an_answer_is_given_where_nothing_can_be_drawn(still: World) -> None:
    client = AsyncWebClient("xoxb-sandbox", base_url=still.slack.api_url)
    message = report_message(REPORT, made.names)
    teller = Teller(client, no_painter())
    await teller.openly(Origin(who=made.ANA, channel=OPS), message)
    await teller.privately(Origin(who=made.ANA, channel=OPS), message)
    for answer, word in (messages(still, OPS)[:2], messages(still, OPS)[2:]):
        assert "412 operations" in answer.text
        why = "its process ended with 1: MemoryError: no &lt;room&gt;."
        assert word.text == f"The chart could not be drawn: {why}"
        assert answer.ephemeral_to == word.ephemeral_to
    assert still.slack.workspace.files == {}


async def test_a_posted_report_is_posted_once_where_nothing_can_be_drawn(still: World) -> None:
    """What failed came after it: posting it again would say it twice."""
    still.poster.painter = no_painter()
    await still.outbox.post(OPS, key="1", report=REPORT)
    await still.deliverer.settle()
    await still.deliverer.settle()
    report, word = messages(still, OPS)
    assert (word.thread_ts, "could not be drawn" in word.text) == (report.ts, True)
    assert await still.outbox.backlog() == 0


async def test_a_picture_that_slack_does_not_take_is_said_to_be_missing(still: World) -> None:
    still.slack.workspace.app = replace(
        still.slack.workspace.app, scopes=still.slack.workspace.app.scopes - {"files:write"}
    )
    client = AsyncWebClient("xoxb-sandbox", base_url=still.slack.api_url)
    await Teller(client).openly(Origin(who=made.ANA, channel=OPS), report_message(REPORT, made.names))
    assert [message.text for message in messages(still, OPS)][1] == NOT_TAKEN
