"""The outcome of a run, as one table of plain text."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.crash.chaos import KINDS, named_points
from tests.crash.facts import Facts
from tests.crash.judge import Finding

MOST = 12
"""Sentences shown of one finding."""


def table(facts: Facts, findings: Sequence[Finding]) -> str:
    lines = [*_numbers(facts), *_harms(facts)]
    return "\n".join(("", *lines, "", *_verdicts(findings), ""))


def _numbers(facts: Facts) -> Iterator[str]:
    states = Counter(row.state for row in facts.rows)
    kinds = Counter(entry.kind for entry in facts.audit)
    effects = Counter(what for _, what in facts.effects)
    harms = Counter(harm.kind for harm in facts.harms)
    acked = sum(click.acked for click in facts.clicks)
    yield _line("requests", len(facts.rows), ", ".join(f"{many} {state}" for state, many in states.most_common()))
    yield _line("requests that ran", kinds["started"], f"and {kinds['undoing']} undos")
    yield _line("effects", len(facts.effects), f"{effects['done']} done, {effects['undone']} put back")
    yield _line("decisions clicked", len(facts.clicks), f"{acked} acknowledged, {len(facts.clicks) - acked} not")
    yield _line("unknowns", kinds["unknown"], f"{kinds['reconciled']} of them reconciled by a person")
    yield _line("cards", len(facts.copies), "copies in Slack")
    for what, many in facts.counted.items():
        yield _line(what, many)
    yield _line("kills", harms["kill"], "SIGKILL")
    yield _line("stops", harms["stop"], "SIGSTOP for longer than a lease, then SIGCONT")


def _harms(facts: Facts) -> Iterator[str]:
    done = Counter((harm.kind, harm.point) for harm in facts.harms)
    for point in (*named_points(), ""):
        counts = ", ".join(f"{done[kind, point]} {kind}{'s' * (done[kind, point] != 1)}" for kind in KINDS)
        yield f"    {f'at {point}' if point else 'at random moments':<32}{counts}"


def _verdicts(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        word = ("ok" if finding.passed else "FAILED") if finding.must_be_none else ""
        yield _line(finding.what, len(finding.found), word)
        shown = finding.found[: MOST if finding.must_be_none else 5]
        yield from (f"        {sentence}" for sentence in shown)
        if len(finding.found) > len(shown):
            yield f"        and {len(finding.found) - len(shown)} more"


def _line(what: str, many: int, more: str = "") -> str:
    return f"{what:<44}{many:>7}   {more}".rstrip()
