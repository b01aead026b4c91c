"""Installs the real n8n which the `n8n` test tier runs: `python -m tests.n8n.install`.

Everything comes from npm. No package's install script runs, as several of them download
binaries from elsewhere: Node is npm's own platform package, and sqlite3 is compiled here
against the headers inside it.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

N8N: Final = "2.41.1"
NODE: Final = "24.21.0"
NODE_GYP: Final = "13.1.0"
SKIPPED: Final = 3
"""Exit code when this machine cannot have the tier; anything else but 0 is a fault of ours."""

MINUTE: Final = 60.0
TOOLS: Final = ("npm", "make", "g++")
CPU: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class CannotInstall(Exception):
    """The machine lacks something the tier needs; the message is the reason to print."""


@dataclass(frozen=True)
class Installation:
    """An n8n ready to run: `node` with the file `n8n` as its first argument."""

    node: Path
    n8n: Path


def default_home() -> Path:
    """The folder to install into, outside the source tree so that every clone shares it."""
    if chosen := os.environ.get("HANDRAIL_N8N_HOME"):
        return Path(chosen).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser().absolute() / "handrail" / f"n8n-{N8N}"


def find(home: Path) -> Installation | None:
    """The finished installation in `home`, if there is one of exactly these versions."""
    marker = _marker(home)
    if not marker.is_file() or marker.read_text() != _versions():
        return None
    return _installation(home)


def install(home: Path) -> Installation:
    """Install, or find it installed. Waits while another process installs into `home`.

    Raises: CannotInstall.
    """
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    with _lock(home):
        if found := find(home):
            return found
        if missing:
            raise CannotInstall(f"{', '.join(missing)} not found on PATH")
        return _install(home)


def main() -> int:
    home = default_home()
    if find(home) is None:
        print(f"Installing n8n {N8N} (about 6 minutes and 3 GB, once)", flush=True)
    try:
        install(home)
    except CannotInstall as reason:
        print(f"SKIPPED n8n tier: {reason}")
        return SKIPPED
    print(f"n8n {N8N} is installed")
    return 0


def _install(home: Path) -> Installation:
    tree, made = _tree(home), _installation(home)
    # npm takes a package whose extraction was cut off for a whole one, so begin again.
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    # Without one of its own, npm would look for a package.json in the folders above.
    (tree / "package.json").write_text('{"private": true}\n')
    packages = [f"n8n@{N8N}", f"{_node_package()}@{NODE}", f"node-gyp@{NODE_GYP}"]
    _run(
        "npm",
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
        "--maxsockets=4",
        *packages,
        cwd=tree,
        minutes=14,
    )
    modules = tree / "node_modules"
    _run(
        str(made.node),
        str(modules / "node-gyp" / "bin" / "node-gyp.js"),
        "rebuild",
        f"--nodedir={modules / _node_package()}",
        f"--python={sys.executable}",
        "--jobs=2",
        cwd=modules / "sqlite3",
        minutes=6,
    )
    _run(str(made.node), "-e", "require('sqlite3')", cwd=tree, minutes=1)
    _run(str(made.node), str(made.n8n), "--version", cwd=tree, minutes=2)
    _marker(home).write_text(_versions())
    return made


def _run(*command: str, cwd: Path, minutes: float) -> None:
    step = " ".join(Path(word).name for word in command[:3])
    # This machine's npm settings may name headers of another Node; ours must win.
    environment = {k: v for k, v in os.environ.items() if k.lower() != "npm_config_nodedir"}
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=minutes * MINUTE,
        )
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"`{step}` took more than {minutes:g} minutes") from None
    except OSError as error:
        raise CannotInstall(f"`{step}` could not start: {error.strerror}") from error
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
        raise CannotInstall(f"`{step}` failed with code {done.returncode}, its output is above")


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "install.lock").open("w")
    except OSError as error:
        raise CannotInstall(f"cannot write to {home}: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tree(home: Path) -> Path:
    return home / "tree"


def _marker(home: Path) -> Path:
    return _tree(home) / "installed.txt"


def _versions() -> str:
    return f"n8n {N8N}, node {NODE}, node-gyp {NODE_GYP}, {_node_package()}\n"


def _node_package() -> str:
    cpu = CPU.get(platform.machine().lower(), platform.machine())
    return f"node-{sys.platform}-{cpu}"


def _installation(home: Path) -> Installation:
    modules = _tree(home) / "node_modules"
    return Installation(
        node=modules / _node_package() / "bin" / "node",
        n8n=modules / "n8n" / "bin" / "n8n",
    )


if __name__ == "__main__":
    sys.exit(main())
