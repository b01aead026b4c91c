"""n8n's workflows: on and off, paused and resumed, always in the version that ran."""

from datetime import timedelta

import pytest
from aiohttp import web

from bot.words.exceptions import NotUnderstood, OutcomeUnknown, Stale
from integrations import Services
from integrations.capabilities import Switch, Switches, Workflow, Workflows
from sandbox.world import World
from sandbox.world.misbehaving import Fault, Kind

ORDERS = "kT3vQe8LwYc1ZsRb"
WINBACK = "Ue1GzJx0EhOc8YvT"
CADENCE = "Ld5ToNi4RbMq7WkS"


@pytest.fixture
def pausable(services: Services) -> Switches:
    return services.named("n8n", Switches)


# -- workflows


@pytest.fixture
def flows(services: Services) -> Workflows:
    return services.named("n8n", Workflows)


async def flow(flows: Workflows, id_: str) -> Workflow:
    return next(found for found in await flows.workflows() if found.id == id_)


async def test_workflows_tell_their_last_failure_that_nothing_mended(flows: Workflows, world: World) -> None:
    found = {each.name: each for each in await flows.workflows()}
    assert len(found) == 7
    failed_at, run = found["Sync orders to HubSpot"].last_failed_at, world.n8n.runs[4719]
    assert failed_at is not None
    assert run.stopped is not None
    assert abs(failed_at - run.stopped) < timedelta(seconds=0.01)
    assert found["Outreach cadence"].last_failed_at is None
    assert (found["Win-back mails"].version, found["Win-back mails"].settles_within) == ("v7", timedelta(seconds=15))
    world.n8n.workflows[CADENCE].archived = True
    assert "Outreach cadence" not in {each.name for each in await flows.workflows()}


async def test_off_and_back_brings_the_version_that_ran(flows: Workflows, world: World) -> None:
    """Publishing without a versionId takes the latest draft. A draft saved meanwhile does not matter."""
    before = await flow(flows, WINBACK)
    kept = await flows.turn(before, on=False)
    world.n8n.workflows[WINBACK].draft_version = "v10-draft"
    await flows.turn_back(before, kept)
    assert world.n8n.done("unpublish") == [WINBACK]
    assert world.n8n.done("publish") == [f"{WINBACK} v7"]


async def test_on_publishes_the_draft_that_was_shown(flows: Workflows, world: World) -> None:
    world.n8n.workflows[WINBACK].active_version = None
    before = await flow(flows, WINBACK)
    assert (before.version, before.detail) == (
        "v9-draft",
        "turning it on publishes its latest draft, which may never have run",
    )
    kept = await flows.turn(before, on=True)
    assert world.n8n.done("publish") == [f"{WINBACK} v9-draft"]
    await flows.turn_back(before, kept)
    assert not world.n8n.workflows[WINBACK].active


async def test_a_workflow_that_moved_meanwhile_is_left_alone(flows: Workflows, world: World) -> None:
    before = await flow(flows, WINBACK)
    world.n8n.workflows[WINBACK].active_version = "v8"
    with pytest.raises(Stale, match="another version was published"):
        await flows.turn(before, on=False)
    world.n8n.workflows[WINBACK].active_version = None
    with pytest.raises(Stale, match="turned off meanwhile"):
        await flows.turn(before, on=False)
    off = await flow(flows, WINBACK)
    world.n8n.workflows[WINBACK].draft_version = "v10-draft"
    with pytest.raises(Stale, match="another version was saved as its draft"):
        await flows.turn(off, on=True)
    world.n8n.workflows[WINBACK].archived = True
    with pytest.raises(Stale, match="archived"):
        await flows.turn(off, on=True)
    assert world.n8n.effects == []


async def test_a_version_that_is_gone_is_refused(flows: Workflows, world: World) -> None:
    before = await flow(flows, WINBACK)
    await flows.turn(before, on=False)
    world.n8n.workflows[WINBACK].versions.remove("v7")
    with pytest.raises(NotUnderstood):
        await flows.turn_back(before, {})
    assert not world.n8n.workflows[WINBACK].active


# -- pausing


async def test_only_what_is_configured_can_be_paused(services: Services, pausable: Switches, world: World) -> None:
    assert {thing.name for thing in await pausable.switches()} == {"Outreach cadence", "Win-back mails"}
    flipped = await pausable.pause([ORDERS])
    assert (flipped.changed, world.n8n.effects) == ((), [])
    assert "not among" in flipped.missed[0]


async def test_pause_and_resume_bring_back_the_same_version(pausable: Switches, world: World) -> None:
    """Publishing without a versionId takes the latest draft."""
    paused = await pausable.pause([WINBACK, CADENCE])
    assert [thing.state for thing in paused.changed] == [Switch.RUNNING, Switch.RUNNING]
    assert paused.note == "n8n carries this out within 15 s."
    assert {thing.state for thing in await pausable.switches()} == {Switch.PAUSED}
    resumed = await pausable.resume(paused.changed)
    assert not resumed.missed
    assert world.n8n.done("publish") == [f"{WINBACK} v7", f"{CADENCE} published-1"]


async def test_what_moved_meanwhile_is_missed(pausable: Switches, world: World) -> None:
    paused = await pausable.pause([WINBACK])
    again = await pausable.pause([WINBACK, "nosuch"])
    assert again.changed == ()
    assert "not running any more" in again.missed[0]
    assert "no workflow nosuch" in again.missed[1]
    world.n8n.workflows[WINBACK].active_version = "v8"
    resumed = await pausable.resume(paused.changed)
    assert "started meanwhile" in resumed.missed[0]
    assert world.n8n.done("publish") == []


async def test_another_version_that_somebody_published_is_not_ours(
    pausable: Switches, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our call ended openly and did nothing; that it is on again is somebody else's doing."""
    paused = await pausable.pause([WINBACK])
    world.n8n.faults.arm(Fault(Kind.HTML, status=502, only=f"{WINBACK}/publish"))
    take = world.n8n.faults.take

    def meanwhile(request: web.Request) -> Fault | None:
        fault = take(request)
        if fault is not None:
            world.n8n.workflows[WINBACK].active_version = "v8"
        return fault

    monkeypatch.setattr(world.n8n.faults, "take", meanwhile)
    with pytest.raises(OutcomeUnknown, match="502"):
        await pausable.resume(paused.changed)


async def test_a_version_that_is_not_known_is_not_guessed(pausable: Switches, world: World) -> None:
    """Publishing would take the latest draft, which may never have run."""
    world.n8n.workflows[WINBACK].active_version = None
    thing = next(thing for thing in await pausable.switches() if thing.id == WINBACK)
    resumed = await pausable.resume([thing])
    assert (resumed.changed, world.n8n.effects) == ((), [])
    assert "which version ran is not known" in resumed.missed[0]


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.DROPPED, Kind.GARBAGE])
async def test_a_pause_that_ends_openly_is_looked_at(pausable: Switches, world: World, kind: Kind) -> None:
    world.n8n.faults.arm(Fault(kind, only="unpublish"))
    flipped = await pausable.pause([WINBACK])
    assert [thing.name for thing in flipped.changed] == ["Win-back mails"]
    assert world.n8n.done("unpublish") == [WINBACK]


async def test_a_pause_that_stays_open_says_what_was_done(pausable: Switches, world: World) -> None:
    world.n8n.faults.arm(Fault(Kind.HTML, status=502, only=f"{WINBACK}/unpublish"))
    with pytest.raises(OutcomeUnknown, match="Before that, paused: Outreach cadence"):
        await pausable.pause([CADENCE, WINBACK])
    assert world.n8n.done("unpublish") == [CADENCE]


@pytest.mark.parametrize("bad", ["../executions/4711", "a/b", ".", ""])
async def test_a_workflow_id_that_is_none_is_not_sent(pausable: Switches, world: World, bad: str) -> None:
    assert "n8n has no workflow" in (await pausable.pause([bad])).missed[0]
    assert {call.path for call in world.n8n.heard} == {"/api/v1/discover"}
