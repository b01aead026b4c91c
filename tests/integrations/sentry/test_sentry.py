"""Sentry's traps, each with its name. What is said is held against Sentry's own description (see `fake`)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import Checkable, Checked, Credentialed, ErrorSource, Health, Issues, Statistics
from integrations.capabilities.trials import Testable as Tryable
from integrations.sentry.api import SentryApi, next_cursor, step_for
from integrations.sentry.client import Sentry
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.sentry import FakeSentry
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.standin import serving

TOKEN = "sntrys_k3y-that-must-not-be-seen"
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    """The schema of an update requires every attribute, `discard` and `merge` among them; its description says that
    only those submitted are modified, and that is what is held to."""
    contract = Contract.load("sentry")
    if contract is not None:
        update = contract.spec["paths"]["/api/0/organizations/{organization_id_or_slug}/issues/{issue_id}/"]["put"]
        assert "Only the attributes submitted are modified" in " ".join(update["description"].split())
        del update["requestBody"]["content"]["application/json"]["schema"]["required"]
    return contract


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeSentry]:
    fake = FakeSentry(TOKEN, lambda: NOW)
    yield fake
    assert [call.path for call in fake.heard if not call.path.endswith("/")] == []
    assert fake.done("bulk") == []
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeSentry, url: str, http: httpx.AsyncClient, token: str = TOKEN, **settings: Any) -> Sentry:
    table = fake.section(url) | settings
    client = open_services({"sentry": table}, http, lambda reference: token).named("sentry", Issues)
    assert isinstance(client, Sentry)
    return client


@pytest.fixture
def sentry(fake: FakeSentry, url: str, http: httpx.AsyncClient) -> Sentry:
    return opened(fake, url, http)


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "PUT /api/0/organizations/{organization_id_or_slug}/issues/{issue_id}/" in contract.operations()


def test_it_claims_what_it_can(sentry: Sentry) -> None:
    services = Services((sentry,))
    for can in (Checkable, Tryable, Credentialed, ErrorSource, Issues, Statistics):
        assert services.having(can) == (sentry,)


def test_one_project_or_several(fake: FakeSentry, http: httpx.AsyncClient) -> None:
    assert opened(fake, "http://127.0.0.1:9", http, project="4501")._section.project == ("4501",)
    with pytest.raises(OpsError, match=r"services\.sentry\.project"):
        opened(fake, "http://127.0.0.1:9", http, project=[])


# -- health and rights


async def test_it_is_well(sentry: Sentry) -> None:
    assert await sentry.check() == Checked(Health.OK)
    assert [(trial.what, trial.health) for trial in await sentry.test()] == [
        ("read the organization", Health.OK),
        ("list unresolved issues", Health.OK),
        ("count errors", Health.OK),
        ("may settle issues", Health.OK),
    ]


async def test_an_organization_that_is_not_there(fake: FakeSentry, url: str, http: httpx.AsyncClient) -> None:
    seen = await opened(fake, url, http, organization="other").check()
    assert (seen.health, "services.sentry.organization" in seen.detail) == (Health.DEGRADED, True)


async def test_the_scopes_of_the_token(fake: FakeSentry, sentry: Sentry) -> None:
    found = await sentry.rights()
    assert (found.has, found.unneeded, found.lacking) == (("event:read", "event:write", "org:read"), (), ())
    fake.scopes = ["event:read", "org:read", "member:write"]
    found = await sentry.rights()
    assert (found.unneeded, found.lacking) == (
        ("member:write",), (("event:write", "issues resolve, issues ignore"),)
    )  # fmt: skip
    assert [trial.health for trial in await sentry.test()][-1] is Health.DEGRADED
    fake.scopes = ["event:admin", "org:read"]
    found = await sentry.rights()
    assert (found.unneeded, found.lacking) == ((), ())
    fake.tells_scopes = False
    assert "does not tell" in (await sentry.rights()).note
    assert [trial.health for trial in await sentry.test()][-1] is Health.UNKNOWN
    assert [(each.setting, each.reference) for each in sentry.credentials()] == [
        ("services.sentry.token", "env:DEMO_SENTRY_TOKEN")
    ]


async def test_a_project_that_the_token_does_not_reach(fake: FakeSentry, url: str, http: httpx.AsyncClient) -> None:
    with pytest.raises(Refused, match=r"check services\.sentry\.token and services\.sentry\.project"):
        await opened(fake, url, http, project="nowhere").issues(since=NOW - DAY, match=None, limit=5)


# -- issues


async def test_issues_most_frequent_first_although_counts_are_text(sentry: Sentry) -> None:
    """`"9"` is less than `"12"`."""
    found = await sentry.issues(since=NOW - DAY, match=None, limit=50)
    assert [(each.short_id, each.count) for each in found] == [
        ("SHOP-API-1F", 12), ("SHOP-API-2C", 9), ("SHOP-WEB-7", 3), ("SHOP-API-9", 2), ("SHOP-WEB-B", 2)
    ]  # fmt: skip
    assert (found[1].detail, found[1].users, found[1].level) == ("regressed", 9, "error")
    assert found[0].last_seen == NOW - timedelta(minutes=2)


async def test_only_what_happened_since_and_matches(sentry: Sentry, fake: FakeSentry) -> None:
    found = await sentry.issues(since=NOW - timedelta(minutes=10), match=None, limit=50)
    assert [each.short_id for each in found] == ["SHOP-API-1F", "SHOP-API-2C", "SHOP-WEB-B"]
    found = await sentry.issues(since=NOW - DAY, match="HUBSPOT did", limit=50)
    assert [each.short_id for each in found] == ["SHOP-API-1F"]


async def test_one_environment(fake: FakeSentry, url: str, http: httpx.AsyncClient) -> None:
    found = await opened(fake, url, http, environment="staging").issues(since=NOW - DAY, match=None, limit=50)
    assert [each.short_id for each in found] == ["SHOP-WEB-B"]


async def test_pages_are_followed_by_the_link_header(fake: FakeSentry, sentry: Sentry) -> None:
    """The last page names a next one as well, with results="false"."""
    fake.page = 2
    found = await sentry.issues(since=NOW - DAY, match=None, limit=50)
    assert len(found) == 5
    assert [call.query.get("cursor") for call in fake.heard] == [None, "0:2:0", "0:4:0"]
    fake.heard.clear()
    assert len(await sentry.issues(since=NOW - DAY, match=None, limit=2)) == 2
    assert len(fake.heard) == 2


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ('<https://x/>; rel="previous"; results="true"; cursor="0:0:1", <https://x/>; rel="next"; results="true"; '
         'cursor="0:100:0"', "0:100:0"),
        ('<https://x/>; rel="next"; results="false"; cursor="0:100:0"', ""),
        ('<https://x/?a=b,c>; rel="next"; results="true"', ""),
        ("", ""),
        ("nonsense", ""),
    ],
)  # fmt: skip
def test_a_next_page_that_has_nothing_on_it(link: str, cursor: str) -> None:
    assert next_cursor(link) == cursor


async def test_by_number_and_by_short_id(sentry: Sentry) -> None:
    assert (await sentry.issue("5102")).short_id == "SHOP-API-2C"
    found = await sentry.issue("shop-api-1f")
    assert (found.id, found.count, found.title) == ("5101", 352, "TimeoutError: HubSpot did not answer in 30 s")


@pytest.mark.parametrize("unknown", ["9999", "SHOP-API-ZZ", "hubspot", "../organizations", "SHOP-API-1F/x", ""])
async def test_an_issue_that_is_unknown(sentry: Sentry, unknown: str) -> None:
    """A short id that is none is a search for words: what that finds is not taken for the issue."""
    with pytest.raises(NotUnderstood, match="sentry has no issue"):
        await sentry.issue(unknown)


async def test_an_issue_of_another_project_is_not_touched(fake: FakeSentry, sentry: Sentry) -> None:
    for issue_id in ("BILLING-3", "5107"):
        with pytest.raises(NotUnderstood, match=r"project billing, which services\.sentry\.project does not name"):
            await sentry.set_status(issue_id, "resolved")
    assert fake.effects == []


async def test_sentrys_bulk_put(fake: FakeSentry, url: str, http: httpx.AsyncClient, sentry: Sentry) -> None:
    """Without `?id=` it changes everything that is unresolved: no request of ours ever goes there."""
    await sentry.set_status("SHOP-API-1F", "resolved")
    await sentry.set_status("5103", "ignored")
    await sentry.set_status("SHOP-WEB-7", "unresolved", "new")
    with pytest.raises(NotUnderstood):
        await sentry._api.update("", {"status": "resolved"})
    puts = [call.path for call in fake.heard if call.method == "PUT"]
    at = "/api/0/organizations/acme/issues"
    assert puts == [f"{at}/5101/", f"{at}/5103/", f"{at}/5103/"]
    assert [each.short_id for each in fake.issues.values() if each.status == "resolved"] == ["SHOP-API-1F"]

    # What it would have been: sent by hand, so that this test would see it.
    other = FakeSentry(TOKEN)
    async with serving(other.app()) as there:
        await http.put(f"{there}{at}/", json={"status": "resolved"}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert [each.short_id for each in other.issues.values() if each.status != "resolved"] == ["SHOP-API-A"]


async def test_a_path_without_its_last_slash_loses_the_write(
    fake: FakeSentry, url: str, http: httpx.AsyncClient
) -> None:
    """Sentry answers with a redirect, which makes a GET of it: `fake` asserts that we never send one."""
    answer = await http.put(f"{url}/api/0/organizations/acme/issues/5101", json={"status": "resolved"})
    assert (answer.status_code, fake.effects) == (301, [])
    fake.heard.clear()


@pytest.mark.parametrize("finer", ["archived_until_escalating", "archived_forever"])
async def test_an_ignored_one_is_restored_with_its_finer_word(fake: FakeSentry, sentry: Sentry, finer: str) -> None:
    fake.of("SHOP-API-A").substatus = finer
    before = await sentry.issue("SHOP-API-A")
    assert (before.status, before.detail, before.lost) == ("ignored", finer, "")
    assert (await sentry.set_status(before.id, "resolved")).status == "resolved"
    back = await sentry.set_status(before.id, before.status, before.detail)
    assert (back.status, back.detail) == ("ignored", finer)


async def test_what_cannot_be_restored_is_said_before(fake: FakeSentry, sentry: Sentry) -> None:
    issue = fake.of("SHOP-API-A")
    issue.substatus, issue.details = "archived_until_condition_met", {"ignoreCount": 100}
    before = await sentry.issue("SHOP-API-A")
    assert "The condition it was archived until is not put back" in before.lost
    await sentry.set_status(before.id, "resolved")
    assert (await sentry.set_status(before.id, "ignored", before.detail)).detail == "archived_until_escalating"
    issue.status, issue.substatus, issue.details = "resolved", None, {"inRelease": "shop@1.4"}
    assert "The release or commit" in (await sentry.issue("SHOP-API-A")).lost


async def test_resolved_in_the_next_release_is_restored(fake: FakeSentry, sentry: Sentry) -> None:
    issue = fake.of("SHOP-WEB-7")
    issue.status, issue.substatus, issue.details = "resolved", None, {"inNextRelease": True}
    before = await sentry.issue("SHOP-WEB-7")
    await sentry.set_status(before.id, "unresolved")
    back = await sentry.set_status(before.id, before.status, before.detail)
    assert (back.status, back.detail, issue.details) == ("resolved", before.detail, {"inNextRelease": True})


async def test_an_issue_that_is_about_to_go(fake: FakeSentry, sentry: Sentry) -> None:
    fake.of("SHOP-WEB-7").status = "pending_deletion"
    with pytest.raises(Refused, match="SHOP-WEB-7 is pending deletion in sentry"):
        await sentry.issue("SHOP-WEB-7")


async def test_a_token_that_may_only_read(fake: FakeSentry, sentry: Sentry) -> None:
    fake.scopes = ["event:read", "org:read"]
    with pytest.raises(Refused, match=r"You do not have permission.*services\.sentry\.token"):
        await sentry.set_status("5101", "resolved")
    assert fake.effects == []


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED, Kind.TRUNCATED, Kind.GARBAGE])
async def test_a_write_whose_answer_is_lost_is_unknown_and_sent_once(
    fake: FakeSentry, sentry: Sentry, kind: Kind
) -> None:
    fake.faults.arm(Fault(kind, only="PUT"))
    with pytest.raises(OutcomeUnknown):
        await sentry.set_status("5101", "resolved")
    assert fake.done("resolved") == ["SHOP-API-1F"]


async def test_a_read_is_tried_again(fake: FakeSentry, sentry: Sentry) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=503))
    assert (await sentry.issue("5101")).short_id == "SHOP-API-1F"
    fake.limited = 1
    assert (await sentry.issue("5101")).short_id == "SHOP-API-1F"
    assert [call.status for call in fake.heard] == [503, 200, 429, 200]


async def test_a_limit_ends_at_the_second_that_its_header_names(fake: FakeSentry, sentry: Sentry) -> None:
    fake.limited, fake.resets_in = 9, timedelta(minutes=10)
    with pytest.raises(TryLater) as caught:
        await sentry.issue("5101")
    assert caught.value.after is not None
    assert timedelta(minutes=5) < caught.value.after <= timedelta(minutes=10)
    with pytest.raises(TryLater, match="no calls left; more in 10 min"):
        await sentry.set_status("5101", "resolved")
    assert len(fake.heard) == 1


# -- errors


async def test_errors_are_the_issues_that_happened_since(sentry: Sentry) -> None:
    page = await sentry.errors(since=NOW - HOUR, match=None, limit=50)
    assert [event.key.partition(" ")[0] for event in page.events] == [
        "SHOP-API-1F", "SHOP-API-2C", "SHOP-WEB-B", "SHOP-WEB-7"
    ]  # fmt: skip
    newest = page.events[0]
    assert (newest.origin, newest.operation, newest.link) == (
        "shop-api", "hubspot.client in upsert", "https://acme.sentry.io/issues/5101/"
    )  # fmt: skip
    assert newest.at == NOW - timedelta(minutes=2)
    assert not page.truncated
    assert (await sentry.errors(since=NOW - HOUR, match=None, limit=2)).truncated


async def test_an_issue_that_happens_again_is_another_error(fake: FakeSentry, sentry: Sentry) -> None:
    before = await sentry.errors(since=NOW - HOUR, match="abn", limit=50)
    fake.of("SHOP-API-2C").ago.append(1)
    after = await sentry.errors(since=NOW - HOUR, match="abn", limit=50)
    assert len(before.events) == len(after.events) == 1
    assert before.events[0].key != after.events[0].key


# -- statistics


async def test_counts_in_even_slices(sentry: Sentry) -> None:
    since = NOW - HOUR
    found = await sentry.statistics(since=since, until=NOW, slices=12)
    assert [bucket.at for bucket in found.buckets] == [since + timedelta(minutes=5) * place for place in range(12)]
    assert found.count == found.errors == sum(bucket.errors for bucket in found.buckets) == 24
    assert (found.p50, found.p95) == (None, None)
    assert "errors only" in found.note
    assert [(each.name[:11], each.errors) for each in found.worst[:2]] == [("SHOP-API-1F", 12), ("SHOP-API-2C", 5)]


async def test_counts_stand_without_the_worst(fake: FakeSentry, sentry: Sentry) -> None:
    fake.faults.arm(Fault(Kind.STATUS, status=500, only="/issues/"))
    found = await sentry.statistics(since=NOW - HOUR, until=NOW, slices=7)
    assert (found.count, found.worst) == (24, ())
    assert "The worst issues could not be read" in found.note
    assert "steps of 5 min" in found.note


async def test_a_sentry_without_counts_over_time(fake: FakeSentry, sentry: Sentry) -> None:
    fake.keeps_series = False
    with pytest.raises(Refused, match="may be too old"):
        await sentry.statistics(since=NOW - HOUR, until=NOW, slices=12)


@pytest.mark.parametrize(
    ("span", "slices", "step"),
    [(HOUR, 12, 300), (DAY, 24, 3600), (timedelta(minutes=5), 30, 60), (30 * DAY, 10, 86400)],
)
def test_a_step_is_no_longer_than_a_slice_where_sentry_has_one(span: timedelta, slices: int, step: int) -> None:
    assert step_for(span, slices) == step


def test_an_address_with_a_slash_at_its_end(fake: FakeSentry, http: httpx.AsyncClient) -> None:
    client = opened(fake, "http://127.0.0.1:9/", http)
    assert isinstance(client._api, SentryApi)
    assert client._api.organization_path == "/api/0/organizations/acme/?detailed=0"


async def test_a_resolution_of_somebody_elses_is_told_from_ours(sentry: Sentry, fake: FakeSentry) -> None:
    """Ours is taken back; one that a colleague put in its place, in a release, must not be."""
    ours = await sentry.set_status("SHOP-API-1F", "resolved")
    issue = next(each for each in fake.issues.values() if each.short_id == "SHOP-API-1F")
    issue.details = {"inRelease": "shop@2.3"}
    now = await sentry.issue("SHOP-API-1F")
    assert (now.status, now.detail) == ("resolved", "in shop@2.3")
    assert now.detail != ours.detail
