"""The installer's answers where there is nothing to install with; these need no n8n."""

import os
import subprocess
import sys
from pathlib import Path

from tests.n8n import install

ROOT = Path(__file__).parents[2]


def run(home: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.n8n.install"],
        cwd=ROOT,
        env=os.environ | {"PATH": str(path), "HANDRAIL_N8N_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_missing_tools_skip_the_tier_and_are_named(tmp_path: Path) -> None:
    done = run(home=tmp_path / "home", path=tmp_path)
    assert done.returncode == install.SKIPPED
    assert done.stdout.splitlines()[-1] == ("SKIPPED n8n tier: npm, make, g++ not found on PATH")


def test_a_home_that_cannot_be_written_skips_the_tier(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    done = run(home=taken / "home", path=tmp_path)
    assert done.returncode == install.SKIPPED
    assert done.stdout.splitlines()[-1].startswith("SKIPPED n8n tier: cannot write to ")


def test_a_failing_npm_skips_the_tier_and_leaves_nothing_to_find(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in install.TOOLS:
        (tools / tool).write_text("#!/bin/sh\necho no registry here\nexit 1\n")
        (tools / tool).chmod(0o755)
    home = tmp_path / "home"
    done = run(home=home, path=tools)
    assert done.returncode == install.SKIPPED
    assert "`npm install --ignore-scripts` failed with code 1" in done.stdout
    assert "no registry here" in done.stderr
    assert install.find(home) is None


def test_an_installation_of_other_versions_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    marker = tmp_path / "tree" / "installed.txt"
    marker.write_text(install._versions())
    assert install.find(tmp_path) is not None
    marker.write_text(install._versions().replace(install.N8N, "2.8.4"))
    assert install.find(tmp_path) is None
