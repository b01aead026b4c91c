"""Words as people write them: what phones, Slack and habit put around a word is taken off before it is understood."""

import re
from collections.abc import Collection

from bot.ask.catalogue import nearest
from bot.words.unseen import looks_empty, seen

_SMART = str.maketrans({
    "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "＂": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'",
    "–": "-", "—": "-", "−": "-", "‑": "-", "＝": "=", "﹦": "=",
    "\u115f": " ", "\u1160": " ", "\u2800": " ", "\u3164": " ", "\uffa0": " ",
})  # fmt: skip
_PREFIX = re.compile(r"\A/?ops(?:\s+|\Z)", re.IGNORECASE)
_LINE = re.compile(r"(```|`|\*|~|_)(.+)\1")
_MARKED = re.compile(r"(```|`|\*{1,3}|~{1,2}|')(\S(?:.*\S)?)\1")
_SLANTED = re.compile(r"_+([#R]?\d[^_]*)_+", re.IGNORECASE)
"""Numbers and addresses; `_name_` may be a name."""
_SETTING = re.compile(r"(?<!\S)-{0,2}([^\W\d][\w-]*)(\s*=\s*)(?!=)(\S+)")


def normalise(words: str) -> str:
    """One line without smart quotes, hard spaces, unseen marks, marks around the whole of it, and a leading /ops."""
    text, before = " ".join(seen(words.translate(_SMART)).split()), None
    while text != before:
        before = text
        if (marked := _LINE.fullmatch(text)) and marked[1] not in marked[2]:
            text = marked[2].strip()
        # The words of a command are never written in marks on purpose.
        if first := re.match(r"\S+", text):
            text = unmarked(first[0]) + text[first.end() :]
    return _PREFIX.sub("", text)


def tidy(text: str) -> str:
    """What was written into a field: without unseen marks, its line breaks kept; empty where nothing would be seen."""
    return "" if looks_empty(text) else seen(text).strip()


def unmarked(token: str) -> str:
    """A word, or a value, without the bold, slanted, struck or code marks and single quotes around it."""
    while marked := _MARKED.fullmatch(token) or _SLANTED.fullmatch(token):
        token = marked[marked.re.groups]
    return token


def unticked(value: str) -> str:
    """Free text without the marks of code around the whole of it; other marks in it may mean something."""
    marked = re.fullmatch(r"(```|`)([^`]+)\1", value)
    return marked[2].strip() if marked else value


def likely_setting(value: str, known: Collection[str]) -> tuple[str, str] | None:
    """Words of free text that look like one of the `known` settings, mistyped: as written, and as probably meant."""
    for found in _SETTING.finditer(value):
        name = found[1].lower()
        if name in known:
            return found[0], f"{name}={found[3]}"
        if (near := nearest(name, known)) and len(name) > 1:
            return found[0], f"{near[0]}={found[3]}"
    return None
