"""Decides who may do what, and what it takes. Pure: stored facts in, a decision with its rule and reason out.

The most specific rule for the action decides; what it leaves out comes from the next one, down to built-in defaults.
Empty always means nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, Field, PrivateAttr, model_validator

from bot.words.action import Risk
from bot.words.params import Duration
from bot.words.ports import Freeze, Roster
from bot.words.report import Frozen, PersonId
from bot.words.request import Mode, Needs, Via

LONGEST_LIFE = timedelta(days=7)
"""No request waits longer than this, whatever a rule says: a yes to a week-old plan is no decision."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # it is looked up as a file
        raise ValueError(f"{name!r} is no time zone; write one like Europe/Madrid") from error
    return name


Zone = Annotated[str, AfterValidator(_zone)]


class Role(Frozen):
    """People by what they may do. Members are the named people and those of the Slack user group."""

    group: str | None = None
    """Slack user group id, `S…`."""
    approves: bool = False
    """May approve what others ask, where a rule names nobody."""
    guests: bool = False  # of the workspace, of one channel or several, may be in it


class Rule(Frozen):
    """Conditions of the actions that its pattern matches. None: as the less specific rule says."""

    ask: tuple[str, ...] | None = None
    """Roles that may ask."""
    channels: tuple[str, ...] | None = None
    """Where it may be asked in Slack: ids, or #names with * as wildcard. The terminal is not a channel."""
    approvers: tuple[str, ...] | None = None
    """Roles that may approve."""
    count: int | None = Field(default=None, ge=1, le=5)
    """How many of them."""
    self_approval: Literal["never", "typed"] | None = None
    """Whether a requester who is an approver may approve their own by typing the phrase."""
    confirm: bool | None = None
    """True: the requester's own confirmation is enough, even for something destructive."""
    lives: Duration | None = None
    """How long a request waits before it expires."""
    cooldown: Duration | None = None
    """Shortest time between two runs on one target."""
    then: tuple[str, ...] | None = None
    """Roles asked next when nobody has answered in half of the request's life."""
    break_glass: tuple[str, ...] | None = None
    """Roles that may run it without approvers in an emergency."""
    open: bool | None = None
    """A lookup's answer is for the whole channel; where no rule says it, as `open_answers` does."""


class Window(Frozen):
    """A freeze that comes back: nothing destructive runs within it."""

    name: str
    reason: str = ""
    timezone: Zone
    days: tuple[Day, ...] = _DAYS
    start: time = Field(alias="from")
    to: time
    """Earlier than `from` means over midnight, counted to the day it starts on."""

    def holds(self, now: datetime) -> datetime | None:
        """The end, in UTC, of the freeze that holds now, None where none does."""
        today = now.astimezone(ZoneInfo(self.timezone)).date()
        for back in (0, 1):
            day = today - timedelta(days=back)
            if _DAYS[day.weekday()] not in self.days:
                continue
            over_midnight = self.to <= self.start
            begin = min(self._instants(day, self.start))
            end = max(self._instants(day + timedelta(days=over_midnight), self.to))
            if begin <= now < end:
                return end
        return None

    def _instants(self, day: date, at: time) -> list[datetime]:
        """Moments that a wall clock's time may mean: two where clocks change. A freeze is rather too long."""
        zone = ZoneInfo(self.timezone)
        return [datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]


class Policy(Frozen):
    """Roles, rules by pattern of the action's words (`retry`, `campaigns *`, `*`), and freezes."""

    roles: Mapping[str, Role] = Field(default_factory=dict)
    rules: Mapping[str, Rule] = Field(default_factory=dict)
    freezes: tuple[Window, ...] = ()
    self_approval: Literal["never", "typed"] = "never"
    open_answers: tuple[str, ...] = ()
    """Channels where a lookup's answer is for everyone unless a rule says otherwise: ids, or #names with * as
    wildcard. Never that of a restricted one: it would be shown to those who may not ask."""

    _settled: dict[tuple[str, bool], "Applying"] = PrivateAttr(default_factory=dict)
    """Rules that `applying` has settled before; a policy never changes."""

    @model_validator(mode="after")
    def _roles_exist(self) -> Self:
        for pattern, rule in self.rules.items():
            named = [*(rule.ask or ()), *(rule.approvers or ()), *(rule.then or ()), *(rule.break_glass or ())]
            for role in named:
                if role not in self.roles:
                    raise ValueError(f"rule {pattern!r} names the role {role!r}, which [roles] does not have")
        return self

    def freeze_window(self, now: datetime) -> Freeze | None:
        for window in self.freezes:
            if end := window.holds(now):
                return Freeze(name=window.name, reason=window.reason or f"freeze window {window.name!r}", until=end)
        return None


@dataclass(frozen=True)
class Question:
    """May this person do this, here and now?"""

    action: str
    risk: Risk
    who: PersonId
    via: Via
    now: datetime
    on_behalf_of: PersonId | None = None
    channel: str | None = None
    channel_name: str | None = None
    shared: bool = False  # with another organisation
    target: str = ""
    frozen: Freeze | None = None
    """A declared freeze; the windows of the policy are looked up here."""
    last_run: datetime | None = None
    override: bool = False
    break_glass: bool = False
    escalated: tuple[str, ...] = ()
    restricted: bool = False
    for_everyone: bool = False

    @property
    def owners(self) -> frozenset[PersonId]:
        return frozenset({self.who} | ({self.on_behalf_of} if self.on_behalf_of else set()))


@dataclass(frozen=True)
class Allow:
    rule: str
    reason: str
    open: bool = False


@dataclass(frozen=True)
class NeedsApproval:
    needs: Needs


@dataclass(frozen=True)
class Deny:
    rule: str
    reason: str


Decision = Allow | NeedsApproval | Deny

_DEFAULT = Rule(
    channels=("*",),
    count=1,
    confirm=False,
    lives=timedelta(minutes=30),
    cooldown=timedelta(0),
    then=(),
    break_glass=(),
)


def _said(rule: Rule) -> dict[str, object]:
    """The fields that the rule does not leave out."""
    return {name: value for name in Rule.model_fields if (value := getattr(rule, name)) is not None}


@dataclass(frozen=True)
class Applying:
    """The rule in force for one action, every field settled, and the name it is cited by."""

    name: str
    ask: tuple[str, ...]
    channels: tuple[str, ...]
    approvers: tuple[str, ...]
    count: int
    self_approval: Literal["never", "typed"]
    confirm: bool
    lives: timedelta
    cooldown: timedelta
    then: tuple[str, ...]
    break_glass: tuple[str, ...]
    open: bool | None = None
    """None: as the channel has it."""


def applying(policy: Policy, action: str, *, restricted: bool = False) -> Applying:
    """Settle the rule for an action: exact words first, then the longest pattern, then the defaults."""
    known = policy._settled.get((action, restricted))
    if known is None:
        known = policy._settled[action, restricted] = _settle(policy, action, restricted)
    return known


def weight(pattern: str, action: str) -> tuple[bool, int]:
    """The rule with the greatest decides; of two with the same, the one written first."""
    return pattern == action, len(pattern.replace("*", ""))


def _settle(policy: Policy, action: str, restricted: bool) -> Applying:
    matching = [pattern for pattern in policy.rules if pattern == action or fnmatchcase(action, pattern)]
    matching.sort(key=lambda pattern: weight(pattern, action), reverse=True)
    layers = [_said(policy.rules[pattern]) for pattern in matching]
    if restricted:
        # A rule for everything was hardly written with these in mind: they are opened by a rule that means them.
        meant = {"ask", "open"}
        layers = [
            {name: layer[name] for name in layer.keys() - meant} if not pattern.strip("* ") else layer
            for pattern, layer in zip(matching, layers, strict=True)
        ]
    approvers = tuple(name for name, role in policy.roles.items() if role.approves)
    defaults = _said(_DEFAULT) | {
        "ask": approvers if restricted else tuple(policy.roles),
        "approvers": approvers,
        "self_approval": policy.self_approval,
    }
    settled: dict[str, object] = {}
    for layer in [*layers, defaults]:
        settled = {**layer, **settled}
    return Applying(name=f"rule {matching[0]!r}" if matching else "default", **settled)  # type: ignore[arg-type]


def _members(roles: Iterable[str], roster: Roster) -> frozenset[PersonId]:
    return frozenset[PersonId]().union(*(roster.members.get(role, frozenset()) for role in roles))


def _people(roles: Iterable[str], roster: Roster) -> frozenset[PersonId]:
    return frozenset(person for person in _members(roles, roster) if not _is_machine(person))


def _is_machine(person: PersonId) -> bool:
    return person.startswith("machine:")


def _unreadable(roles: Iterable[str], roster: Roster) -> str:
    bad = [f"{role} ({roster.unreadable[role]})" for role in roles if role in roster.unreadable]
    return f"; could not be read: {', '.join(bad)}" if bad else ""


def _in_channel(rule: Applying, question: Question) -> bool:
    return question.via is Via.TERMINAL or "*" in rule.channels or _is_one_of(rule.channels, question)


def _is_one_of(channels: Iterable[str], question: Question) -> bool:
    here = [question.channel or "", f"#{question.channel_name}" if question.channel_name else ""]
    return any(name and fnmatchcase(name, each) for name in here for each in channels)


def _is_open(rule: Applying, question: Question, policy: Policy) -> bool:
    ours = not question.restricted and not question.shared
    return (ours and _is_one_of(policy.open_answers, question)) if rule.open is None else rule.open


def _listed(names: Iterable[str], nobody: str) -> str:
    return ", ".join(names) or nobody


def decide(question: Question, policy: Policy, roster: Roster) -> Decision:
    """The one answer to "may they?"; asked at typing, at every click, and again at execution."""
    if question.for_everyone and question.risk is Risk.READ:
        return Allow("help", "everybody may see what they may run")
    rule = applying(policy, question.action, restricted=question.restricted)
    askers = _members(rule.ask, roster)
    # A machine asks with its owner's rights; a person who speaks for another needs them too.
    asking = {question.who} if question.on_behalf_of is None else {question.on_behalf_of}
    if not _is_machine(question.who):
        asking.add(question.who)
    if not asking <= askers:
        who = _listed(rule.ask, "nobody")
        return Deny(rule.name, f"only people in these roles may ask this: {who}{_unreadable(rule.ask, roster)}")
    if not _in_channel(rule, question):
        return Deny(rule.name, f"this may be asked in {_listed(rule.channels, 'no channel')} only, or in the terminal")
    if question.risk is Risk.READ:
        return Allow(rule.name, "a lookup", _is_open(rule, question, policy))
    if question.last_run and question.now - question.last_run < rule.cooldown:
        left = int((rule.cooldown - (question.now - question.last_run)).total_seconds())
        return Deny(rule.name, f"it ran on this target a moment ago; {left} s of its cooldown are left")
    frozen = question.frozen or policy.freeze_window(question.now)
    if frozen and question.risk is Risk.DESTRUCTIVE and not (question.override or question.break_glass):
        return Deny(
            f"freeze {frozen.name!r}",
            f"nothing destructive runs now: {frozen.reason}. Add override=REASON to ask for an exception",
        )
    return _approval(question, rule, roster, overriding=bool(frozen and question.risk is Risk.DESTRUCTIVE))


def approvers(question: Question, policy: Policy, roster: Roster) -> frozenset[PersonId]:
    """Who may approve such a request at this moment, were it anybody else's."""
    rule = applying(policy, question.action, restricted=question.restricted)
    return _people(_approving(rule, question.escalated), roster) - question.owners


def concerned(question: Question, policy: Policy, roster: Roster) -> frozenset[PersonId]:
    """Who may ask for it or approve it at this moment; no machine."""
    rule = applying(policy, question.action, restricted=question.restricted)
    return _people((*rule.ask, *_approving(rule, question.escalated)), roster)


def _approving(rule: Applying, escalated: Iterable[str]) -> tuple[str, ...]:
    return (*rule.approvers, *(role for role in escalated if role in rule.then))


def _approval(question: Question, rule: Applying, roster: Roster, *, overriding: bool) -> Decision:
    lives = min(rule.lives, LONGEST_LIFE)
    roles = _approving(rule, question.escalated)
    eligible = _people(roles, roster)
    others = eligible - question.owners

    def needs(mode: Mode, approvers: Iterable[PersonId], reason: str, *, count: int = rule.count) -> NeedsApproval:
        alone = mode is Mode.CONFIRM or question.break_glass
        return NeedsApproval(
            Needs(
                rule=rule.name,
                reason=reason,
                mode=mode,
                approvers=tuple(sorted(approvers)),
                roles=() if alone else roles,
                count=count,
                lives=lives,
                escalation=() if alone else rule.then,
                overrides_freeze=overriding,
                break_glass=question.break_glass,
                skipped=tuple(sorted(others)) if question.break_glass else (),
            )
        )

    if question.break_glass:
        if question.who not in _members(rule.break_glass, roster) or _is_machine(question.who):
            who = _listed(rule.break_glass, "nobody")
            return Deny(rule.name, f"glass may be broken here by: {who}{_unreadable(rule.break_glass, roster)}")
        told = "broken glass: it runs without its approvers, who are told"
        return needs(Mode.TYPED, {question.who}, told, count=1)
    requester_is_person = not _is_machine(question.who)
    if (question.risk is Risk.CHANGE or rule.confirm) and not overriding:
        confirmer = question.who if requester_is_person else question.on_behalf_of
        if confirmer is None or _is_machine(confirmer):
            return Deny(rule.name, "a machine asked and names no person who could confirm it")
        return needs(Mode.CONFIRM, {confirmer}, "the requester confirms the plan", count=1)
    own = question.who in eligible and rule.self_approval == "typed" and requester_is_person and not overriding
    if own and len(others) + 1 >= rule.count:
        return needs(Mode.TYPED, others | {question.who}, "an approver may approve their own by typing the phrase")
    if len(others) < rule.count:
        needed = "1 other approver is" if rule.count == 1 else f"{rule.count} other approvers are"
        why = f"{needed} needed, {len(others) or 'none'} found in: {_listed(roles, 'no role')}"
        return Deny(rule.name, f"nobody can approve this: {why}{_unreadable(roles, roster)}")
    reason = "it overrides a freeze: another person approves" if overriding else "another person approves"
    return needs(Mode.OTHERS, others, reason)


def unapprovable(policy: Policy, roster: Roster, actions: Mapping[str, Risk], now: AwareDatetime) -> dict[str, str]:
    """Actions that nobody can get approved, with the reason; for `ops doctor`."""
    found: dict[str, str] = {}
    for action, risk in actions.items():
        if risk is not Risk.DESTRUCTIVE:
            continue
        rule = applying(policy, action)
        reasons = []
        for person in sorted(_members(rule.ask, roster)):
            decision = decide(Question(action, risk, person, Via.TERMINAL, now, override=True), policy, roster)
            if not isinstance(decision, Deny):
                break
            reasons.append(decision.reason)
        else:
            nobody = f"nobody may ask it{_unreadable(rule.ask, roster)}"
            found[action] = reasons[0] if reasons else nobody
    return found
