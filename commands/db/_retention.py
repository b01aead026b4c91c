"""What the retention rules of ops.toml mean: those that were asked for, and how they are told."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from bot.words.action import Plan
from bot.words.params import Params, duration_text
from commands._shared.services import ServiceName
from integrations.capabilities import Retention


def effect_of(rule: Retention) -> str:
    only = f", where {rule.only}" if rule.only else ""
    return f"{rule.table}: {_count(rule)} older than {duration_text(rule.keep)}{only}"


def _count(rule: Retention) -> str:
    if rule.rows >= rule.counted_to:
        return f"more than {rule.counted_to:,} rows"
    return f"{rule.rows:,} row{'' if rule.rows == 1 else 's'}"


def rows_of(rules: Sequence[Retention]) -> str:
    count = sum(rule.rows for rule in rules)
    more = "more than " if any(rule.rows >= rule.counted_to for rule in rules) else ""
    return f"{more}{count:,} old row{'' if count == 1 else 's'}"


def tables_of(count: int) -> str:
    return "1 table" if count == 1 else f"{count} tables"


def deleted_told(deleted: Mapping[str, int]) -> str:
    count = sum(deleted.values())
    where = f" of {', '.join(deleted)}" if deleted else ""
    return f"Deleted {count:,} row{'' if count == 1 else 's'}{where}"


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
