"""What must never be stored or shown, put wherever a person or a service can put text."""

from typing import Any

import pytest

from bot.words.request import State
from sandbox.world.n8n_state import Failure
from tests.road.story import ANA, MIA, Story

KEY = "3f2b8c1e-77aa-4d0e-9d1b-5a0c9e4f1b22"
"""Like no pattern that anybody knows: registered, because ops.toml refers to it."""
SHAPED = "xoxb-1234567890-abcdefghij"


@pytest.fixture
async def told(begin: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A story in which the payments' token is KEY."""
    monkeypatch.setenv("DEMO_PAYMENTS_AUTH", f"Bearer {KEY}")
    monkeypatch.setenv("DEMO_N8N_API_KEY", world.n8n.api_key)
    story: Story = await begin()
    story.ops.redactor.register(KEY)
    await story.reads(ANA, "health")
    return story


async def test_a_secret_typed_as_a_reason_is_kept_nowhere(told: Story) -> None:
    """hermes-agent#78032, infrabroker#150: the approval prompt itself showed the secret. NemoClaw#4770: a UUID token
    slipped past prefix rules."""
    words = f"whitelist 203.0.113.7 for=2h reason=import with {KEY} and {SHAPED} password=hunter2hunter2"
    request = await told.done(ANA, words)
    assert request.state is State.DONE
    stored = await told.everything_stored()
    for secret in (KEY, SHAPED, "hunter2hunter2"):
        assert secret not in stored
        assert secret not in (await told.reads(MIA, "show R1")).model_dump_json()
        assert secret not in (await told.reads(MIA, "audit")).model_dump_json()
    assert "import with [redacted]" in stored


async def test_a_secret_in_every_other_word_is_kept_nowhere(told: Story) -> None:
    await told.asks(ANA, f"retry 4716 override=use {KEY} please")
    await told.hears(ANA, f"break-glass retry 4711 because=use {KEY} please")
    request = await told.asks(ANA, "retry 4711")
    await told.rejects(MIA, request, f"the key {KEY} is old")
    assert KEY not in await told.hears(ANA, f"retry 4711 {KEY}")
    assert KEY not in await told.hears(ANA, f"colour {KEY}")
    assert KEY not in await told.everything_stored()


async def test_a_secret_in_what_a_service_says_is_kept_nowhere(told: Story) -> None:
    """botkube#183: output leaked. Errors and names of the outside end in plans, targets, outcomes and reports."""
    n8n = told.world.n8n
    failure = Failure("HubSpot", f"Bearer {KEY} was refused", f"api_key={SHAPED}")
    run = n8n.fail("hG4sWm9ZtCe6YfLo", failure)
    n8n.workflows["hG4sWm9ZtCe6YfLo"].name = f"Lead intake {KEY}"
    n8n.fails_again.add("hG4sWm9ZtCe6YfLo")
    await told.ops.pool.execute("UPDATE demo.campaigns SET name = $1 WHERE name = 'Spring sale'", f"Sale {KEY}")

    retried = await told.done(ANA, f"retry {run.id}")
    paused = await told.done(ANA, f'campaigns pause "Sale {KEY}" reason=bounces')

    assert retried.state is State.FAILED
    assert KEY not in paused.model_dump_json(exclude={"receipt": {"undo"}})
    assert "[redacted]" in (retried.plan or {})["headline"]  # type: ignore[operator]
    for words in ("show R1", "show R2", "audit"):
        assert KEY not in (await told.reads(MIA, words)).model_dump_json()
    trail = [row.model_dump_json() for row in await told.rows()]
    assert not [row for row in trail if KEY in row or SHAPED in row]
    assert KEY not in str(await told.ops.pool.fetch("SELECT * FROM postings"))


async def test_the_audit_key_and_tokens_are_registered_before_anything_is_said(story: Story) -> None:
    for secret in (story.ops.audit_key.decode(), "xoxb-of-the-stories-0001", story.world.n8n.api_key):
        await story.reads(ANA, "errors since=1h")
        assert secret not in story.ops.redactor.text(f"it said {secret}")


async def test_ordinary_words_are_left_alone(story: Story) -> None:
    reason = "token bucket of 203.0.113.7 empties after 4711 requests, see https://runbooks.example.com/limits"
    request = await story.asks(ANA, f"whitelist 203.0.113.7 reason={reason}")
    assert request.params["reason"] == reason
