"""Keeps secrets in: registered values, and whatever stands under a secret-looking key."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MASK = "[redacted]"
SHORTEST = 6
"""A registered value shorter than this is not looked for: it would blank out ordinary words."""

_KEY = re.compile(
    r"(?i)(pass(word|wd|phrase)?|secret|token|api[_-]?key|authorization|credential|private[_-]?key|signature|cookie)"
)
_INLINE = re.compile(
    r"(?i)\b((?:\w*[_-])?(?:password|passwd|secret|token|api[_-]?key|authorization)\w*[\"']?\s*[:=]\s*[\"']?)"
    r"(?!\[redacted\])((?:bearer|basic)\s+)?([^\s\"',;&]{4,})"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic|geniekey)\s+(?!\[redacted\])[A-Za-z0-9._~+/=-]{8,}")
_SHAPED = re.compile(
    r"xox[abeprs]-[\w-]{8,}|xapp-[\w-]{8,}|\bsk-[\w-]{16,}|\b[srp]k_(?:live|test)_\w{8,}|\bwhsec_\w{8,}|\bsbp_\w{16,}"
    r"|\bgh[opsu]_\w{16,}|\bgithub_pat_\w{16,}|\bops_[\w-]{32,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}"
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)


class Redactor:
    """Knows the secrets of this process. One is made when settings load and passed to whatever lets text out."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for value in values:
            self.register(value)

    def register(self, value: str) -> str:
        """From now on `value` never leaves, whatever it looks like; returned as it is."""
        if len(value) >= SHORTEST and value not in self._values:
            self._values.add(value)
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(known) for known in longest_first))
        return value

    def text(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        text = _SHAPED.sub(MASK, text)
        text = _BEARER.sub(lambda found: f"{found[1]} {MASK}", text)
        return _INLINE.sub(lambda found: f"{found[1]}{found[2] or ''}{MASK}", text)

    def json(self, value: Any) -> Any:
        """A copy without secrets: string leaves cleaned, values under secret-looking keys masked."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(key)): self._under(str(key), item) for key, item in value.items()}
            case Sequence() if not isinstance(value, bytes):
                return [self.json(item) for item in value]
            case _:
                return value

    def _under(self, key: str, value: Any) -> Any:
        return self._masked(value) if _KEY.search(key) else self.json(value)

    def _masked(self, value: Any) -> Any:
        """The same shape, every string in it masked; a number or a yes is no secret."""
        match value:
            case str():
                return MASK if value else value
            case Mapping():
                return {self.text(str(key)): self._masked(item) for key, item in value.items()}
            case Sequence() if not isinstance(value, bytes):
                return [self._masked(item) for item in value]
            case _:
                return value
