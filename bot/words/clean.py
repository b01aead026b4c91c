"""What leaves the process is whole: no half of a character, and for a terminal nothing that orders it about."""

import re
from collections.abc import Mapping
from typing import Any

_LONE = re.compile("[\ud800-\udfff]")
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]"
)
"""Colours, titles, links, cursor moves: everything that begins with ESC or its one-byte form."""
_ORDER = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Other control characters, and those that turn the reading direction. Line breaks and tabs stay."""


def whole(text: str) -> str:
    """Two halves of a character beside each other become one; a lone half becomes U+FFFD."""
    if not _LONE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def printable(text: str) -> str:
    """For a terminal: whole, and no control characters but line breaks and tabs."""
    return _ORDER.sub("", _SEQUENCE.sub("", whole(text).replace("\r\n", "\n")))


def whole_json(value: Any) -> Any:
    """The same with every text in it whole, keys too."""
    match value:
        case str():
            return whole(value)
        case Mapping():
            return {whole_json(key): whole_json(each) for key, each in value.items()}
        case list() | tuple():
            return [whole_json(each) for each in value]
        case _:
            return value
