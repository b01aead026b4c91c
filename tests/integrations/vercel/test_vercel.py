"""Vercel's traps, each with its name. What is said is held against Vercel's own description (see `fake`)."""

import asyncio

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, OutcomeUnknown, Refused
from integrations import Services
from integrations.capabilities import (
    Checkable,
    Checked,
    Credentialed,
    ErrorSource,
    Health,
    Level,
    LogSource,
    Prolongs,
    Promotes,
    RateLimiter,
    Redeploys,
    RollsBack,
)
from integrations.capabilities.trials import Testable as Tryable
from integrations.vercel.client import Vercel
from integrations.vercel.firewall import Firewall
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.vercel import FakeVercel
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.vercel.conftest import ADDRESS, BEFORE, LIVE, OLD, ago, opened
from tests.waiting import in_time


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "POST /v1/projects/{projectId}/rollback/{deploymentId}" in contract.operations()


def test_it_claims_what_it_can(services: Services) -> None:
    for capability in (Checkable, Tryable, Credentialed, RollsBack, Promotes, Redeploys, ErrorSource, LogSource):
        assert [type(each) for each in services.having(capability)] == [Vercel]
    assert [type(each) for each in services.having(Prolongs)] == [Firewall]


# -- health and rights


async def test_all_is_well(web: Vercel) -> None:
    assert await web.check() == Checked(Health.OK)
    assert [(trial.health, trial.detail) for trial in await web.test()] == [(Health.OK, "")] * 4


async def test_a_bad_token_is_a_403(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> None:
    trials = await opened(fake, url, http, token="wr0ng").named("web", Tryable).test()
    assert {(trial.health, "Check services.web.token" in trial.detail) for trial in trials} == {(Health.DEGRADED, True)}


@pytest.mark.parametrize("team", ["", "team_other"])
async def test_without_its_team_a_project_is_unknown(
    fake: FakeVercel, url: str, http: httpx.AsyncClient, team: str
) -> None:
    web = opened(fake, url, http, team=team).named("web", RollsBack)
    with pytest.raises(NotUnderstood, match=r"services\.web\.team"):
        await web.deployments()
    firewall = opened(fake, url, http, team=team).named("web", RateLimiter)
    with pytest.raises(Refused, match=r"does not let our token do this \(403\).*services\.web\.team"):
        await firewall.rate_limits(ADDRESS)


async def test_a_project_may_be_named(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> None:
    """Only its own path takes a name; all others need the id."""
    web = opened(fake, url, http, project="storefront").named("web", RollsBack)
    assert (await web.roll_back(BEFORE)).live == BEFORE


async def test_a_project_that_serves_nothing(fake: FakeVercel, web: Vercel) -> None:
    fake.paused = True
    assert await web.check() == Checked(Health.DEGRADED, "the project is paused")
    fake.paused, fake.live = False, ""
    assert await web.check() == Checked(Health.DEGRADED, "nothing serves production")


async def test_rights_are_those_of_the_account(fake: FakeVercel, web: Vercel) -> None:
    rights = await web.rights()
    assert rights.lacking == ()
    assert "projectEnvVars: create, delete, update" in rights.unneeded
    del fake.permissions["deploymentRollback"]
    assert (await web.rights()).lacking == (("deploymentRollback: create", "deploys rollback"),)
    assert [(each.setting, each.reference) for each in web.credentials()] == [
        ("services.web.token", "env:DEMO_VERCEL_TOKEN")
    ]


# -- deployments


async def test_deployments_newest_first_with_the_live_one(fake: FakeVercel, web: Vercel) -> None:
    found = await web.deployments()
    assert [each.id for each in found][:3] == ["dpl_1rErr0rAa", LIVE, BEFORE]
    assert [each.id for each in found if each.live] == [LIVE]
    assert [each.id for each in found if each.can_return_to] == [BEFORE, OLD, "dpl_2sQwBf1Xg"]
    assert (found[1].ref, found[1].message, found[1].author) == (
        "main 3f2a91c",
        "Checkout: apply coupons before tax",
        "ana",
    )
    assert "do-not-repeat" not in repr(found)


async def test_a_live_deployment_older_than_the_page_is_listed_too(fake: FakeVercel, web: Vercel) -> None:
    fake.live = OLD
    found = await web.deployments(limit=2)
    assert [(each.id, each.live) for each in found] == [("dpl_1rErr0rAa", False), (LIVE, False), (OLD, True)]


async def test_pages_are_followed(fake: FakeVercel, web: Vercel) -> None:
    for number in range(120):
        fake.builds[f"dpl_n{number}"] = type(fake.builds[LIVE])(
            f"dpl_n{number}", ago(days=30, minutes=number), "abc", "x", "ana"
        )
    assert len({each.id for each in await web.deployments(limit=110)}) == 110


async def test_a_rollback_is_waited_for(fake: FakeVercel, web: Vercel) -> None:
    """It is accepted (201, nothing) before traffic moves, by the path of v1."""
    deployed = await web.roll_back(BEFORE)
    assert (deployed.live, fake.live) == (BEFORE, BEFORE)
    assert fake.done("rollback") == [BEFORE]
    assert not any(call.path.startswith("/v9/") and call.method == "POST" for call in fake.heard)


async def test_after_a_rollback_new_pushes_do_not_go_live_until_a_promotion(fake: FakeVercel, web: Vercel) -> None:
    deployed = await web.roll_back(BEFORE)
    pushed = fake.push("aaa1111", "A fix")
    assert fake.live == BEFORE
    assert any("New pushes do not go live" in note for note in deployed.notes)
    assert (await web.promote(pushed.id)).live == pushed.id
    assert fake.push("bbb2222", "Another").id == fake.live


async def test_the_undo_of_a_rollback_is_a_promotion_of_what_was_live(fake: FakeVercel, web: Vercel) -> None:
    await web.roll_back(BEFORE)
    assert (await web.promote(LIVE)).live == LIVE
    assert (fake.done("rollback"), fake.done("promote")) == ([BEFORE], [LIVE])


async def test_a_rollback_that_fails_later(fake: FakeVercel, web: Vercel) -> None:
    fake.alias_fails = True
    with pytest.raises(Refused, match=rf"the rollback to {BEFORE} failed. Live is {LIVE}"):
        await web.roll_back(BEFORE)


async def test_a_rollback_that_is_never_done_is_unknown(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> None:
    fake.stuck = True
    web = opened(fake, url, http, settle="1s").named("web", RollsBack)
    with pytest.raises(OutcomeUnknown, match=f"accepted the rollback to {BEFORE}, and was not done after 1 s"):
        await web.roll_back(BEFORE)


async def test_a_rollback_that_was_accepted_is_unknown_where_looking_is_refused(fake: FakeVercel, web: Vercel) -> None:
    """A token that is taken away while we wait: the rollback goes on, so nobody may read that it was refused."""
    fake.faults.arm(Fault(Kind.SLOW, only="GET /v9/projects"))  # the look before
    fake.faults.arm(Fault(Kind.STATUS, times=9, only="GET /v9/projects", status=403))
    with pytest.raises(OutcomeUnknown, match=r"It was sent, and how it ended cannot be read: .*\(403\)"):
        await web.roll_back(BEFORE)
    assert fake.done("rollback") == [BEFORE]


async def test_a_project_that_is_deleted_meanwhile_is_not_waited_for(fake: FakeVercel, web: Vercel) -> None:
    fake.faults.arm(Fault(Kind.SLOW, only="GET /v9/projects"))  # the look before
    fake.faults.arm(Fault(Kind.STATUS, times=999, only="GET /v9/projects", status=404))
    with pytest.raises(OutcomeUnknown, match="what it was for is not there any more"):
        await web.roll_back(BEFORE)
    assert len([call for call in fake.heard if call.status == 404]) == 1


async def test_a_hobby_plan_goes_back_one_step_only(fake: FakeVercel, web: Vercel) -> None:
    fake.hobby = True
    with pytest.raises(Refused, match=r"\(402\): Upgrade to Pro"):
        await web.roll_back(OLD)
    assert fake.live == LIVE


async def test_what_never_served_cannot_be_returned_to(web: Vercel) -> None:
    with pytest.raises(Refused, match="422"):
        await web.roll_back("dpl_1rErr0rAa")
    with pytest.raises(NotUnderstood, match="no deployment 'dpl_nope'"):
        await web.roll_back("dpl_nope")
    with pytest.raises(NotUnderstood, match="no deployment"):
        await web.roll_back("../../v2/user")


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED])
async def test_a_rollback_whose_answer_is_lost_is_looked_for(fake: FakeVercel, web: Vercel, kind: Kind) -> None:
    fake.faults.arm(Fault(kind, only="POST"))
    assert (await web.roll_back(BEFORE)).live == BEFORE
    assert fake.done("rollback") == [BEFORE]


async def test_a_rollback_that_did_not_arrive_is_unknown(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> None:
    fake.faults.arm(Fault(Kind.STATUS, only="POST", status=503))
    web = opened(fake, url, http, settle="1s").named("web", RollsBack)
    with pytest.raises(OutcomeUnknown, match="503"):
        await web.roll_back(BEFORE)
    assert fake.done("rollback") == []


async def test_somebody_elses_older_rollback_is_not_ours(fake: FakeVercel, web: Vercel) -> None:
    """The last request of a project stays there: an old success is no answer to a new one."""
    await web.roll_back(BEFORE)
    await web.promote(LIVE)
    await asyncio.sleep(0.01)
    fake.alias_fails = True
    with pytest.raises(Refused):
        await web.roll_back(BEFORE)


async def test_a_redeployment_is_built_and_goes_live(fake: FakeVercel, web: Vercel) -> None:
    deployed = await web.redeploy(BEFORE)
    assert deployed.live == fake.live != BEFORE
    assert fake.done("redeploy") == [BEFORE]
    assert fake.builds[deployed.live].commit == "b81d7e0"


async def test_a_new_build_may_be_listed_later_than_it_was_made(fake: FakeVercel, web: Vercel) -> None:
    fake.faults.arm(Fault(Kind.STATUS, times=2, only="GET /v13/deployments", status=404))
    assert (await web.redeploy(BEFORE)).live == fake.live


async def test_a_build_that_is_deleted_meanwhile_is_not_waited_for(fake: FakeVercel, web: Vercel) -> None:
    fake.build_seconds = 60
    fake.faults.arm(Fault(Kind.SLOW, only="GET /v13/deployments"))  # seen once
    fake.faults.arm(Fault(Kind.STATUS, times=999, only="GET /v13/deployments", status=404))
    with pytest.raises(OutcomeUnknown, match="what it was for is not there any more"):
        await web.redeploy(BEFORE)
    assert len([call for call in fake.heard if call.status == 404]) == 1


async def test_a_redeployment_that_fails_leaves_production(fake: FakeVercel, web: Vercel) -> None:
    fake.build_fails = True
    with pytest.raises(Refused, match=r"ended as error at buildStep: The build ran out of memory\. What is live"):
        await web.redeploy(BEFORE)
    assert fake.live == LIVE


async def test_a_redeployment_that_was_built_is_not_nothing(fake: FakeVercel, web: Vercel) -> None:
    fake.faults.arm(Fault(Kind.SLOW, only="GET /v9/projects"))
    fake.faults.arm(Fault(Kind.STATUS, times=9, only="GET /v9/projects", status=503))
    with pytest.raises(OutcomeUnknown, match=f"{LIVE} was built again as dpl_.*; whether that is live cannot be read"):
        await web.redeploy(LIVE)


async def test_a_redeployment_after_a_rollback_is_staged(fake: FakeVercel, web: Vercel) -> None:
    await web.roll_back(BEFORE)
    deployed = await web.redeploy(LIVE)
    assert deployed.live == BEFORE
    assert "It is not live" in deployed.notes[0]


async def test_a_build_that_takes_too_long_is_unknown(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> None:
    fake.build_seconds = 60
    web = opened(fake, url, http, build="1s").named("web", Redeploys)
    with pytest.raises(OutcomeUnknown, match=r"again as dpl_again\d; not done after 1 s"):
        await web.redeploy(BEFORE)


# -- errors and logs


async def test_failed_builds_are_errors(fake: FakeVercel, web: Vercel) -> None:
    page = await web.errors(since=ago(hours=3), match=None, limit=10)
    assert [(event.key, event.origin, event.message) for event in page.events] == [
        ("dpl_1rErr0rAa", "main c0ffee1", 'Command "npm run build" exited with 1')
    ]
    assert (await web.errors(since=ago(minutes=5), match=None, limit=10)).events == ()
    assert (await web.errors(since=ago(hours=3), match="bundler error", limit=10)).events == ()


async def test_the_runtime_stream_is_left_at_its_deadline(fake: FakeVercel, web: Vercel) -> None:
    """It stays open for as long as one listens."""
    page = await in_time(web.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=50))
    assert [line.message for line in page.lines] == [
        "TypeError: cart is undefined", "GET / 200", "Module not found: @shop/cart", "Running build"
    ]  # fmt: skip
    assert page.note == "Runtime logs are a stream; it was left after 1 s."
    assert [line.level for line in page.lines] == [Level.ERROR, Level.INFO, Level.WARNING, Level.INFO]
    assert page.lines[0].origin == "serverless GET /cart 500"
    assert not any("follow" in call.query for call in fake.heard)


async def test_logs_by_level_and_words(web: Vercel) -> None:
    page = await web.logs(since=ago(days=1), level=Level.ERROR, match="CART", limit=50)
    assert [line.message for line in page.lines] == ["TypeError: cart is undefined"]
    page = await web.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=1)
    assert (len(page.lines), page.truncated) == (1, True)


async def test_the_runtime_stream_is_cut_at_a_line(fake: FakeVercel, url: str, http: httpx.AsyncClient) -> None:
    fake.runtime *= 50
    web = opened(fake, url, http, log_lines=10, log_deadline="20s").named("web", LogSource)
    page = await in_time(web.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=50))
    assert "left after 10 lines" in page.note
    assert len(page.lines) == 12


async def test_one_log_that_cannot_be_read_leaves_the_other(fake: FakeVercel, web: Vercel) -> None:
    fake.faults.arm(Fault(Kind.STATUS, only="/events", status=403))
    page = await web.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=50)
    assert len(page.lines) == 2
    assert "A part could not be read: web does not let our token do this" in page.note
