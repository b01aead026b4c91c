"""Trials of a service, and what its credential may do, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.words.report import Fact, Folded, Line, Span, Status, Suggestion, Table, Value
from commands._shared.asking import Unanswered
from integrations.capabilities import Health, Rights, Trial


@dataclass(frozen=True)
class Tried:
    """One service: its steps, and what its credential may do; or why that could not be found out."""

    service: str
    steps: tuple[Trial, ...] | Unanswered
    rights: tuple[Rights | Unanswered, ...]
    settings: tuple[str, ...]
    """Where its credentials stand in ops.toml."""


RANK = {status: rank for rank, status in enumerate(Status)}


_FAILED = (Health.DEGRADED, Health.DOWN)


def lead_of(found: Sequence[Tried]) -> str:
    steps = [step for each in found if not isinstance(each.steps, Unanswered) for step in each.steps]
    silent = [each.service for each in found if isinstance(each.steps, Unanswered)]
    failed = [step for step in steps if step.health in _FAILED]
    unknown = sum(step.health is Health.UNKNOWN for step in steps)
    told = [f"{len(failed)} of {_steps(len(steps))} failed"] if failed else []
    told += [f"{unknown} of {_steps(len(steps))} could not be tried"] if unknown else []
    told += [f"{', '.join(silent)} could not be tested"] if silent else []
    if not told:
        told = [f"All {len(steps)} steps are well" if len(steps) != 1 else "Its one step is well"]
    return " ".join([f"{', '.join(told)}.", *_first(found), *_beside(found)])


def _beside(found: Sequence[Tried]) -> list[str]:
    """Whose credential is too narrow or too wide."""
    lacking, wide = [], []
    for each in found:
        known = [rights for rights in each.rights if isinstance(rights, Rights)]
        lacking += [each.service] if any(rights.lacking for rights in known) else []
        wide += [each.service] if any(rights.unneeded for rights in known) else []
    told = [f"Lacking rights: {', '.join(lacking)}."] if lacking else []
    return told + ([f"With rights that the bot does not need: {', '.join(wide)}."] if wide else [])


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _first(found: Sequence[Tried]) -> list[str]:
    """The remedy of the worst that failed; the earliest of those, since later ones often follow from it."""
    steps = [step for each in found if not isinstance(each.steps, Unanswered) for step in each.steps if step.remedy]
    failed = [step for step in steps if step.health in _FAILED]
    worst = max(failed, key=lambda step: RANK[Status(step.health.value)], default=None)
    return [f"First: {worst.remedy.rstrip('.')}."] if worst else []


def lines_of(tried: Tried, *, alone: bool) -> list[Line]:
    """What somebody has to look at; nothing where all is well."""
    prefix = "" if alone else f"{tried.service}: "
    again = (Suggestion(label="Test again", words=f"test {tried.service}"),)
    if isinstance(tried.steps, Unanswered):
        silent = Status.UNKNOWN
        lines = [Line(text=f"{prefix}the test", detail=tried.steps.why, status=silent, suggestions=again)]
    else:
        lines = [_step(step, prefix, again) for step in tried.steps if step.health is not Health.OK]
    for rights in tried.rights:
        lines += _rights(rights, prefix, tried.settings)
    return lines


def facts_of(tried: Tried) -> tuple[Fact, ...]:
    """What its credential may do of what the bot needs."""
    known = [rights for rights in tried.rights if isinstance(rights, Rights)]
    needed = [right for rights in known for right in rights.has if right not in rights.unneeded]
    return (Fact(label="Its credential may", value=", ".join(needed)),) if needed else ()


def well_of(found: Sequence[Tried]) -> Folded | None:
    """Services of which nothing has to be said, and every step of all of them behind it."""
    well = tuple(each.service for each in found if not lines_of(each, alone=False))
    return Folded(word="well", names=well, table=steps_of(found)) if well else None


def steps_of(found: Sequence[Tried], *, well_only: bool = False) -> Table | None:
    tried = [(each.service, each.steps) for each in found if not isinstance(each.steps, Unanswered)]
    steps = [(service, step) for service, steps in tried for step in steps]
    rows = [_row(service, step) for service, step in steps if step.health is Health.OK or not well_only]
    columns = ("service", "step", "how it went", "took")
    skip = 1 if len(found) == 1 else 0
    return Table(columns=columns[skip:], rows=tuple(row[skip:] for row in rows)) if rows else None


def _row(service: str, step: Trial) -> tuple[Value, ...]:
    went = "well" if step.health is Health.OK else step.health.value
    return service, step.what, went, Span(seconds=round(step.took.total_seconds(), 3))


def _step(step: Trial, prefix: str, again: tuple[Suggestion, ...]) -> Line:
    return Line(
        text=f"{prefix}{step.what}",
        detail=" ".join(_sentence(part) for part in (step.detail, _remedy(step)) if part),
        status=Status(step.health.value),
        suggestions=again,
    )


def _remedy(step: Trial) -> str:
    """Where nothing answered, the credential may be as good as ever: nobody shall be sent to change it at once."""
    if step.remedy and "stays so" in step.detail:  # what to do then is said already
        return ""
    return f"if it stays so: {step.remedy}" if step.remedy and step.health is Health.UNKNOWN else step.remedy


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _rights(rights: Rights | Unanswered, prefix: str, settings: Sequence[str]) -> list[Line]:
    if isinstance(rights, Unanswered):
        return [Line(text=f"{prefix}what its credential may do", detail=rights.why, status=Status.UNKNOWN)]
    lines = [
        Line(text=f"{prefix}lacks the right {right}", detail=f"needed for {commands}", status=Status.WARNING)
        for right, commands in rights.lacking
    ]
    if rights.unneeded:
        too_much = f"{', '.join(rights.unneeded)}. Put a narrower one into {' and '.join(settings)}."
        lines.append(Line(text=f"{prefix}may do what the bot does not need", detail=too_much, status=Status.WARNING))
    return lines


def notes_of(tried: Tried, *, alone: bool) -> list[str]:
    told = [rights.note for rights in tried.rights if isinstance(rights, Rights) and rights.note]
    return told if alone else [f"{tried.service}: {note}" for note in told]
