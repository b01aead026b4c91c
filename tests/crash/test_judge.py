"""The judge of `make crash` finds what it is there to find: a run whose judge cannot fail shows nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.crash.chaos import named_points
from tests.crash.facts import Audit, Click, Copy, Facts, Harm, Passed, Row
from tests.crash.judge import judge, unmet

ANA, MIA = "U0ANA0001", "U0MIA0001"


def story(request: str, *kinds: str, begun: float = 100.0) -> tuple[Audit, ...]:
    """Rows of the trail a second apart; decisions are mia's."""
    return tuple(
        Audit(
            int(request[1:]) * 100 + place,
            begun + place,
            kind,
            MIA if kind in ("approved", "refused") else ANA,
            request,
        )
        for place, kind in enumerate(kinds)
    )


RAN = ("asked", "planned", "approved", "started")
SOUND = Facts(
    now=1000.0,
    rows=(
        Row("R1", "crash touch", "done", "done", ANA, 5, key="touch-1"),
        Row("R2", "crash hold", "undone", "undone", ANA, 7, key="hold-2"),
        Row("R3", "crash touch", "unknown", "OUTCOME UNKNOWN", ANA, 5, key="touch-3"),
        Row("R4", "crash leave", "expired", "expired", ANA, 3, key="leave-4", expires_at=900.0),
        Row("R5", "undo", "done", "done", ANA, 5, of="R2"),
    ),
    votes=frozenset({("R1", MIA), ("R2", MIA), ("R3", MIA), ("R5", MIA)}),
    audit=(
        *story("R1", *RAN, "done", "refused"),
        *story("R2", *RAN, "done", "undoing", "undone"),
        *story("R3", *RAN, "unknown"),
        *story("R4", "asked", "planned", "expired"),
        *story("R5", *RAN, "done"),
    ),
    effects=(("touch-1", "done"), ("hold-2", "done"), ("hold-2", "undone"), ("touch-3", "done")),
    clicks=(Click("approve", "R1", MIA, 102.0, True), Click("undo", "R2", ANA, 105.0, True)),
    copies=tuple(
        Copy(id, "C1", f"30{id[1:]}.000001", f"{id} {words}: something", buttons, known=True)
        for id, words, buttons in (
            ("R1", "done", frozenset({"show"})),
            ("R2", "undone", frozenset({"show"})),
            ("R3", "OUTCOME UNKNOWN", frozenset({"reconcile_done", "reconcile_failed", "show"})),
            ("R4", "expired", frozenset({"ask_again", "show"})),
            ("R5", "done", frozenset({"show"})),
        )
    ),
    harms=(Harm("kill", "bot1-1", 103.2, "before_effect"),),
    passed=(Passed(103.01, "bot1-1", "claimed", "job R3"),),
)


def failed(facts: Facts) -> list[str]:
    return [finding.what for finding in judge(facts) if not finding.passed]


def test_a_sound_run_passes() -> None:
    assert failed(SOUND) == []
    assert [len(finding.found) for finding in judge(SOUND) if "explained by" in finding.what] == [1]


def put(place: int, **changes: Any) -> Callable[[Facts], Facts]:
    """The row at that place, changed."""

    def planted(facts: Facts) -> Facts:
        rows = [*facts.rows]
        rows[place] = replace(rows[place], **changes)
        return replace(facts, rows=tuple(rows))

    return planted


def more(name: str, *things: object) -> Callable[[Facts], Facts]:
    def planted(facts: Facts) -> Facts:
        longer: dict[str, Any] = {name: (*getattr(facts, name), *things)}
        return replace(facts, **longer)

    return planted


PLANTED: dict[str, tuple[Callable[[Facts], Facts], set[str]]] = {
    "an effect that happened twice": (more("effects", ("touch-1", "done")), {"duplicate effects"}),
    "an undo that happened twice": (more("effects", ("hold-2", "undone")), {"duplicate effects"}),
    "one line typed, two requests": (put(3, key="touch-1"), {"duplicate effects", "ends that the world contradicts"}),
    "done without an effect": (
        lambda facts: replace(facts, effects=facts.effects[1:]),
        {"ends that the world contradicts"},
    ),
    "an effect of what never started": (more("effects", ("leave-4", "done")), {"ends that the world contradicts"}),
    "an effect of nobody's": (more("effects", ("ghost", "done")), {"ends that the world contradicts"}),
    "undone, and not put back": (
        lambda facts: replace(facts, effects=tuple(e for e in facts.effects if e[1] == "done")),
        {"ends that the world contradicts"},
    ),
    "a vote that was acknowledged and is gone": (
        lambda facts: replace(
            facts,
            votes=facts.votes - {("R1", MIA)},
            audit=tuple(entry for entry in facts.audit if entry.kind != "refused"),
        ),
        {"lost acknowledged decisions"},
    ),
    "an undo that was acknowledged and never asked": (
        more("clicks", Click("undo", "R1", ANA, 106.0, True)),
        {"lost acknowledged decisions"},
    ),
    "a reconcile that was acknowledged and is gone": (
        more("clicks", Click("reconcile_done", "R3", MIA, 106.0, True)),
        {"lost acknowledged decisions"},
    ),
    "cleared for ever": (
        put(0, state="cleared", words="approved"),
        {"stuck requests", "moves without their audit row", "cards that do not show the stored state"},
    ),
    "waiting past its end": (
        lambda facts: replace(
            put(3, state="waiting", words="waits", version=2)(facts),
            audit=tuple(entry for entry in facts.audit if entry.kind != "expired"),
        ),
        {"stuck requests", "cards that do not show the stored state"},
    ),
    "a time box that never ended": (put(0, ends_at=500.0), {"stuck requests"}),
    "an unknown that nobody was killed for": (
        lambda facts: replace(facts, harms=()),
        {"unknowns, unexplained"},
    ),
    "an unknown while another process was killed": (
        lambda facts: replace(facts, harms=(replace(facts.harms[0], process="bot2-1"),)),
        {"unknowns, unexplained"},
    ),
    "an unknown long after its process went on": (
        lambda facts: replace(facts, harms=(Harm("stop", "bot1-1", 90.0, until=95.0),)),
        {"unknowns, unexplained"},
    ),
    "a move without its row": (
        lambda facts: replace(facts, audit=tuple(e for e in facts.audit if (e.request, e.kind) != ("R1", "started"))),
        {"moves without their audit row", "ends that the world contradicts"},
    ),
    "a change without its row": (put(0, version=6), {"moves without their audit row"}),
    "a chain that does not hold": (lambda facts: replace(facts, trail_problem="row 7: changed"), {"audit verdict"}),
    "a card that was not drawn anew": (
        lambda facts: replace(facts, copies=(replace(facts.copies[0], text="R1 running: x"), *facts.copies[1:])),
        {"cards that do not show the stored state"},
    ),
    "a live button on what has ended": (
        lambda facts: replace(
            facts, copies=(replace(facts.copies[0], buttons=frozenset({"approve"})), *facts.copies[1:])
        ),
        {"cards that do not show the stored state"},
    ),
    "a request without a card": (lambda facts: replace(facts, copies=facts.copies[1:]), {"requests without a card"}),
    "a card posted twice for no reason": (
        more("copies", replace(SOUND.copies[0], ts="500.000001")),
        {"cards posted twice, unexplained"},
    ),
    "an end said to have failed": (
        lambda facts: put(0, version=6)(more("audit", Audit(990, 190.0, "end_failed", ANA, "R1"))(facts)),
        {"false alarms"},
    ),
    "two reminders": (
        lambda facts: put(3, version=5)(
            more("audit", *(Audit(480 + n, 101.5, "reminded", ANA, "R4") for n in (1, 2)))(
                replace(facts, audit=tuple(entry for entry in facts.audit if entry.request != "R4"))
            )
        ),
        {"reminders given twice", "moves without their audit row"},
    ),
    "a message that is owed for ever": (lambda facts: replace(facts, owed=1), {"messages never delivered"}),
    "a person who could not click": (more("hindered", "KeyError: 'undo'"), {"people who could not act"}),
    "a bot that fell over": (more("fell", "bot1-1 ended by itself: 1"), {"processes that ended by themselves"}),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_is_found(planted: str) -> None:
    """meho#2293: approved but nothing ran, or ran twice; bugbug#6732: one click, several runs."""
    plant, found = PLANTED[planted]
    assert set(failed(plant(SOUND))) == found


def test_a_card_posted_twice_around_a_kill_is_told_and_excused() -> None:
    twice = more("copies", replace(SOUND.copies[0], ts="103.000001", known=False))(SOUND)
    assert failed(twice) == []
    assert [len(finding.found) for finding in judge(twice) if "around a kill or stop" in finding.what] == [1]


def test_a_refused_vote_is_a_kept_decision() -> None:
    assert failed(replace(SOUND, votes=SOUND.votes - {("R1", MIA)})) == []


def test_harm_that_was_not_done_is_named() -> None:
    asked = {("kill", "before_effect"): 1, ("stop", "voted"): 1, ("kill", ""): 2}
    assert unmet(SOUND.harms, asked) == ("stop at voted: 0 of 1", "kill at random moments: 0 of 2")


def test_every_point_that_the_road_names_is_known() -> None:
    """At least these; a further one is harmed too, by being named."""
    assert {"before_claim", "claimed", "before_effect", "after_effect", "finished"} <= set(named_points())
    assert {"undo_claimed", "before_vote", "voted"} <= set(named_points())
