"""How PostgreSQL's programs are run: without our rights, our environment, our terminal; and no
longer than we live."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.words.exceptions import Misconfigured

_PR_SET_PDEATHSIG = 1


class EmbeddedError(Misconfigured):
    """The embedded server cannot be used; the sentence says what to do."""


@dataclass(frozen=True)
class Launcher:
    account: pwd.struct_passwd | None
    """Whom PostgreSQL runs as when we are root, which it refuses to be."""
    lock: int
    """A descriptor that every program inherits and keeps open while it lives."""

    @property
    def account_name(self) -> str:
        return "the current user" if self.account is None else self.account.pw_name

    def give(self, folder: Path) -> None:
        if self.account is not None:
            os.chown(folder, self.account.pw_uid, self.account.pw_gid)

    def run(self, command: list[str], folder: Path, *, typed: str = "") -> str:
        """Run a program and return its output. Raises: EmbeddedError when it failed, PermissionError."""
        done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603
            command, input=typed, capture_output=True, text=True, **self._options(folder)
        )
        if done.returncode != 0:
            raise EmbeddedError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def spawn(self, command: list[str], folder: Path, log: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._options(folder)
        )

    def _options(self, folder: Path) -> dict[str, Any]:
        options: dict[str, Any] = {
            "cwd": folder,
            "env": {"PATH": os.defpath, "LC_ALL": "C"},  # ours holds tokens
            "umask": 0o077,
            "pass_fds": (self.lock,),
            "start_new_session": True,  # a Ctrl-C in the terminal is for us, not for the server
            "preexec_fn": _die_with_parent(),
        }
        if self.account is not None:
            options |= {"user": self.account.pw_uid, "group": self.account.pw_gid}
            options |= {"extra_groups": []}
        return options


def _die_with_parent() -> Callable[[], None] | None:
    """For `preexec_fn`, which runs after the change of user; that change clears the signal."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_for_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before the signal was asked for
            os._exit(1)

    return ask_for_signal


def seen_from_inside(folder: Path) -> str:
    """On Linux the working directory, which needs no permission on the folders above it."""
    return "/proc/self/cwd" if sys.platform == "linux" else str(folder)


def unprivileged_account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL refuses to run as root and there is no user 'nobody' here. "
            "Run as an ordinary user, or set DATABASE_URL."
        ) from None


def refuse_nameless() -> None:
    """initdb wants a name for the user it runs as; the server itself, later, does not. Raises: EmbeddedError"""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL cannot be set up by user id {os.geteuid()}, which has no name here, as with docker run --user"
            " or on OpenShift. Add a line for it to /etc/passwd, use a user of the image, or set DATABASE_URL."
        ) from None
