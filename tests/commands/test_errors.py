"""/ops errors, and what is new while following."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.words.exceptions import TryLater
from bot.words.report import Moment, Report, Status
from commands.errors import Tail, TailErrors
from tests.commands.world import NOON, Clock, ErrorLog


def ago(**by: float) -> timedelta:
    return -timedelta(**by)


def two_logs() -> tuple[ErrorLog, ErrorLog]:
    logs, n8n = ErrorLog("logs"), ErrorLog("n8n")
    for minute in (50, 20, 10):
        logs.write(f"card {minute} declined", NOON + ago(minutes=minute))
    logs.write("quota of 100 used up", NOON + ago(minutes=30), origin="openai", operation="complete")
    logs.write("too old to tell", NOON + ago(hours=3))
    n8n.write("ECONNREFUSED 10.0.0.5:443", NOON + ago(minutes=5), origin="Lead intake", operation="HTTP Request")
    return logs, n8n


def tailing(
    *sources: ErrorLog, clock: Clock | None = None, read_at_most: int = 1000, deadline: float = 10
) -> TailErrors:
    """With a deadline that a busy machine does not miss, unless a test is about missing it."""
    return TailErrors(sources, clock or Clock(), timedelta(seconds=deadline), read_at_most)


def told(report: Report | None) -> list[tuple[str, int]]:
    """Each group's newest message and its count."""
    if report is not None and report.table is not None:
        return [(str(row[1]), int(str(row[0]))) for row in report.table.rows]
    groups = [line.text.split(" × ", 1) for line in report.lines] if report else []
    return [(message, int(count.replace(",", ""))) for count, message in groups]


async def test_all_sources_at_once_grouped_and_counted() -> None:
    report = await tailing(*two_logs()).answer(Tail())

    assert report.lead == "5 errors in 3 groups in the last 1h."
    assert told(report) == [
        ("card 10 declined", 3),
        ("ECONNREFUSED 10.0.0.5:443", 1),
        ("quota of 100 used up", 1),
    ]
    assert report.table is not None
    assert report.table.columns == ("times", "what", "where", "last seen", "newest")
    assert report.table.rows[0][2:] == (
        "logs / stripe / charge",
        Moment(at=NOON + ago(minutes=10), said="ago"),
        None,
    )
    assert (report.lines, report.notes, report.status) == ((), (), None)


@pytest.mark.parametrize(
    ("params", "counts"),
    [
        (Tail(source="n8n"), [1]),
        (Tail(source="LOGS"), [3, 1]),
        (Tail(source="openai"), [1]),
        (Tail(source="lead intake"), [1]),
        (Tail(match="DECLINED"), [3]),
        (Tail(since=timedelta(minutes=15)), [1, 1]),
        (Tail(source="nobody"), []),
    ],
)
async def test_filters(params: Tail, counts: list[int]) -> None:
    report = await tailing(*two_logs()).answer(params)

    assert [count for _, count in told(report)] == counts


async def test_nothing_found_under_a_name_says_which_there_are() -> None:
    report = await tailing(*two_logs()).answer(Tail(source="strype"))

    assert report.lead == (
        "No service is called 'strype', and no error in the last 1h has that origin. Did you mean 'stripe'?"
    )
    assert report.status is Status.UNKNOWN
    assert report.notes == ("Sources: logs, n8n; or an origin within one.",)


async def test_the_one_source_that_was_asked_for_and_is_silent_is_never_no_errors() -> None:
    logs, n8n = ErrorLog("logs"), ErrorLog("n8n", fails=TryLater("n8n did not answer."))
    asked, other = await tailing(logs, n8n).answer(Tail(source="N8N")), await tailing(logs, n8n).answer(Tail())

    assert (asked.status, asked.lead) == (Status.UNKNOWN, "n8n could not be read.")
    assert (other.status, other.lead) == (None, "No errors in the last 1h in what could be read.")


async def test_a_services_name_asks_that_service_alone_also_where_an_origin_has_it() -> None:
    """Another that is silent, or cut short, is none of its business; the lead says which of the two was meant."""
    logs, n8n = two_logs()
    logs.write("the workflow engine is slow", NOON + ago(minutes=2), origin="n8n")
    silent = ErrorLog("sentry", fails=TryLater("sentry did not answer."))
    report = await tailing(logs, n8n, silent).answer(Tail(source="n8n"))
    none = await tailing(logs, n8n, silent).answer(Tail(source="N8N", match="zzz"))

    assert told(report) == [("ECONNREFUSED 10.0.0.5:443", 1)]
    assert (report.lead, report.notes) == ("1 error of the service n8n in the last 1h.", ())
    assert (none.lead, none.notes) == ("No errors of the service n8n with 'zzz' in the last 1h.", ())
    assert (logs.calls, silent.calls) == (0, 0)

    origin = await tailing(logs, n8n, silent).answer(Tail(source="openai"))
    assert origin.lead == "1 error in the last 1h; 1 of 3 sources could not be read."


async def test_following_a_service_asks_that_service_alone() -> None:
    clock, (logs, n8n) = Clock(), two_logs()
    action = tailing(logs, n8n, clock=clock)
    _, cursor = await action.news(Tail(source="n8n"), "")
    logs.fails = TryLater("no.")
    n8n.write("timed out", NOON)
    report, _ = await action.news(Tail(source="n8n"), cursor)

    assert told(report) == [("timed out", 1)]
    assert (logs.calls, report.notes if report else None) == (0, ())


async def test_what_only_part_of_the_errors_were_looked_through_for_is_said() -> None:
    """Shared in a channel, `No errors` is read by people who did not see what was typed."""
    report = await tailing(*two_logs()).answer(Tail(match="declined"))
    none = await tailing(*two_logs()).answer(Tail(match="zzz"))

    assert report.lead == "3 errors with 'declined' in the last 1h."
    assert none.lead == "No errors with 'zzz' in the last 1h."


async def test_one_source_that_fails_is_a_note_and_one_that_hangs_holds_up_nobody() -> None:
    logs, n8n = two_logs()
    n8n.fails, slow = TryLater("n8n did not answer."), ErrorLog("slow", takes=30)

    report = await tailing(logs, n8n, slow, deadline=0.2).answer(Tail())

    assert [count for _, count in told(report)] == [3, 1]
    assert report.lead == "4 errors in 2 groups in the last 1h; 2 of 3 sources could not be read."
    assert report.notes == ("Could not read n8n: n8n did not answer.", "Could not read slow: no answer within 0.2 s")


async def test_no_source_at_all_is_unknown_never_no_errors() -> None:
    report = await tailing(ErrorLog("logs", fails=TryLater("no."))).answer(Tail())

    assert (report.status, report.lead) == (Status.UNKNOWN, "No source of errors could be read.")


async def test_every_group_is_a_row_of_the_table() -> None:
    """kibana#73061: one long part killed the whole; a card shows the first ten rows, and *Show all* has the others."""
    logs = ErrorLog("logs")
    for minute in range(30):
        logs.write(f"{chr(97 + minute % 26)}{chr(97 + minute // 26)} failed " + "x" * 500, NOON + ago(minutes=minute))

    report = await tailing(logs).answer(Tail())

    assert len(told(report)) == 30, "as many as the headline says"
    assert report.lead.startswith("30 errors in 30 groups")
    assert all(len(message) <= 240 for message, _ in told(report))


async def test_a_storm_is_counted_as_far_as_it_was_read_and_says_so() -> None:
    """goalert#4188: group and count."""
    logs = ErrorLog("logs")
    for second in range(120):
        logs.write(f"order {second} lost", NOON + ago(seconds=second))

    report = await tailing(logs, read_at_most=100).answer(Tail())

    assert told(report) == [("order 0 lost", 100)]
    assert report.notes == ("logs has more errors than the newest that were read.",)
    assert report.table is not None


async def test_following_starts_from_now_and_tells_each_once() -> None:
    clock, (logs, n8n) = Clock(), two_logs()
    action = tailing(logs, n8n, clock=clock)
    logs.write("just before", NOON)

    first, cursor = await action.news(Tail(), "")
    clock.tick(seconds=10)
    logs.write("same instant, later", NOON)
    logs.write("new", clock.at)
    second, cursor = await action.news(Tail(), cursor)
    third, _ = await action.news(Tail(), cursor)

    assert first is None
    assert sorted(told(second)) == [("new", 1), ("same instant, later", 1)]
    assert third is None


async def test_following_tells_a_failing_source_once_and_catches_up() -> None:
    """oncall#5204: one notice a limit, never a loop of notices."""
    clock, logs = Clock(), ErrorLog("logs")
    action = tailing(logs, clock=clock)
    _, cursor = await action.news(Tail(), "")
    logs.fails = TryLater("logs did not answer.")
    reports = []
    for _ in range(3):
        clock.tick(minutes=5)
        logs.write("while we could not look", clock.at)
        report, cursor = await action.news(Tail(), cursor)
        reports.append(report)
    logs.fails = None
    after, _ = await action.news(Tail(), cursor)

    assert [report and report.notes for report in reports] == [
        ("Could not read logs: logs did not answer.",),
        None,
        None,
    ]
    assert told(after) == [("while we could not look", 3)]


async def test_a_clock_that_runs_ahead_at_one_origin_hides_nothing() -> None:
    clock, logs = Clock(), ErrorLog("logs")
    action = tailing(logs, clock=clock)
    _, cursor = await action.news(Tail(), "")
    logs.write("from the future", NOON + timedelta(hours=2))
    first, cursor = await action.news(Tail(), cursor)
    clock.tick(minutes=10)
    logs.write("from now", clock.at)
    second, _ = await action.news(Tail(), cursor)

    assert told(first) == [("from the future", 1)]
    assert told(second) == [("from now", 1)]


async def test_a_filtered_storm_with_nothing_in_it_does_not_break_following() -> None:
    clock, logs = Clock(), ErrorLog("logs")
    action = tailing(logs, clock=clock, read_at_most=0)
    _, cursor = await action.news(Tail(), "")
    logs.write("beyond what is read", NOON)

    report, _ = await action.news(Tail(), cursor)

    assert report is not None
    assert (report.lines, report.notes) == ((), ("logs has more errors than the newest that were read.",))


POLLS = st.lists(  # at each poll: how long since the last, and what was written meanwhile, late by up to the minute
    st.tuples(st.integers(0, 200), st.lists(st.tuples(st.integers(0, 1), st.integers(0, 60)), max_size=4)),
    max_size=12,
)


@given(before=st.lists(st.integers(0, 120), max_size=4), polls=POLLS, flaky=st.sets(st.integers(0, 11)))
def test_news_never_tells_twice_and_misses_nothing(
    before: list[int], polls: list[tuple[int, list[tuple[int, int]]]], flaky: set[int]
) -> None:
    """Shared timestamps, rows written up to a minute late, readings that fail: each error is told exactly once."""

    async def follow() -> None:
        clock, logs = Clock(), (ErrorLog("a"), ErrorLog("b"))
        action = tailing(*logs, clock=clock)
        for seconds in before:
            logs[0].write("before", NOON + ago(seconds=seconds))
        report, cursor = await action.news(Tail(), "")
        assert report is None
        expected: list[str] = []
        heard: list[str] = []
        for number, (seconds, written) in enumerate([*polls, (1, [])]):
            clock.tick(seconds=seconds)
            for which, late in written:
                first, second = divmod(len(expected), 26)
                text = f"new {chr(97 + first)}{chr(97 + second)}"  # its own shape, so that a group is one error
                logs[which].write(text, clock.at + ago(seconds=late))
                expected.append(text)
            logs[0].fails = TryLater("no.") if number in flaky and number < len(polls) else None
            report, cursor = await action.news(Tail(n=100), cursor)
            for text, count in told(report):
                heard.extend([text] * int(str(count)))
        assert sorted(heard) == sorted(expected)

    asyncio.run(follow())


def test_follow_has_an_end() -> None:
    assert Tail(follow="2h").follow == timedelta(hours=2)
    with pytest.raises(ValidationError, match="type at most 2h"):
        Tail(follow="3h")
    for wrong in (0, 101):
        with pytest.raises(ValidationError):
            Tail(n=wrong)


async def test_options_are_the_sources() -> None:
    assert [each.value for each in await tailing(*two_logs()).options("source", "")] == ["logs", "n8n"]
