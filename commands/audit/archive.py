"""/ops audit archive: old rows of the audit trail go from the database into a file."""

from dataclasses import dataclass

from pydantic import AwareDatetime

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.params import Keep, Params, duration_text
from bot.words.ports import Clock
from bot.words.report import Fact, PersonId
from bot.words.retention import Retention, midnight_before
from commands import House

MACHINE = PersonId("machine:handrail")


class ArchiveParams(Params):
    positional = ("keep",)

    keep: Keep
    """Rows younger than this stay, like 400d; 30 days at least."""


class ArchivePlan(Plan):
    before: AwareDatetime
    """A midnight, so that a plan holds for its day."""
    last: int
    """Number of the newest row that goes."""


@dataclass(frozen=True)
class ArchiveAudit(Change[ArchiveParams, ArchivePlan]):
    """Move old rows of the audit trail into a file."""

    retention: Retention
    now: Clock
    risk = Risk.DESTRUCTIVE
    restricted = True
    examples = ("audit archive 400d",)

    async def preview(self, params: ArchiveParams) -> ArchivePlan:
        before = midnight_before(self.now(), params.keep)
        old = await self.retention.old(before)
        rows = f"{old.rows:,} row{'' if old.rows == 1 else 's'}"
        return ArchivePlan(
            target="audit trail",
            headline=f"{rows} of the audit trail from before {before:%d %b %Y} go from the database into a file.",
            effects=(
                f"Row {old.last} and all before it: from the table into {old.file} on the bot's disk.",
                "The whole chain is verified first; a row of it names the cut and the file's SHA-256.",
            ),
            warnings=("Nothing puts them back: keep the file, it is the trail until the cut.",),
            nothing_to_do=f"no row is older than {duration_text(params.keep)}" if not old.rows else "",
            before=before,
            last=old.last,
        )

    async def execute(self, plan: ArchivePlan) -> Receipt:
        done = await self.retention.retire(plan.before, MACHINE)
        return Receipt(
            headline=done.told,
            facts=(Fact(label="File", value=done.file), Fact(label="SHA-256", value=done.sha256)),
        )


def actions(house: House) -> ArchiveAudit:
    return ArchiveAudit(house.retention, house.now)
