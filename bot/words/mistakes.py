"""The one translator of pydantic's errors into sentences: its own words are for who wrote the model, these are for who
typed a command, filled a form or wrote ops.toml."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.words.exceptions import Misconfigured
from bot.words.params import duration_text
from bot.words.toml_lines import line_of

Verb = Literal["type", "write"]
"""People type a parameter and write a setting."""

MISSING = "needed"
MOST = 10
"""Mistakes told at once."""
UNFORESEEN: dict[Verb, str] = {
    "type": "that does not fit; help with the command's words says what does",
    "write": "that does not fit; the documentation of the setting says what does",
}
"""Said of an error that none of our models raises."""


@dataclass(frozen=True)
class Mistake:
    """One wrong setting."""

    path: tuple[str | int, ...]
    """Keys, and places in lists, down to it; the last is its own name, also where it is missing or not known."""
    sentence: str
    """With the path in front, and what to write. It never repeats the value, which may be a secret."""
    rank: int = 2
    """0 for what is missing or of the wrong shape, 1 for a name that is not known, 2 for a value."""


class WrongSettings(Misconfigured):
    """What is wrong with ops.toml, as far as it was read; `placed` says where in the file."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda each: each.rank))
        super().__init__(_listed("ops.toml", [each.sentence for each in self.mistakes]))

    def placed(self, file: str, text: str) -> Misconfigured:
        """The same with the file's real name and lines, the worst first; of equal ones, the first in the file."""
        lines = {each: line_of(text, each.path) for each in self.mistakes}
        ordered = sorted(self.mistakes, key=lambda each: (each.rank, lines[each] or 0))
        told = [f"line {line}: {each.sentence}" if (line := lines[each]) else each.sentence for each in ordered]
        return Misconfigured(_listed(file, told))


def problems(error: ValidationError) -> dict[str, str]:
    """The first thing wrong with each field of a command, by its name in the model; "" stands for all of them
    together."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        found.setdefault(name, clause(problem["type"], problem["msg"], problem.get("ctx", {}), verb="type"))
    return found


def mistakes(error: ValidationError, model: type[BaseModel], *under: str) -> WrongSettings:
    """The wrong settings of a table that `model` was to read, each once; `under` are the keys that lead to it."""
    found = [_mistake(problem, model, *under) for problem in error.errors(include_url=False, include_input=False)]
    first: dict[tuple[str | int, ...], Mistake] = {}
    for each in found:
        first.setdefault(each.path, each)
    return WrongSettings(*first.values())


def mistake(error: ValidationError, model: type[BaseModel], *under: str) -> Mistake:
    """The first wrong setting of a table; as `mistakes`."""
    return _mistake(error.errors(include_url=False, include_input=False)[0], model, *under)


def _mistake(problem: ErrorDetails, model: type[BaseModel], *under: str) -> Mistake:
    kind, loc, limits = problem["type"], problem["loc"], problem.get("ctx", {})
    place, known = _place(model, loc[:-1] if kind == "extra_forbidden" else loc)
    if kind == "extra_forbidden":
        unknown = str(loc[-1])
        return Mistake(
            (*under, *place, unknown),
            f"{_dotted(under, place, unknown)} is not a setting; {_one_of(unknown, known)}",
            rank=1,
        )
    path = (*under, *place)
    if kind == "missing":
        return Mistake(path, f"{_dotted(path)} is missing; write it", rank=0)
    said = clause(kind, problem["msg"], limits, verb="write")
    return Mistake(path, f"{_dotted(path)}: {said}" if path else said, rank=0 if kind.endswith("_type") else 2)


def _listed(file: str, sentences: Sequence[str]) -> str:
    """One in a line; of many the first ten."""
    if len(sentences) == 1:
        joint = ", " if sentences[0].startswith("line ") else ": "
        return f"{file}{joint}{sentences[0]}"
    told = [*sentences[:MOST], *([f"and {len(sentences) - MOST} more"] if len(sentences) > MOST else [])]
    return "\n  ".join([f"{file} has {len(sentences)} mistakes:", *told])


def clause(kind: str, message: str, limits: Mapping[str, Any], *, verb: Verb) -> str:
    """Advice, without a full stop, for one error of pydantic's with its own message and context."""
    match kind:
        case "missing":
            return MISSING
        case "value_error" | "assertion_error":  # said by a validator of ours
            return re.sub(r"^(Value error|Assertion failed), ", "", message)
        case "extra_forbidden":
            return "there is no such field any more" if verb == "type" else "there is no such setting"
        case _:
            wanted = _wanted(kind, limits, verb)
            return f"{verb} {wanted}" if wanted else UNFORESEEN[verb]


def _wanted(kind: str, limits: Mapping[str, Any], verb: Verb) -> str:
    """A value that would fit, in words; empty for an error that none of our models raises."""
    typed = verb == "type"
    match kind:
        case "bool_parsing" | "bool_type":
            return "yes or no" if typed else "true or false, without quotes"
        case "int_parsing" | "int_type" | "int_parsing_size" | "int_from_float":
            return "a whole number"
        case "float_parsing" | "float_type" | "finite_number":
            return "a number"
        case "greater_than_equal":
            return f"{_limit(limits['ge'])} or more"
        case "greater_than":
            return f"more than {_limit(limits['gt'])}"
        case "less_than_equal":
            return f"{_limit(limits['le'])} or less"
        case "less_than":
            return f"less than {_limit(limits['lt'])}"
        case "multiple_of":
            return f"a multiple of {limits['multiple_of']}"
        case "string_too_short":
            return f"at least {_counted(limits['min_length'], 'character')}"
        case "string_too_long":
            return f"at most {_counted(limits['max_length'], 'character')}"
        case "too_short":
            return f"at least {_counted(limits['min_length'], 'entry', 'entries')}"
        case "too_long":
            return f"at most {_counted(limits['max_length'], 'entry', 'entries')}"
        case "string_type" | "string_unicode":
            return "a text" if typed else "a text in quotes"
        case "string_pattern_mismatch":  # an expression says nothing to who types in a hurry
            return "" if typed else f"a text that matches {limits['pattern']}"
        case "literal_error" | "enum":
            expected = str(limits["expected"])
            return expected.replace("'", "") if typed else expected.replace("'", '"')
        case "dict_type" | "mapping_type" | "model_type" | "model_attributes_type" | "dataclass_type":
            return "name=value" if typed else "a table of its own, in [brackets]"
        case "list_type" | "tuple_type" | "set_type" | "frozen_set_type" | "iterable_type":
            return 'a list, like ["one", "two"]'
        case "time_delta_type" | "time_delta_parsing":
            return "a duration, like 90s, 15m, 2h or 3d"
        case "time_type" | "time_parsing":
            return "a time of day, like 09:30"
        case "date_type" | "date_parsing" | "date_from_datetime_parsing" | "date_from_datetime_inexact":
            return "a date, like 2026-01-31"
        case "datetime_type" | "datetime_parsing" | "datetime_from_date_parsing" | "datetime_object_invalid":
            return "a moment, like 2026-01-31T09:30:00Z"
        case "timezone_naive" | "timezone_aware" | "timezone_offset":
            return "a moment with its offset from UTC, like 2026-01-31T09:30:00Z"
        case "path_type":
            return "a path in quotes"
        case "none_required":
            return "nothing" if typed else "no such line"
        case "union_tag_invalid" | "union_tag_not_found":
            return str(limits.get("expected_tags") or limits.get("discriminator")).replace("'", '"')
        case _:
            return ""


def _limit(value: object) -> str:
    """As it would be typed. Pydantic gives a length of time as Python writes it: `datetime.timedelta(seconds=60)`."""
    if not (isinstance(value, str) and value.startswith("datetime.timedelta(")):
        return f"{value}"
    return duration_text(timedelta(**{unit: int(count) for unit, count in re.findall(r"(\w+)=(-?\d+)", value)}))


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _dotted(*parts: str | int | tuple[str | int, ...]) -> str:
    flat = (each for part in parts for each in (part if isinstance(part, tuple) else (part,)))
    return ".".join(map(str, flat))


def _one_of(unknown: str, known: list[str]) -> str:
    close = difflib.get_close_matches(unknown, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"write one of {', '.join(known)}" if known else "remove it"


def _place(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[tuple[str | int, ...], list[str]]:
    """The keys of `loc` that stand in the file, and the settings known there. Pydantic adds to them the names of the
    types that it tried; the JSON schema, which nested tables share, tells the two apart."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    here = list(_branches(schema, definitions))
    path: list[str | int] = []
    for part in loc:
        inner = [found for branch in here for found in _inner(branch, part)]
        if inner:
            path.append(part)
            here = [branch for found in inner for branch in _branches(found, definitions)]
    return tuple(path), sorted({name for branch in here for name in branch.get("properties", ())})


def _inner(branch: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    """The schemas of the entry `part`."""
    if isinstance(part, int):
        yield from (entry for entry in (branch.get("items"), *branch.get("prefixItems", ())) if isinstance(entry, dict))
    elif isinstance(named := branch.get("properties", {}).get(part), dict):
        yield named
    elif (others := branch.get("additionalProperties")) and branch.get("type") == "object":
        yield others if isinstance(others, dict) else {}


def _branches(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema itself, without references, and each arm of a choice."""
    if "$ref" in schema:
        yield from _branches(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for choice in ("anyOf", "oneOf", "allOf"):
        for arm in schema.get(choice, ()):
            yield from _branches(arm, definitions)
    if "$ref" not in schema:
        yield schema
