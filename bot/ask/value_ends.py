"""Where a value ends in a typed line."""

import re


def token_at(text: str, at: int) -> tuple[str, int]:
    """One word, or everything in double quotes."""
    if text[at : at + 1] == '"' and (end := text.find('"', at + 1)) > 0:
        return text[at + 1 : end], end + 1
    end = text.find(" ", at)
    end = len(text) if end < 0 else end
    return text[at:end], end


def until_next(text: str, at: int, names: str) -> tuple[str, int]:
    """Free text: to the next ` name=`, or everything in double quotes."""
    if text[at : at + 1] == '"' and (end := text.find('"', at + 1)) > 0:
        return text[at + 1 : end], end + 1
    following = re.compile(rf"\s(?:{names})=", re.IGNORECASE | re.ASCII).search(text, at)
    end = following.start() if following else len(text)
    return text[at:end].strip(), end
