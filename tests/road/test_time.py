"""What time does: reminders, escalation, expiry, freezes, cooldowns; and glass that is broken when nobody can wait."""

from datetime import timedelta
from typing import Any

from bot.words.request import Mode, Review, State
from tests.road.story import ANA, DIRECTOR, LEO, MIA, STRANGER, Story

RETRY = "retry 4711"
GLASS = {"retry": {"break_glass": ["engineer"]}}
PHRASE = "n8n execution 4711"


async def test_nobody_answers(begin: Any) -> None:
    """sso-elevator#26: requests hang for ever. hermes-agent#76235: "nobody answered" shown as "denied"."""
    story: Story = await begin(rules={"retry": {"then": ["director"], "lives": "30m"}})
    request = await story.asks(ANA, RETRY)
    assert "you are not among those" in await story.approves(DIRECTOR, request)

    await story.waits(minutes=16)
    text, people = (await story.told(request))[-1]
    assert (text, people) == ("R1 still waits; it expires in 14 min.", {MIA, LEO, DIRECTOR})
    assert (await story.now(request)).escalated == ("director",)
    await story.waits(minutes=5)
    assert (await story.trail(request)).count("reminded") == 1

    await story.waits(minutes=10)
    ended = await story.now(request)
    assert (ended.state, ended.ended_by) == (State.EXPIRED, None)
    assert ended.outcome == "Nobody answered in time; nothing was run."
    assert (await story.told(request))[-1] == ("Expired: Nobody answered in time; nothing was run.", {ANA})
    assert await story.approves(MIA, request) == "Not counted: it is expired now."
    assert story.retried() == []


async def test_whoever_is_asked_next_may_approve(begin: Any) -> None:
    story: Story = await begin(rules={"retry": {"then": ["director"]}})
    request = await story.asks(ANA, RETRY)
    await story.waits(minutes=16)
    assert await story.approves(DIRECTOR, request) == "You approved R1; it runs now."
    await story.runs()
    assert story.retried() == ["4711"]


async def test_a_click_after_the_end_does_not_count_although_nobody_swept_yet(story: Story) -> None:
    request = await story.asks(ANA, RETRY)
    story.clock.now += timedelta(minutes=31)
    assert await story.approves(MIA, request) == "Not counted: it has expired; ask again."


async def test_what_was_approved_and_could_not_start_expires_too(story: Story) -> None:
    request = await story.asks(ANA, RETRY)
    await story.approves(MIA, request)
    await story.waits(minutes=31)
    ended = await story.now(request)
    assert (ended.state, ended.outcome) == (State.EXPIRED, "It was approved but could not start in time.")
    assert story.retried() == []


async def test_a_target_rests_between_two_runs(begin: Any) -> None:
    story: Story = await begin(rules={"campaigns *": {"cooldown": "10m"}})
    first = await story.done(ANA, 'campaigns pause "Spring sale" reason=bounces')
    await story.done(ANA, f"undo {first.id}")
    again = await story.asks(ANA, 'campaigns pause "Spring sale" reason="bounces again"')
    assert again.state is State.DENIED
    assert again.outcome == ("Not allowed: it ran on this target a moment ago; 600 s of its cooldown are left")
    await story.waits(minutes=10)
    assert (await story.asks(ANA, 'campaigns pause "Spring sale" reason="and again"')).state is State.WAITING


# -- freezes --------------------------------------------------------------------------------------


async def test_a_freeze_holds_at_the_asking_and_at_the_run(story: Story) -> None:
    """A freeze was announced, and not enforced."""
    approved = await story.asks(ANA, "retry 4716")
    await story.approves(MIA, approved)
    freeze = await story.asks(LEO, "freeze reason=launch until=6h")
    assert freeze.needs is not None
    assert freeze.needs.mode is Mode.CONFIRM
    assert await story.approves(LEO, freeze) == "You confirmed R2; it runs now."
    assert await story.ops.road.run(freeze.id) is not None

    assert await story.hears(ANA, RETRY) == (
        "Not allowed: nothing destructive runs now: launch. Add override=REASON to ask for an exception. "
        "(freeze 'declared')"
    )
    await story.runs()
    assert (await story.state(approved), story.retried()) == (State.STALE, [])
    assert "nothing destructive runs now: launch" in (await story.now(approved)).outcome
    assert (await story.reads(ANA, "health")).well is not None

    await story.waits(hours=6)
    assert (await story.asks(ANA, RETRY)).state is State.WAITING


async def test_an_exception_needs_another_person_even_where_one_may_approve_oneself(begin: Any) -> None:
    story: Story = await begin(rules={"retry": {"confirm": True}}, self_approval="typed")
    await story.done(LEO, "freeze reason=launch", approver=LEO)
    request = await story.asks(MIA, f"{RETRY} override=the launch needs it")
    assert request.needs is not None
    assert (request.needs.mode, request.needs.overrides_freeze) == (Mode.OTHERS, True)
    assert "cannot approve their own" in await story.approves(MIA, request, phrase=PHRASE)
    assert await story.approves(LEO, request) == "You approved R2; it runs now."
    await story.runs()
    assert story.retried() == ["4711"]
    shown = await story.reads(ANA, "show R2")
    assert [fact.value for fact in shown.facts if fact.label == "Overrides the freeze"] == ["the launch needs it"]


async def test_unfreezing(story: Story) -> None:
    await story.done(LEO, "freeze reason=launch", approver=LEO)
    nothing = await story.asks(ANA, "freeze reason=again")
    assert nothing.outcome == "Nothing to do: a freeze holds already: launch"
    lifted = await story.done(ANA, "unfreeze", approver=ANA)
    assert lifted.state is State.DONE
    assert (await story.asks(ANA, RETRY)).state is State.WAITING
    assert {"frozen", "unfrozen"} <= set(await story.trail())


async def test_a_window_of_the_policy(begin: Any) -> None:
    """A freeze was announced, and not enforced: freezes are in the policy, in a named time zone."""
    window = {"name": "nights", "timezone": "UTC", "from": "00:00", "to": "00:00"}
    story: Story = await begin(freezes=[window])
    assert "nothing destructive runs now: freeze window 'nights'" in await story.hears(ANA, RETRY)
    lift = await story.asks(ANA, "unfreeze")
    assert lift.outcome == "Nothing to do: the freeze 'nights' is a window of ops.toml; it ends by itself"


# -- break glass ----------------------------------------------------------------------------------


async def test_breaking_the_glass(begin: Any) -> None:
    """meho#2087: break-glass was only a log line; here everyone skipped is told, and it is open until reviewed."""
    story: Story = await begin(rules=GLASS)
    await story.done(LEO, "freeze reason=launch", approver=LEO)
    refused = await story.hears(LEO, f"break-glass {RETRY} because=nobody answers")
    assert refused == "Not allowed: glass may be broken here by: engineer. (rule 'retry')"

    request = await story.asks(ANA, f"break-glass {RETRY} because=nobody answers")
    skipped = (await story.told(request))[-1]
    assert skipped == (
        "The glass is being broken for this: nobody answers. You would have been asked.", {MIA, LEO}
    )  # fmt: skip
    assert "needs the phrase typed" in await story.approves(ANA, request)
    assert "you are not among those" in await story.approves(MIA, request)
    assert await story.approves(ANA, request, phrase=PHRASE) == "You confirmed R2; it runs now."
    await story.runs()

    done = await story.now(request)
    assert (done.state, done.self_approved, done.review) == (State.DONE, True, Review.OPEN)
    assert story.retried() == ["4711"]
    assert [line.text.split(":")[0] for line in (await story.reads(LEO, "requests")).lines] == [
        "R2 ran without approvers and waits for their review"
    ]

    for who in (ANA, DIRECTOR):
        assert "Only an approver can review it, and not whoever broke the glass" in await story.hears(who, "review R2")
    await story.reads(MIA, "review R2 note=right call")
    reviewed = await story.now(request)
    assert (reviewed.review, reviewed.reviewed_by) == (Review.REVIEWED, MIA)
    assert (await story.reads(LEO, "requests")).lines == ()
    assert await story.hears(LEO, "review R2") == "R2 needs no review."
    assert (await story.rows(request))[-1].detail == {"note": "right call"}


async def test_broken_glass_whose_end_is_unknown_waits_for_review_as_well(begin: Any) -> None:
    """meho#2087: open until reviewed, also where the process died on the way."""
    story: Story = await begin(rules=GLASS)
    request = await story.asks(ANA, f"break-glass {RETRY} because=nobody answers")
    await story.approves(ANA, request, phrase=PHRASE)
    story.gates.close("after_effect")
    await story.jobs.sweep()
    await story.gates.reached("after_effect")
    await story.dies()
    await story.waits(seconds=31)
    unknown = await story.now(request)
    assert (unknown.state, unknown.review) == (State.UNKNOWN, Review.OPEN)
    await story.reads(MIA, "review R1")
    await story.reads(MIA, "reconcile R1 done")
    assert await story.state(request) is State.DONE


async def test_broken_glass_that_ran_nothing_needs_no_review(begin: Any) -> None:
    story: Story = await begin(rules=GLASS)
    request = await story.asks(ANA, f"break-glass {RETRY} because=nobody answers")
    await story.approves(ANA, request, phrase=PHRASE)
    story.world.n8n.runs[4711].retry_success = 4720
    await story.runs()
    stale = await story.now(request)
    assert (stale.state, stale.review) == (State.STALE, Review.NONE)


async def test_an_approver_of_today_may_review_where_those_passed_over_are_gone(begin: Any) -> None:
    """A one-person team is not left with a review that nobody may close."""
    story: Story = await begin(rules=GLASS)
    story.groups_are({"S0ENGINEERS": (ANA,), "S0LEADS": (), "S0DIRECTORS": ()})
    request = await story.asks(ANA, f"break-glass {RETRY} because=nobody answers")
    await story.approves(ANA, request, phrase=PHRASE)
    await story.runs()
    assert (await story.now(request)).review is Review.OPEN
    story.groups_are({"S0ENGINEERS": (ANA,), "S0LEADS": (ANA, STRANGER), "S0DIRECTORS": ()})
    assert "Only an approver can review it" in await story.hears(ANA, "review R1")
    await story.reads(STRANGER, "review R1")
    assert (await story.now(request)).review is Review.REVIEWED
