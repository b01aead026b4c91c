"""/ops deploys and what is done with deployments, on the real clients over HTTP against their stand-ins."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import httpx
import pytest

from bot.words.action import Receipt
from bot.words.exceptions import NotUnderstood, Stale, TryLater
from commands.deploys import Deploys, ListDeployments
from commands.deploys._listing import Listing
from commands.deploys.promote import Promote, PromoteDeployment
from commands.deploys.redeploy import Redeploy, RedeployDeployment
from commands.deploys.restart import Restart, RestartDeployment
from commands.deploys.rollback import Rollback, RollBackDeployment
from integrations import Services, open_services
from integrations.capabilities import Deployments, Promotes, Redeploys, Restarts, RollsBack
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.neon import FakeNeon
from sandbox.world.railway import FakeRailway
from sandbox.world.vercel import FakeVercel
from tests.commands.world import Clock, carry_out
from tests.integrations.standin import serving

SECRET = "a-t0ken-for-all"
LIVE, BEFORE, OLD = "dpl_9fYxKq2Ww", "dpl_7mTpLd4Rz", "dpl_5kHvNc8Jb"


@dataclass
class Hosts:
    web: FakeVercel
    etl: FakeRailway
    neon: FakeNeon
    services: Services

    @property
    def listing(self) -> Listing:
        return Listing(self.services.having(Deployments))

    @property
    def rollback(self) -> RollBackDeployment:
        return RollBackDeployment(self.services.having(RollsBack), self.listing)

    @property
    def promote(self) -> PromoteDeployment:
        return PromoteDeployment(self.services.having(Promotes), self.listing)

    @property
    def redeploy(self) -> RedeployDeployment:
        return RedeployDeployment(self.services.having(Redeploys), self.listing)

    @property
    def restart(self) -> RestartDeployment:
        return RestartDeployment(self.services.having(Restarts))

    @property
    def deploys(self) -> ListDeployments:
        return ListDeployments(self.services.having(Deployments), Clock())


@pytest.fixture
async def hosts() -> AsyncIterator[Hosts]:
    web, etl, neon = FakeVercel(SECRET), FakeRailway(SECRET), FakeNeon(SECRET)
    async with AsyncExitStack() as opened:
        http = await opened.enter_async_context(httpx.AsyncClient(trust_env=False))
        tables = {
            name: fake.section(await opened.enter_async_context(serving(fake.app())))
            for name, fake in (("web", web), ("etl", etl), ("neon", neon))
        }
        yield Hosts(web, etl, neon, open_services(tables, http, lambda reference: SECRET))


def stored(receipt: Receipt) -> Receipt:
    """As it comes back from the database."""
    return Receipt.model_validate_json(receipt.model_dump_json())


# -- the list


async def test_all_hosts_newest_first(hosts: Hosts) -> None:
    report = await hosts.deploys.answer(Deploys())
    assert report.lead == (
        f"web: {LIVE} main 3f2a91c: Checkout: apply coupons before tax is live. "
        "etl: d-7c1f main 5d0c2ab: Scrape slower at night is live."
    )
    assert report.table is not None
    assert [(row[0], row[-1]) for row in report.table.rows if row[1] == "live"] == [("web", LIVE), ("etl", "d-7c1f")]
    assert "do-not-repeat" not in report.model_dump_json()
    one = await hosts.deploys.answer(Deploys(service="ETL", n=2))
    assert one.table is not None
    assert [row[0] for row in one.table.rows] == ["etl", "etl"]


async def test_few_are_shown_and_what_is_live_is_among_them(hosts: Hosts) -> None:
    """`etl: nothing is live` was said of a host that served, since the newest build had failed."""
    report = await hosts.deploys.answer(Deploys(service="etl", n=1))
    assert report.lead == "etl: d-7c1f main 5d0c2ab: Scrape slower at night is live."
    assert report.table is not None
    assert [row[-1] for row in report.table.rows] == ["d-bad1", "d-7c1f"]
    failed = hosts.etl.deploys[0]  # so many came since that Railway does not list the live one any more
    hosts.etl.deploys[:0] = [replace(failed, id=f"d-bad{number}") for number in range(2, 40)]
    assert (await hosts.deploys.answer(Deploys(service="etl"))).lead == "etl: d-7c1f is live."


async def test_a_silent_host_is_a_note(hosts: Hosts) -> None:
    hosts.web.faults.arm(Fault(Kind.STATUS, status=403, times=9))
    report = await hosts.deploys.answer(Deploys())
    assert report.notes[0].startswith("Could not read web: ")
    with pytest.raises(TryLater, match="Could not read web"):
        await hosts.deploys.answer(Deploys(service="web"))
    with pytest.raises(NotUnderstood) as caught:
        await hosts.deploys.answer(Deploys(service="wep"))
    assert caught.value.hint == "deploys web"


# -- rolling back


async def test_a_rollback_and_its_undo_by_promotion(hosts: Hosts) -> None:
    plan = await hosts.rollback.preview(Rollback(service="web"))
    assert (plan.live, plan.to, plan.target, plan.confirm_phrase) == (LIVE, BEFORE, "web production", "web")
    assert plan.headline == "Roll web back to main b81d7e0."
    assert plan.effects[1] == f"roll back: {BEFORE} main b81d7e0: Raise the image cache to a day"
    assert any("New pushes do not go live" in warning for warning in plan.warnings)
    assert hosts.rollback.settled(Rollback(service="WEB"), plan) == Rollback(service="web", to=BEFORE)

    receipt = stored(await hosts.rollback.execute(plan))
    assert (hosts.web.live, receipt.headline) == (BEFORE, f"Production is back at {BEFORE}.")

    undone = await hosts.rollback.undo(plan, receipt)
    assert (hosts.web.live, undone.headline) == (LIVE, f"{LIVE} is production now.")
    assert (hosts.web.done("rollback"), hosts.web.done("promote")) == ([BEFORE], [LIVE])


async def test_a_rollback_without_promotion_is_undone_by_another(hosts: Hosts) -> None:
    plan = await hosts.rollback.preview(Rollback(service="etl"))
    receipt = stored(await hosts.rollback.execute(plan))
    assert (plan.to, receipt.undo) == ("d-51be", {"live": "d-new1"})
    undone = await hosts.rollback.undo(plan, receipt)
    assert undone.headline == "d-7c1f runs again as d-new2."
    assert hosts.etl.done("rollback") == ["d-51be", "d-7c1f"]


async def test_somebody_deployed_meanwhile(hosts: Hosts) -> None:
    plan = await hosts.rollback.preview(Rollback(service="web"))
    pushed = hosts.web.push("fff0000", "A fix")
    with pytest.raises(Stale):
        await carry_out(hosts.rollback, Rollback(service="web"), plan)
    assert hosts.web.done("rollback") == []
    again = await hosts.rollback.preview(Rollback(service="web"))
    assert (plan.live, again.live) == (LIVE, pushed.id)


async def test_an_undo_checks_for_drift(hosts: Hosts) -> None:
    """sso-elevator#35: what is put back is only put back where nobody changed it since."""
    plan = await hosts.rollback.preview(Rollback(service="web"))
    receipt = stored(await hosts.rollback.execute(plan))
    await hosts.services.named("web", Promotes).promote(OLD)
    with pytest.raises(Stale, match=f"web serves {OLD}"):
        await hosts.rollback.undo(plan, receipt)
    assert hosts.web.live == OLD


@pytest.mark.parametrize("words", [OLD, "97c4412", "97c4", "dpl_5kHv"])
async def test_a_deployment_by_id_or_commit(hosts: Hosts, words: str) -> None:
    assert (await hosts.rollback.preview(Rollback(service="web", to=words))).to == OLD


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("dpl_1rErr0rAa", "cannot return to dpl_1rErr0rAa (error)"),
        ("dpl_", "means several: "),
        ("97c", "is not among the newest 50"),
        ("zzzzzz", "is not among the newest 50"),
    ],
)
async def test_a_deployment_that_cannot_be_meant(hosts: Hosts, words: str, why: str) -> None:
    with pytest.raises(NotUnderstood, match=re.escape(why)) as caught:
        await hosts.rollback.preview(Rollback(service="web", to=words))
    assert caught.value.hint.startswith("deploys ")


async def test_nothing_to_do_and_nothing_to_return_to(hosts: Hosts) -> None:
    plan = await hosts.rollback.preview(Rollback(service="web", to=LIVE))
    assert plan.nothing_to_do == f"{LIVE} is live already."
    hosts.web.live = "dpl_2sQwBf1Xg"
    with pytest.raises(NotUnderstood, match="keeps no earlier deployment"):
        await hosts.rollback.preview(Rollback(service="web"))


async def test_a_service_that_cannot_promote(hosts: Hosts) -> None:
    with pytest.raises(NotUnderstood, match="No service called 'etl' can promote"):
        await hosts.promote.preview(Promote(service="etl"))


async def test_evidence_of_an_unknown_end(hosts: Hosts) -> None:
    plan = await hosts.rollback.preview(Rollback(service="web"))
    evidence = await hosts.rollback.evidence(plan)
    assert evidence.startswith(f"live: {LIVE} main 3f2a91c")
    assert "newest: dpl_1rErr0rAa" in evidence


# -- promoting and redeploying


async def test_after_a_rollback_the_newest_is_promoted(hosts: Hosts) -> None:
    await hosts.rollback.execute(await hosts.rollback.preview(Rollback(service="web")))
    pushed = hosts.web.push("fff0000", "A fix")
    plan = await hosts.promote.preview(Promote(service="web"))
    assert (plan.live, plan.to) == (BEFORE, pushed.id)
    receipt = stored(await hosts.promote.execute(plan))
    assert hosts.web.live == pushed.id
    await hosts.promote.undo(plan, receipt)
    assert hosts.web.live == BEFORE


async def test_what_is_not_ready_is_not_promoted(hosts: Hosts) -> None:
    with pytest.raises(NotUnderstood, match="is error, not ready"):
        await hosts.promote.preview(Promote(service="web", to="dpl_1rErr0rAa"))
    assert (await hosts.promote.preview(Promote(service="web"))).nothing_to_do == f"{LIVE} is live already."


@pytest.mark.parametrize(("service", "live"), [("web", LIVE), ("etl", "d-7c1f")])
async def test_a_redeployment_and_its_undo(hosts: Hosts, service: str, live: str) -> None:
    plan = await hosts.redeploy.preview(Redeploy(service=service))
    assert (plan.live, plan.to) == (live, live)
    receipt = stored(await hosts.redeploy.execute(plan))
    assert receipt.undo["live"] != live
    await hosts.redeploy.undo(plan, receipt)
    assert hosts.web.live == LIVE
    assert hosts.etl.done("rollback") == (["d-7c1f"] if service == "etl" else [])


async def test_a_redeployment_that_is_only_staged_has_nothing_to_undo(hosts: Hosts) -> None:
    hosts.web.assigns_domains = False
    plan = await hosts.redeploy.preview(Redeploy(service="web"))
    receipt = stored(await hosts.redeploy.execute(plan))
    assert "It is not live" in str(receipt.facts[-1].value)
    assert (await hosts.redeploy.undo(plan, receipt)).headline.endswith("production of web had not moved.")


# -- restarting


async def test_a_database_endpoint_is_restarted(hosts: Hosts) -> None:
    plan = await hosts.restart.preview(Restart(service="neon"))
    assert (plan.target, plan.warnings) == ("neon ep-main-1", ("Every connection to the database is dropped.",))
    receipt = await hosts.restart.execute(plan)
    assert (receipt.headline, hosts.neon.done("restart")) == ("ep-main-1 was restarted.", ["ep-main-1"])


async def test_what_runs_now_is_what_was_approved(hosts: Hosts) -> None:
    plan = await hosts.restart.preview(Restart(service="etl"))
    await hosts.services.named("etl", RollsBack).roll_back("d-51be")
    with pytest.raises(Stale):
        await carry_out(hosts.restart, Restart(service="etl"), plan)
    assert hosts.etl.done("restart") == []
    assert await hosts.restart.evidence(plan) == "etl runs d-new1"


# -- while a person types


async def test_options_come_from_memory_and_spare_the_budget(hosts: Hosts) -> None:
    listing = hosts.listing
    rollback = RollBackDeployment(hosts.services.having(RollsBack), listing)
    promote = PromoteDeployment(hosts.services.having(Promotes), listing)
    assert await rollback.options("to", "") == []
    for action in (rollback, promote, rollback):
        await action.refresh()
    assert hosts.etl.queries() == ["Token", "State"]
    offered = await rollback.options("to", "")
    assert [each.value for each in offered] == [BEFORE, OLD, "dpl_2sQwBf1Xg", "d-51be", "d-3aa0"]
    assert offered[0].label == f"web: {BEFORE} main b81d7e0: Raise the image cache to a day"
    assert [each.value for each in await promote.options("to", "97c")] == [OLD]
    assert [each.value for each in await rollback.options("service", "")] == ["web", "etl"]
    assert [each.value for each in await hosts.restart.options("service", "")] == ["etl", "neon"]
