"""Words, or a form's fields, to (action, params); no I/O.

`/ops whitelist 203.0.113.7 for=2h reason=office moved`: bare words fill the positional parameters, `name=value` the
others; a value with spaces needs no quotes where the parameter is free text or a name that may have some, as in
`workflows off Weekly report for=2h`. `failures` alone is `failures=yes`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bot.ask.catalogue import Catalogue, nearest
from bot.words.action import AnyAction, Change
from bot.words.exceptions import NotUnderstood
from bot.words.mistakes import MISSING, problems
from bot.words.params import Choices, FreeText, Params, Spaced, duration_text
from bot.words.request import Said

RESERVED = {
    "override": "why it must run although there is a freeze",
    "because": "why the glass is broken",
    "journal": "yes: run a safety stop from the local journal while the database cannot be written",
}
"""Parameters that any change takes, whatever its own are."""
BREAK_GLASS = "break-glass"
_GLASS_NEEDS = "Breaking the glass needs a command that changes something, and because=REASON."
_SHORTEST_REASON, _LONGEST_REASON = 3, 500


@dataclass(frozen=True)
class Parsed:
    """One command, understood."""

    action: AnyAction
    params: Params
    override: str = ""
    break_glass: str = ""
    journal: bool = False


@dataclass(frozen=True)
class Heard:
    """A line that somebody said, read once at the door; the road and the answer take it from here."""

    said: Said
    meaning: Parsed | NotUnderstood

    @property
    def action(self) -> AnyAction | None:
        """None where it was not understood."""
        return None if isinstance(self.meaning, NotUnderstood) else self.meaning.action


class NotFilled(NotUnderstood):
    """A form's fields were wrong; `fields` maps each name to what is wrong with it."""

    def __init__(self, sentence: str, fields: Mapping[str, str]) -> None:
        super().__init__(sentence)
        self.fields = fields


class Incomplete(NotUnderstood):
    """Known words with a parameter missing or wrong; a form can complete them."""

    def __init__(self, sentence: str, *, hint: str, form: str) -> None:
        super().__init__(sentence, hint=hint)
        self.form = form


class Kind(StrEnum):
    """How a form asks for a parameter."""

    TEXT = "text"
    LONG = "long"
    NUMBER = "number"
    YES_NO = "yes_no"
    PICK = "pick"
    CHOICES = "choices"


@dataclass(frozen=True)
class Field:
    """One parameter as a form, a flag or a help line shows it."""

    name: str
    hint: str
    kind: Kind
    required: bool
    positional: bool
    default: str = ""
    values: tuple[str, ...] = ()
    """For PICK: all there are."""
    spaced: bool = False
    """Its value may hold spaces without quotes."""


def typed_name(name: str) -> str:
    """`for_` is typed `for`."""
    return name.rstrip("_").replace("_", "-")


def fields_of(action: AnyAction) -> tuple[Field, ...]:
    """The parameters of an action, positional ones first."""
    return _fields(action.params_type)


@cache
def _fields(model: type[Params]) -> tuple[Field, ...]:
    order = [*model.positional, *(name for name in model.model_fields if name not in model.positional)]
    return tuple(_field(name, model.model_fields[name], name in model.positional) for name in order)


def _field(name: str, info: FieldInfo, positional: bool) -> Field:
    annotation = info.annotation
    arms = [arm for arm in get_args(annotation) if arm is not type(None)] if get_origin(annotation) is not None else []
    inner = arms[0] if len(arms) == 1 and get_origin(annotation) is not Literal else annotation
    values: tuple[str, ...] = ()
    # Markers of an optional parameter sit inside the union's arm.
    metadata = [*info.metadata, *getattr(inner, "__metadata__", ())]
    bare = get_args(inner)[0] if hasattr(inner, "__metadata__") else inner
    if any(isinstance(mark, Choices) for mark in metadata):
        kind = Kind.CHOICES
    elif any(isinstance(mark, FreeText) for mark in metadata):
        kind = Kind.LONG
    elif get_origin(bare) is Literal:
        kind, values = Kind.PICK, tuple(str(value) for value in get_args(bare))
    elif bare is bool:
        kind = Kind.YES_NO
    elif bare in (int, float):
        kind = Kind.NUMBER
    else:
        kind = Kind.TEXT
    default = "" if info.is_required() or info.default is None else _shown(info.default)
    spaced = any(isinstance(mark, Spaced) for mark in metadata)
    return Field(
        typed_name(name), info.description or "", kind, info.is_required(), positional, default, values, spaced
    )


def _shown(default: object) -> str:
    match default:
        case timedelta():
            return duration_text(default)
        case bool():
            return "yes" if default else "no"
        case _:
            return str(default)


def usage(action: AnyAction, *, brief: bool = False) -> str:
    """`whitelist NETWORK reason=… [for=2h]`; without what may be left out where `brief`."""
    parts = [action.words]
    fields = sorted(fields_of(action), key=lambda field: (not field.positional, not field.required))
    for field in fields:
        shown = field.name.upper() if field.positional else f"{field.name}={field.default or '…'}"
        if field.kind is Kind.YES_NO and field.default == "no" and not field.positional:
            shown = field.name
        if field.name == typed_name(action.params_type.open_field):
            shown = "name=value …"
        if field.required or not brief:
            parts.append(shown if field.required else f"[{shown}]")
    return " ".join(parts)


_SMART = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "–": "-", "—": "-"})
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_PREFIX = re.compile(r"\A/?ops(?:\s+|\Z)", re.IGNORECASE)


def normalise(words: str) -> str:
    """Undo what phones and Slack do to typed text: smart quotes, hard spaces, unseen marks, a leading /ops."""
    return _PREFIX.sub("", " ".join(_INVISIBLE.sub("", words.translate(_SMART)).split()))


def hear(catalogue: Catalogue, said: Said) -> Heard:
    """Never raises: what is wrong with the words is the meaning then."""
    try:
        return Heard(said, parse(catalogue, said.words))
    except NotUnderstood as error:
        return Heard(said, error)


def parse(catalogue: Catalogue, words: str) -> Parsed:
    """Raises NotUnderstood, or Incomplete where a form can help."""
    text = normalise(words) or "help"
    if len(text) > 2000:
        raise NotUnderstood("That is longer than 2,000 characters; type a shorter line.")
    broken = text.lower() == BREAK_GLASS or text.lower().startswith(f"{BREAK_GLASS} ")
    if broken:
        text = text[len(BREAK_GLASS) + 1 :]
        if not text:
            hint = f"{BREAK_GLASS} COMMAND because=REASON"
            raise NotUnderstood(
                "Breaking the glass needs a command that changes something, and because=REASON.", hint=hint
            )
    action, rest = catalogue.find(text)
    values, reserved = _read(action, rest)
    if "because" in reserved and not broken:
        raise NotUnderstood("because= belongs to break-glass.", hint=f"{BREAK_GLASS} {text}")
    return _with_reserved(action, _validated(action, values), reserved, broken=broken)


def filled(action: AnyAction, fields: Mapping[str, str]) -> Parsed:
    """The same from a form's fields, the reserved ones among them. Raises NotFilled, NotUnderstood."""
    own = {field.name for field in fields_of(action)}
    reserved = {name: fields[name].strip() for name in RESERVED if name not in own and fields.get(name, "").strip()}
    params = fill(action, {name: value for name, value in fields.items() if name in own or name not in RESERVED})
    return _with_reserved(action, params, reserved, broken="because" in reserved)


def _with_reserved(action: AnyAction, params: Params, reserved: Mapping[str, str], *, broken: bool) -> Parsed:
    """Raises NotUnderstood where a reserved parameter has no meaning, or no content."""
    change = isinstance(action, Change)
    if broken and (not change or len(reserved.get("because", "")) < _SHORTEST_REASON):
        hint = f"{BREAK_GLASS} {action.examples[0] if action.examples and change else action.words} because=…"
        raise NotUnderstood(_GLASS_NEEDS, hint=hint)
    if reserved and not change:
        raise NotUnderstood(f"{next(iter(reserved))}= has no meaning here: {action.words} has no plan to approve.")
    if "override" in reserved and len(reserved["override"]) < _SHORTEST_REASON:
        raise NotUnderstood("override= needs a reason.", hint=f"{action.words} … override=REASON")
    for name, value in reserved.items():
        if len(value) > _LONGEST_REASON:
            raise NotUnderstood(f"{name}= is longer than {_LONGEST_REASON} characters.")
    journal = reserved.get("journal", "no").lower()
    if journal not in ("yes", "no"):
        raise NotUnderstood("journal= is yes or no.", hint=f"{action.words} … journal=yes")
    return Parsed(action, params, reserved.get("override", ""), reserved.get("because", ""), journal == "yes")


def _read(action: AnyAction, rest: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Assign what follows the words. Raises Incomplete for an unknown name, a doubled one, or words too many."""
    fields = {field.name: field for field in fields_of(action)}
    values: dict[str, Any] = {}
    reserved: dict[str, str] = {}
    others: dict[str, str] = {}
    bare: list[tuple[str, str]] = []
    """Words without a name: as they are meant, and as they were typed, quotes and all."""
    open_field = typed_name(action.params_type.open_field)
    needed = sum(field.positional and field.required for field in fields.values())
    known = "|".join(re.escape(name) for name in [*fields, *RESERVED])
    # Where any name may come, none is swallowed by the free text before it.
    ends = r"[^\W\d][\w-]*" if open_field else known
    at = 0
    while at < len(rest):
        if rest[at] == " ":
            at += 1
            continue
        named = re.compile(rf"({known})=", re.IGNORECASE | re.ASCII).match(rest, at)
        if named is None:
            quoted = rest[at] == '"'
            if open_field and not quoted and (other := re.compile(r"([^\W\d][\w-]*)=").match(rest, at)):
                name = other[1].lower()
                if name in others:
                    raise _incomplete(action, f"{name}= is given twice.")
                others[name], at = _token(rest, other.end())
                continue
            began = at
            token, at = _token(rest, at)
            if not quoted and (unknown := re.match(r"([^\W\d][\w-]*)=", token)):
                raise _unknown(action, unknown[1], fields)
            flag = fields.get(token.lower())
            # What must be there comes first: a table may be called csv.
            if not quoted and flag is not None and flag.kind is Kind.YES_NO and len(bare) >= needed:
                if flag.name in values:
                    raise _incomplete(action, f"{flag.name}= is given twice.")
                values[flag.name] = "yes"
                continue
            bare.append((token, rest[began:at]))
            continue
        name = named[1].lower()
        free = name in RESERVED or fields[name].spaced
        value, at = _until_next(rest, named.end(), ends) if free else _token(rest, named.end())
        if name in values or name in reserved:
            raise _incomplete(action, f"{name}= is given twice.")
        (reserved if name in RESERVED and name not in fields else values)[name] = value
    _place(action, bare, fields, values)
    if others and open_field in values:
        raise _incomplete(action, f"Write everything into {open_field}=, or nothing.")
    if others:
        values[open_field] = others
    return values, reserved


def _token(text: str, at: int) -> tuple[str, int]:
    """One word, or everything in double quotes."""
    if text[at : at + 1] == '"' and (end := text.find('"', at + 1)) > 0:
        return text[at + 1 : end], end + 1
    end = text.find(" ", at)
    end = len(text) if end < 0 else end
    return text[at:end], end


def _until_next(text: str, at: int, names: str) -> tuple[str, int]:
    """Free text: to the next ` name=`, or everything in double quotes."""
    if text[at : at + 1] == '"' and (end := text.find('"', at + 1)) > 0:
        return text[at + 1 : end], end + 1
    following = re.compile(rf"\s(?:{names})=", re.IGNORECASE | re.ASCII).search(text, at)
    end = following.start() if following else len(text)
    return text[at:end].strip(), end


def _place(
    action: AnyAction, bare: Sequence[tuple[str, str]], fields: Mapping[str, Field], values: dict[str, Any]
) -> None:
    open_places = [field for field in fields.values() if field.positional and field.name not in values]
    for place, field in enumerate(open_places):
        if place >= len(bare):
            return
        values[field.name], typed = bare[place]
        whole = field.kind is not Kind.LONG and typed.startswith('"')  # a name in quotes ends with them
        if field.spaced and not whole and place == len(open_places) - 1 and len(bare) > len(open_places):
            values[field.name] = " ".join(typed for _, typed in bare[place:])
            return
    if len(bare) > len(open_places):
        extra = " ".join(word for word, _ in bare[len(open_places) :])
        raise _incomplete(action, f"I do not know what {extra!r} is for.")


def _unknown(action: AnyAction, name: str, fields: Mapping[str, Field]) -> Incomplete:
    near = nearest(name.lower(), fields)
    meant = f" Did you mean {near[0]}=?" if near else ""
    return _incomplete(action, f"{action.words} has no {name}=.{meant}")


def _incomplete(action: AnyAction, sentence: str) -> Incomplete:
    return Incomplete(sentence, hint=usage(action), form=action.words)


def _validated(action: AnyAction, values: Mapping[str, Any]) -> Params:
    """Raises Incomplete with the first thing that is wrong."""
    try:
        return action.params_type.model_validate(_by_field(action, values))
    except ValidationError as error:
        wrong = _problems(error)
        name, problem = next(iter(wrong.items()))
        missing = [name for name, text in wrong.items() if text == MISSING]
        if missing:
            needed = ", ".join(f"{name}=" if not _is_positional(action, name) else name.upper() for name in missing)
            raise _incomplete(action, f"{action.words} needs {needed}.") from error
        raise _incomplete(action, f"{name}: {problem}.") from error


def fill(action: AnyAction, fields: Mapping[str, str]) -> Params:
    """Params from a form's fields, empty ones left out. Raises NotFilled with a sentence for each wrong one."""
    given = {name: value.strip() for name, value in fields.items() if value and value.strip()}
    try:
        return action.params_type.model_validate(_by_field(action, given))
    except ValidationError as error:
        raise NotFilled("Some fields are not right yet.", _problems(error)) from error


def _is_positional(action: AnyAction, name: str) -> bool:
    return any(typed_name(positional) == name for positional in action.params_type.positional)


def _by_field(action: AnyAction, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {typed_name(name): name for name in action.params_type.model_fields}
    return {names.get(name, name): value for name, value in values.items()}


def _problems(error: ValidationError) -> dict[str, str]:
    return {typed_name(name) or "this": problem for name, problem in problems(error).items()}
