"""A local file for what must be written down while the database cannot be: safety stops, and how a run ended.

Its bytes are written when it is made, so that a full disk later does not refuse a line; each line is flushed to the
disk before `append` returns. On a file system that copies on write the first of these promises does not hold.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, JsonValue, ValidationError

from bot.words.report import Frozen, PersonId

SIZE = 256 * 1024
"""Bytes; a line has some 500."""


class Written(Frozen):
    """One line. A stop has two of the same `id`, unless its process died on the way; a run that ended has one."""

    id: str
    kind: Literal["journal_started", "journal_done", "run_ended"]
    at: AwareDatetime
    actor: PersonId
    action: str
    target: str
    detail: dict[str, JsonValue]
    """Already redacted."""


@dataclass(frozen=True)
class Journal:
    """Every method blocks, for as long as the disk takes. Raises OSError where it cannot be read or written."""

    path: Path
    size: int = SIZE

    def prepare(self) -> None:
        """Make the file, with all its bytes; one that is there keeps its lines."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked() as file:
            missing = self.size - os.fstat(file).st_size
            if missing > 0:
                os.pwrite(file, bytes(missing), self.size - missing)
                os.fsync(file)

    def append(self, line: Written) -> None:
        text = line.model_dump_json().encode() + b"\n"
        with self._locked() as file:
            used, torn = self._used(file)
            if used + len(text) > self.size:
                raise OSError(f"{self.path} is full: its {self.size} bytes wait to be taken over by the database")
            # What a crash left of a line is covered.
            os.pwrite(file, text.ljust(torn - used, b"\0"), used)
            os.fsync(file)

    def read(self) -> tuple[tuple[Written, ...], int]:
        """The lines, oldest first, and how many bytes they take."""
        if not self.path.exists():
            return (), 0
        with self._locked() as file:
            used, _ = self._used(file)
            lines = os.pread(file, used, 0).splitlines()
        found = []
        for line in lines:
            with suppress(ValidationError):
                found.append(Written.model_validate_json(line))
        return tuple(found), used

    def clear(self, read: int) -> None:
        """Forget what was read, unless more was written since: then the next reading has it all again."""
        with self._locked() as file:
            used, torn = self._used(file)
            if used == read:
                os.pwrite(file, bytes(torn), 0)
                os.fsync(file)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process of ours on this folder is taking it over right now."""
        file = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _used(self, file: int) -> tuple[int, int]:
        """Where whole lines end, and where the last byte that is not NUL does."""
        content = os.pread(file, max(self.size, os.fstat(file).st_size), 0).rstrip(b"\0")
        return content.rfind(b"\n") + 1, len(content)
