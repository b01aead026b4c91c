"""Railway's traps, each with its name. What is said is held against Railway's own schema (see `fake`)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import Misconfigured, NotUnderstood, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import (
    Checkable,
    Checked,
    Credentialed,
    ErrorSource,
    Health,
    Level,
    LogSource,
    Promotes,
    Redeploys,
    Restarts,
    RollsBack,
)
from integrations.capabilities.trials import Testable as Tryable
from integrations.railway.client import Railway
from sandbox.world.railway import Deploy, FakeRailway
from tests.integrations.contract import NO_SPECS
from tests.integrations.contract_graphql import GraphQLContract

TOKEN = "9b2e7c1a-t0ken-that-must-not-be-seen"
LIVE, BEFORE = "d-7c1f", "d-51be"
ACCOUNT = {"scope": "account", "project": "p-1", "environment": "e-1"}


@pytest.fixture(scope="module")
def contract() -> GraphQLContract | None:
    return GraphQLContract.load("railway")


@pytest.fixture
async def fake(contract: GraphQLContract | None) -> AsyncIterator[FakeRailway]:
    fake = FakeRailway(TOKEN)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


def opened(fake: FakeRailway, url: str, http: httpx.AsyncClient, token: str = TOKEN, **settings: Any) -> Railway:
    services = open_services({"etl": fake.section(url) | settings}, http, lambda reference: token)
    client = services.named("etl", RollsBack)
    assert isinstance(client, Railway)
    return client


@pytest.fixture
def etl(fake: FakeRailway, url: str, http: httpx.AsyncClient) -> Railway:
    return opened(fake, url, http)


def ago(**by: float) -> datetime:
    return datetime.now(UTC) - timedelta(**by)


def test_the_contract_is_at_hand(contract: GraphQLContract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert contract.schema.mutation_type is not None


def test_it_claims_what_it_can(etl: Railway) -> None:
    services = Services((etl,))
    for can in (Checkable, Tryable, Credentialed, RollsBack, Redeploys, Restarts, ErrorSource, LogSource):
        assert services.having(can) == (etl,)
    assert services.having(Promotes) == ()


# -- health, tokens, errors within a 200


async def test_all_is_well(fake: FakeRailway, etl: Railway) -> None:
    assert await etl.check() == Checked(Health.OK, calls_left=f"{fake.left} of 1,000 this hour")
    assert [trial.health for trial in await etl.test()] == [Health.OK] * 3


async def test_a_project_token_goes_by_its_own_header(fake: FakeRailway, etl: Railway) -> None:
    """With `Authorization` it is not recognised, and it cannot ask for `me`."""
    await etl.deployments()
    assert fake.queries() == ["Token", "State"]
    assert not any("me" in json.loads(call.body)["query"].split() for call in fake.heard)


async def test_an_account_token_goes_by_authorization(fake: FakeRailway, url: str, http: httpx.AsyncClient) -> None:
    fake.of_project = False
    etl = opened(fake, url, http, **ACCOUNT)
    assert len(await etl.deployments()) == 4
    assert fake.queries() == ["Place", "State"]
    rights = await etl.rights()
    assert "everything in the workspace Acme" in rights.unneeded
    assert rights.note == "A project's token for production alone would do."


async def test_the_wrong_kind_of_token_is_not_authorized_within_a_200(
    fake: FakeRailway, url: str, http: httpx.AsyncClient
) -> None:
    etl = opened(fake, url, http, **ACCOUNT)
    seen = await etl.check()
    assert seen.health is Health.DEGRADED
    assert "'Not Authorized'. Check services.etl.token, and that services.etl.scope says whose it is" in seen.detail
    assert {call.status for call in fake.heard} == {200}
    assert TOKEN not in seen.detail


def test_an_account_token_needs_to_know_where(fake: FakeRailway, http: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured, match="write project and environment too"):
        opened(fake, "http://127.0.0.1:9", http, scope="account")


async def test_a_service_that_is_not_there(fake: FakeRailway, url: str, http: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured, match=r"services\.etl\.service: .* write one of etl\."):
        await opened(fake, url, http, service="elt").deployments()
    assert len(await opened(fake, url, http, service="ETL").deployments()) == 4
    assert len(await opened(fake, url, http, service="s-1").deployments()) == 4


@pytest.mark.parametrize(
    ("message", "code", "reading", "writing"),
    [
        ("Not Authorized", "INTERNAL_SERVER_ERROR", Refused, Refused),
        ("Deployment not found", "INTERNAL_SERVER_ERROR", NotUnderstood, NotUnderstood),
        ("Rate limit exceeded", "", TryLater, TryLater),
        ("Problem processing request", "INTERNAL_SERVER_ERROR", TryLater, OutcomeUnknown),
        ("Your plan keeps no images", "BAD_USER_INPUT", Refused, Refused),
    ],
)
async def test_an_error_within_a_200_is_an_error(
    fake: FakeRailway, etl: Railway, message: str, code: str, reading: type[Exception], writing: type[Exception]
) -> None:
    await etl.deployments()
    error = {"message": message, "path": ["x"], "extensions": {"code": code}}
    fake.error = error
    with pytest.raises(reading):
        await etl.deployments()
    fake.error = error
    with pytest.raises(writing):
        await etl._api.roll_back(BEFORE)
    assert fake.effects == []


async def test_an_error_beside_what_was_done_is_unknown(fake: FakeRailway, etl: Railway) -> None:
    """GraphQL: the mutation ran, and a field of its answer could not be told."""
    await etl.deployments()
    fake.beside = {"message": "Not Authorized", "path": ["deploymentRedeploy", "id"]}
    for call in (etl._api.redeploy, etl._api.roll_back):
        with pytest.raises(OutcomeUnknown, match="answered that it was done, and says 'Not Authorized'"):
            await call(BEFORE)
    assert (fake.done("redeploy"), fake.done("rollback")) == ([BEFORE], [BEFORE])


async def test_a_token_in_an_error_is_not_repeated(fake: FakeRailway, etl: Railway) -> None:
    fake.error = {"message": f"bad token {TOKEN}"}
    with pytest.raises(Refused) as caught:
        await etl.deployments()
    assert TOKEN not in str(caught.value)


async def test_what_railway_says_of_the_live_one(fake: FakeRailway, etl: Railway) -> None:
    fake._one(LIVE).become("CRASHED")
    assert await etl.check() == Checked(Health.DOWN, f"Railway says that {LIVE} crashed")
    fake._one(LIVE).become("SLEEPING")
    assert await etl.check() == Checked(Health.OK, calls_left=f"{fake.left} of 1,000 this hour")
    fake.active = []
    assert await etl.check() == Checked(Health.DEGRADED, "nothing is deployed")


async def test_the_hourly_budget_is_watched_and_spared(fake: FakeRailway, etl: Railway) -> None:
    """100 calls an hour on a trial: one query holds all, and ids are asked once."""
    for _ in range(3):
        await etl.check()
    await etl.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=9)
    await etl.errors(since=ago(days=1), match=None, limit=9)
    assert fake.queries() == ["Token", "State", "State", "State", "Logs", "Logs"]
    fake.left = 20
    assert await etl.check() == Checked(
        Health.DEGRADED, "only 19 of 1,000 calls are left this hour", calls_left="19 of 1,000 this hour"
    )
    assert (await etl.test())[-1].health is Health.UNKNOWN
    fake.left = 0
    with pytest.raises(TryLater) as caught:
        await etl.deployments()
    assert caught.value.after == timedelta(minutes=30)


async def test_variables_are_never_asked_for(fake: FakeRailway, etl: Railway) -> None:
    """Their values are secrets in the clear. An agent's wide token deleted a volume: rights say what is too much."""
    await etl.deployments()
    await etl.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=9)
    await etl.roll_back(BEFORE)
    await etl.restart()
    assert not any("variables(" in json.loads(call.body)["query"] for call in fake.heard)
    rights = await etl.rights()
    assert rights.has == ("everything in the environment production",)
    assert "removing deployments, services and volumes" in rights.unneeded
    assert [(each.setting, each.reference) for each in etl.credentials()] == [
        ("services.etl.token", "env:DEMO_RAILWAY_TOKEN")
    ]


# -- deployments


async def test_deployments_newest_first(etl: Railway) -> None:
    found = await etl.deployments()
    assert [(each.id, each.live, each.can_return_to) for each in found] == [
        ("d-bad1", False, False),
        (LIVE, True, False),
        (BEFORE, False, True),
        ("d-3aa0", False, True),
    ]
    assert (found[1].ref, found[1].message, found[1].author) == ("main 5d0c2ab", "Scrape slower at night", "ana")
    assert found[1].link == "https://railway.com/project/p-1/service/s-1?environmentId=e-1&id=d-7c1f"
    assert "do-not-repeat" not in repr(found)


async def test_a_rollback_is_a_new_deployment_that_is_waited_for(fake: FakeRailway, etl: Railway) -> None:
    deployed = await etl.roll_back(BEFORE)
    assert (deployed.live, fake.active) == ("d-new1", ["d-new1"])
    assert deployed.sentence == f"{BEFORE} runs again as d-new1."
    assert (await etl.roll_back(LIVE)).live == "d-new2"
    assert fake.done("rollback") == [BEFORE, LIVE]


async def test_what_somebody_pushes_meanwhile_is_not_the_rollback(fake: FakeRailway, etl: Railway) -> None:
    """It is new as well, and live before ours."""
    fake.pushed_meanwhile = "abc1234"
    deployed = await etl.roll_back(BEFORE)
    assert (deployed.live, fake.active) == ("d-new2", ["d-new2"])


async def test_a_push_that_takes_over_from_a_rollback_that_failed(fake: FakeRailway, etl: Railway) -> None:
    fake.pushed_meanwhile, fake.ends_as = "abc1234", "FAILED"
    with pytest.raises(Refused, match=r"started d-new2, and it ended as failed\. Live is d-push1\."):
        await etl.roll_back(BEFORE)


async def test_which_one_is_the_rollback_is_unknown_where_railway_tells_no_commit(
    fake: FakeRailway, etl: Railway
) -> None:
    fake.tells_commits = False
    with pytest.raises(OutcomeUnknown, match=r"accepted the rollback to d-51be, and d-new1 is live since; .* not tell"):
        await etl.roll_back(BEFORE)
    assert fake.done("rollback") == [BEFORE]


async def test_a_rollback_to_one_that_is_older_than_the_listing(fake: FakeRailway, etl: Railway) -> None:
    at = fake.deploys[0].created
    for number in range(30):
        fake.deploys.insert(0, Deploy(f"d-x{number}", at, "0badc0de", "", "ana"))
    deployed = await etl.roll_back(BEFORE)
    assert deployed.live == "d-new1"


@pytest.mark.parametrize("status", ["FAILED", "CRASHED"])
async def test_a_rollback_that_fails_leaves_what_was_live(fake: FakeRailway, etl: Railway, status: str) -> None:
    fake.ends_as = status
    with pytest.raises(Refused, match=rf"started d-new1, and it ended as {status.lower()}\. Live is {LIVE}\."):
        await etl.roll_back(BEFORE)


async def test_an_image_that_is_not_kept_cannot_be_returned_to(fake: FakeRailway, etl: Railway) -> None:
    fake._one(BEFORE).can_rollback = False
    assert [each.id for each in await etl.deployments() if each.can_return_to] == ["d-3aa0"]
    with pytest.raises(Refused, match="cannot be rolled back to"):
        await etl.roll_back(BEFORE)


async def test_a_rollback_whose_answer_is_lost_is_unknown_and_traced(fake: FakeRailway, etl: Railway) -> None:
    fake.loses = {"Rollback", "Redeploy"}
    with pytest.raises(OutcomeUnknown, match=r"504.*Railway lists since then: d-new1 \((deploying|success)\)"):
        await etl.roll_back(BEFORE)
    with pytest.raises(OutcomeUnknown, match=r"Railway lists since then: d-new2"):
        await etl.redeploy(BEFORE)
    assert (fake.done("rollback"), fake.done("redeploy")) == ([BEFORE], [BEFORE])


async def test_a_deployment_that_takes_too_long_is_unknown(
    fake: FakeRailway, url: str, http: httpx.AsyncClient
) -> None:
    fake.settle_seconds = 60
    etl = opened(fake, url, http, settle="1s")
    with pytest.raises(OutcomeUnknown, match=r"not up after 1 s\. Railway lists since then: d-new1"):
        await etl.roll_back(BEFORE)
    with pytest.raises(OutcomeUnknown, match="redeployment of d-51be as d-new2; it was not up"):
        await etl.redeploy(BEFORE)


async def test_a_redeployment(fake: FakeRailway, etl: Railway) -> None:
    deployed = await etl.redeploy(LIVE)
    assert deployed.live == "d-new1" == fake.active[0]
    fake.ends_as = "FAILED"
    with pytest.raises(Refused, match=r"d-new2, and it ended as failed\. Live is d-new1"):
        await etl.redeploy(LIVE)


async def test_a_restart_keeps_the_deployment(fake: FakeRailway, etl: Railway) -> None:
    assert await etl.running_now() == LIVE
    deployed = await etl.restart()
    assert (deployed.live, deployed.notes) == (LIVE, ())
    assert fake.done("restart") == [LIVE]


async def test_a_restart_that_crashes_and_one_that_does_not_show(
    fake: FakeRailway, url: str, http: httpx.AsyncClient
) -> None:
    etl = opened(fake, url, http, settle="1s")
    fake.shows_restarts = False
    assert (await etl.restart()).notes == ("Railway accepted it, and showed no sign of it within 1 s.",)
    fake.shows_restarts, fake.ends_as = True, "CRASHED"
    with pytest.raises(Refused, match=f"restarted {LIVE}, and it crashed"):
        await etl.restart()
    fake.active = []
    with pytest.raises(Refused, match="nothing to restart"):
        await etl.restart()


# -- errors and logs


async def test_errors_are_lines_and_deployments_that_failed(etl: Railway) -> None:
    page = await etl.errors(since=ago(days=1), match=None, limit=9)
    assert [(event.operation, event.message) for event in page.events] == [
        ("deployment", "The deployment failed: Bump the driver"),
        ("log", "ERROR: no matching distribution found"),
        ("log", "psycopg: connection refused"),
    ]
    assert (await etl.errors(since=ago(minutes=2), match=None, limit=9)).events == ()
    page = await etl.errors(since=ago(days=1), match="PSYCOPG", limit=9)
    assert [event.message for event in page.events] == ["psycopg: connection refused"]


async def test_logs_of_what_runs_and_of_the_newest_build(fake: FakeRailway, etl: Railway) -> None:
    page = await etl.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=9)
    assert [(line.origin, line.level, line.message) for line in page.lines] == [
        ("build", Level.ERROR, "ERROR: no matching distribution found"),
        ("deployment", Level.ERROR, "psycopg: connection refused"),
        ("deployment", Level.INFO, "Started on port 8080"),
    ]
    page = await etl.logs(since=ago(days=1), level=Level.ERROR, match=None, limit=1)
    assert (len(page.lines), page.truncated) == (1, True)
    assert len({line.key for line in page.lines}) == len(page.lines)


async def test_without_a_deployment_there_is_no_log(fake: FakeRailway, etl: Railway) -> None:
    fake.deploys, fake.active = [], []
    page = await etl.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=9)
    assert (page.lines, page.note) == ((), "Nothing is deployed: there is no log.")
    assert (await etl.errors(since=ago(days=1), match=None, limit=9)).events == ()


async def test_a_cut_log_says_so(fake: FakeRailway, url: str, http: httpx.AsyncClient) -> None:
    fake._one(LIVE).log *= 10
    etl = opened(fake, url, http, log_lines=5)
    page = await etl.logs(since=ago(days=1), level=Level.DEBUG, match=None, limit=50)
    assert page.note == "Only 5 lines of each log were read."
