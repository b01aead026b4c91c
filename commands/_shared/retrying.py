"""What the plan of a retry says: what failed, how often it was retried, and whether a retry is of use."""

from collections.abc import Sequence
from typing import Literal

from bot.words.action import Plan
from bot.words.report import Fact, Link, Moment
from integrations.capabilities import Execution


def nothing_to_do(failed: Execution, retries: Sequence[Execution]) -> str:
    fixed = failed.retried_by or next((retry.id for retry in retries if retry.status == "success"), None)
    if fixed:
        return f"Execution {failed.id} was already retried as {fixed}, which ended well."
    if not failed.failed:
        return f"Execution {failed.id} is {failed.status}; only a failed one can be retried."
    going = next((retry.id for retry in retries if not retry.failed and retry.status != "canceled"), None)
    return f"A retry of execution {failed.id} is going on already: {going}." if going else ""


def facts_of(failed: Execution, retries: Sequence[Execution]) -> tuple[Fact, ...]:
    return (
        Fact(label="Workflow", value=failed.workflow),
        Fact(label="Failed at node", value=failed.failing_node),
        Fact(label="Error", value=failed.shortly or None),
        Fact(label="When", value=Moment(at=failed.when) if failed.when else None),
        Fact(label="Retried before", value="; ".join(f"retry {retry.id} {retry.ended}" for retry in retries) or "no"),
        *((Fact(label="Execution", value=Link(url=failed.link, name=failed.id)),) if failed.link else ()),
    )


def warnings_of(failed: Execution, retries: Sequence[Execution], current: str) -> tuple[str, ...]:
    warnings = []
    if current:
        warnings.append(f"The workflow may have changed since it failed: it runs {current}.")
    if retries:
        warnings.append(
            f"Retried before without success: {len(retries)} times."
            if len(retries) > 1
            else "One retry failed already."
        )
    if failed.retry_of:
        warnings.append(f"This is itself a retry of execution {failed.retry_of}.")
    return tuple(warnings)


class RetryPlan(Plan):
    engine: str
    execution: str
    status: str
    retries: tuple[str, ...]
    """Ids of the retries there are so far; one more means that somebody was faster."""
    use: Literal["saved", "current"]
