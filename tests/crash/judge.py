"""Says what went wrong, from the facts alone. No I/O: tests hand it planted faults."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.crash.facts import Audit, Click, Copy, Facts, Harm

NOT_OVER = frozenset({"asked", "cleared", "running", "undoing", "waiting"})
VOTES = frozenset({"approve", "confirm"})
UNDOES = frozenset({"undo", "end"})
LIVE = {
    "waiting": frozenset({"approve", "confirm", "reject", "withdraw", "type_phrase"}),
    "done": frozenset({"undo", "end", "extend"}),
    "unknown": frozenset({"reconcile_done", "reconcile_failed"}),
}
"""Buttons that decide something, by the only state in which a card may show them."""

NEAR_S = 2.0
"""From a commit or a post to what is noted of it next, on a busy machine."""

T = TypeVar("T")
K = TypeVar("K")

MOVES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "asked": (frozenset(), frozenset({"asked"})),
    "denied": (frozenset({"asked"}), frozenset({"denied"})),
    "planned": (frozenset({"asked"}), frozenset({"waiting"})),
    "approved": (frozenset({"waiting"}), frozenset({"waiting", "cleared"})),
    "rejected": (frozenset({"waiting"}), frozenset({"rejected"})),
    "withdrawn": (frozenset({"waiting"}), frozenset({"withdrawn"})),
    "expired": (frozenset({"waiting", "cleared"}), frozenset({"expired"})),
    "stale": (frozenset({"cleared", "running"}), frozenset({"stale"})),
    "started": (frozenset({"cleared"}), frozenset({"running"})),
    "done": (frozenset({"running", "undoing"}), frozenset({"done"})),
    "failed": (frozenset({"running", "undoing"}), frozenset({"failed"})),
    "unknown": (frozenset({"running", "undoing"}), frozenset({"unknown"})),
    "undoing": (frozenset({"done"}), frozenset({"undoing"})),
    "undone": (frozenset({"undoing"}), frozenset({"undone"})),
    "end_failed": (frozenset({"undoing", "done"}), frozenset({"done"})),
    "not_undone": (frozenset({"undoing"}), frozenset({"done"})),
    "reconciled": (frozenset({"unknown"}), frozenset({"done", "failed"})),
}
"""By the kind of a row of the trail: the states it may leave, and those it may lead to."""


@dataclass(frozen=True)
class Finding:
    what: str
    found: tuple[str, ...]
    """One sentence each."""
    must_be_none: bool = True

    @property
    def passed(self) -> bool:
        return not (self.must_be_none and self.found)


def judge(facts: Facts) -> tuple[Finding, ...]:
    case = _Case(facts)
    explained, unexplained = case.unknowns()
    strays, doubles = case.copies_twice()
    return (
        Finding("duplicate effects", tuple(case.duplicates())),
        Finding("ends that the world contradicts", tuple(case.contradictions())),
        Finding("lost acknowledged decisions", tuple(case.lost())),
        Finding("stuck requests", tuple(case.stuck())),
        Finding("unknowns, explained by a kill or stop", tuple(explained), must_be_none=False),
        Finding("unknowns, unexplained", tuple(unexplained)),
        Finding("moves without their audit row", tuple(case.unaudited())),
        Finding("audit verdict", (facts.trail_problem,) if facts.trail_problem else ()),
        Finding("cards that do not show the stored state", tuple(case.wrong_cards())),
        Finding("requests without a card", tuple(case.without_card())),
        Finding("cards posted twice around a kill or stop", tuple(strays), must_be_none=False),
        Finding("cards posted twice, unexplained", tuple(doubles)),
        Finding("false alarms", tuple(case.false_alarms())),
        Finding("reminders given twice", tuple(case.nagged())),
        Finding("messages never delivered", (f"{facts.owed} still owed",) if facts.owed else ()),
        Finding("processes that ended by themselves", facts.fell),
        Finding("people who could not act", facts.hindered),
    )


class _Case:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.rows = {row.id: row for row in facts.rows}
        self.effects = Counter(facts.effects)
        self.stories: dict[str, list[Audit]] = defaultdict(list)
        for entry in sorted(facts.audit, key=lambda entry: entry.seq):
            self.stories[entry.request].append(entry)

    def duplicates(self) -> Iterator[str]:
        for (key, what), count in self.effects.items():
            if count > 1:
                yield f"{key} was {what} {count} times"
        by_key = _grouped((row for row in self.facts.rows if row.key), lambda row: row.key)
        for key, rows in by_key.items():
            if len(rows) > 1:
                yield f"{key} was typed once and is {', '.join(row.id for row in rows)}"

    def contradictions(self) -> Iterator[str]:
        for row in self.facts.rows:
            kinds = {entry.kind for entry in self.stories[row.id]}
            if row.of:
                if row.state == "done" and "reconciled" not in kinds and self.rows[row.of].state != "undone":
                    yield f"{row.id} is done, and {row.of}, which it undid, is {self.rows[row.of].state}"
                continue
            done, undone = self.effects[row.key, "done"], self.effects[row.key, "undone"]
            ran = bool(kinds & {"undoing", "undone"}) or "done" in kinds
            if (row.state in ("done", "undone") or ran) and not done:
                yield f"{row.id} {row.key} is {row.state} and had no effect"
            if row.state == "undone" and not undone:
                yield f"{row.id} {row.key} is undone and was not put back"
            if row.state not in ("undone", "unknown") and undone and "reconciled" not in kinds:
                yield f"{row.id} {row.key} is {row.state} and was put back"
            if done and "started" not in kinds:
                yield f"{row.id} {row.key} never started and had an effect"
            if done and row.state in ("stale", "failed") and "reconciled" not in kinds:
                yield f"{row.id} {row.key} is {row.state}, which says that nothing was changed, and had an effect"
        keys = {row.key for row in self.facts.rows}
        yield from (f"{key} had an effect and no request" for key, _ in self.effects if key not in keys)

    def lost(self) -> Iterator[str]:
        for click in self.facts.clicks:
            if click.acked and not self._kept(click):
                yield f"{click.action} of {click.request} by {click.person} was acknowledged and is nowhere"

    def _kept(self, click: Click) -> bool:
        story = self.stories[click.request]
        if click.action in VOTES:
            # One that does not count is kept as its refusal.
            refused = any(entry.kind == "refused" and entry.actor == click.person for entry in story)
            return refused or (click.request, click.person) in self.facts.votes
        if click.action in UNDOES:
            return any(row.of == click.request and row.requester == click.person for row in self.facts.rows)
        return any(entry.kind == "reconciled" for entry in story)

    def stuck(self) -> Iterator[str]:
        for row in self.facts.rows:
            if row.state in NOT_OVER:
                past = " past its end" if row.state == "waiting" and row.expires_at < self.facts.now else ""
                yield f"{row.id} is {row.state}{past}"
            elif row.state == "done" and row.ends_at is not None and row.ends_at < self.facts.now:
                yield f"{row.id} should have ended by itself"

    def unknowns(self) -> tuple[list[str], list[str]]:
        explained: list[str] = []
        unexplained: list[str] = []
        for id, story in self.stories.items():
            for place, entry in enumerate(story):
                if entry.kind == "unknown":
                    began = next((e for e in story[place::-1] if e.kind in ("started", "undoing")), None)
                    why = began and self._why(id, began, entry)
                    (explained if why else unexplained).append(f"{id}: {why or self._silence(id, began, entry)}")
        return explained, unexplained

    def _why(self, id: str, began: Audit, ended: Audit) -> str:
        process = self._claimant(id, began)
        for harm in self.facts.harms:
            where = f" at {harm.point}" if harm.point else ""
            meets = harm.at <= ended.at and harm.until >= began.at - NEAR_S
            if process is not None and harm.process == process and meets:
                return f"{harm.kind} of {process}{where}"
            # It died between its commit and its next word: nobody else can have claimed it.
            if process is None and harm.kind == "kill" and abs(harm.at - began.at) <= NEAR_S:
                return f"kill of {harm.process}{where} just then"
        return ""

    def _claimant(self, id: str, began: Audit) -> str | None:
        """The process that noted the claim; it noted it under the job's name, right after the commit."""
        point = "claimed" if began.kind == "started" else "undo_claimed"
        jobs = {f"job {id}", *(f"job {row.id}" for row in self.facts.rows if row.of == id)}
        after = [p for p in self.facts.passed if p.point == point and p.task in jobs and p.at >= began.at - NEAR_S]
        return min(after, key=lambda passed: passed.at).process if after else None

    def _silence(self, id: str, began: Audit | None, ended: Audit) -> str:
        if began is None:
            return "unknown, and never begun"
        held = ended.at - began.at
        return f"{began.kind} by {self._claimant(id, began) or 'nobody known'}, unknown {held:.1f} s later"

    def unaudited(self) -> Iterator[str]:
        for row in self.facts.rows:
            story = self.stories[row.id]
            written = sum(entry.kind != "refused" for entry in story)
            if written != row.version:
                yield f"{row.id} was changed {row.version} times and has {written} rows"
            may_be: frozenset[str] = frozenset()
            for place, entry in enumerate(story):
                leaves, to = MOVES.get(entry.kind, (may_be, may_be))
                if place and not leaves & may_be:
                    yield f"{row.id}: {entry.kind} after {story[place - 1].kind}"
                may_be = to
            if row.state not in may_be:
                yield f"{row.id} is {row.state}, its trail ends with {story[-1].kind if story else 'nothing'}"

    def wrong_cards(self) -> Iterator[str]:
        for copy in self.facts.copies:
            row = self.rows.get(copy.request)
            if row is None:
                yield f"a card of {copy.request}, which is no request"
                continue
            if not copy.known and not copy.buttons and self._harmed_after(copy):
                continue  # nobody noted where it stands, and there is nothing on it to click
            if not copy.text.startswith(f"{row.id} {row.words}"):
                yield f"{row.id} is {row.state}, a card says {copy.text[:50]!r}"
            live = [state for state, buttons in LIVE.items() if buttons & copy.buttons and state != row.state]
            if live:
                yield f"{row.id} is {row.state}, a card has {', '.join(sorted(copy.buttons))}"

    def without_card(self) -> Iterator[str]:
        shown = {copy.request for copy in self.facts.copies}
        for row in self.facts.rows:
            planned = any(entry.kind == "planned" for entry in self.stories[row.id])
            if planned and row.id not in shown:
                yield f"{row.id} ({row.state})"

    def copies_twice(self) -> tuple[list[str], list[str]]:
        strays: list[str] = []
        doubles: list[str] = []
        for (request, channel), copies in _grouped(
            self.facts.copies, lambda copy: (copy.request, copy.channel)
        ).items():
            if len(copies) < 2:
                continue
            told = f"{request} {len(copies)} times in {channel}"
            extra = sum(self._harmed_after(copy) for copy in copies)
            (strays if extra >= len(copies) - 1 else doubles).append(told)
        return strays, doubles

    def _harmed_after(self, copy: Copy) -> bool:
        """Whether some process died or stopped as this copy had just been posted, and could not note where it stands.

        Which process posted it nobody knows, so with much harm this excuses too much: a fault that posts twice shows
        as many findings, some of them at quiet moments.
        """
        posted = float(copy.ts)
        return any(-0.5 <= harm.at - posted <= 2 * NEAR_S for harm in self.facts.harms)

    def false_alarms(self) -> Iterator[str]:
        for id, story in self.stories.items():
            if any(entry.kind == "end_failed" for entry in story):
                row = self.rows[id]
                yield f"{id} was said not to end by itself; it is {row.state}"

    def nagged(self) -> Iterator[str]:
        for id, story in self.stories.items():
            if (times := sum(entry.kind == "reminded" for entry in story)) > 1:
                yield f"{id} was reminded of {times} times"


def _grouped(things: Iterable[T], by: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = defaultdict(list)
    for thing in things:
        groups[by(thing)].append(thing)
    return groups


def unmet(harms: Sequence[Harm], asked: dict[tuple[str, str], int]) -> tuple[str, ...]:
    """What was to be done to the bots, by (kind, point), and was not often enough."""
    done = Counter((harm.kind, harm.point) for harm in harms)
    return tuple(
        f"{kind} at {point or 'random moments'}: {done[kind, point]} of {count}"
        for (kind, point), count in asked.items()
        if done[kind, point] < count
    )
