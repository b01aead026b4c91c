"""Looks secrets up where ops.toml says they are, and registers every value so that it never leaves again."""

import contextlib
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.words.exceptions import Misconfigured
from bot.words.redaction import Redactor

COMMAND_LIMIT_S = 10.0
FRESH_S = 30.0
"""A command's answer is used for so long; then it is asked again in the background, while the old answer serves on."""
LONGEST = 65_536
"""Characters of a command's answer."""


@dataclass
class Reader:
    """From `env:NAME`, `file:/path` or `command:program argument …` to the value, which is registered as a secret.

    Environment and files are read anew at each use, a command every half minute: rotating needs no restart.
    """

    redactor: Redactor
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    timer: Callable[[], float] = time.monotonic
    _asked: dict[str, "_Asked"] = field(default_factory=dict)

    def __call__(self, reference: str) -> str:
        """Raises Misconfigured; what is wrong is said without what stands there."""
        source, _, name = reference.partition(":")
        match source:
            case "env":
                value = self.environ.get(name, "").strip()
                missing = f"set the environment variable {name}"
            case "file":
                value = _content(reference, name)
                missing = f"put the secret into {name}"
            case "command":
                value = self._said(name)
                # Its arguments may be secrets themselves.
                reference, missing = f"command:{name.partition(' ')[0]}", "it has to print the secret"
            case _:
                raise Misconfigured('a secret is written as "env:NAME" or "file:/path" or "command:program argument"')
        if not value:
            raise Misconfigured(f"{reference} is empty; {missing}")
        return self.redactor.register(value)

    def _said(self, line: str) -> str:
        """Only before the first answer, good or bad, is it waited for; `warm` sees to it that nobody does."""
        known = self._asked.get(line)
        if known is None:
            known = self._asked[line] = _Asked()
            self._ask(line, known)
        elif self.timer() - known.at > FRESH_S and not known.asking:
            known.asking = True
            threading.Thread(target=self._ask, args=(line, known), daemon=True).start()
        if not known.value and known.why is not None:
            raise Misconfigured(str(known.why))
        return known.value

    def _ask(self, line: str, known: "_Asked") -> None:
        try:
            # The last answer serves on: a vault that is away for a moment is no outage of ours.
            known.value, known.why = run(line) or known.value, None
        except Misconfigured as error:
            known.why = error
        finally:
            known.at, known.asking = self.timer(), False

    def warm(self, setting: object) -> None:
        """Ask every command below this setting, so that no request waits for one. Blocks; to be run in a thread."""
        match setting:
            case str() if setting.startswith("command:"):
                with contextlib.suppress(Misconfigured):  # said where it is used
                    self(setting)
            case Mapping():
                for each in setting.values():
                    self.warm(each)
            case list() | tuple():
                for each in setting:
                    self.warm(each)


@dataclass
class _Asked:
    value: str = ""
    at: float = 0.0
    asking: bool = False
    why: Misconfigured | None = None
    """The last try gave nothing."""


def _content(reference: str, name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"{reference}: {error.strerror}; put the secret into that file") from error
    except ValueError:  # not chained: it holds the bytes
        raise Misconfigured(f"{reference} is no UTF-8 text; put the secret into that file") from None


def run(line: str) -> str:
    """Run a program and return its output; no shell reads the line. Raises Misconfigured, never with the output."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Misconfigured(f"a command: cannot be split into words: {error}") from None
    if not words:
        raise Misconfigured("command: names no program; write it as command:program argument")
    try:
        # What ops.toml names is the team's own, and no shell reads it.
        done = subprocess.run(  # noqa: S603
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Misconfigured(f"command:{words[0]} did not answer within {COMMAND_LIMIT_S:g} s") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds characters no program can be given"
        raise Misconfigured(f"command:{words[0]} cannot be run: {why}") from None
    if done.returncode != 0:
        raise Misconfigured(f"command:{words[0]} ended with code {done.returncode}; run it by hand to see why")
    try:
        return done.stdout.decode("utf-8").strip()[:LONGEST]
    except UnicodeDecodeError:
        raise Misconfigured(f"command:{words[0]} printed no UTF-8 text") from None
