"""Who may do what, and what it takes: one table a field of a rule, and what holds whatever the rules are."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.decide.policy import (
    LONGEST_LIFE,
    Allow,
    Decision,
    Deny,
    NeedsApproval,
    Policy,
    Question,
    Rule,
    applying,
    decide,
    unapprovable,
)  # fmt: skip
from bot.words.action import Risk
from bot.words.ports import Freeze, Roster
from bot.words.report import PersonId
from bot.words.request import Mode, Via

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ANA, MIA, LEO, DORA, EVE = (PersonId(f"U0{name}") for name in ("ANA", "MIA", "LEO", "DORA", "EVE"))
ROBOT = PersonId("machine:watchdog")
MEMBERS = {
    "engineer": frozenset({ANA}),
    "lead": frozenset({MIA, LEO}),
    "director": frozenset({DORA}),
    "robot": frozenset({ROBOT}),
}
ROLES = {"engineer": {}, "lead": {"approves": True}, "director": {}, "robot": {}}
FROZEN = Freeze(name="launch", reason="we launch")

READ, CHANGE, DESTRUCTIVE = Risk.READ, Risk.CHANGE, Risk.DESTRUCTIVE
ALONE = {"lead": frozenset({MIA})}


def policy(rules: dict[str, Any] | None = None, **more: Any) -> Policy:
    return Policy.model_validate({"roles": ROLES, "rules": rules or {}, **more})


def roster(members: dict[str, frozenset[PersonId]] | None = None, **unreadable: str) -> Roster:
    left = {name: people for name, people in {**MEMBERS, **(members or {})}.items() if name not in unreadable}
    return Roster(members=left, unreadable=unreadable, read_at=NOW)


def question(who: PersonId = ANA, risk: Risk = DESTRUCTIVE, action: str = "retry", **more: Any) -> Question:
    return Question(action=action, risk=risk, who=who, via=more.pop("via", Via.SLASH), now=NOW, **more)


@dataclass(frozen=True)
class Case:
    what: str
    expected: str
    """`allow`, `allow open`, a mode with who may approve and how many, or the beginning of the refusal's reason."""
    who: PersonId = ANA
    risk: Risk = DESTRUCTIVE
    rules: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    members: dict[str, frozenset[PersonId]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    ask: dict[str, Any] = field(default_factory=dict)


def told(decision: Decision) -> str:
    match decision:
        case Allow():
            return "allow open" if decision.open else "allow"
        case Deny():
            return decision.reason
        case NeedsApproval(needs=needs):
            who = " ".join(person[2:].lower() for person in needs.approvers)
            return f"{needs.mode} {needs.count} of {who}"


NOBODY_ASKS = "only people in these roles may ask this: "
ASK = f"{NOBODY_ASKS}engineer, lead, director, robot"
TYPED = {"self_approval": "typed"}
INCIDENTS = {"open_answers": ["#inc-*"]}
IN_ONE = {"channel": "C1", "channel_name": "inc-7"}
GLASS = {"retry": {"break_glass": ["lead"]}}
CASES = [
    # defaults
    Case("a lookup", "allow", risk=READ),
    Case("a change", "confirm 1 of ana", risk=CHANGE),
    Case("something destructive", "others 1 of leo mia"),
    Case("an approver's own", "others 1 of leo", who=MIA),
    Case("somebody in no role", ASK, who=EVE),
    Case("somebody in no role, a lookup", ASK, who=EVE, risk=READ),
    # ask
    Case("asked by the roles that are named", "others 1 of leo mia", rules={"retry": {"ask": ["engineer"]}}),
    Case("not by others", f"{NOBODY_ASKS}engineer", who=MIA, rules={"retry": {"ask": ["engineer"]}}),
    Case("empty means nobody", f"{NOBODY_ASKS}nobody", rules={"retry": {"ask": []}}),
    Case("a lookup asked by nobody", f"{NOBODY_ASKS}nobody", risk=READ, rules={"*": {"ask": []}}),
    Case("unreadable", f"{NOBODY_ASKS}engineer; could not be read: engineer (no answer)",
         rules={"retry": {"ask": ["engineer"]}}, unreadable={"engineer": "no answer"}),
    # restricted
    Case("a restricted lookup", f"{NOBODY_ASKS}lead", risk=READ, ask={"restricted": True}),
    Case("a restricted lookup by an approver", "allow", who=MIA, risk=READ, ask={"restricted": True}),
    Case("opened by a rule that means it", "allow", risk=READ, ask={"restricted": True},
         rules={"retry": {"ask": ["engineer"]}}),
    # channels
    Case("elsewhere", "this may be asked in #prod-* only, or in the terminal",
         rules={"retry": {"channels": ["#prod-*"]}}, ask={"channel": "C1", "channel_name": "ops"}),
    Case("in a channel by its name", "others 1 of leo mia", rules={"retry": {"channels": ["#prod-*"]}},
         ask={"channel": "C1", "channel_name": "prod-eu"}),
    Case("in a channel by its id", "others 1 of leo mia", rules={"retry": {"channels": ["C1"]}}, ask={"channel": "C1"}),
    Case("in a channel whose name is unknown", "this may be asked in #prod-* only, or in the terminal",
         rules={"retry": {"channels": ["#prod-*"]}}, ask={"channel": "C1"}),
    Case("a channel named like an id", "this may be asked in C1 only, or in the terminal",
         rules={"retry": {"channels": ["C1"]}}, ask={"channel": "C2", "channel_name": "C1"}),
    Case("nowhere", "this may be asked in no channel only, or in the terminal", rules={"retry": {"channels": []}},
         ask={"channel": "C1"}),
    Case("the terminal is no channel", "others 1 of leo mia", rules={"retry": {"channels": []}},
         ask={"via": Via.TERMINAL}),
    # approvers
    Case("approvers named", "others 1 of dora", rules={"retry": {"approvers": ["director"]}}),
    Case("no approvers", "nobody can approve this: 1 other approver is needed, none found in: no role",
         rules={"retry": {"approvers": []}}),
    Case("a role without people", "nobody can approve this: 1 other approver is needed, none found in: lead",
         members={"lead": frozenset()}),
    Case("approvers that cannot be read",
         "nobody can approve this: 1 other approver is needed, none found in: lead; could not be read: lead (gone)",
         unreadable={"lead": "gone"}),
    Case("a change needs none", "confirm 1 of ana", risk=CHANGE, rules={"*": {"approvers": []}}),
    Case("a machine is no approver", "nobody can approve this: 1 other", rules={"retry": {"approvers": ["robot"]}}),
    Case("those asked next, once they were", "others 1 of dora leo mia", rules={"retry": {"then": ["director"]}},
         ask={"escalated": ("director",)}),
    Case("those asked next, before", "others 1 of leo mia", rules={"retry": {"then": ["director"]}}),
    Case("those whom the rule no longer asks next", "others 1 of leo mia", ask={"escalated": ("director",)}),
    # count
    Case("two", "others 2 of leo mia", rules={"retry": {"count": 2}}),
    Case("two, of which oneself is one", "nobody can approve this: 2 other approvers are needed, 1 found in: lead",
         who=MIA, rules={"retry": {"count": 2}}),
    # oneself
    Case("typed", "typed 1 of leo mia", who=MIA, settings=TYPED),
    Case("typed, alone", "typed 1 of mia", who=MIA, settings=TYPED, members=ALONE),
    Case("typed is for approvers", "others 1 of leo mia", settings=TYPED),
    Case("typed, and a second one", "typed 2 of leo mia", who=MIA, settings=TYPED, rules={"retry": {"count": 2}}),
    Case("typed, and nobody to be the second", "nobody can approve this: 2 other approvers are needed, none found",
         who=MIA, settings=TYPED, rules={"retry": {"count": 2}}, members=ALONE),
    Case("never, said by the rule", "others 1 of leo", who=MIA, settings=TYPED,
         rules={"retry": {"self_approval": "never"}}),
    Case("typed, said by the rule", "typed 1 of leo mia", who=MIA, rules={"retry": {"self_approval": "typed"}}),
    # confirm
    Case("confirmed although destructive", "confirm 1 of ana", rules={"retry": {"confirm": True}}),
    Case("confirmed, whatever the count", "confirm 1 of ana", risk=CHANGE, rules={"*": {"count": 3}}),
    # open
    Case("an open answer", "allow open", risk=READ, rules={"retry": {"open": True}}),
    Case("an open channel", "allow open", risk=READ, settings=INCIDENTS, ask=IN_ONE),
    Case("an open channel by its id", "allow open", risk=READ, settings={"open_answers": ["C1"]},
         ask={"channel": "C1"}),
    Case("another channel", "allow", risk=READ, settings=INCIDENTS, ask={"channel": "C2", "channel_name": "ops"}),
    Case("a channel whose name is unknown is not open", "allow", risk=READ, settings=INCIDENTS, ask={"channel": "C1"}),
    Case("no channel is open in the terminal", "allow", risk=READ, settings=INCIDENTS, ask={"via": Via.TERMINAL}),
    Case("an open channel, and a rule", "allow", risk=READ, settings=INCIDENTS, ask=IN_ONE,
         rules={"*": {"open": True}, "retry": {"open": False}}),
    Case("an open channel, restricted", "allow", who=MIA, risk=READ, settings=INCIDENTS,
         ask={**IN_ONE, "restricted": True}),
    Case("a rule for everything, restricted", "allow", who=MIA, risk=READ, rules={"*": {"open": True}},
         ask={"restricted": True}),
    Case("a rule for what is restricted", "allow open", who=MIA, risk=READ, rules={"retry": {"open": True}},
         ask={"restricted": True}),
    Case("what is for everybody tells one person", "allow", risk=READ, settings=INCIDENTS,
         ask={**IN_ONE, "for_everyone": True}),
    # machines
    Case("a machine for its owner", "others 1 of leo", who=ROBOT, ask={"on_behalf_of": MIA}),
    Case("a machine for its owner, a change", "confirm 1 of mia", who=ROBOT, risk=CHANGE, ask={"on_behalf_of": MIA}),
    Case("a machine of its own, a lookup", "allow", who=ROBOT, risk=READ),
    Case("a machine of its own, a change", "a machine asked and names no person who could confirm it", who=ROBOT,
         risk=CHANGE),
    Case("a machine of its own, destructive", "others 1 of leo mia", who=ROBOT),
    Case("a machine for a machine", "a machine asked and names no person who could confirm it", who=ROBOT, risk=CHANGE,
         ask={"on_behalf_of": ROBOT}),
    Case("a machine for somebody without rights", ASK, who=ROBOT, ask={"on_behalf_of": EVE}),
    Case("a machine does not type", "others 1 of leo", who=ROBOT, settings=TYPED, ask={"on_behalf_of": MIA}),
    Case("a person without rights for one who has them", ASK, who=EVE, ask={"on_behalf_of": ANA}),
    Case("a person for another", "others 1 of leo", who=ANA, ask={"on_behalf_of": MIA}),
    # cooldown
    Case("too soon", "it ran on this target a moment ago; 60 s of its cooldown are left",
         rules={"retry": {"cooldown": "5m"}}, ask={"last_run": NOW - timedelta(minutes=4)}),
    Case("late enough", "others 1 of leo mia", rules={"retry": {"cooldown": "5m"}},
         ask={"last_run": NOW - timedelta(minutes=5)}),
    # freezes
    Case("frozen", "nothing destructive runs now: we launch. Add override=REASON", ask={"frozen": FROZEN}),
    Case("frozen, a change", "confirm 1 of ana", risk=CHANGE, ask={"frozen": FROZEN}),
    Case("frozen, a lookup", "allow", risk=READ, ask={"frozen": FROZEN}),
    Case("frozen, an exception", "others 1 of leo mia", ask={"frozen": FROZEN, "override": True}),
    Case("frozen, an exception to what is confirmed", "others 1 of leo mia", rules={"retry": {"confirm": True}},
         ask={"frozen": FROZEN, "override": True}),
    Case("frozen, an exception, not by oneself", "others 1 of leo", who=MIA, settings=TYPED,
         ask={"frozen": FROZEN, "override": True}),
    Case("frozen, an exception, alone", "nobody can approve this: 1 other", who=MIA, settings=TYPED, members=ALONE,
         ask={"frozen": FROZEN, "override": True}),
    Case("frozen by the policy", "nothing destructive runs now: freeze window 'all day'",
         settings={"freezes": [{"name": "all day", "timezone": "UTC", "from": "00:00", "to": "00:00"}]}),
    Case("an exception where nothing is frozen", "typed 1 of leo mia", who=MIA, settings=TYPED, ask={"override": True}),
    # broken glass
    Case("glass that nobody may break", "glass may be broken here by: nobody", ask={"break_glass": True}),
    Case("glass broken", "typed 1 of mia", who=MIA, rules=GLASS, ask={"break_glass": True}),
    Case("glass broken in a freeze", "typed 1 of mia", who=MIA, rules=GLASS,
         ask={"break_glass": True, "frozen": FROZEN}),
    Case("glass broken by somebody else", "glass may be broken here by: lead", rules=GLASS, ask={"break_glass": True}),
    Case("glass broken by a machine", "glass may be broken here by: robot", who=ROBOT,
         rules={"retry": {"break_glass": ["robot"]}}, ask={"break_glass": True}),
    Case("glass broken by whoever may not ask", f"{NOBODY_ASKS}director", who=MIA,
         rules={"retry": {"break_glass": ["lead"], "ask": ["director"]}}, ask={"break_glass": True}),
    Case("glass whose breakers cannot be read",
         "glass may be broken here by: director; could not be read: director (gone)",
         rules={"retry": {"break_glass": ["director"]}}, unreadable={"director": "gone"}, ask={"break_glass": True}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_decisions(case: Case) -> None:
    """hermes-agent#36848, #38068: an empty approver list meant everyone; a freeze was announced, and not enforced."""
    asked = question(case.who, case.risk, **case.ask)
    decision = decide(asked, policy(case.rules, **case.settings), roster(case.members, **case.unreadable))
    if isinstance(decision, Deny):
        assert decision.reason.startswith(case.expected)
    else:
        assert told(decision) == case.expected


def test_what_a_request_is_told_of_its_needs() -> None:
    """meho#2087: whoever is skipped is told."""
    rules = {"retry": {"lives": "20d", "then": ["director"], "break_glass": ["engineer"]}}
    waits = decide(question(), policy(rules), roster())
    assert isinstance(waits, NeedsApproval)
    assert (waits.needs.rule, waits.needs.lives) == ("rule 'retry'", LONGEST_LIFE)
    assert (waits.needs.roles, waits.needs.escalation, waits.needs.skipped) == (("lead",), ("director",), ())
    broken = decide(question(break_glass=True), policy(rules), roster())
    assert isinstance(broken, NeedsApproval)
    assert (broken.needs.break_glass, broken.needs.skipped) == (True, (LEO, MIA))
    assert (broken.needs.roles, broken.needs.escalation) == ((), ())


# -- which rule -----------------------------------------------------------------------------------

RULES = {
    "*": {"lives": "1h", "count": 1, "open": True},
    "campaigns *": {"lives": "2h", "approvers": ["director"]},
    "campaigns p*": {"count": 3},
    "campaigns pause": {"lives": "3h"},
}


@pytest.mark.parametrize(
    ("action", "name", "lives", "approvers", "count"),
    [
        ("retry", "rule '*'", 1, ("lead",), 1),
        ("campaigns resume", "rule 'campaigns *'", 2, ("director",), 1),
        ("campaigns", "rule '*'", 1, ("lead",), 1),
        ("campaigns purge", "rule 'campaigns p*'", 2, ("director",), 3),
        ("campaigns pause", "rule 'campaigns pause'", 3, ("director",), 3),
    ],
)
def test_the_most_specific_rule_decides(action: str, name: str, lives: int, approvers: tuple[str], count: int) -> None:
    rule = applying(policy(RULES), action)
    found = (rule.name, rule.lives, rule.approvers, rule.count, rule.open)
    assert found == (name, timedelta(hours=lives), approvers, count, True)


def test_without_a_rule_the_defaults_are_the_safe_ones() -> None:
    rule = applying(policy(), "retry")
    assert (rule.name, rule.ask, rule.approvers) == ("default", tuple(ROLES), ("lead",))
    assert (rule.count, rule.self_approval, rule.confirm, rule.break_glass) == (1, "never", False, ())
    assert applying(Policy(), "retry").ask == ()


def test_an_unknown_role_or_zone_is_a_mistake_at_start() -> None:
    with pytest.raises(ValidationError, match=r"rule 'retry' names the role 'leads', which \[roles\] does not have"):
        policy({"retry": {"approvers": ["leads"]}})
    with pytest.raises(ValidationError, match="'Mars/Base' is no time zone; write one like Europe/Madrid"):
        policy(freezes=[{"name": "x", "timezone": "Mars/Base", "from": "00:00", "to": "01:00"}])


def test_what_nobody_can_get_approved_is_named() -> None:
    """hermes-agent#36848: `ops doctor` names the action nobody can approve."""
    rules = {
        "retry": {"count": 3},
        "whitelist": {"ask": []},
        "pause": {"confirm": True},
        "purge": {"ask": ["director"]},
    }
    risks = dict.fromkeys(("retry", "whitelist", "pause", "purge", "other"), DESTRUCTIVE) | {"freeze": CHANGE}
    assert unapprovable(policy(rules), roster(), risks, NOW) == {
        "retry": "nobody can approve this: 3 other approvers are needed, 2 found in: lead",
        "whitelist": "nobody may ask it",
    }
    gone = unapprovable(policy(rules), roster(director="no answer"), {"purge": DESTRUCTIVE}, NOW)
    assert gone == {"purge": "nobody may ask it; could not be read: director (no answer)"}


# -- what holds whatever the rules are ------------------------------------------------------------

people = st.sampled_from([ANA, MIA, LEO, DORA, EVE, ROBOT])
some_roles = st.none() | st.lists(st.sampled_from(list(ROLES)), unique=True).map(tuple)
rules = st.builds(
    Rule,
    ask=some_roles,
    approvers=some_roles,
    then=some_roles,
    break_glass=some_roles,
    count=st.none() | st.integers(1, 3),
    self_approval=st.sampled_from([None, "never", "typed"]),
    confirm=st.sampled_from([None, True, False]),
    cooldown=st.none() | st.just(timedelta(minutes=5)),
)
policies = st.builds(
    lambda rules, own: policy(rules, self_approval=own),
    st.dictionaries(st.sampled_from(["*", "re*", "retry"]), rules),
    st.sampled_from(["never", "typed"]),
)
rosters = st.fixed_dictionaries({name: st.frozensets(people) for name in ROLES}).map(lambda members: roster(members))
questions = st.builds(
    question,
    who=people,
    risk=st.sampled_from(Risk),
    on_behalf_of=st.none() | people,
    frozen=st.none() | st.just(FROZEN),
    last_run=st.none() | st.just(NOW - timedelta(minutes=1)),
    override=st.booleans(),
    break_glass=st.booleans(),
    escalated=st.lists(st.sampled_from(list(ROLES)), max_size=2).map(tuple),
    restricted=st.booleans(),
)


@given(questions, policies, rosters)
def test_whatever_the_rules_are(asked: Question, policy: Policy, roster: Roster) -> None:
    """windmill#7886: machines and whoever may not ask get nothing, oneself only by a typed word."""
    decision = decide(asked, policy, roster)
    rule = applying(policy, asked.action, restricted=asked.restricted)
    askers = frozenset[PersonId]().union(*(roster.members[role] for role in rule.ask))
    if isinstance(decision, Deny):
        return
    assert (asked.on_behalf_of or asked.who) in askers
    assert asked.who in askers or asked.who == ROBOT
    assert isinstance(decision, Allow) == (asked.risk is READ)
    if isinstance(decision, Allow):
        return
    needs = decision.needs
    assert needs.approvers
    assert not [person for person in needs.approvers if person.startswith("machine:")]
    assert len(needs.approvers) >= needs.count
    assert timedelta(0) < needs.lives <= LONGEST_LIFE
    if needs.mode is Mode.OTHERS:
        assert not asked.owners & set(needs.approvers)
    if needs.mode is Mode.CONFIRM:
        assert asked.risk is CHANGE or rule.confirm
        assert needs.approvers == (asked.who if asked.who != ROBOT else asked.on_behalf_of,)
    if needs.mode is Mode.TYPED and not needs.break_glass:
        assert rule.self_approval == "typed"
    if asked.frozen and asked.risk is DESTRUCTIVE:
        assert asked.override or asked.break_glass
        assert needs.mode is Mode.OTHERS or needs.break_glass


@given(questions, policies, rosters, st.sampled_from(list(ROLES)))
def test_losing_people_never_gives_rights(asked: Question, policy: Policy, full: Roster, role: str) -> None:
    """Empty means nobody, never everybody."""
    less = Roster(members={**full.members, role: frozenset()}, unreadable={role: "gone"}, read_at=NOW)
    if isinstance(decide(asked, policy, full), Deny):
        after = decide(asked, policy, less)
        assert isinstance(after, Deny)
