"""/ops audit: the trail, newest first."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from bot.words.action import Lookup
from bot.words.exceptions import NotUnderstood
from bot.words.params import Duration, Params, Spaced
from bot.words.ports import Audited
from bot.words.report import Moment, Person, PersonId, Report, Table
from commands import Desk, House


class Audit(Params):
    who: str | None = None
    """A person: a mention, or their id."""
    action: Annotated[str | None, Spaced()] = None
    """A command's words, like retry."""
    since: Duration = timedelta(days=1)
    """How far back, like 7d."""
    n: int = Field(default=200, ge=1, le=2000)
    """How many rows at most."""


@dataclass(frozen=True)
class AuditTrail(Lookup[Audit]):
    """Who did what, when, and who said yes."""

    ledger: Desk
    restricted = True
    examples = ("audit", "audit action=retry since=7d")

    async def answer(self, params: Audit) -> Report:
        who = _person(params.who) if params.who else None
        since = self.ledger.now() - params.since
        trail = await self.ledger.trail(who=who, action=params.action, since=since, limit=params.n)
        rows = tuple(
            (row.seq, Moment(at=row.at), row.kind, Person(id=row.actor), _behalf(row), row.action, row.target,
             row.request or "")
            for row in trail
        )  # fmt: skip
        columns = ("#", "When", "What", "Who", "On behalf of", "Action", "Target", "Request")
        notes = (f"Only the newest {params.n} rows; n= gives more.",) if len(trail) == params.n else ()
        return Report(
            title="Audit trail",
            lead=f"{len(trail)} rows, newest first." if trail else "Nothing in that time.",
            table=Table(columns=columns, rows=rows) if rows else None,
            notes=notes,
        )


def _behalf(row: Audited) -> Person | None:
    return Person(id=row.on_behalf_of) if row.on_behalf_of else None


def _person(typed: str) -> PersonId:
    person = typed.strip().removeprefix("<@").removesuffix(">").partition("|")[0].lstrip("@")
    if not person or " " in person:
        raise NotUnderstood(f"{typed!r} is no person.", hint="audit who=@name")
    return PersonId(person)


def actions(house: House) -> AuditTrail:
    return AuditTrail(house.desk)
