"""What is wrong with a value, in words that say what to type instead: pydantic's own are for who wrote the model."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

MISSING = "needed"
UNFORESEEN = "that does not fit; help with the command's words says what does"
"""Of a kind that nothing we take raises as yet."""


def problems(error: ValidationError) -> dict[str, str]:
    """The first that is wrong with each field, by its name in the model; "" for what is wrong with all together."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        found.setdefault(name, _sentence(problem["type"], problem["msg"], problem.get("ctx", {})))
    return found


def _sentence(kind: str, message: str, limits: Mapping[str, Any]) -> str:
    match kind:
        case "missing":
            return MISSING
        case "value_error" | "assertion_error":  # said by one of ours
            text = re.sub(r"^(Value error|Assertion failed), ", "", message)
            return text[:1].lower() + text[1:]
        case "bool_parsing" | "bool_type":
            return "type yes or no"
        case "int_parsing" | "int_type" | "int_parsing_size" | "int_from_float":
            return "type a whole number"
        case "float_parsing" | "float_type" | "finite_number":
            return "type a number"
        case "greater_than_equal":
            return f"type {limits['ge']} or more"
        case "greater_than":
            return f"type more than {limits['gt']}"
        case "less_than_equal":
            return f"type {limits['le']} or less"
        case "less_than":
            return f"type less than {limits['lt']}"
        case "string_too_short":
            return f"type at least {limits['min_length']} character{'' if limits['min_length'] == 1 else 's'}"
        case "string_too_long":
            return f"type at most {limits['max_length']} characters"
        case "literal_error" | "enum":
            return "type " + str(limits["expected"]).replace("'", "")
        case "dict_type":
            return "type name=value"
        case "extra_forbidden":
            return "there is no such field any more"
        case _:
            return UNFORESEEN
