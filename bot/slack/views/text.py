"""Text from outside made inert, and values in words: the one place that writes Slack's own markup."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import assert_never

from bot.words.report import Link, Moment, Person, PersonId, Sentence, Share, Span, Value
from bot.words.spelling import distance, number, share, span
from bot.words.unseen import looks_empty, seen, whole

Names = Callable[[PersonId], str]
"""How to call somebody where Slack shows no mention: in a monospaced table, in a file."""

DASH = "–"
NEAR = timedelta(hours=12)
"""Within it, a time of day cannot be taken for another day's."""
_PERSON = re.compile(r"[UW][A-Z0-9]{2,}")


def escape(text: str) -> str:
    """For mrkdwn: no `<!channel>`, no link, no mention is left in it."""
    return seen(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """What a person typed, from what Slack sent."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def line(text: str, limit: int = 3000) -> str:
    """Escaped, on one line, at most `limit` characters of the original; a dash for what would look like nothing."""
    return escape(cut(_legible(" ".join(seen(text).split())), limit)) if text.strip() else ""


def paragraph(text: str, limit: int = 3000) -> str:
    """Escaped, with its line breaks."""
    return escape(cut(_legible(seen(text).strip()), limit)) if text.strip() else ""


def _legible(text: str) -> str:
    return DASH if looks_empty(text) else text


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, never within an emoji."""
    return text if len(text) <= limit else f"{text[: whole(text, limit - 1)].rstrip()}…"


def cut_markup(text: str, limit: int) -> str:
    """Cut what is escaped already, never within an entity or a mention."""
    if len(text) <= limit:
        return text
    return re.sub(r"(&[a-z]{0,4}|<[^>]*)$", "", text[: limit - 1]).rstrip() + "…"


def code(text: str) -> str:
    """As typed; a backtick would end it."""
    inner = line(text).replace("`", "'")
    return f"`{inner}`" if inner else ""


def tail(text: str, lines: int, limit: int = 1500) -> str:
    """The last lines as a block of code, each as it is; a backtick would end it."""
    last = "\n".join(text.rstrip().split("\n")[-lines:]).replace("`", "'")
    last = last if len(last) <= limit else f"…{last[1 - limit :]}"
    return f"```{escape(last)}```"


def mention(person: PersonId) -> str:
    """A person by mention, anything else by name."""
    if _PERSON.fullmatch(person):
        return f"<@{person}>"
    return line(person.removeprefix("machine:"), 80)


def mentions(people: tuple[PersonId, ...], most: int = 20) -> str:
    """`@a, @b and 3 more`."""
    shown = ", ".join(mention(person) for person in people[:most])
    return f"{shown} and {len(people) - most} more" if len(people) > most else shown


def when(at: datetime, now: datetime | None = None, word: str = "") -> str:
    """In each reader's own zone: the time alone where it is within half a day of `now`, and `word` before it.

    The word stands inside the date, since Slack begins one with a capital: "since Yesterday at 7:18 AM".
    """
    shape = "{time}" if now is not None and abs(now - at) < NEAR else "{date_short_pretty} at {time}"
    before = f"{word} " if word else ""
    return f"<!date^{int(at.timestamp())}^{before}{shape}|{before}{utc(at)}>"


def moment(value: Moment, now: datetime | None) -> str:
    if value.said == "ago":
        return distance(value.at, now) if now is not None else when(value.at)
    return when(value.at, now, value.said)


def utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def shown(value: Value, limit: int = 300, now: datetime | None = None) -> str:
    """A value as mrkdwn."""
    match value:
        case None | "":
            return DASH
        case str():
            return line(value, limit) or DASH
        case Moment():
            return moment(value, now)
        case Person():
            return mention(value.id)
        case Span():
            return span(value.seconds)
        case Share():
            return share(value)
        case Link():
            return link(value)
        case int() | float():
            return number(value)
        case _:
            assert_never(value)


def link(value: Link) -> str:
    """An address with anything in it that could end or hide it is shown as text."""
    if re.fullmatch(r"https?://[^\s<>|`]+", value.url) and len(value.url) <= 2000:
        return f"<{escape(value.url)}|{line(value.name, 80)}>"
    return line(f"{value.name}: {value.url}", 300)


def sentence(said: Sentence, limit: int, now: datetime | None = None) -> str:
    """As mrkdwn; what is from outside in it is escaped, and its line breaks are kept."""
    if isinstance(said, str):
        return paragraph(said, limit)
    parts = [escape(part) if isinstance(part, str) else shown(part, limit, now) for part in said]
    return cut_markup("".join(parts).strip(), limit)


def plain_sentence(said: Sentence, names: Names) -> str:
    """The same as plain text, not escaped."""
    if isinstance(said, str):
        return said
    return "".join(part if isinstance(part, str) else plain(part, names) for part in said)


def plain(value: Value, names: Names) -> str:
    """A value as plain text, not escaped."""
    match value:
        case None | "":
            return DASH
        case str():
            return _legible(" ".join(seen(value).split()))
        case Moment():
            return utc(value.at)
        case Person():
            return names(value.id)
        case Span():
            return span(value.seconds)
        case Share():
            return share(value)
        case Share():
            return share(value)
        case Link():
            return value.url
        case int() | float():
            return number(value)
        case _:
            assert_never(value)
