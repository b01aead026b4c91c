"""Conditions on rows as people type them."""

import re

_CONDITION = re.compile(r'\s*([^\s:"]+):(?:"([^"]*)"|([^\s"]*))(?=\s|\Z)')


def conditions(text: str) -> tuple[tuple[str, str], ...]:
    """`status:failed name:"Ana Ruiz" left_at:` as pairs. Raises ValueError with what to type instead."""
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        one = _CONDITION.match(text, at)
        if one is None:
            shown = text[at:].strip()[:40]
            raise ValueError(f'{shown!r} is no condition; type column:value, as in status:failed or name:"Ana Ruiz"')
        found.append((one[1], one[2] if one[2] is not None else one[3]))
        at = one.end()
    return tuple(found)


def readable(text: str) -> str:
    conditions(text)
    return text


def column(order: str | None) -> str | None:
    if order is not None and not order.removeprefix("-"):
        raise ValueError("type a column, as in created_at or -created_at")
    return order
