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

from bot.ask.as_written import likely_setting, normalise, tidy, unmarked, unticked
from bot.ask.catalogue import Catalogue, nearest
from bot.ask.labels import label_of
from bot.ask.value_ends import token_at, until_next
from bot.words.action import AnyAction, Change
from bot.words.exceptions import NotUnderstood
from bot.words.mistakes import MISSING, problems
from bot.words.params import Choices, FreeText, Label, Params, Spaced, duration_text
from bot.words.request import Said
from bot.words.unseen import looks_empty

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
    """Known words with a parameter missing or wrong; a form can complete them.

    `given` is what was typed, by parameter; `wrong` says what is wrong with it, empty where something is only missing.
    """

    def __init__(self, sentence: str, *, hint: str, form: str, given: Mapping[str, str], wrong: str = "") -> None:
        super().__init__(sentence, hint=hint)
        self.form = form
        self.given = given
        self.wrong = wrong


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
    label: str = ""
    """What a form asks: a question, in a person's words."""


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
    typed, hint = typed_name(name), info.description or ""
    asked = next((mark.text for mark in metadata if isinstance(mark, Label)), "")
    label = asked or label_of(typed, yes_no=kind is Kind.YES_NO)
    return Field(typed, hint, kind, info.is_required(), positional, default, values, spaced, label)


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
    values, reserved = _read(action, rest, f"{BREAK_GLASS} " if broken else "")
    without = re.sub(r"\s*\bbecause=.*", "", text) if broken else text
    if "because" in reserved and not broken:
        raise NotUnderstood("because= belongs to break-glass.", hint=f"{BREAK_GLASS} {text}")
    return _with_reserved(action, _validated(action, values, reserved), reserved, broken=broken, typed=without)


def filled(action: AnyAction, fields: Mapping[str, str]) -> Parsed:
    """The same from a form's fields, the reserved ones among them. Raises NotFilled, NotUnderstood."""
    own = {field.name for field in fields_of(action)}
    reserved = {name: why for name in RESERVED if name not in own and (why := tidy(fields.get(name, "")))}
    params = fill(action, {name: value for name, value in fields.items() if name in own or name not in RESERVED})
    return _with_reserved(action, params, reserved, broken="because" in reserved)


def _with_reserved(
    action: AnyAction, params: Params, reserved: Mapping[str, str], *, broken: bool, typed: str = ""
) -> Parsed:
    """Raises NotUnderstood where a reserved parameter has no meaning, or no content."""
    change = isinstance(action, Change)
    if broken and (not change or len(reserved.get("because", "")) < _SHORTEST_REASON):
        hint = f"{BREAK_GLASS} {(typed or action.words) if change else 'COMMAND'} because=…"
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


def _read(action: AnyAction, rest: str, prefix: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Assign what follows the words. Raises Incomplete, once all is read, for what has no place."""
    fields = {field.name: field for field in fields_of(action)}
    values: dict[str, Any] = {}
    reserved: dict[str, str] = {}
    others: dict[str, str] = {}
    bare: list[tuple[str, str]] = []
    """Words without a name: as they are meant, and as they were typed, quotes and all."""
    wrong: list[str] = []
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
        rest = _plain_from(rest, at, known)
        named = re.compile(rf"({known})=", re.IGNORECASE | re.ASCII).match(rest, at)
        if named is None:
            quoted = rest[at] == '"'
            if open_field and not quoted and (other := re.compile(r"([^\W\d][\w-]*)=").match(rest, at)):
                name = other[1].lower()
                if name in others:
                    wrong.append(f"{name}= is given twice.")
                others[name], at = token_at(rest, other.end())
                continue
            began = at
            token, at = token_at(rest, at)
            token = token if quoted else unmarked(token)
            if not quoted and (unknown := re.match(r"([^\W\d][\w-]*)=", token)):
                wrong.append(_unknown(action, unknown[1], fields))
                continue
            flag = fields.get(token.lower())
            # What must be there comes first: a table may be called csv.
            if not quoted and flag is not None and flag.kind is Kind.YES_NO and len(bare) >= needed:
                if flag.name in values:
                    wrong.append(f"{flag.name}= is given twice.")
                values[flag.name] = "yes"
                continue
            bare.append((token, rest[began:at] if quoted else token))
            continue
        name = named[1].lower()
        free = name in RESERVED or fields[name].spaced
        quoted, began = rest[named.end() : named.end() + 1] == '"', named.end()
        value, at = until_next(rest, began, ends) if free else token_at(rest, began)
        value = "" if looks_empty(value) else value
        if not quoted:
            value = unticked(value) if free else unmarked(value)
        if free and not quoted and not open_field:
            reservable = RESERVED if isinstance(action, Change) else {}
            left = [
                each for each in (*fields, *reservable) if each not in values and each not in reserved and each != name
            ]
            _ask_once((f"{prefix}{action.words} {rest[:began]}", rest[began:at], rest[at:]), value, left)
        if name in values or name in reserved:
            wrong.append(f"{name}= is given twice.")
        (reserved if name in RESERVED and name not in fields else values)[name] = value
    extra = _place(bare, fields, values)
    if extra:
        wrong.append(f"I do not know what {extra!r} is for.")
    if others and open_field in values:
        wrong.append(f"Write everything into {open_field}=, or nothing.")
    elif others:
        values[open_field] = others
    if wrong:
        raise _incomplete(action, wrong[0], {**values, **reserved}, wrong=wrong[0])
    return values, reserved


def _plain_from(text: str, at: int, known: str) -> str:
    """`text` with the setting that begins at `at` as it is meant: `*for=2h*`, `--for=2h`, `for = 2h`, `for= 2h`."""
    word = text[at:].partition(" ")[0]
    if (plain := unmarked(word)) != word and re.match(rf"(?:{known})=", plain, re.IGNORECASE | re.ASCII):
        return text[:at] + plain + text[at + len(word) :]
    spread = re.compile(rf"-{{0,2}}({known})(?: = ?| ?= |=)(?=\S)", re.IGNORECASE | re.ASCII).match(text, at)
    follows = spread and re.match(rf"(?:{known})=", text[spread.end() :], re.IGNORECASE | re.ASCII)
    return f"{text[:at]}{spread[1]}={text[spread.end() :]}" if spread and not follows else text


def _ask_once(line: tuple[str, str, str], value: str, left: Sequence[str]) -> None:
    """Raises NotUnderstood where free text holds what may be a setting: which of both is a person's to say.

    `line` is all that was typed: what is before the text, the text, and what is after it.
    """
    if '"' in value or (found := likely_setting(value, left)) is None:
        return
    (before, typed, after), (written, meant) = line, found
    raise NotUnderstood(
        f"Did you mean {meant.partition('=')[0]}=? As it is, {written!r} is a part of the text.",
        choices={meant: f"{before}{typed.replace(written, meant, 1)}{after}", "As text": f'{before}"{value}"{after}'},
    )


def _place(bare: Sequence[tuple[str, str]], fields: Mapping[str, Field], values: dict[str, Any]) -> str:
    """Give words without a name to the open positional parameters; what is left over is returned."""
    open_places = [field for field in fields.values() if field.positional and field.name not in values]
    for place, field in enumerate(open_places):
        if place >= len(bare):
            return ""
        values[field.name], typed = bare[place]
        whole = field.kind is not Kind.LONG and typed.startswith('"')  # a name in quotes ends with them
        if field.spaced and not whole and place == len(open_places) - 1 and len(bare) > len(open_places):
            values[field.name] = " ".join(typed for _, typed in bare[place:])
            return ""
    return " ".join(word for word, _ in bare[len(open_places) :])


def _unknown(action: AnyAction, name: str, fields: Mapping[str, Field]) -> str:
    near = nearest(name.lower(), fields)
    meant = f" Did you mean {near[0]}=?" if near else ""
    return f"{action.words} has no {name}=.{meant}"


def _incomplete(action: AnyAction, sentence: str, given: Mapping[str, Any], *, wrong: str = "") -> Incomplete:
    written = {
        name: "\n".join(f"{key}={each}" for key, each in value.items()) if isinstance(value, Mapping) else str(value)
        for name, value in given.items()
    }
    return Incomplete(sentence, hint=usage(action), form=action.words, given=written, wrong=wrong)


def _validated(action: AnyAction, values: Mapping[str, Any], reserved: Mapping[str, str]) -> Params:
    """Raises Incomplete with the first thing that is wrong."""
    try:
        return action.params_type.model_validate(_by_field(action, values))
    except ValidationError as error:
        problems, given = _problems(error), {**values, **reserved}
        missing = [name for name, text in problems.items() if text == MISSING]
        name, problem = next(((name, text) for name, text in problems.items() if text != MISSING), ("", ""))
        wrong = f"{name}: {problem}." if name else ""
        if missing:
            needed = ", ".join(f"{name}=" if not _is_positional(action, name) else name.upper() for name in missing)
            raise _incomplete(action, f"{action.words} needs {needed}.", given, wrong=wrong) from error
        raise _incomplete(action, wrong, given, wrong=wrong) from error


def fill(action: AnyAction, fields: Mapping[str, str]) -> Params:
    """Params from a form's fields, empty ones left out. Raises NotFilled with a sentence for each wrong one."""
    given = {name: written for name, value in fields.items() if (written := tidy(value or ""))}
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
