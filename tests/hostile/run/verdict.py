"""Counts what became of the inputs, and says what must not have happened."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

OUTCOMES = ("refused", "answered", "told", "let pass", "no ack", "silent", "taken")


@dataclass
class Tally:
    """Of one configuration."""

    name: str
    became: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By group: how many inputs had which outcome."""
    effects: list[str] = field(default_factory=list)
    """Without a vote, or more than one for one vote."""
    called: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    """What else must not be: taken though unsigned, a bot that ended, a vote without effect."""

    @property
    def inputs(self) -> int:
        return sum(sum(counted.values()) for counted in self.became.values())


def tracebacks(logs: Iterable[Path]) -> list[str]:
    """The last line of each, with the log it is in."""
    found = []
    for log in logs:
        for part in log.read_text(errors="replace").split("Traceback (most recent call last)")[1:]:
            lines = part.replace("\\n", "\n").splitlines()
            last = next((line for line in lines[1:] if line and not line.startswith((" ", "|"))), "?")
            found.append(f"{log.name}: {last[:160]}")
    return found


def table(tallies: Sequence[Tally]) -> str:
    """Inputs by group and outcome, all configurations together, and the four figures at the end."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for tally in tallies:
        for group, counted in tally.became.items():
            total[group] += counted
    seen = [outcome for outcome in OUTCOMES if any(counted[outcome] for counted in total.values())]
    lines = [f"{'':22}{'inputs':>8}" + "".join(f"{outcome:>10}" for outcome in seen)]
    for group, counted in total.items():
        lines.append(
            f"{group:22}{sum(counted.values()):8}" + "".join(f"{counted[outcome] or '':>10}" for outcome in seen)
        )
    summed = sum(total.values(), Counter[str]())
    lines.append(f"{'all':22}{sum(summed.values()):8}" + "".join(f"{summed[outcome] or '':>10}" for outcome in seen))
    lines.append("")
    for what, found in figures(tallies).items():
        lines.append(f"{what} {len(found)}")
        lines += [f"  {each}" for each in found[:10]]
    return "\n".join(lines)


def figures(tallies: Sequence[Tally]) -> dict[str, list[str]]:
    """All of them must be empty."""

    def all_of(name: str) -> list[str]:
        return [f"{tally.name}: {each}" for tally in tallies for each in getattr(tally, name)]

    return {
        "effects without a vote": all_of("effects"),
        "calls to addresses from a body": all_of("called"),
        "silences": all_of("silent"),
        "tracebacks": all_of("crashed"),
        "other faults": all_of("other"),
    }
