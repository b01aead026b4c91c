"""The grammar of commands: what a person may type, as typed and described fields."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from bot.words.networks import address_text, network_of, reserved
from bot.words.unseen import looks_empty, seen


@dataclass(frozen=True)
class Choices:
    """Marks a parameter whose values the action can list while a person types (`Action.options`)."""


@dataclass(frozen=True)
class Label:
    """Says what a form asks for a parameter, in a person's words: `Which campaigns?`, never the parameter's name."""

    text: str


@dataclass(frozen=True)
class Option:
    """One row of a select. Slack shows at most 75 characters of `label` and stores 150 of `value`."""

    value: str
    label: str


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+[smhd])+")


def parse_duration(text: object, *, longest: timedelta = timedelta(days=366)) -> object:
    """Turn `90s`, `15m`, `2h`, `3d` or `1h30m` into a timedelta; pass anything that is no string on.

    Raises ValueError with what to type instead.
    """
    if not isinstance(text, str):
        return text
    if not _DURATION.fullmatch(text.strip().lower()):
        raise ValueError(f"{text!r} is not a duration; type one like 90s, 15m, 2h or 3d")
    found = re.findall(r"(\d+)([smhd])", text.strip().lower())
    seconds = sum(int(number) * _UNITS[unit] for number, unit in found)
    if not 0 < seconds <= longest.total_seconds():
        raise ValueError(f"{text!r} must be longer than nothing and at most {longest.days} days")
    return timedelta(seconds=seconds)


def duration_text(span: timedelta) -> str:
    """Shortest form that `parse_duration` reads back: `2h`, `1h30m`, `45s`."""
    left = int(span.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(duration_text, return_type=str)]
"""A length of time, typed as `90s 15m 2h 3d`."""


Keep = Annotated[
    timedelta,
    BeforeValidator(partial(parse_duration, longest=timedelta(days=36500))),
    Field(ge=timedelta(days=30)),
    PlainSerializer(duration_text, return_type=str),
]
"""How long records are kept, typed as `400d`; 30 days at least."""


def _network(text: str) -> str:
    try:
        if "%" in text:  # an interface of the machine that wrote it; it would come through as any text
            raise ValueError("an address on the internet has no zone")
        network = ipaddress.ip_network(text.strip(), strict=True)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is not an IP address or range ({error}); type one like 203.0.113.7 or 203.0.113.0/28"
        ) from error
    return address_text(network)


Network = Annotated[str, AfterValidator(_network)]
"""One IPv4 or IPv6 address, or a CIDR range without host bits, in its canonical form."""


def _public(text: str) -> str:
    held = reserved(network_of(text))
    if held is not None and not held.documentation:
        raise ValueError(f"{text} is among {held.what}; write the public address that others see")
    return text


PublicNetwork = Annotated[Network, AfterValidator(_public)]
"""A Network that a host on the internet may have, or an example in a text."""


@dataclass(frozen=True)
class Spaced:
    """Marks a parameter whose value may hold spaces, as a name does: it reaches to the next `name=`, and bare words
    that are left over belong to it where it is the last positional one."""


@dataclass(frozen=True)
class FreeText(Spaced):
    """The same of a text: a form gives it several lines."""


def _legible(text: str) -> str:
    text = "" if looks_empty(text) else seen(text)
    if len(text) < 3:
        raise ValueError("type at least 3 characters")
    return text


Reason = Annotated[str, AfterValidator(_legible), Field(min_length=3, max_length=500), FreeText()]
"""Why, in the asker's words; 3 to 500 characters, shown to approvers and kept in the audit."""


_PAIR = re.compile(r"([^\W\d][\w-]*)=")


def pairs(given: object) -> object:
    """`table=orders days=3` as a mapping; pass anything that is no string on. A value reaches to the next `name=`, or
    stands in double quotes.

    Raises ValueError with what to type instead.
    """
    if not isinstance(given, str):
        return given
    found: dict[str, str] = {}
    text, at = " ".join(given.split()), 0
    while at < len(text):
        named = _PAIR.match(text, at)
        if named is None:
            raise ValueError(f"{text[at : at + 40]!r} has no name; write name=value, one a line")
        name, at = named[1].lower(), named.end()
        if name in found:
            raise ValueError(f"{name}= is given twice")
        if text[at : at + 1] == '"' and (end := text.find('"', at + 1)) > 0:
            found[name], at = text[at + 1 : end], end + 1
        else:
            following = re.compile(rf" {_PAIR.pattern}").search(text, at)
            end = following.start() if following else len(text)
            found[name], at = text[at:end], end
        at += text[at : at + 1] == " "
    return found


Pairs = Annotated[dict[str, str], BeforeValidator(pairs), FreeText()]
"""Names that only what is asked for knows, with their values: `table=orders days=3`, in a form one a line."""


class Params(BaseModel):
    """The grammar of one command: slash syntax, terminal words, form, help and docs all come from it.

    The docstring under a field is its hint. Names in `positional` may be typed bare, in that order; everything else
    is typed `name=value`. A trailing underscore (for Python's keywords) is not typed: `for_` is `for=`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, defer_build=True)

    positional: ClassVar[tuple[str, ...]] = ()
    open_field: ClassVar[str] = ""
    """Name of a field of the type Pairs. Every `name=value` that is no field's own goes there."""
