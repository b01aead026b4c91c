"""Who is a person, and whose team: strangers, leavers, bots and guests decide nothing, and a no is a no."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from bot.directory import Group, People, Snapshot, Standing
from bot.settings import parse_toml
from bot.slack.door.accounts import standing as standing_of
from bot.slack.door.installation import Identity
from bot.words.report import PersonId
from bot.words.request import RequestId, Via
from ops.slack_doctor import gone
from sandbox.server import Sandbox
from tests.bot.slack.door.test_listeners import card
from tests.bot.slack.world import OPS_TOML, World, world

MIA, LEO, BEN = PersonId("U0MIA0001"), PersonId("U0LEO0001"), PersonId("U0BEN0001")
OURS = {"team_id": "T1"}
WORKSPACE = Identity("T1", "U0BOT", "B0BOT")
IN_AN_ORG = Identity("T1", "U0BOT", "B0BOT", "E1")
ORG = Identity("T1", "U0BOT", "B0BOT", "E1", everywhere=True)

PAYLOADS: list[tuple[Identity, Mapping[str, Any], str]] = [
    (WORKSPACE, {"command": "/ops", "team_id": "T1"}, ""),
    (WORKSPACE, {"command": "/ops", "team_id": "T2"}, "T2"),
    (WORKSPACE, {"command": "/ops"}, "unnamed"),
    (WORKSPACE, {"command": "/ops", "team_id": ""}, "unnamed"),
    (WORKSPACE, {"type": "block_actions", "team": {"id": "T1"}, "user": {"team_id": "T1"}}, ""),
    (WORKSPACE, {"type": "block_actions", "team": {"id": "T1"}, "user": {"team_id": "T2"}}, "T2"),
    (WORKSPACE, {"type": "block_actions", "team": {"id": "T2"}, "user": {"team_id": "T1"}}, "T2"),
    (WORKSPACE, {"type": "block_actions", "team": "T2"}, "T2"),
    (WORKSPACE, {"type": "block_actions", "team": None, "user": {"team_id": "T1"}}, ""),
    (WORKSPACE, {"type": "view_submission", "team": {"id": "T1"}, "view": {"app_installed_team_id": "T2"}}, "T2"),
    (WORKSPACE, {"type": "view_submission", "team": {"id": "T1"}, "view": {"team_id": "T2"}}, "T2"),
    (WORKSPACE, {**OURS, "event": {"type": "message", "user": "U1", "user_team": "T2"}}, "T2"),
    (WORKSPACE, {**OURS, "event": {"type": "message", "user": "U1", "source_team": "T2"}}, "T2"),
    (WORKSPACE, {**OURS, "event": {"type": "app_mention", "user": "U1", "team": "T2"}}, "T2"),
    (WORKSPACE, {**OURS, "event": {"type": "user_change", "user": {"id": "U1", "team_id": "T2"}}}, "T2"),
    (WORKSPACE, {"team_id": "T2", "authorizations": [{"team_id": "T1"}], "event": {}}, "T2"),
    (WORKSPACE, {**OURS, "authorizations": [{"team_id": "T2"}], "event": {}}, "T2"),
    (WORKSPACE, {**OURS, "event": {"type": "app_home_opened", "view": {"team_id": "T2"}}}, "T2"),
    (WORKSPACE, {"team_id": "E1"}, "E1"),
    (WORKSPACE, {"team_id": ["T1"]}, "unnamed"),
    (IN_AN_ORG, {"team_id": "T1", "enterprise_id": "E1"}, ""),
    (IN_AN_ORG, {"team_id": "T1", "user": {"team_id": "E1"}}, ""),
    (IN_AN_ORG, {"team_id": "T2", "enterprise_id": "E1"}, "T2"),
    (ORG, {"team_id": "T7", "enterprise_id": "E1"}, ""),
    (ORG, {"team": None, "enterprise": {"id": "E1"}, "user": {"team_id": "T9"}}, ""),
    (ORG, {"team": {"id": "T7", "enterprise_id": "E1"}}, ""),
    (ORG, {"team": {"id": "T1", "enterprise_id": "E2"}}, "E2"),
    (ORG, {"team_id": "T1", "enterprise_id": "E2"}, "E2"),
    (ORG, {"team_id": "T1", "enterprise": None}, "unnamed"),
    (ORG, {"authorizations": [{"enterprise_id": "E1"}], "enterprise_id": "E2", "event": {}}, "E2"),
]


@pytest.mark.parametrize(("identity", "body", "stranger"), PAYLOADS)
def test_whose_payload_it_is(identity: Identity, body: Mapping[str, Any], stranger: str) -> None:
    assert identity.stranger(body) == stranger


async def test_a_click_from_another_workspace_is_refused_told_and_kept(ops: World) -> None:
    mia = ops.slack.person("mia")
    await ops.slack.person("ana").says("/ops paint red")
    waiting = await mia.sees(card("R1", "waits for approval"), channel="#ops-approvals")
    ops.slack.workspace.members[MIA].team_id = "T0OTHER"
    for button in ("Approve and run", "Withdraw"):
        assert (await mia.clicks(button, on=waiting)).acked
    assert (await mia.sees("you belong to another workspace")).ephemeral
    assert (await ops.request()).state == "waiting"
    assert await ops.requests.votes(RequestId("R1")) == ()
    rows = await _refusals(ops, 2)
    assert {row.detail["what"] for row in rows} == {"approve", "withdraw"}
    assert {row.detail["reason"] for row in rows} == {"from another workspace: T0OTHER"}


async def test_neither_command_nor_message_nor_form_comes_from_another_workspace(ops: World) -> None:
    mia = ops.slack.person("mia")
    await ops.slack.person("ana").says("/ops paint red")
    await mia.clicks("Reject…", on=await mia.sees(card("R1", "waits"), channel="#ops-approvals"))
    await mia.view("Reject R1")
    ops.slack.workspace.members[MIA].team_id = "T0OTHER"
    await mia.fills({"Why?": "because"})
    await mia.submits()
    assert "you belong to another workspace" in str((await mia.view("Not allowed")).blocks)
    assert "Four" not in str((await mia.says("/ops sum")).response)
    await mia.says("wall", channel="@handrail")
    await mia.says("<@U0HANDRAIL> wall", channel="#ops")
    await mia.says("good morning all", channel="#ops")
    assert (await ops.request()).state == "waiting"
    rows = await _refusals(ops, 4)
    assert sorted(str(row.detail["wanted"]) for row in rows) == [
        "command", "event_callback", "event_callback", "view_submission",
    ]  # fmt: skip


async def _refusals(ops: World, count: int) -> tuple[Any, ...]:
    async with asyncio.timeout(30):
        while True:
            rows = [row for row in await ops.road.audit.read(who=MIA) if row.kind == "refused"]
            if len(rows) >= count:
                return tuple(rows)
            await asyncio.sleep(0.02)


# -- leavers, bots, guests ------------------------------------------------------------------------

ACCOUNTS = [
    ({}, None),
    ({"deleted": True}, Standing.DEACTIVATED),
    ({"deleted": True, "is_restricted": True}, Standing.DEACTIVATED),
    ({"is_bot": True}, Standing.BOT),
    ({"is_workflow_bot": True}, Standing.BOT),
    ({"id": "USLACKBOT", "is_bot": False}, Standing.BOT),
    ({"is_restricted": True}, Standing.GUEST),
    ({"is_ultra_restricted": True}, Standing.GUEST),
    ({"is_stranger": True}, Standing.GUEST),
    ({"is_app_user": True, "is_admin": True, "is_owner": True}, None),
]


@pytest.mark.parametrize(("account", "standing"), ACCOUNTS)
def test_what_an_account_is(account: dict[str, Any], standing: Standing | None) -> None:
    assert standing_of({"id": "U1", **account}) is standing


@pytest.mark.parametrize("change", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted"])
async def test_who_is_no_member_any_more_has_no_role_at_once(still: World, change: str) -> None:
    assert MIA in still.people.roster().members["leads"]
    await still.slack.interactions.account_changes(still.slack.workspace.members[MIA], **{change: True})
    await still.app.drain(timedelta(seconds=5))
    assert still.people.roster().members["leads"] == {LEO}
    await still.slack.person("ana").says("/ops paint red")
    await still.waits_until("waiting")
    needs = (await still.request()).needs
    assert needs is not None
    assert needs.approvers == (LEO,), "neither pinged nor listed"
    told = await still.road.vote(RequestId("R1"), MIA, approve=True, via=Via.TERMINAL)
    assert "you are not among those who may decide" in told.text
    await still.slack.interactions.account_changes(still.slack.workspace.members[MIA], **{change: False})
    await still.app.drain(timedelta(seconds=5))
    assert still.people.roster().members["leads"] == {MIA, LEO}


async def test_the_listing_knows_it_too_and_does_not_undo_what_was_told_meanwhile(
    still: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    still.slack.workspace.members[LEO].deleted = True
    await still.reader.refresh()
    assert still.people.roster().members["leads"] == {MIA}

    listed = still.reader.client.users_list

    async def while_listing(**arguments: Any) -> Any:
        found = await listed(**arguments)
        await still.reader.account_changed({"id": MIA, "deleted": True})
        return found

    monkeypatch.setattr(still.reader.client, "users_list", while_listing)
    await still.reader.refresh()
    assert still.people.roster().members["leads"] == frozenset()


async def test_guests_have_the_roles_that_say_so(pool: asyncpg.Pool) -> None:
    roles = {**OPS_TOML["roles"], "oncall": {"group": "S0ONCALL1", "guests": True}}
    async with Sandbox() as slack, world(slack, pool, settings={**OPS_TOML, "roles": roles}, serve=False) as made:
        for person in (BEN, MIA):
            slack.workspace.members[person].is_restricted = True
        await made.reader.refresh()
        assert made.people.roster().members["oncall"] == {"U0ANA0001", BEN}
        assert made.people.roster().members["leads"] == {LEO}


def test_the_doctor_names_approvers_who_are_gone() -> None:
    toml = parse_toml({
        "people": {"sam": {"slack": "U0SAM", "roles": ["leads"]}},
        "roles": {"leads": {"group": "S1", "approves": True}, "oncall": {"group": "S2", "guests": True}},
    })  # fmt: skip
    at = datetime.now(UTC)
    snapshot = Snapshot(
        groups={
            "S1": Group(members=(MIA, LEO), read_at=at),
            "S2": Group(members=(PersonId("U0GUEST"), PersonId("B0BOT")), read_at=at),
        },
        names={MIA: "mia", "B0BOT": "deploybot"},
        standings={
            "U0SAM": Standing.DEACTIVATED,
            MIA: Standing.GUEST,
            "U0GUEST": Standing.GUEST,
            "B0BOT": Standing.BOT,
        },
    )
    found = gone(People(toml, lambda: at, snapshot))
    assert [finding.what for finding in found] == [
        "mia does not have the role 'leads': a guest in Slack",
        "sam does not have the role 'leads': deactivated in Slack",
        "deploybot does not have the role 'oncall': a bot in Slack",
    ]
    assert all(finding.mend for finding in found)


# -- groups ---------------------------------------------------------------------------------------


async def test_a_group_that_changed_is_read_at_once(still: World) -> None:
    await still.slack.interactions.group_changes(still.slack.workspace.groups["S0LEADS01"], [LEO, BEN])
    await still.app.drain(timedelta(seconds=5))
    assert still.people.roster().members["leads"] == {LEO, BEN}


def _aged(still: World, by: timedelta) -> None:
    snapshot = still.people.snapshot
    groups = {
        id: group.model_copy(update={"read_at": group.read_at and group.read_at - by})
        for id, group in snapshot.groups.items()
    }
    still.people.learn(snapshot.model_copy(update={"groups": groups}))


@pytest.mark.parametrize(
    ("age", "slack_answers", "counted"),
    [
        (timedelta(seconds=31), True, False),
        (timedelta(seconds=5), True, True),
        (timedelta(seconds=31), False, True),
        (timedelta(hours=13), False, False),
    ],
)
async def test_a_leaver_s_click(still: World, age: timedelta, slack_answers: bool, counted: bool) -> None:
    """No event came. A reading of more than 30 s is made anew; where Slack does not answer, it counts as it is."""
    mia = still.slack.person("mia")
    await still.slack.person("ana").says("/ops paint red")
    await still.waits_until("waiting")
    await still.deliverer.settle()
    waiting = await mia.sees(card("R1", "waits for approval"), channel="#ops-approvals")
    still.slack.workspace.groups["S0LEADS01"].users = [LEO]
    _aged(still, age)
    still.slack.faults.update({"web_api_down": not slack_answers})
    assert (await mia.clicks("Approve and run", on=waiting)).acked
    assert ((await still.request()).state == "cleared") is counted


async def test_who_was_deactivated_without_an_event_does_not_decide(still: World) -> None:
    mia = still.slack.person("mia")
    await still.slack.person("ana").says("/ops paint red")
    await still.waits_until("waiting")
    await still.deliverer.settle()
    waiting = await mia.sees(card("R1", "waits for approval"), channel="#ops-approvals")
    still.slack.workspace.members[MIA].deleted = True
    await mia.clicks("Approve and run", on=waiting)
    assert (await still.request()).state == "waiting"


# -- channels shared with another organisation ----------------------------------------------------


@pytest.mark.parametrize(
    ("shared", "rules", "openly"),
    [
        (False, {}, True),
        (True, {}, False),
        (True, {"wall": {"open": True}}, True),
        (False, {"wall": {"open": False}}, False),
    ],
)
async def test_an_answer_in_a_shared_channel(
    pool: asyncpg.Pool, shared: bool, rules: dict[str, Any], openly: bool
) -> None:
    async with Sandbox() as slack, world(slack, pool, settings={**OPS_TOML, "rules": rules}, serve=False) as made:
        channel = slack.workspace.channel("#incidents")
        assert channel is not None
        channel.ext_shared = shared
        await made.reader.refresh()
        ana = slack.person("ana")
        await ana.says("/ops wall", channel="#incidents")
        assert (await ana.sees("It is white.", channel="#incidents")).ephemeral is not openly


def test_a_channel_that_is_not_known_is_not_known_to_be_ours() -> None:
    people = People(parse_toml({}), lambda: datetime.now(UTC), Snapshot(channels={"C1": "ops"}))
    assert [people.is_shared(channel) for channel in ("C1", "C2")] == [False, True]


# -- a yes that becomes a no ----------------------------------------------------------------------


@pytest.fixture
async def two(pool: asyncpg.Pool) -> Any:
    """Two yes are needed; mia has said hers."""
    rules = {"paint": {"count": 2}}
    async with Sandbox() as slack, world(slack, pool, settings={**OPS_TOML, "rules": rules}, serve=False) as made:
        await slack.person("ana").says("/ops paint red")
        await made.waits_until("waiting")
        told = await made.road.vote(RequestId("R1"), MIA, approve=True)
        assert told.text == "You approved R1; 1 more approval is needed before it runs."
        yield made


async def test_a_no_after_a_yes_ends_it(two: World) -> None:
    told = await two.road.vote(RequestId("R1"), MIA, approve=False, note="wrong wall")
    assert told.text == "You rejected R1."
    request = await two.request()
    assert (request.state, request.ended_by, request.outcome) == ("rejected", MIA, "wrong wall")
    assert "already rejected by mia" in (await two.road.vote(RequestId("R1"), LEO, approve=True)).text
    kinds = [row.kind for row in await two.road.audit.read(request=RequestId("R1"))]
    assert kinds == ["refused", "rejected", "approved", "planned", "asked"], "the trail has both"


async def test_a_no_after_a_yes_and_the_other_yes_at_once_are_one_of_both(two: World) -> None:
    await asyncio.gather(
        two.road.vote(RequestId("R1"), MIA, approve=False), two.road.vote(RequestId("R1"), LEO, approve=True)
    )
    assert (await two.request()).state in ("rejected", "cleared")
    kinds = {row.kind for row in await two.road.audit.read(request=RequestId("R1"))}
    assert ("rejected" in kinds) is ((await two.request()).state == "rejected")


async def test_a_yes_after_a_no_is_no_way_back(two: World) -> None:
    await two.road.vote(RequestId("R1"), MIA, approve=False)
    assert "already rejected" in (await two.road.vote(RequestId("R1"), MIA, approve=True)).text


async def test_a_yes_is_taken_back_by_its_button(two: World) -> None:
    mia = two.slack.person("mia")
    await two.deliverer.settle()
    waiting = await mia.sees(card("R1", "waits for approval"), channel="#ops-approvals")
    await mia.clicks("Approve (2 of 2)", on=waiting)
    asked = await mia.sees("you have already approved it")
    await mia.clicks("Take my approval back", on=asked)
    await mia.sees("Your approval of R1 is taken back")
    assert await two.requests.votes(RequestId("R1")) == ()
    assert (
        await two.road.vote(RequestId("R1"), LEO, approve=True)
    ).text == "You approved R1; 1 more approval is needed before it runs."
    assert (await two.road.vote(RequestId("R1"), MIA, approve=True)).text == "You approved R1; it runs now."
    assert "retracted" in [row.kind for row in await two.road.audit.read(who=MIA)]


async def test_a_yes_is_not_taken_back_when_it_is_too_late(two: World) -> None:
    mia = two.slack.person("mia")
    await two.road.vote(RequestId("R1"), LEO, approve=True)
    await mia.says("/ops withdraw R1")
    await mia.sees("R1 is cleared now: a yes can be taken back only while it waits.")
    await two.slack.person("ben").says("/ops withdraw R1")
    await two.slack.person("ben").sees("Only the person who asked can withdraw it")
