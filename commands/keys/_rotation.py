"""The steps of a rotation in words."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.words.report import Line, Status
from commands.keys._book import Held
from integrations.capabilities import Health, Trial

NEW = timedelta(days=1)
"""A value first seen within this counts as the new one."""


def where_of(found: Sequence[Held]) -> str:
    places = []
    for one in found:
        source, _, name = one.credential.reference.partition(":")
        match source:
            case "env":
                places.append(f"the variable {name} of this bot's process, which needs a restart for it")
            case "file":
                places.append(f"the file {name}, which is read anew at each use")
            case _:
                places.append(f"where {name.partition(' ')[0]} takes it from; it is asked every half minute")
    return f"It goes into {', and '.join(places)}."


def seen_of(found: Sequence[Held], now: datetime) -> str:
    old = [one.credential.setting for one in found if one.age(now) > NEW]
    missing = [one.credential.setting for one in found if one.kept.since is None]
    if missing:
        return f"{', '.join(missing)} cannot be found now."
    if old:
        return f"{', '.join(old)} still has its old value here: go back to step 2."
    return "It reads a value that it first saw within the last day."


def works_of(trials: Sequence[Trial], found: Sequence[Held]) -> Line:
    """A test that got no answer says nothing of the key."""
    if not trials:
        return Line(text="It has no test.")
    unknown = sum(trial.health is Health.UNKNOWN for trial in trials)
    failed = sum(trial.health in (Health.DEGRADED, Health.DOWN) for trial in trials)
    told = [f"{failed} of {len(trials)} tests failed"] if failed else []
    told += [f"{unknown} of {len(trials)} tests got no answer, which says nothing of the key"] if unknown else []
    if told:
        return Line(text=f"With the key it has now {'; '.join(told)}.", status=_worst(trials))
    if unproven := sum(one.unproven for one in found):
        which = "its key is" if len(found) == 1 else f"{unproven} of its {len(found)} keys are"
        return Line(text=f"What can be tested works; whether {which} taken is not known yet.", status=Status.UNKNOWN)
    return Line(text="It works with the key it has now.", status=Status.OK)


def detail_of(trial: Trial) -> str:
    """A remedy is for what failed: while nothing answers, a good key is not to be changed."""
    parts = (trial.detail, "" if trial.health is Health.UNKNOWN else trial.remedy)
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _worst(trials: Sequence[Trial]) -> Status | None:
    order = list(Health)
    return Status(max((trial.health for trial in trials), key=order.index)) if trials else None


STEPS = (
    ("Make a new key at the vendor", "Leave the old one valid until the last step. Give it the least rights: {rights}"),
    ("Put it where this bot reads it", "{where}"),
    ("See that this bot uses the new one", "{seen}"),
    ("Put it everywhere else", "GitHub repository secrets, Railway variables, Vercel environment, local .env files."),
    ("See that everything works", "Health checks pass, and no errors of refused credentials come in."),
    (
        "Take the old key away at the vendor",
        "Only now. Then test once more: what still used the old one shows at once.",
    ),
)
