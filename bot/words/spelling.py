"""Numbers, lengths of time and shares as people read them: the same on cards, in the terminal and in files."""

from datetime import datetime

from bot.words.report import Share


def span(seconds: float) -> str:
    """`340 ms`, `1.2 s`, `2 min 5 s`, `3 h 5 min`, `2 d 4 h`."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    left, parts = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def number(value: float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def share(value: Share) -> str:
    """`7.5 %`; a failure is never rounded away, and neither is a success."""
    percent = 100 * value.part / value.of if value.of else 0.0
    if value.part and percent < 0.1:
        return "under 0.1 %"
    if value.part < value.of and percent > 99.9:
        return "over 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"


def lasting(seconds: float) -> str:
    """`6 minutes`, `1 hour`, `3 days`: how long something has been so, in one unit."""
    size = abs(seconds)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if size >= length:
            return counted(int(size // length), unit)
    return counted(int(size), "second")


def distance(at: datetime, now: datetime) -> str:
    """`12 minutes ago`, `in 2 hours`."""
    seconds = (now - at).total_seconds()
    return f"{lasting(seconds)} ago" if seconds >= 0 else f"in {lasting(seconds)}"


def counted(count: int, what: str, plural: str = "") -> str:
    """`1 error`, `61 errors`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {plural or f'{what}s'}"
