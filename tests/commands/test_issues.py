"""/ops issues, issues resolve, issues ignore."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx
import pytest

from bot.ask.catalogue import Catalogue
from bot.ask.parse import parse
from bot.words.action import Receipt, Risk
from bot.words.exceptions import NotUnderstood, Refused, Stale, TryLater
from bot.words.report import Link, Moment, Status
from commands.issues import Listed, ListIssues
from commands.issues._setting import Settle
from commands.issues.ignore import IgnoreIssue
from commands.issues.resolve import ResolveIssue
from integrations import open_services
from integrations.capabilities import Issue, Issues, IssueStatus
from sandbox.world.sentry import FakeSentry
from tests.commands.world import NOON, Clock, Outside, carry_out
from tests.integrations.standin import serving


@dataclass
class Tracker(Outside):
    """Issues."""

    found: dict[str, Issue] = field(default_factory=dict)
    asked: list[tuple[datetime, str | None]] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)

    def add(self, id_: str, short_id: str, title: str, count: int = 1, **more: str) -> None:
        status: IssueStatus = "ignored" if more.pop("status", "") == "ignored" else "unresolved"
        at = NOON - timedelta(minutes=int(id_))
        link = f"https://acme.sentry.io/issues/{id_}/"
        self.found[id_] = Issue(
            id_, short_id, title, "cart.total", count, 3, at - timedelta(days=2), at, "error", status,
            more.get("detail", "ongoing"), link, more.get("lost", ""),
        )  # fmt: skip

    def turn(self, id_: str, status: IssueStatus, detail: str = "") -> None:
        """Somebody does it by hand."""
        self.found[id_] = replace(self.found[id_], status=status, detail=detail)

    async def issues(self, *, since: datetime, match: str | None, limit: int) -> tuple[Issue, ...]:
        await self.answers()
        self.asked.append((since, match))
        return tuple(each for each in self.found.values() if each.status == "unresolved")[:limit]

    async def issue(self, issue_id: str) -> Issue:
        await self.answers()
        for each in self.found.values():
            if issue_id in (each.id, each.short_id):
                return each
        raise NotUnderstood(f"{self.name} has no issue {issue_id!r}.")

    async def set_status(self, issue_id: str, status: IssueStatus, detail: str = "") -> Issue:
        await self.answers()
        self.turn(issue_id, status, detail or {"ignored": "archived_until_escalating"}.get(status, ""))
        self.settled.append(f"{issue_id} {status} {detail}".strip())
        return self.found[issue_id]


def a_tracker(name: str = "sentry") -> Tracker:
    tracker = Tracker(name)
    tracker.add("1", "SHOP-1", "TimeoutError: HubSpot", 12, detail="regressed")
    tracker.add("2", "SHOP-2", "KeyError: 'abn'", 1340)
    tracker.add("3", "SHOP-3", "Printer hung up", 7, status="ignored", detail="archived_forever")
    return tracker


# -- the list


async def test_the_most_frequent_comes_first_with_what_to_do() -> None:
    tracker = a_tracker()

    report = await ListIssues((tracker,), Clock()).answer(Listed(match="hub"))

    assert report.lead == "2 unresolved issues that fit 'hub' with 1,352 events in the last 1d."
    assert [line.text for line in report.lines] == ["1,340 × KeyError: 'abn'", "12 × TimeoutError: HubSpot"]
    assert [(each.label, each.words) for each in report.lines[0].suggestions] == [
        ("Resolve", "issues resolve SHOP-2"),
        ("Ignore", "issues ignore SHOP-2"),
    ]
    assert report.lines[1].detail == (
        Link(url="https://acme.sentry.io/issues/1/", name="SHOP-1"),
        " in sentry / cart.total, error, 3 users",
        ", last ",
        Moment(at=NOON - timedelta(minutes=1), said="ago"),
    )
    assert [(line.status, line.word) for line in report.lines] == [(None, ""), (Status.WARNING, "regressed")]
    assert tracker.asked == [(NOON - timedelta(days=1), "hub")]
    assert report.table is None


async def test_a_long_list_is_a_table_too() -> None:
    tracker = Tracker("sentry")
    for number in range(1, 14):
        tracker.add(str(number), f"SHOP-{number}", f"Error {number}", number)

    report = await ListIssues((tracker,), Clock(), read_at_most=13).answer(Listed())

    assert report.lead == "13 unresolved issues with 91 events in the last 1d."
    assert len(report.lines) == 5
    assert report.table is not None
    assert [row[1] for row in report.table.rows] == list(range(13, 0, -1))
    assert report.notes == (
        "sentry may have more than the 13 most frequent ones.",
        "The 5 most frequent have a menu; the table has all 13.",
    )


async def test_one_tracker_that_is_silent_leaves_the_others() -> None:
    silent = Tracker("other", fails=TryLater("other did not answer."))

    report = await ListIssues((a_tracker(), silent), Clock()).answer(Listed())

    assert len(report.lines) == 2
    assert report.lines[0].suggestions[0].words == "issues resolve SHOP-2 service=sentry"
    assert report.notes == ("Could not read other: other did not answer.",)
    report = await ListIssues((silent,), Clock()).answer(Listed())
    assert (report.status, report.lead) == (Status.UNKNOWN, "No service's issues could be read.")
    report = await ListIssues((Tracker("sentry"), silent), Clock()).answer(Listed())
    assert report.lead == "No unresolved issues in the last 1d in what could be read."


async def test_nothing_to_list() -> None:
    report = await ListIssues((Tracker("sentry"),), Clock()).answer(Listed(since=timedelta(hours=2)))
    assert report.lead == "No unresolved issues in the last 2h."
    with pytest.raises(NotUnderstood, match="Did you mean 'sentry'") as caught:
        await ListIssues((a_tracker(),), Clock()).answer(Listed(service="sentri"))
    assert caught.value.hint == "issues sentry"


# -- resolve and ignore


async def test_resolved_and_undone_is_as_it_was() -> None:
    tracker = a_tracker()
    action = ResolveIssue((tracker,))

    plan = await action.preview(Settle(issue="SHOP-1", reason="fixed by the rollback"))
    receipt = await action.execute(plan)

    assert action.risk is Risk.CHANGE
    assert plan.headline == "Resolve SHOP-1 of sentry: TimeoutError: HubSpot"
    assert plan.effects == ("SHOP-1: now unresolved (regressed), then resolved",)
    facts = {fact.label: fact.value for fact in plan.facts}
    assert (facts["Level"], facts["Events in all"], facts["Users in all"]) == ("error", 12, 3)
    assert facts["Last seen"] == Moment(at=NOON - timedelta(minutes=1))
    assert facts["Reason"] == "fixed by the rollback"
    assert plan.observed() == {
        "target": "sentry issue SHOP-1 (1)", "service": "sentry", "issue": "1", "short_id": "SHOP-1",
        "status": "unresolved", "detail": "regressed",
    }  # fmt: skip
    assert receipt.headline == "Resolved SHOP-1 of sentry."

    undone = await action.undo(plan, Receipt.model_validate_json(receipt.model_dump_json()))

    assert undone.headline == "SHOP-1 of sentry is unresolved (regressed) again."
    assert tracker.settled == ["1 resolved", "1 unresolved regressed"]


async def test_an_ignored_one_that_is_resolved_is_ignored_as_before_after_an_undo() -> None:
    tracker = a_tracker()
    action = ResolveIssue((tracker,))
    plan = await action.preview(Settle(issue="3"))
    assert plan.effects == ("SHOP-3: now ignored (archived forever), then resolved",)
    await action.undo(plan, await action.execute(plan))
    assert tracker.settled == ["3 resolved", "3 ignored archived_forever"]


async def test_what_an_undo_loses_is_said_before() -> None:
    tracker = Tracker("sentry")
    tracker.add("4", "SHOP-4", "Late", status="ignored", lost="The condition is not put back.")
    plan = await ResolveIssue((tracker,)).preview(Settle(issue="SHOP-4"))
    assert plan.warnings[-1] == "The condition is not put back."


async def test_what_moved_meanwhile_is_stale() -> None:
    tracker = a_tracker()
    action = IgnoreIssue((tracker,))
    plan = await action.preview(Settle(issue="SHOP-1"))
    tracker.turn("1", "resolved")

    with pytest.raises(Stale):
        await carry_out(action, Settle(issue="SHOP-1"), plan)

    again = await action.preview(Settle(issue="SHOP-1"))
    assert [(each.status, each.detail) for each in (plan, again)] == [("unresolved", "regressed"), ("resolved", "")]
    assert tracker.settled == []


async def test_what_moved_since_is_not_undone() -> None:
    tracker = a_tracker()
    action = IgnoreIssue((tracker,))
    plan = await action.preview(Settle(issue="SHOP-1"))
    receipt = await action.execute(plan)
    tracker.turn("1", "unresolved", "escalating")
    with pytest.raises(Stale, match=r"SHOP-1 was ignored \(archived until escalating\) and is unresolved"):
        await action.undo(plan, receipt)
    assert tracker.settled == ["1 ignored"]
    assert await action.evidence(plan) == "SHOP-1 is unresolved (escalating)"


async def test_nothing_to_do() -> None:
    tracker = a_tracker()
    plan = await IgnoreIssue((tracker,)).preview(Settle(issue="SHOP-3"))
    assert plan.nothing_to_do == "SHOP-3 is ignored (archived forever) already."
    assert (await ResolveIssue((tracker,)).preview(Settle(issue="SHOP-3"))).nothing_to_do == ""


async def test_an_issue_that_is_unknown_and_a_tracker_that_is_not_clear() -> None:
    action = ResolveIssue((a_tracker(),), now=Clock())
    with pytest.raises(NotUnderstood, match=r"sentry has no issue 'SHP-2'\. `issues` lists them") as caught:
        await action.preview(Settle(issue="SHP-2"))
    assert caught.value.hint == "issues"
    await action.refresh()
    with pytest.raises(NotUnderstood, match="Did you mean SHOP-2") as caught:
        await action.preview(Settle(issue="SHP-2"))
    assert caught.value.hint == "issues resolve SHOP-2"
    with pytest.raises(NotUnderstood, match="Say which") as caught:
        await ResolveIssue((a_tracker(), a_tracker("other"))).preview(Settle(issue="SHOP-2"))
    assert caught.value.hint == "issues resolve SHOP-2 service=sentry"


@pytest.mark.parametrize("typed", ["is:unresolved", "*", "https://acme.sentry.io/issues/5101/", "SHOP-1,SHOP-2"])
async def test_a_query_is_no_issue(typed: str) -> None:
    tracker = a_tracker()
    with pytest.raises(NotUnderstood, match="type one's short id, like SHOP-API-1F, or its number"):
        parse(Catalogue((ResolveIssue((tracker,)),)), f"issues resolve {typed}")
    assert tracker.calls == 0


async def test_the_reason_needs_no_name() -> None:
    parsed = parse(Catalogue((ResolveIssue((a_tracker(),)),)), "issues resolve SHOP-1 fixed by the rollback")
    assert parsed.params == Settle(issue="SHOP-1", reason="fixed by the rollback")


async def test_options_come_from_memory() -> None:
    """bolt-python#1083: options come from a cache already in memory."""
    tracker = a_tracker()
    action = ResolveIssue((tracker,), now=Clock())
    assert await action.options("issue", "") == []
    await action.refresh()
    tracker.fails = TryLater("no")
    await action.refresh()
    assert [option.value for option in await action.options("issue", "")] == ["SHOP-1", "SHOP-2"]
    assert [option.label for option in await action.options("issue", "hubspot")] == ["SHOP-1 TimeoutError: HubSpot"]
    assert [option.value for option in await action.options("service", "")] == ["sentry"]


# -- on the real client


@pytest.fixture
async def fake() -> AsyncIterator[FakeSentry]:
    fake = FakeSentry("sntrys_demo")
    yield fake
    assert fake.done("bulk") == []


async def test_on_sentry_itself(fake: FakeSentry) -> None:
    async with serving(fake.app()) as url, httpx.AsyncClient(trust_env=False) as http:
        services = open_services({"sentry": fake.section(url)}, http, lambda reference: fake.token)
        trackers = services.having(Issues)
        report = await ListIssues(trackers, fake.now).answer(Listed())
        assert report.lead == "5 unresolved issues with 28 events in the last 1d."
        assert report.lines[0].suggestions[1].words == "issues ignore SHOP-API-1F"

        action = IgnoreIssue(trackers)
        plan = await action.preview(Settle(issue="SHOP-API-2C"))
        receipt = await action.execute(plan)
        assert (fake.of("SHOP-API-2C").status, fake.of("SHOP-API-2C").substatus) == (
            "ignored", "archived_until_escalating"
        )  # fmt: skip
        await action.undo(plan, receipt)
        assert (fake.of("SHOP-API-2C").status, fake.of("SHOP-API-2C").substatus) == ("unresolved", "regressed")
        assert [(each.what, each.target) for each in fake.effects] == [
            ("ignored", "SHOP-API-2C"), ("unresolved", "SHOP-API-2C")
        ]  # fmt: skip

        fake.scopes = ["event:read", "org:read"]
        with pytest.raises(Refused, match=r"services\.sentry\.token"):
            await action.execute(plan)
