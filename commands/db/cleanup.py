"""/ops db cleanup: delete what has grown older than ops.toml keeps it, counted first, in batches."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from bot.words.action import Change, Receipt, Risk
from bot.words.exceptions import Misconfigured, OpsError, OutcomeUnknown, Refused, Stale
from bot.words.params import duration_text
from bot.words.ports import Freeze
from bot.words.report import Fact
from commands import House
from commands._shared.services import OnService
from commands._shared.table_names import the_table
from commands.db._retention import CleanUp, CleanUpPlan, deleted_told, effect_of, rows_of, tables_of
from integrations.capabilities import Database, Retention


class Freezing(Protocol):
    async def frozen(self) -> Freeze | None: ...


@dataclass(frozen=True)
class CleanUpRows(OnService[Database], Change[CleanUp, CleanUpPlan]):
    """Delete rows that are older than ops.toml keeps them."""

    freezing: Freezing
    longest: timedelta = timedelta(minutes=10)
    """Stops by itself after this: a run that outlasts its limit has an unknown end."""

    can = "clean up tables"
    named_by = "db"
    risk = Risk.DESTRUCTIVE
    examples = ("db cleanup", "db cleanup webhook_logs db=shop-db")

    async def preview(self, params: CleanUp) -> CleanUpPlan:
        database = self.chosen(params)
        rules = self._chosen(await database.retention(), params, database.name)
        due = tuple(rule for rule in rules if rule.rows)
        phrase = due[0].table if len(due) == 1 else f"clean up {database.name}"
        return CleanUpPlan(
            target=f"{database.name} old rows{f' of {params.table}' if params.table else ''}",
            headline=f"Delete {rows_of(due)} from {tables_of(len(due))} of {database.name}.",
            effects=tuple(effect_of(rule) for rule in due),
            warnings=("They are gone for good: a backup is the only way back.",),
            undo_note="Cannot be undone. A freeze stops it after the batch it is in; what is deleted by then stays so.",
            confirm_phrase=phrase,
            nothing_to_do="" if due else f"{database.name} has no row that is older than ops.toml keeps it.",
            db=database.name,
            rules=due,
        )

    async def execute(self, plan: CleanUpPlan) -> Receipt:
        """Each batch is a transaction of its own. However it ends, what was deleted is told."""
        database = self.planned(plan.db)
        end = time.monotonic() + self.longest.total_seconds()
        allowed = await self.freezing.frozen()  # an override let this one through
        deleted: dict[str, int] = {}
        why = ""
        try:
            for rule in plan.rules:
                async with contextlib.aclosing(database.clean(rule)) as batches:
                    async for count in batches:
                        deleted[rule.table] = count
                        if why := await self._reason_to_stop(end, allowed):
                            break
                if why:
                    break
        except asyncio.CancelledError:
            raise Refused(f"Stopped. {deleted_told(deleted)}, and perhaps the batch that was under way.") from None
        except OutcomeUnknown as error:
            raise OutcomeUnknown(f"{deleted_told(deleted)}. Then: {error}") from error
        except OpsError as error:
            if not deleted:
                raise
            raise Refused(f"{deleted_told(deleted)}. Then: {error}") from error
        if not deleted:
            raise Stale("Nothing was deleted: no row is that old any more.")
        return Receipt(
            headline=f"{deleted_told(deleted)}{f', then stopped: {why}' if why else ''}.",
            facts=tuple(Fact(label=table, value=count) for table, count in deleted.items()),
        )

    async def _reason_to_stop(self, end: float, allowed: Freeze | None) -> str:
        if time.monotonic() >= end:
            return f"{duration_text(self.longest)} are over; ask again for the rest"
        freeze = await self.freezing.frozen()
        return f"a freeze began ({freeze.reason})" if freeze is not None and freeze != allowed else ""

    async def evidence(self, plan: CleanUpPlan) -> str:
        now = {rule.table: rule for rule in await self.planned(plan.db).retention()}
        told = [
            f"{rule.table}: {rule.rows:,} were old, {now[rule.table].rows:,} still are"
            for rule in plan.rules
            if rule.table in now
        ]
        return "; ".join(told)

    def _chosen(self, rules: Sequence[Retention], asked: CleanUp, db: str) -> Sequence[Retention]:
        if not rules:
            raise Misconfigured(f"ops.toml keeps no table of {db} for a time; add [[services.{db}.retention]].")
        if asked.table is None:
            return rules
        unknown = f"ops.toml does not say how long {asked.table[:80]!r} is kept."
        tables = (rule.table for rule in rules)
        table = the_table(asked.table, tables, unknown=unknown, words=self.words, asked=asked)
        return [rule for rule in rules if rule.table == table]


def actions(house: House) -> CleanUpRows:
    return CleanUpRows(house.having(Database), house.desk)
