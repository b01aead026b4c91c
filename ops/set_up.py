"""What doctor says of ops.toml itself: rules that tie, people nobody is, secrets that are not there."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path
from typing import Any

from bot.decide.policy import LONGEST_LIFE, Policy, Rule, weight
from bot.settings import OpsToml
from bot.words.params import duration_text
from bot.words.report import Status
from ops.findings import Finding

_PERSON, _GROUP, _CHANNEL = (re.compile(rf"[{first}][A-Z0-9]{{2,}}") for first in ("UW", "S", "CGD"))
_SHOWN = 6
"""Names in one sentence."""


def set_up(settings: OpsToml, actions: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """In no order; empty where all is well."""
    policy = settings.policy()
    return [
        *_services(settings),
        *_ids(settings),
        *_ties(policy, actions),
        *_lives(policy),
        *_references(settings, environ),
    ]


def _services(settings: OpsToml) -> Iterator[Finding]:
    if not settings.services:
        mend = "add a table [services.NAME] for each of them; ops.example.toml has one of every kind"
        yield Finding("no service is named in ops.toml: there is nothing to look at or to change", Status.WARNING, mend)


def _ids(settings: OpsToml) -> Iterator[Finding]:
    copied = "copy it from Slack: the profile's menu, Copy member ID"
    for name, person in settings.people.items():
        if not _PERSON.fullmatch(person.slack):
            what = f"people.{name}.slack is {person.slack[:40]!r}, which is no Slack user id: {name} can do nothing"
            yield Finding(what, Status.FAILED, copied)
    for name, role in settings.roles.items():
        if role.group is not None and not _GROUP.fullmatch(role.group):
            what = f"roles.{name}.group is {role.group[:40]!r}, which is no id of a user group: nobody is in it"
            yield Finding(what, Status.FAILED, "write the id, S…, from the group's address in Slack")
    team = settings.team
    for name, channel in (("approvals_channel", team.approvals_channel), ("audit_channel", team.audit_channel)):
        if channel and not channel.startswith("#") and not _CHANNEL.fullmatch(channel):
            what = f"team.{name} is {channel[:80]!r}, which is neither an id nor a #name: nothing is posted there"
            yield Finding(what, Status.FAILED, f'write "#{channel}", or the channel\'s id')
    for pattern, rule in settings.rules.items():
        for channel in rule.channels or ():
            if channel != "*" and not channel.startswith("#") and not _CHANNEL.match(channel):
                what = f"rule {pattern!r}: {channel[:80]!r} is neither an id nor a #name: it matches no channel"
                yield Finding(what, Status.WARNING, f'write "#{channel}", or the channel\'s id')


def _ties(policy: Policy, actions: Sequence[str]) -> Iterator[Finding]:
    """Two rules of equal weight that say different things of one command."""
    tied: dict[tuple[str, str], list[str]] = {}
    for action in actions:
        matching = [pattern for pattern in policy.rules if pattern == action or fnmatchcase(action, pattern)]
        for one, other in combinations(matching, 2):
            same = weight(one, action) == weight(other, action)
            if same and _differ(policy.rules[one], policy.rules[other]):
                tied.setdefault((one, other), []).append(action)
    for (one, other), commands in tied.items():
        what = f"rules {one!r} and {other!r} weigh the same for {listed(commands)} and differ: {one!r} decides there"
        yield Finding(what, Status.WARNING, "it is written first; write a rule with the command's whole words instead")


def _differ(one: Rule, other: Rule) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in Rule.model_fields]
    return any(first is not None and second is not None and first != second for first, second in pairs)


def _lives(policy: Policy) -> Iterator[Finding]:
    for pattern, rule in policy.rules.items():
        if rule.lives is not None and rule.lives > LONGEST_LIFE:
            longest = duration_text(LONGEST_LIFE)
            what = f"rule {pattern!r}: lives is {duration_text(rule.lives)}, and no request waits longer than {longest}"
            yield Finding(what, Status.WARNING, f'write lives = "{longest}" or less')


def _references(settings: OpsToml, environ: Mapping[str, str]) -> Iterator[Finding]:
    used: dict[str, list[str]] = {}
    for name, section in settings.services.items():
        for where, reference in _secrets(section, f"services.{name}"):
            used.setdefault(reference, []).append(where)
    for reference, places in used.items():
        source, _, name = reference.partition(":")
        if source == "env" and not environ.get(name, "").strip():
            what, mend = "is not set", f"set the environment variable {name}, and start the bot anew"
        elif source == "file" and not Path(name).is_file():
            what, mend = "is no file", f"put the secret into {name}"
        else:
            continue
        yield Finding(f"{reference} {what}; used by {listed(places)}", Status.FAILED, mend)


def _secrets(setting: Any, where: str) -> Iterator[tuple[str, str]]:
    match setting:
        case str() if setting.startswith(("env:", "file:")):
            yield where, setting
        case Mapping():
            for name, each in setting.items():
                yield from _secrets(each, f"{where}.{name}")
        case list() | tuple():
            for place, each in enumerate(setting):
                yield from _secrets(each, f"{where}.{place}")


def listed(each: Iterable[str]) -> str:
    """Some of them, and how many more there are."""
    names = list(each)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
