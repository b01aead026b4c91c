"""Keys as they are told: a row each that needs somebody, and all the others on one line."""

from collections.abc import Sequence
from datetime import datetime

from bot.words.report import Folded, Line, Moment, Status, Suggestion, Table, Value
from bot.words.spelling import counted, lasting
from commands.keys._book import OLD, Held
from integrations.capabilities import Health


def rank(one: Held, now: datetime) -> int:
    """How much it needs somebody: 3 where it is missing or fails, 2 where it is old, 1 where that is not known."""
    if one.kept.since is None or one.health is Health.DEGRADED:
        return 3
    if one.age(now) > OLD:
        return 2
    return 0 if one.health is Health.OK else 1


def lead_of(found: Sequence[Held], now: datetime) -> str:
    """`2 of 14 keys need attention: 1 cannot be found, 1 is older than 90 days.`"""
    trouble = sum(rank(one, now) > 1 for one in found)
    unknown = sum(rank(one, now) == 1 for one in found)
    missing = sum(one.kept.since is None for one in found)
    failing = sum(one.kept.since is not None and one.health is Health.DEGRADED for one in found)
    old = sum(one.age(now) > OLD for one in found)
    said = [f"{missing} cannot be found"] if missing else []
    said += [f"{failing} {'fails its check' if failing == 1 else 'fail their checks'}"] if failing else []
    said += [f"{old} {'is' if old == 1 else 'are'} older than {OLD.days} days"] if old else []
    if trouble:
        need = "needs" if trouble == 1 else "need"
        return f"{trouble} of {counted(len(found), 'key')} {need} attention: {', '.join(said)}."
    if len(found) == 1:
        return f"The one key is in place{'; whether it works is not known' if unknown else ''}."
    doubt = f"; whether {unknown} of them {'works' if unknown == 1 else 'work'} is not known" if unknown else ""
    return f"All {len(found)} keys are in place{doubt}."


def line_of(one: Held, now: datetime, *, checked: bool) -> Line:
    """Its next step: a rotation, or another check where only that could not be made."""
    said: list[Value] = [_why(one, now)]
    if one.kept.since is not None:
        said += ["; here since ", Moment(at=one.kept.since)]
        if _has_history(one):
            worked = one.kept.worked_at
            said += ["; last worked ", Moment(at=worked, said="ago")] if worked else ["; never seen to work here"]
        said.append(f"; read from {_place(one)}")
    suggestions: tuple[Suggestion, ...] = ()
    if rank(one, now) > 1:
        suggestions = (Suggestion(label="Rotate", words=f"keys rotate {one.service}"),)
    elif checked and not one.credential.doubt and not one.credential.proved_by:
        suggestions = (Suggestion(label="Try again", words=f"health {one.service} fresh=yes"),)
    return Line(
        text=_name(one),
        detail=tuple(said),
        status=(Status.OK, Status.UNKNOWN, Status.WARNING, Status.FAILED)[rank(one, now)],
        word=_word(one, now),
        suggestions=suggestions,
    )


def well_of(well: Sequence[Held], table: Table, now: datetime) -> Folded:
    oldest = max(well, key=lambda one: one.age(now))
    return Folded(
        word="in place",
        names=tuple(sorted(map(_name, well))),
        remark=f"Oldest: {_name(oldest)}, here for {lasting(oldest.age(now).total_seconds())}" if len(well) > 1 else "",
        table=table,
    )


def table_of(found: Sequence[Held], now: datetime) -> Table:
    return Table(
        columns=("key", "how it is", "here since", "last worked", "read from"),
        rows=tuple(
            (
                _name(one),
                _word(one, now),
                Moment(at=one.kept.since) if one.kept.since else None,
                Moment(at=one.kept.worked_at, said="ago") if one.kept.worked_at and not one.credential.doubt else None,
                _place(one),
            )
            for one in found
        ),
    )


def _has_history(one: Held) -> bool:
    """One that a check has just proved worked just now, and of one in doubt it is never known."""
    return not one.credential.doubt and (one.health is not Health.OK or bool(one.credential.proved_by))


def _name(one: Held) -> str:
    return one.credential.setting.removeprefix("services.")


def _place(one: Held) -> str:
    return one.credential.reference.partition(" ")[0]


def _word(one: Held, now: datetime) -> str:
    if one.kept.since is None:
        return "cannot be found"
    return ("in place", "not known to work", "due for rotation", "failed")[rank(one, now)]


def _why(one: Held, now: datetime) -> str:
    if one.kept.since is None:
        return one.kept.missing
    old = f"{one.age(now).days} days old" if one.age(now) > OLD else ""
    return "; ".join(filter(None, (old, one.detail)))
