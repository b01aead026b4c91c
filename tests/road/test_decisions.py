"""Who may ask, who may decide, and that one door leads to the road."""

import asyncio
from typing import Any

import pytest

from bot.ask.parse import Heard, filled
from bot.decide.policy import LONGEST_LIFE
from bot.road import Asked
from bot.words.report import Status
from bot.words.request import Mode, Review, Said, State, Via
from tests.road.story import ANA, CHANNEL, DIRECTOR, GROUPS, LEO, MIA, ROBOT, STRANGER, Story

RETRY = "retry 4711"
SELF = {"self_approval": "typed"}


@pytest.mark.parametrize("via", Via)
async def test_every_surface_leads_through_one_authorize(story: Story, via: Via) -> None:
    """windmill#10262, #7886: the self-approval ban held on one endpoint and not on another. windmill#2639: the road has
    one door."""
    refusal = "Not allowed: only people in these roles may ask this: engineer, lead, director. (default)"
    assert await story.hears(STRANGER, RETRY, via=via) == refusal
    said = Said(who=STRANGER, words=RETRY, via=via, channel=CHANNEL)
    retry = story.ops.catalogue.get("retry")
    assert retry is not None
    form = await story.ops.road.accept(Heard(said, filled(retry, {"execution": "4711"})), again=True)
    assert getattr(form, "text", "") == refusal
    assert await story.trail() == ["denied", "denied"]

    request = await story.asks(MIA, RETRY, via=via)
    own = await story.approves(MIA, request, via=via)
    assert own == "Not counted: a person cannot approve their own request; another approver has to."
    typed = await story.approves(MIA, request, via=via, phrase="n8n execution 4711")
    assert typed == own
    nobody = await story.approves(STRANGER, request, via=via)
    assert nobody == "Not counted: you are not among those who may decide on this request."
    await story.runs()
    assert (await story.state(request), story.retried()) == (State.WAITING, [])
    assert (await story.trail(request))[-3:] == ["refused"] * 3


async def test_an_engineer_in_the_channel_may_not_approve(story: Story) -> None:
    """teleport-plugins#121: whoever joins the channel may approve."""
    request = await story.asks(MIA, RETRY)
    assert (await story.approves(ANA, request)).startswith("Not counted: you are not among those")
    assert await story.approves(LEO, request) == "You approved R1; it runs now."


@pytest.mark.parametrize("groups", [{**GROUPS, "S0LEADS": ()}, {"S0ENGINEERS": (ANA,)}], ids=["empty", "unreadable"])
async def test_an_empty_or_unreadable_list_of_approvers_means_nobody(story: Story, groups: Any) -> None:
    """hermes-agent#36848, #38068: an empty approver list meant everyone."""
    waiting = await story.asks(ANA, "retry 4716")
    story.groups_are(groups)

    assert "nobody can approve this" in await story.hears(ANA, RETRY)
    assert "it may not run any more" in await story.approves(MIA, waiting)

    doctor = await story.ops.doctor.inspect()
    # Many commands fail for this one reason, so not each of them is named.
    told = [finding for finding in doctor if finding.what.startswith("nobody can get ")]
    assert [finding.status for finding in told] == [Status.FAILED], doctor
    assert "approved: nobody can approve this" in told[0].what


async def test_a_rejection_says_who_when_and_why(story: Story) -> None:
    """teleport-plugins#153: the requester never hears, nobody sees who decided."""
    request = await story.asks(ANA, RETRY)
    assert await story.rejects(MIA, request, "the credential is being rotated") == "You rejected R1."

    ended = await story.now(request)
    assert (ended.state, ended.ended_by, ended.outcome) == (State.REJECTED, MIA, "the credential is being rotated")
    assert ended.finished_at == story.clock()
    assert (await story.told(request))[-1] == ("Rejected by mia: the credential is being rotated.", {ANA})
    late = await story.approves(LEO, request)
    assert late == "Not counted: it was already rejected by mia; it is rejected now."
    await story.runs()
    assert story.retried() == []


async def test_a_requester_withdraws_and_does_not_reject(story: Story) -> None:
    request = await story.asks(MIA, RETRY)
    assert await story.rejects(MIA, request) == "Not counted: to take your own request back, withdraw it."
    assert await story.hears(LEO, "withdraw R1") == (
        "Not allowed: Only the person who asked can withdraw it; approvers reject. (own requests)"
    )
    report = await story.reads(MIA, "withdraw R1")
    assert report.title == "R1 withdrawn"
    assert await story.state(request) is State.WITHDRAWN
    assert await story.trail() == ["asked", "planned", "refused", "denied", "withdrawn"]
    assert await story.approves(LEO, request) == "Not counted: it is withdrawn now."
    assert await story.hears(MIA, "withdraw R1") == "R1 is withdrawn now: only a waiting request can be withdrawn."


async def test_one_vote_a_person_and_as_many_people_as_the_rule_says(begin: Any) -> None:
    """sso-elevator#47: two approvers at once, two schedules. sentry#69252: one click, several runs."""
    story: Story = await begin(rules={"retry": {"count": 2}})
    request = await story.asks(ANA, RETRY)
    assert await story.approves(MIA, request) == "You approved R1; 1 more approval is needed before it runs."
    assert await story.approves(MIA, request) == "Not counted: you have already approved it."
    await story.runs()
    assert story.retried() == []

    answers = await asyncio.gather(*(story.approves(LEO, request) for _ in range(5)))

    assert answers.count("You approved R1; it runs now.") == 1
    await story.runs()
    assert story.retried() == ["4711"]
    assert await story.trail(request) == ["asked", "planned", "approved", "approved", "started", "done"]


async def test_a_second_approver_is_told_who_was_first(story: Story) -> None:
    """bolt-js#822, bugbug#6732: a second click gets "already approved by …"."""
    request = await story.asks(ANA, RETRY)
    await story.approves(MIA, request)
    assert await story.approves(LEO, request) == "Not counted: it was already approved by mia; it is cleared now."
    await story.runs()
    assert await story.approves(LEO, request) == "Not counted: it was already approved by mia; it is done now."
    assert await story.approves(MIA, request) == "Not counted: it was already approved by mia; it is done now."
    assert story.retried() == ["4711"]


async def test_a_vote_is_for_the_plan_that_was_seen(story: Story) -> None:
    request = await story.asks(ANA, RETRY)
    answer = await story.approves(MIA, request, digest="of another plan")
    assert answer == "Not counted: the plan has changed since it was shown to you."
    assert await story.state(request) is State.WAITING


async def test_a_lone_approver_types_the_phrase(begin: Any) -> None:
    story: Story = await begin(**SELF)
    story.groups_are({**GROUPS, "S0LEADS": (MIA,)})
    request = await story.asks(MIA, "whitelist 203.0.113.7 reason=import")
    assert request.needs is not None
    assert request.needs.mode is Mode.TYPED

    assert "needs the phrase typed" in await story.approves(MIA, request)
    wrong = await story.approves(MIA, request, phrase="203.0.113.8")
    assert wrong == "That is not the phrase. Type '203.0.113.7' to approve R1."
    assert await story.approves(MIA, request, phrase=" 203.0.113.7 ") == "You confirmed R1; it runs now."
    await story.runs()

    done = await story.now(request)
    assert (done.state, done.self_approved, done.review) == (State.DONE, True, Review.NONE)
    shown = await story.reads(MIA, "show R1")
    assert [fact.value for fact in shown.facts if fact.label == "Self-approved"] == ["yes, by typing the phrase"]


async def test_a_typed_phrase_is_one_vote_of_two(begin: Any) -> None:
    """A rule that asks for two people is not met by one who types."""
    story: Story = await begin(rules={"retry": {"count": 2}}, **SELF)
    request = await story.asks(MIA, RETRY)
    phrase = "n8n execution 4711"
    assert (
        await story.approves(MIA, request, phrase=phrase)
        == "You approved R1; 1 more approval is needed before it runs."
    )
    assert await story.approves(LEO, request) == "You approved R1; it runs now."
    assert (await story.now(request)).self_approved is False


async def test_a_requester_who_lost_the_right_gets_no_run(story: Story) -> None:
    """A requester who lost the right after asking still got the run."""
    request = await story.asks(ANA, RETRY)
    await story.approves(MIA, request)
    story.loses_role(ANA)
    await story.runs()
    ended = await story.now(request)
    assert ended.state is State.STALE
    assert ended.outcome == "Not run: only people in these roles may ask this: engineer, lead, director."
    assert (await story.told(request))[-1] == (ended.outcome, {ANA})
    assert story.retried() == []


async def test_an_approver_who_lost_the_right_does_not_count_any_more(story: Story) -> None:
    request = await story.asks(ANA, RETRY)
    await story.approves(MIA, request)
    story.loses_role(MIA)
    await story.runs()
    assert (await story.now(request)).outcome == "Not run: those who approved it may not any more."
    assert story.retried() == []


async def test_who_may_not_undo_any_more_undoes_nothing(begin: Any) -> None:
    """Rights are those of this moment: to what is undone, and to undoing."""
    story: Story = await begin(rules={"undo": {"ask": ["director"]}})
    paused = await story.done(ANA, "campaigns pause reason=bounces")
    assert "only people in these roles may ask this: director" in await story.hears(ANA, "undo R1")
    undo = await story.asks(DIRECTOR, "undo R1")
    await story.approves(MIA, undo)
    story.groups_are({**GROUPS, "S0DIRECTORS": (), "S0ENGINEERS": (ANA, DIRECTOR)})
    await story.runs()
    assert (await story.state(undo), await story.state(paused)) == (State.STALE, State.DONE)


async def test_a_machine_asks_and_its_owner_may_not_approve(story: Story) -> None:
    """OpenBot#385, lightdash#22465: scheduled runs logged as a person. Whatever is not a person may ask, never approve;
    its owner counts as the requester."""
    request = await story.asks(ROBOT, RETRY, via=Via.ALERT, on_behalf_of=MIA)
    assert (request.requester, request.on_behalf_of) == (ROBOT, MIA)
    assert (await story.approves(MIA, request)).startswith("Not counted: a person cannot approve their own")
    assert await story.approves(ROBOT, request) == "Not counted: only people decide."
    assert await story.approves(LEO, request) == "You approved R1; it runs now."
    await story.runs()
    assert story.retried() == ["4711"]
    asked, *_, done = await story.rows(request)
    assert (asked.actor, asked.on_behalf_of) == (ROBOT, MIA)
    assert (await story.told(request))[-1][1] == {ROBOT, MIA}
    assert done.kind == "done"


async def test_a_machine_without_rights_asks_nothing(story: Story) -> None:
    assert "Not allowed" in await story.hears(ROBOT, RETRY, via=Via.SCHEDULE)
    assert "Not allowed" in await story.hears(ROBOT, RETRY, via=Via.SCHEDULE, on_behalf_of=STRANGER)
    assert "Not allowed" in await story.hears(STRANGER, RETRY, on_behalf_of=ANA)


async def test_a_channel_rule_holds_in_slack_and_not_in_the_terminal(begin: Any) -> None:
    story: Story = await begin(rules={"retry": {"channels": ["#prod-*"]}})
    assert "in #prod-* only, or in the terminal" in await story.hears(ANA, RETRY)
    assert isinstance(await story.says(ANA, RETRY, via=Via.TERMINAL), Asked)


async def test_no_request_lives_longer_than_the_maximum(begin: Any) -> None:
    story: Story = await begin(rules={"*": {"lives": "60d"}})
    request = await story.asks(ANA, RETRY)
    assert request.expires_at == story.clock() + LONGEST_LIFE


# -- the same again -------------------------------------------------------------------------------


async def test_the_same_words_within_a_minute_ask_again(story: Story) -> None:
    """integrations/slack#352: a false timeout, so people typed it again. node-slack-sdk#2141: one message, two ids."""
    first = await story.asks(ANA, RETRY, delivery="e1")
    reply = await story.says(ANA, "  RETRY   4711 ", delivery="e2")
    assert getattr(reply, "text", "") == "You asked for the same 1s ago: R1 is waiting."
    assert getattr(reply, "again", "") == first.id
    again = await story.ops.road.accept_again(Said(who=ANA, words="", via=Via.BUTTON, channel=CHANNEL), first.id)
    assert isinstance(again, Asked)
    assert again.request.id == "R2"
    stranger = await story.ops.road.accept_again(Said(who=LEO, words="", via=Via.BUTTON, channel=CHANNEL), first.id)
    assert getattr(stranger, "text", "") == "Only the person who asked can ask for the same again."
    assert await story.asks(LEO, RETRY)


async def test_the_same_delivery_twice_is_one_request(story: Story) -> None:
    """agno#10073: deduplicate by key, for ten minutes, in Postgres."""
    first = await story.asks(ANA, RETRY, delivery="e1")
    assert (await story.asks(ANA, RETRY, delivery="e1")).id == first.id
    assert await story.trail() == ["asked", "planned"]


async def test_the_same_delivery_to_two_replicas_at_once_is_one_request(begin: Any) -> None:
    """bolt-python#579, #1071: any of ten sockets may get any payload."""
    here, there = await begin(), await begin()
    both = await asyncio.gather(
        *(process.asks(ANA, RETRY, delivery="e1") for process in (here, there)),
    )
    assert {request.id for request in both} == {"R1"}
    assert (await here.trail()).count("asked") == 1


async def test_a_button_posted_by_one_process_works_in_another(begin: Any) -> None:
    """pilot#4411, netclaw#939, hermes-agent#100408: after a deploy every posted button was dead."""
    before = await begin()
    request = await before.asks(ANA, RETRY)
    after = await begin()
    assert await after.approves(MIA, request) == "You approved R1; it runs now."
    await asyncio.gather(before.runs(), after.runs())
    assert after.retried() == ["4711"]
    assert (await after.trail(request)).count("started") == 1


async def test_a_request_of_a_command_that_is_gone_does_not_hang(story: Story) -> None:
    """sso-elevator#26: requests hang for ever; an upgrade may take a command away, or change its plan."""
    asked = await story.ops.road.accept(story.ops.road.hear(Said(who=ANA, words=RETRY, via=Via.SLASH, channel=CHANNEL)))
    cleared = await story.asks(ANA, "retry 4716")
    await story.approves(MIA, cleared)
    assert isinstance(asked, Asked)
    await story.ops.pool.execute("UPDATE requests SET action = 'retired', version = version + 1 WHERE id = 1")
    await story.ops.pool.execute("""UPDATE requests SET plan = '{"target": "x", "headline": "y"}' WHERE id = 2""")

    await story.waits(minutes=2)

    gone, changed = await story.now(asked.request), await story.now(cleared)
    assert (gone.state, gone.outcome) == (State.DENIED, "There is no command 'retired' any more.")
    assert changed.state is State.STALE
    assert changed.outcome == "Not run: The plan of R2 was made by another version of Handrail; ask again."
    assert story.retried() == []


async def test_a_defect_of_ours_is_answered_and_not_silent(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """No click is silent. The database's own table is gone, which no code of ours expects."""
    await story.ops.pool.execute("DROP TABLE health")
    answer = await story.hears(MIA, "reconcile R999 done")
    assert answer == "There is no request R999."
    await story.ops.pool.execute("ALTER TABLE requests RENAME COLUMN typed TO words")
    crashed = await story.hears(ANA, RETRY)
    assert crashed.startswith("Handrail failed there; nothing more came of it. Reference: ")
