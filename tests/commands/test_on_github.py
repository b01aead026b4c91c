"""The commands on executions, where a retry is no new execution but the same run's next attempt."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from bot.words.exceptions import NotUnderstood, Refused, Stale
from commands.execution import ShowExecution, Which
from commands.retry import Retry, RetryExecution
from commands.stop import Stop, StopExecution, StoppableExecutions
from integrations import Services, open_services
from integrations.capabilities import Executions
from sandbox.world.github import FakeGitHub
from tests.commands.world import carry_out
from tests.integrations.standin import serving


@pytest.fixture
def fake() -> FakeGitHub:
    return FakeGitHub("github_pat_of_the_commands")


@pytest.fixture
async def services(fake: FakeGitHub) -> AsyncIterator[Services]:
    async with serving(fake.app()) as url, httpx.AsyncClient(trust_env=False) as http:
        section = fake.section(url) | {"settle": "1s", "every": "1s"}
        yield open_services({"ci": section}, http, lambda reference: fake.token)


async def test_a_retry(services: Services, fake: FakeGitHub) -> None:
    action = RetryExecution(services.having(Executions))
    plan = await action.preview(Retry(execution="last", workflow="Tests"))
    facts = {fact.label: fact.value for fact in plan.facts}
    assert (plan.target, facts["Failed at node"]) == ("ci execution 9002", "build / npm test")
    assert facts["Error"] == "checkout total: expected 19.99, got 20; Process completed with exit code 1"

    receipt = await action.execute(plan)

    assert receipt.headline == "Execution 9002 was retried; 9002#2 ended well."
    again = await action.preview(Retry(execution="9002"))
    assert again.nothing_to_do == "Execution 9002 was already retried as 9002#2, which ended well."
    with pytest.raises(Stale, match="already retried as 9002#2"):
        await carry_out(action, Retry(execution="9002"), plan)
    assert fake.done("rerun") == ["9002"]
    assert await action.evidence(plan) == "retry 9002#2 ended well"


async def test_a_retry_that_fails_too_and_one_that_takes_long(services: Services, fake: FakeGitHub) -> None:
    action = RetryExecution(services.having(Executions))
    fake.ends_as = "failure"
    with pytest.raises(Refused, match="ran as execution 9002#2 and failed too at node 'build / npm test'"):
        await action.execute(await action.preview(Retry(execution="9002")))
    fake.rerun_seconds = 30
    plan = await action.preview(Retry(execution="9002"))
    assert plan.retries == ("9002#2",)
    assert (await action.execute(plan)).headline == "Execution 9002 was retried; 9002#3 is running."


async def test_only_the_commit_that_failed_can_run_again(services: Services) -> None:
    with pytest.raises(NotUnderstood, match="ci runs an execution again only as it was then"):
        await RetryExecution(services.having(Executions)).preview(Retry(execution="9002", use="current"))


async def test_one_execution_and_its_stop(services: Services, fake: FakeGitHub) -> None:
    show = ShowExecution(services.having(Executions), lambda: datetime.now(UTC))
    assert [each.words for each in (await show.answer(Which(execution="9003"))).suggestions] == ["retry 9003"]
    assert [each.words for each in (await show.answer(Which(execution="9004"))).suggestions] == ["stop 9004"]
    stop = StopExecution(services.having(StoppableExecutions))
    receipt = await stop.execute(await stop.preview(Stop(execution="9004")))
    assert receipt.headline == "Stopped execution 9004 of 'Deploy'."
