"""Supabase's traps, each with its name. What is said is held against Supabase's own description (see `fake`)."""

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, Refused, TryLater
from integrations import Services
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
from tests.integrations.supabase.conftest import STRANGER, TOKEN, ago, opened


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
