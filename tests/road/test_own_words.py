"""The machine's own words: help, doctor, tokens, audit; what each tells, and to whom."""

from typing import Any

from bot.road import Shown
from bot.words.report import Status
from bot.words.request import Said, Via
from tests.road.story import ANA, CHANNEL, GROUPS, MIA, STRANGER, Story


async def test_help_tells_what_you_may_run_here(begin: Any) -> None:
    story: Story = await begin(rules={"whitelist": {"ask": ["lead"]}, "campaigns *": {"channels": ["#prod"]}})
    engineers = (await story.reads(ANA, "help")).model_dump_json()
    leads = (await story.reads(MIA, "help", via=Via.TERMINAL)).model_dump_json()
    assert "retry EXECUTION" in engineers
    assert "whitelist" not in engineers
    assert "campaigns pause" not in engineers
    assert ("whitelist NETWORK" in leads, "audit" in leads) == (True, True)
    nobody = await story.reads(STRANGER, "help")
    assert "retry" not in nobody.model_dump_json()
    one = await story.reads(ANA, "help campaigns pause")
    assert one.title.startswith("/ops campaigns pause")
    assert await story.hears(ANA, "help retri") == "There is no command 'retri'. Did you mean retry?"


async def test_help_and_mistakes_need_no_database(story: Story) -> None:
    """bolt-js#1548, bolt-python#381, #335: what needs no I/O is answered inside the ack."""
    road = story.ops.road
    await story.ops.pool.close()
    shown = road.instant(road.hear(Said(who=ANA, words="help", via=Via.SLASH, channel=CHANNEL)))
    assert isinstance(shown, Shown)
    mistake = road.instant(road.hear(Said(who=ANA, words="retrai 4711", via=Via.SLASH, channel=CHANNEL)))
    assert getattr(mistake, "hint", "") == "retry 4711"
    assert road.instant(road.hear(Said(who=ANA, words="retry 4711", via=Via.SLASH, channel=CHANNEL))) is None
    assert road.instant(road.hear(Said(who=STRANGER, words="health", via=Via.SLASH, channel=CHANNEL))) is None


async def test_no_answer_in_time_is_an_answer(begin: Any) -> None:
    story: Story = await begin(limits={"lookup": "1s", "preview": "1s"})
    story.world.payments.mood = "well"
    locked = await story.ops.pool.acquire()
    await locked.execute("BEGIN; LOCK TABLE demo.campaigns, demo.rate_limits IN ACCESS EXCLUSIVE MODE")
    request = await story.asks(ANA, "whitelist 203.0.113.7 reason=import")
    await locked.execute("ROLLBACK")
    await story.ops.pool.release(locked)
    assert request.outcome.startswith("No plan could be made: ")


async def test_doctor_names_what_nobody_can_get_approved(begin: Any) -> None:
    """hermes-agent#36848: `ops doctor` names the action nobody can approve."""
    story: Story = await begin(rules={"retry": {"approvers": []}, "retri": {"count": 2}})
    story.groups_are({**GROUPS, "S0DIRECTORS": ()})
    report = await story.reads(MIA, "doctor")
    found = {line.text: line.status for line in report.lines}
    assert found["rule 'retri' matches no command"] is Status.WARNING
    assert found["nobody has the role 'director'"] is Status.WARNING
    assert [text for text in found if text.startswith("nobody can get 'retry' approved")]
    assert found["the audit table refuses changes"] is Status.OK
    assert found["the journal for safety stops has its room"] is Status.OK
    assert [text for text in found if text.startswith("shop-db: its credential may do what the bot does not need")]
    assert report.lines[0].status is Status.FAILED
    assert "Not allowed" in await story.hears(ANA, "doctor")


async def test_doctor_sees_a_trail_that_could_be_changed(story: Story) -> None:
    await story.ops.pool.execute(
        "ALTER TABLE audit DISABLE TRIGGER no_update; ALTER TABLE audit DISABLE TRIGGER no_delete"
    )
    report = await story.reads(MIA, "doctor")
    assert "the audit table could be changed" in [line.text for line in report.lines]


async def test_a_token_is_issued_in_slack_alone_and_told_once(story: Story) -> None:
    report = await story.reads(ANA, "token")
    assert report.secret
    assert await story.ops.tokens.whois(report.secret) == ANA
    assert report.secret not in await story.everything_stored()
    refusal = await story.hears(ANA, "token", via=Via.TERMINAL)
    assert refusal.startswith("Not allowed: Tokens are issued in Slack alone")
    await story.reads(ANA, "token revoke")
    assert await story.ops.tokens.whois(report.secret) is None
    assert "denied" in await story.trail()
