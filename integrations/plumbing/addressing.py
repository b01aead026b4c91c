"""A vendor's own ids as parts of an address."""

from urllib.parse import quote

from bot.words.exceptions import OpsError


def segment(id_: str, missing: OpsError) -> str:
    """One part of a path, whatever characters the vendor's ids have. Raises `missing` for what would lead elsewhere."""
    if id_.strip() in ("", ".", "..") or "/" in id_ or "\\" in id_:  # which some proxies read after unquoting
        raise missing
    return quote(id_, safe="")
