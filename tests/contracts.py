"""`make contracts`: the requests of each vendor's operations that were held against its own description, counted."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.integrations.contract import NO_SPECS, SPECS

ROOT = Path(__file__).parents[1]
_SOURCE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^\s,;`?]+)")
UNDESCRIBED = " (not described)"


def documented() -> Counter[tuple[str, str]]:
    """What the clients say in their `Source:` lines that they ask for, by kind and operation."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted((ROOT / "integrations").glob("*.py")):
        kind = path.stem.partition("_")[0]
        for block in re.findall(r"Source:[^\"]*", path.read_text(encoding="utf-8")):
            for verb, where in _SOURCE.findall(block):
                found[kind, f"{verb} {where.rstrip('.:')}"] += 1
    return found


def plain(operation: str) -> str:
    """Whatever its path's variables are called."""
    return re.sub(r"\{[^}]*\}", "{}", operation).rstrip("/")


def unchecked(said: Iterable[tuple[str, str]], counted: Counter[tuple[str, str]]) -> list[tuple[str, str]]:
    """Operations that a client says it asks for, of which no request was held against a description."""
    known = {(kind, plain(name)) for kind, name in counted if not name.endswith(UNDESCRIBED)}
    return [(kind, name) for kind, name in said if not any(_same(kind, name, one) for one in known)]


def _same(kind: str, name: str, checked: tuple[str, str]) -> bool:
    """A variable of the description stands for any one part. What is in front of it may be the address's."""
    verb, _, path = plain(name).partition(" ")
    other, _, where = checked[1].partition(" ")
    parts, theirs = path.split("/"), where.split("/")
    alike = all(one == another or another == "{}" for one, another in zip(parts[::-1], theirs[::-1], strict=False))
    return kind == checked[0] and verb == other and len(parts) >= len(theirs) and alike


def counted(file: Path) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[row["service"], row["operation"]] += row["count"]
    return found


def main(arguments: list[str]) -> int:
    if not SPECS.exists():
        print(f"SKIPPED contracts: {NO_SPECS}")
        return 0
    with tempfile.TemporaryDirectory(prefix="handrail-contracts-") as folder:
        file = Path(folder) / "contracts.jsonl"
        file.touch()
        tests = [sys.executable, "-m", "pytest", "-q", "-n", "2", "tests/integrations", *arguments]
        status = subprocess.run(
            tests, cwd=ROOT, env={**os.environ, "CONTRACTS_FILE": str(file)}, check=False
        ).returncode
        found = counted(file)
    wide = max((len(name) for _, name in found), default=0)
    service = ""
    for kind, name in sorted(found):
        print(f"{kind if kind != service else '':12} {name:{wide}} {found[kind, name]:6,}")
        service = kind
    missing = unchecked(sorted(documented()), found)
    extra = [(kind, name) for kind, name in found if name.endswith(UNDESCRIBED)]
    services = {kind for kind, _ in found}
    print(f"\n{len(services)} services, {len(found) - len(extra)} operations, {found.total():,} requests validated.")
    print(f"{len(missing)} operations have no check:" if missing else "Every operation has a check.")
    for kind, name in missing:
        print(f"{kind:12} {name}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
