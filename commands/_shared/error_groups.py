"""What errors have in common: two messages that differ only in ids, numbers and quoted words are one group."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from integrations.capabilities import ErrorEvent

COMPARED = 400
"""Characters of a message that are compared: enough to tell errors apart, short of a stack trace's depths."""

_VARYING = re.compile(
    r"""
      (?P<status> \b(?:HTTP(?:/\d(?:\.\d)?)?|status(?:\ code)?|code)[\ :=]*[1-5]\d\d\b )
    | (?P<id> \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
            | \b(?=[0-9a-f]*[0-9])[0-9a-f]{8,}\b
            | \b(?=\w*\d)(?=\w*[a-z])\w{12,}\b )
    | (?P<time> \b\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)? )
    | (?P<email> [\w.+-]+@[\w-]+(?:\.[\w-]+)+ )
    | (?P<quoted> "[^"]*" | `[^`]*` | (?<!\w)'[^']*'(?!\w) )
    | (?P<number> \d+(?:[.,:]\d+)* )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def shape(message: str) -> str:
    """The message without what varies from one occurrence to the next. HTTP statuses stay: 404 is not 500."""

    def placeholder(found: re.Match[str]) -> str:
        match found.lastgroup:
            case "status":
                return found[0]
            case "quoted":
                return "'…'"
            case "number" | "id":  # one placeholder: an id of digits alone is a number to us
                return "#"
            case other:
                return f"<{other}>"

    return _VARYING.sub(placeholder, " ".join(message.split())[:COMPARED])


@dataclass(frozen=True)
class Group:
    """Errors of one origin and operation whose messages have one shape."""

    source: str
    origin: str
    operation: str
    count: int
    first: datetime
    last: datetime
    newest: ErrorEvent


def grouped(found: Iterable[tuple[str, ErrorEvent]]) -> tuple[Group, ...]:
    """Groups of (source, error), the most frequent first, of those the most recent."""
    together: dict[tuple[str, str, str, str], list[ErrorEvent]] = {}
    for source, event in found:
        together.setdefault((source, event.origin, event.operation, shape(event.message)), []).append(event)
    groups = []
    for (source, origin, operation, _), events in together.items():
        newest = max(events, key=lambda event: event.at)
        first = min(event.at for event in events)
        groups.append(Group(source, origin, operation, len(events), first, newest.at, newest))
    return tuple(sorted(groups, key=lambda group: (group.count, group.last), reverse=True))
