"""Which line of a TOML file a setting stands on. The reader of the standard library gives values without places.

Only headers and keys are looked at; a file that is no TOML was refused before.
"""

import re

Path = tuple[str | int, ...]

_KEY = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_SETTING = re.compile(rf"\s*({_DOTTED})\s*=")
# What may hide a bracket or open a text of several lines, longest first.
_TOKEN = re.compile(r"\"\"\"|'''|\"(?:[^\"\\]|\\.)*\"|'[^']*'|#.*|[\[\]{}]")


def line_of(text: str, path: Path) -> int | None:
    """Counted from 1: of the setting, or of the table around it where it is missing. None where neither is there."""
    lines = _lines(text)
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)


def _lines(text: str) -> dict[Path, int]:
    found: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    depth, closing = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        rest = line
        if not closing and depth == 0:
            if header := _HEADER.match(line):
                table = _keys(header[2])
                if header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, counts[table])
                for length in range(1, len(table) + 1):
                    found.setdefault(table[:length], number)
                found[table] = number
                continue
            if setting := _SETTING.match(line):
                found.setdefault((*table, *_keys(setting[1])), number)
                rest = line[setting.end() :]
        depth, closing = _open(rest, depth, closing)
    return found


def _open(rest: str, depth: int, closing: str) -> tuple[int, str]:
    """Brackets that are open at the line's end, and the quotes that would close a text of several lines."""
    while rest:
        if closing:
            _, ended, rest = rest.partition(closing)
            if not ended:
                return depth, closing
            closing = ""
        token = _TOKEN.search(rest)
        if token is None:
            break
        rest = rest[token.end() :]
        if token[0] in ('"""', "'''"):
            closing = token[0]
        elif token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth = max(depth - 1, 0)
    return depth, closing


def _keys(dotted: str) -> Path:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))
