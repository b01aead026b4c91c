"""What cannot be seen in a text: taken out of what people type and of what is shown, so that nothing looks empty or
like something else."""

import re
import unicodedata

# Zero-width and direction marks, controls, half surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
# Left where it joins: emoji, and letters of some scripts. Between other letters it makes one word look like another.
_JOINER = re.compile("(?<![^\x00-\x7f\\s\u200d])\u200d|\u200d(?![^\x00-\x7f\\s\u200d])")
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs by name, and nothing to look at."""
_JOINS = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")


def seen(text: str) -> str:
    """Without what cannot be seen; line breaks stay."""
    return _JOINER.sub("", _UNSEEN.sub("", text))


def looks_empty(text: str) -> bool:
    """Whether nothing of it would be seen: no letter, digit, sign or symbol."""
    return not any(unicodedata.category(each)[0] in "LNPS" and each not in _BLANKS for each in text)


def whole(text: str, at: int) -> int:
    """The place at or before `at` where a text may be cut, so that no emoji and no accented letter is."""
    while 0 < at < len(text) and _within(text, at):
        at -= 1
    return at


def _within(text: str, at: int) -> bool:
    if text[at - 1] == "\u200d" or _JOINS.match(text[at]) or unicodedata.combining(text[at]):
        return True
    if not _FLAG.match(text[at]):
        return False
    before = re.search(f"{_FLAG.pattern}*$", text[:at])
    return before is not None and len(before[0]) % 2 == 1
