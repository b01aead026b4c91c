"""Old rows of the audit trail, and what takes them out of the database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bot.words.report import PersonId


@dataclass(frozen=True)
class Old:
    """Rows of the trail from before a moment that are still in the database."""

    rows: int
    last: int
    """Number of the newest of them; 0 where there is none."""
    file: str
    """Where they will go."""


@dataclass(frozen=True)
class Retired:
    """Rows that were written to a file, and the cut that the chain names."""

    rows: int
    last: int
    file: str
    sha256: str
    dropped: bool
    """False where the tables belong to another role than the bot's: they are in the file, and still in the table."""

    @property
    def told(self) -> str:
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'} of the audit trail, up to row {self.last},"
        if self.dropped:
            return f"Moved {rows} into {self.file}."
        return (
            f"Wrote {rows} into {self.file}. They are still in the table, which another role owns: as that role, run "
            "SELECT audit_drop_archived()."
        )


class Retention(Protocol):
    async def old(self, before: datetime) -> Old: ...

    async def retire(self, before: datetime, by: PersonId) -> Retired:
        """Verify the chain, write the rows before a moment to a new file, name the cut in the chain, and drop them.

        Raises Refused where the chain is broken, or the file cannot be written; NotUnderstood where nothing is that
        old; TryLater where another process is at it.
        """
        ...


def midnight_before(now: datetime, keep: timedelta) -> datetime:
    """The midnight, in UTC, before which rows are older than `keep`."""
    return (now - keep).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
