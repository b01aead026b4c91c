"""/ops db cleanup: delete what has grown older than ops.toml keeps it, counted first, in batches."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from pydantic import JsonValue

from bot.words.action import Change, Plan, Receipt, Risk
from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Refused, Stale
from bot.words.params import Params, duration_text
from bot.words.ports import Freeze
from bot.words.report import Fact
from commands import House
from commands._shared.services import OnService, ServiceName, closest, pick, retyped, tables_called
from integrations.capabilities import Database, Retention


class Freezing(Protocol):
    async def frozen(self) -> Freeze | None: ...


class CleanUp(Params):
    positional = ("table",)

    table: str | None = None
    """Table to clean up; every one that ops.toml keeps for a time if left out."""
    db: ServiceName = None
    """Database to do it in, as named in ops.toml; needed only where there are several."""


class CleanUpPlan(Plan):
    db: str
    rules: tuple[Retention, ...]

    def observed(self) -> dict[str, JsonValue]:
        """Without the counts, which grow by the minute: what is approved is which tables, and how old."""
        kept: list[JsonValue] = [f"{rule.table} {duration_text(rule.keep)} {rule.only}" for rule in self.rules]
        return {**super().observed(), "rules": kept}


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
        database = self._database(params.db, params)
        rules = self._chosen(await database.retention(), params, database.name)
        due = tuple(rule for rule in rules if rule.rows)
        phrase = due[0].table if len(due) == 1 else f"clean up {database.name}"
        return CleanUpPlan(
            target=f"{database.name} old rows{f' of {params.table}' if params.table else ''}",
            headline=f"Delete {_rows(due)} from {_tables(len(due))} of {database.name}.",
            effects=tuple(_effect(rule) for rule in due),
            warnings=("They are gone for good: a backup is the only way back.",),
            undo_note="Cannot be undone. A freeze stops it after the batch it is in; what is deleted by then stays so.",
            confirm_phrase=phrase,
            nothing_to_do="" if due else f"{database.name} has no row that is older than ops.toml keeps it.",
            db=database.name,
            rules=due,
        )

    async def execute(self, plan: CleanUpPlan) -> Receipt:
        """Each batch is a transaction of its own. However it ends, what was deleted is told."""
        database = self._database(plan.db)
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
            raise Refused(f"Stopped. {_told(deleted)}, and perhaps the batch that was under way.") from None
        except OutcomeUnknown as error:
            raise OutcomeUnknown(f"{_told(deleted)}. Then: {error}") from error
        except OpsError as error:
            if not deleted:
                raise
            raise Refused(f"{_told(deleted)}. Then: {error}") from error
        if not deleted:
            raise Stale("Nothing was deleted: no row is that old any more.")
        return Receipt(
            headline=f"{_told(deleted)}{f', then stopped: {why}' if why else ''}.",
            facts=tuple(Fact(label=table, value=count) for table, count in deleted.items()),
        )

    async def _reason_to_stop(self, end: float, allowed: Freeze | None) -> str:
        if time.monotonic() >= end:
            return f"{duration_text(self.longest)} are over; ask again for the rest"
        freeze = await self.freezing.frozen()
        return f"a freeze began ({freeze.reason})" if freeze is not None and freeze != allowed else ""

    async def evidence(self, plan: CleanUpPlan) -> str:
        now = {rule.table: rule for rule in await self._database(plan.db).retention()}
        told = [
            f"{rule.table}: {rule.rows:,} were old, {now[rule.table].rows:,} still are"
            for rule in plan.rules
            if rule.table in now
        ]
        return "; ".join(told)

    def _database(self, name: str | None, asked: CleanUp | None = None) -> Database:
        asked = asked or CleanUp()
        return pick(self.services, name, can="be cleaned up", typed=lambda each: retyped(self.words, asked, db=each))

    def _chosen(self, rules: Sequence[Retention], asked: CleanUp, db: str) -> Sequence[Retention]:
        if not rules:
            raise Misconfigured(f"ops.toml keeps no table of {db} for a time; add [[services.{db}.retention]].")
        if asked.table is None:
            return rules
        tables = [rule.table for rule in rules]
        called = tables_called(asked.table, tables)
        if len(called) > 1:
            raise NotUnderstood(
                f"{asked.table!r} means several: {', '.join(called)}. Say which.",
                choices={table: retyped(self.words, asked, table=table) for table in called},
            )
        if not called:
            close = closest(asked.table, tables)
            instead = f"Did you mean {close!r}?" if close else f"There are: {', '.join(tables)}."
            raise NotUnderstood(
                f"ops.toml does not say how long {asked.table[:80]!r} is kept. {instead}",
                hint=retyped(self.words, asked, table=close) if close else "",
            )
        return [rule for rule in rules if rule.table == called[0]]


def _effect(rule: Retention) -> str:
    only = f", where {rule.only}" if rule.only else ""
    return f"{rule.table}: {_count(rule)} older than {duration_text(rule.keep)}{only}"


def _count(rule: Retention) -> str:
    if rule.rows >= rule.counted_to:
        return f"more than {rule.counted_to:,} rows"
    return f"{rule.rows:,} row{'' if rule.rows == 1 else 's'}"


def _rows(rules: Sequence[Retention]) -> str:
    count = sum(rule.rows for rule in rules)
    more = "more than " if any(rule.rows >= rule.counted_to for rule in rules) else ""
    return f"{more}{count:,} old row{'' if count == 1 else 's'}"


def _tables(count: int) -> str:
    return "1 table" if count == 1 else f"{count} tables"


def _told(deleted: Mapping[str, int]) -> str:
    count = sum(deleted.values())
    where = f" of {', '.join(deleted)}" if deleted else ""
    return f"Deleted {count:,} row{'' if count == 1 else 's'}{where}"


def actions(house: House) -> CleanUpRows:
    return CleanUpRows(house.having(Database), house.desk)
