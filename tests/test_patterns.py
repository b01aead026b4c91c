"""A pattern that pydantic compiles names its letters: `\\w` stands for all of Unicode there, and costs megabytes."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("bot", "commands", "integrations", "ops")
WIDE = (r"\w", r"\d", r"\s", r"\W", r"\D", r"\S", r"\p")
"""In pydantic's engine each is a table of Unicode ranges, written out once for every repetition of a bound."""


def patterns() -> list[tuple[str, str, ast.expr]]:
    """Where each stands, its module, and what is written there."""
    found = []
    for path in sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found += [
                    (f"{name}.py:{word.value.lineno}", name.replace("/", ".").removesuffix(".__init__"), word.value)
                    for word in node.keywords
                    if word.arg == "pattern"
                ]
    return found


@pytest.mark.parametrize(("where", "module", "written"), [pytest.param(*each, id=each[0]) for each in patterns()])
def test_it_names_its_letters(where: str, module: str, written: ast.expr) -> None:
    pattern = eval(ast.unparse(written), vars(import_module(module)))  # a constant, perhaps by its name
    assert isinstance(pattern, str)
    wide = [each for each in WIDE if each in pattern]
    assert wide == [], f"{where}: write [A-Za-z0-9_] for \\w, [0-9] for \\d, a blank for \\s"


def test_patterns_are_found() -> None:
    assert len(patterns()) >= 15
