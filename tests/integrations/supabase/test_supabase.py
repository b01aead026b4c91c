"""Supabase's traps, each with its name. What is said is held against Supabase's own description (see `fake`)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, OutcomeUnknown, Refused, TryLater
from integrations import Services, open_services
from integrations.capabilities import (
    Checkable,
    Credentialed,
    ErrorSource,
    Health,
    Level,
    LiftsReadOnly,
    LogSource,
    RateLimiter,
)
from integrations.capabilities.trials import Testable as Tryable
from integrations.supabase.logs import question
from sandbox.world.misbehaving import Fault, Kind
from sandbox.world.supabase import FakeSupabase
from tests.integrations.contract import NO_SPECS, Contract
from tests.integrations.standin import serving

TOKEN = "sbp_t0ken-that-must-not-be-seen"
BANNED, STRANGER, OWN = "203.0.113.7", "192.0.2.77", "198.51.100.4"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("supabase-management", service="supabase")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeSupabase]:
    fake = FakeSupabase(TOKEN)
    yield fake
    if contract is not None:
        contract.check(fake.heard, answers=not fake.faults.armed)


@pytest.fixture
async def url(fake: FakeSupabase) -> AsyncIterator[str]:
    async with serving(fake.app()) as url:
        yield url


def opened(fake: FakeSupabase, url: str, http: httpx.AsyncClient, token: str = TOKEN, **settings: Any) -> Services:
    return open_services({"supabase": fake.section(url) | settings}, http, lambda reference: token)


@pytest.fixture
def services(fake: FakeSupabase, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def limiter(services: Services) -> RateLimiter:
    return services.named("supabase", RateLimiter)


def ago(**by: float) -> datetime:
    return datetime.now(UTC) - timedelta(**by)


def test_the_contract_is_at_hand(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(NO_SPECS)
    assert "PATCH /v1/projects/{ref}/network-restrictions" in contract.operations()


# -- health


async def test_well(services: Services, fake: FakeSupabase) -> None:
    assert (await services.named("supabase", Checkable).check()).health is Health.OK
    assert [call.path.rpartition("/")[2] for call in fake.heard] == ["health"]


@pytest.mark.parametrize(
    ("parts", "status", "health", "said"),
    [
        ({"rest": "UNHEALTHY"}, "ACTIVE_HEALTHY", Health.DEGRADED, "unhealthy: rest"),
        ({"db": "UNHEALTHY"}, "ACTIVE_UNHEALTHY", Health.DOWN, "unhealthy: db"),
        ({"auth": "COMING_UP"}, "ACTIVE_HEALTHY", Health.DEGRADED, "coming up: auth"),
        ({"realtime": "UNHEALTHY"}, "ACTIVE_HEALTHY", Health.OK, ""),
        ({}, "INACTIVE", Health.DOWN, "the project is inactive"),
        ({"db": "UNHEALTHY"}, "RESTORING", Health.DEGRADED, "the project is restoring"),
    ],
)
async def test_parts_that_are_not_well(
    services: Services, fake: FakeSupabase, parts: dict[str, str], status: str, health: Health, said: str
) -> None:
    fake.parts |= parts
    fake.status = status
    seen = await services.named("supabase", Checkable).check()
    assert (seen.health, said in seen.detail) == (health, True), seen


async def test_the_reason_a_part_gives(services: Services, fake: FakeSupabase) -> None:
    fake.parts["rest"], fake.errors["rest"] = "UNHEALTHY", "upstream connect error"
    seen = await services.named("supabase", Checkable).check()
    assert seen.detail == "it says it is unhealthy: rest (upstream connect error)"


@pytest.mark.parametrize(
    ("fault", "health"),
    [
        (Fault(Kind.STATUS, times=2, status=500), Health.UNKNOWN),
        (Fault(Kind.STATUS, times=2, status=429), Health.DEGRADED),
        (Fault(Kind.HTML, times=2, status=200), Health.UNKNOWN),
        (Fault(Kind.GARBAGE, times=2), Health.UNKNOWN),
        (Fault(Kind.TRUNCATED, times=2), Health.UNKNOWN),
        (Fault(Kind.SLOW, times=2, seconds=2), Health.UNKNOWN),
    ],
)
async def test_a_management_api_that_is_ill_says_nothing_of_the_database(
    fake: FakeSupabase, url: str, http: httpx.AsyncClient, fault: Fault, health: Health
) -> None:
    fake.faults.arm(fault)
    seen = await opened(fake, url, http, deadline="1s").named("supabase", Checkable).check()
    assert seen.health is health


async def test_a_project_that_is_not_there(fake: FakeSupabase, url: str, http: httpx.AsyncClient) -> None:
    services = opened(fake, url, http, project="tsrqponmlkjihgfedcba")
    seen = await services.named("supabase", Checkable).check()
    assert "no project tsrqponmlkjihgfedcba" in seen.detail
    with pytest.raises(NotUnderstood, match="the token does not reach it"):
        await services.named("supabase", LiftsReadOnly).read_only()


# -- tried out


async def test_every_step(services: Services) -> None:
    trials = await services.named("supabase", Tryable).test()
    assert {trial.health for trial in trials} == {Health.OK}
    assert len(trials) == 8


async def test_what_is_not_well_has_a_remedy(services: Services, fake: FakeSupabase) -> None:
    fake.read_only = True
    fake.functions["sync-hubspot"] = "THROTTLED"
    fake.backups = [("COMPLETED", ago(days=5))]
    fake.log_error = {"code": 403, "errors": [], "message": "no access", "status": "DENIED"}
    trials = {trial.what: trial for trial in await services.named("supabase", Tryable).test()}
    ill = {what: trial.detail for what, trial in trials.items() if trial.health is not Health.OK}
    assert set(ill) == {
        "read its read-only mode and its disk",
        "find a backup that is not old",
        "see its functions active",
        "read its logs",
    }
    assert "7.9 of 8.0 GB of its disk are used" in ill["read its read-only mode and its disk"]
    assert ill["see its functions active"] == "supabase: sync-hubspot is throttled."
    assert trials["read its read-only mode and its disk"].remedy.startswith("db writable supabase")


async def test_no_backup_at_all(services: Services, fake: FakeSupabase) -> None:
    fake.backups = [("FAILED", ago(hours=1))]
    trials = {trial.what: trial for trial in await services.named("supabase", Tryable).test()}
    assert "no completed backup" in trials["find a backup that is not old"].detail
    fake.pitr = True
    trials = {trial.what: trial for trial in await services.named("supabase", Tryable).test()}
    assert trials["find a backup that is not old"].health is Health.OK


async def test_its_credential(services: Services) -> None:
    client = services.named("supabase", Credentialed)
    (credential,) = client.credentials()
    assert (credential.setting, credential.reference) == ("services.supabase.token", "env:DEMO_SUPABASE_TOKEN")
    assert "does not tell" in (await client.rights()).note


# -- logs


async def test_errors_of_every_log_newest_first(services: Services) -> None:
    page = await services.named("supabase", ErrorSource).errors(since=ago(hours=1), match=None, limit=10)
    assert [(event.origin, event.operation) for event in page.events] == [
        ("function", "Log"),
        ("postgres", ""),
        ("edge", "POST /rest/v1/orders"),
    ]
    assert page.events[1].message.startswith("duplicate key value")
    assert not page.truncated


async def test_all_lines_of_a_level_or_graver(services: Services) -> None:
    source = services.named("supabase", LogSource)
    every = await source.logs(since=ago(hours=1), level=Level.DEBUG, match=None, limit=10)
    assert len(every.lines) == 5
    errors = await source.logs(since=ago(hours=1), level=Level.ERROR, match=None, limit=10)
    assert {line.level for line in errors.lines} == {Level.ERROR}
    assert len(errors.lines) == 3
    some = await source.logs(since=ago(hours=1), level=Level.DEBUG, match=None, limit=2)
    assert (len(some.lines), some.truncated) == (2, True)


@pytest.mark.parametrize("match", ["x' or 1=1 --", "orders", "); drop table edge_logs"])
async def test_what_people_type_never_gets_into_a_question(services: Services, fake: FakeSupabase, match: str) -> None:
    """CONTRACTS: SQL for logs is built from templates, never from chat text."""
    source = services.named("supabase", LogSource)
    page = await source.logs(since=ago(hours=1), level=Level.INFO, match=match, limit=10)
    assert fake.questions == [
        question(log, Level.INFO, 1000) for log in ("edge_logs", "postgres_logs", "function_logs")
    ]
    assert bool(page.lines) is (match == "orders")


async def test_an_error_beside_the_result_of_a_200(services: Services, fake: FakeSupabase) -> None:
    fake.log_error = {"code": 400, "errors": [], "message": "Resources exceeded", "status": "INVALID"}
    with pytest.raises(Refused, match="could not read its logs: Resources exceeded"):
        await services.named("supabase", LogSource).logs(since=ago(hours=1), level=Level.INFO, match=None, limit=10)


async def test_one_log_that_cannot_be_read(services: Services, fake: FakeSupabase) -> None:
    fake.broken_log = "postgres_logs"
    page = await services.named("supabase", LogSource).logs(since=ago(hours=1), level=Level.INFO, match=None, limit=10)
    assert {line.origin.partition(" ")[0] for line in page.lines} == {"edge", "function"}
    assert "could not read its logs" in page.note
    with pytest.raises(Refused):
        await services.named("supabase", ErrorSource).errors(since=ago(hours=1), match=None, limit=10)


async def test_no_more_than_a_day_at_a_time(services: Services) -> None:
    page = await services.named("supabase", LogSource).logs(since=ago(days=7), level=Level.INFO, match=None, limit=10)
    assert "24 hours at a time" in page.note
    assert (await services.named("supabase", ErrorSource).errors(since=ago(days=7), match=None, limit=10)).truncated


async def test_a_secret_in_a_line_is_not_repeated(services: Services, fake: FakeSupabase) -> None:
    fake.logs["postgres_logs"][0]["event_message"] = f"bad token {TOKEN}"
    page = await services.named("supabase", ErrorSource).errors(since=ago(hours=1), match=None, limit=10)
    assert TOKEN not in str(page)


# -- who gets in


async def test_a_banned_stranger_is_let_in_and_taken_off_again(limiter: RateLimiter, fake: FakeSupabase) -> None:
    state = await limiter.rate_limits(BANNED)
    assert (state.records, state.allowed, state.has_allow_list) == (1, False, True)
    assert state.sample == (f"ban of {BANNED} after failed logins",)

    lifted = await limiter.lift(BANNED, note="import", until=None)

    assert lifted == {"inserted": f"{BANNED}/32", "unbanned": [BANNED]}
    assert fake.allowed["dbAllowedCidrs"] == ["198.51.100.0/24", f"{BANNED}/32"]
    assert fake.banned == ["192.0.2.9"]
    assert (await limiter.rate_limits(BANNED)).allowed

    fake.allowed["dbAllowedCidrs"].append("192.0.2.0/28")  # somebody else's, meanwhile
    assert await limiter.restore(BANNED, lifted) == 1
    assert fake.allowed["dbAllowedCidrs"] == ["198.51.100.0/24", "192.0.2.0/28"]
    assert await limiter.restore(BANNED, lifted) == 0


async def test_it_waits_until_a_change_is_applied(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.settle_seconds = 0.3
    await limiter.lift(STRANGER, note="import", until=None)
    assert fake.applied


async def test_a_change_that_is_stored_and_never_applied_is_unknown(
    fake: FakeSupabase, url: str, http: httpx.AsyncClient
) -> None:
    fake.stuck = True
    limiter = opened(fake, url, http, settle="1s").named("supabase", RateLimiter)
    with pytest.raises(OutcomeUnknown, match="did not say within 1 s that it is applied"):
        await limiter.lift(STRANGER, note="import", until=None)


async def test_a_change_that_may_not_be_looked_at_is_unknown(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.faults.arm(Fault(Kind.SLOW, only="GET /v1/projects"))  # the look before
    fake.faults.arm(Fault(Kind.STATUS, times=9, only="GET /v1/projects", status=401))
    with pytest.raises(OutcomeUnknown, match="It was sent, and how it ended cannot be read"):
        await limiter.lift(STRANGER, note="import", until=None)
    assert f"{STRANGER}/32" in fake.allowed["dbAllowedCidrs"]


async def test_who_is_let_in_already_is_not_added(limiter: RateLimiter, fake: FakeSupabase) -> None:
    lifted = await limiter.lift("198.51.100.77", note="import", until=None)
    assert lifted == {"inserted": None, "unbanned": []}
    assert await limiter.restore("198.51.100.77", lifted) == 0
    assert fake.effects == []


async def test_a_list_that_was_never_set_lets_everyone_in(limiter: RateLimiter, fake: FakeSupabase) -> None:
    """Writing the first entry would shut everybody else out."""
    fake.allowed.clear()
    assert (await limiter.rate_limits(STRANGER)).allowed
    assert (await limiter.lift(STRANGER, note="import", until=None))["inserted"] is None
    assert fake.done("allow") == []


async def test_never_a_list_without_the_bots_own_address(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.allowed["dbAllowedCidrs"] = ["192.0.2.0/28"]
    with pytest.raises(Refused, match=f"lock out the bot's own address {OWN}"):
        await limiter.lift(STRANGER, note="import", until=None)
    assert fake.done("allow") == []
    assert fake.banned == [BANNED, "192.0.2.9"]


async def test_never_takes_off_what_lets_the_bot_in(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.allowed["dbAllowedCidrs"] = [f"{OWN}/32", f"{STRANGER}/32"]
    with pytest.raises(Refused, match="lock out the bot's own address"):
        await limiter.restore(OWN, {"inserted": f"{OWN}/32"})
    assert fake.done("disallow") == []


async def test_the_last_entry_stays(fake: FakeSupabase, url: str, http: httpx.AsyncClient) -> None:
    limiter = opened(fake, url, http, own_address=None).named("supabase", RateLimiter)
    assert "own_address is not set" in (await limiter.rate_limits(STRANGER)).notes[1]
    lifted = await limiter.lift("2001:db8::7", note="import", until=None)
    assert fake.allowed["dbAllowedCidrsV6"] == ["2001:db8::7/128"]
    with pytest.raises(Refused, match="is the last entry"):
        await limiter.restore("2001:db8::7", lifted)


async def test_restrictions_that_are_not_on_the_plan(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.entitlement = "disallowed"
    state = await limiter.rate_limits(BANNED)
    assert (state.has_allow_list, state.allowed) == (False, False)
    assert "not on its plan" in state.notes[1]
    assert await limiter.lift(BANNED, note="import", until=None) == {"inserted": None, "unbanned": [BANNED]}


async def test_an_unban_that_fails_tells_what_was_done_before(limiter: RateLimiter, fake: FakeSupabase) -> None:
    fake.faults.arm(Fault(Kind.STATUS, only="DELETE", status=400))
    with pytest.raises(Refused, match=f"Before that: {BANNED} was let in"):
        await limiter.lift(BANNED, note="import", until=None)
    assert fake.banned == [BANNED, "192.0.2.9"]


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED, Kind.GARBAGE])
async def test_a_write_whose_answer_is_lost_is_looked_at(limiter: RateLimiter, fake: FakeSupabase, kind: Kind) -> None:
    fake.faults.arm(Fault(kind, only="PATCH"))
    lifted = await limiter.lift(STRANGER, note="import", until=None)
    assert lifted["inserted"] == f"{STRANGER}/32"
    assert fake.done("allow") == [f"{STRANGER}/32"]


# -- read-only mode


async def test_writing_is_let_through_for_a_while(services: Services, fake: FakeSupabase) -> None:
    host = services.named("supabase", LiftsReadOnly)
    fake.read_only = True
    before = await host.read_only()
    assert (before.on, before.lifted_until) == (True, None)
    assert before.detail == "7.9 of 8.0 GB of its disk are used"
    after = await host.lift_read_only()
    assert after.lifted_until is not None
    assert timedelta(minutes=14) < after.lifted_until - datetime.now(UTC) <= timedelta(minutes=15)
    assert fake.done("temporary-disable") == [fake.ref]


async def test_without_a_word_that_it_is_let_through_the_end_is_unknown(
    fake: FakeSupabase, url: str, http: httpx.AsyncClient
) -> None:
    fake.read_only = fake.stuck = True
    host = opened(fake, url, http, settle="1s").named("supabase", LiftsReadOnly)
    with pytest.raises(OutcomeUnknown, match="did not say within 1 s"):
        await host.lift_read_only()


async def test_a_disk_that_cannot_be_read_is_left_out(services: Services, fake: FakeSupabase) -> None:
    fake.faults.arm(Fault(Kind.STATUS, times=9, only="/disk/util", status=403))
    assert (await services.named("supabase", LiftsReadOnly).read_only()).detail == ""


# -- at a polite pace


async def test_more_calls_than_the_pace_lets_through_wait_or_are_not_sent(
    fake: FakeSupabase, url: str, http: httpx.AsyncClient
) -> None:
    host = opened(fake, url, http, per_minute=1, timeout="20s").named("supabase", LiftsReadOnly)
    for _ in range(5):
        await host.read_only()  # two calls each
    sent = len(fake.heard)
    with pytest.raises(TryLater, match="asked as often as it lets us; nothing was sent"):
        await host.read_only()
    assert (sent, len(fake.heard)) == (10, 10)


async def test_a_read_is_tried_again_and_a_write_is_not(services: Services, fake: FakeSupabase) -> None:
    fake.faults.arm(Fault(Kind.STATUS, only="/functions", status=503))
    fake.faults.arm(Fault(Kind.STATUS, times=1, only="PATCH", status=429))
    trials = {trial.what: trial for trial in await services.named("supabase", Tryable).test()}
    assert trials["see its functions active"].health is Health.OK
    with pytest.raises(TryLater, match="slow down"):
        await services.named("supabase", RateLimiter).lift(STRANGER, note="import", until=None)
    assert fake.done("allow") == []
