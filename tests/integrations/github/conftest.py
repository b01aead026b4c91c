"""A stand-in for GitHub, held to GitHub's own description, and a client opened on it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from integrations import Services, open_services
from integrations.capabilities import Executions
from integrations.github.client import GitHub
from sandbox.world.github import FakeGitHub
from tests.integrations.contract import Contract

TOKEN = "github_pat_k3y-that-must-not-be-seen"


JOB = {
    "name": "clean-up",
    "what": "Deletes old previews.",
    "workflow": "clean.yml",
    "inputs": {"dry_run": "false"},
    "params": [{"name": "older_than", "pattern": "[0-9]{1,3}", "required": True}],
}


@pytest.fixture(scope="module")
def contract() -> Contract | None:
    return Contract.load("github-actions", service="github")


@pytest.fixture
async def fake(contract: Contract | None) -> AsyncIterator[FakeGitHub]:
    fake = FakeGitHub(TOKEN)
    yield fake
    if contract is not None:
        heard = [call for call in fake.heard if not call.path.startswith("/raw-logs/")]
        contract.check(heard, answers=not fake.faults.armed)


def opened(fake: FakeGitHub, url: str, http: httpx.AsyncClient, token: str = TOKEN, **settings: Any) -> Services:
    quick = {"settle": "2s", "every": "1s", "jobs": [JOB]}
    return open_services({"ci": fake.section(url) | quick | settings}, http, lambda reference: token)


@pytest.fixture
def services(fake: FakeGitHub, url: str, http: httpx.AsyncClient) -> Services:
    return opened(fake, url, http)


@pytest.fixture
def github(services: Services) -> GitHub:
    client = services.named("ci", Executions)
    assert isinstance(client, GitHub)
    return client


def hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)
