"""Statistics of n8n's runs over a period: by workflow, by slice of time, and how long they took."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from bot.words.exceptions import OpsError, Refused
from integrations.capabilities import Bucket, Operation, Statistic
from integrations.n8n.api import MOST_RUNS, N8nApi, Run
from integrations.plumbing.base import Part

_FAILED = ("error", "crashed")
_WORST = 10
_OUT_OF_ORDER = timedelta(minutes=10)
"""Runs are listed by number; one that waited in n8n's queue began this much after later ones at most."""


class RunStatistics(Part[N8nApi]):
    """Statistics. A run counts where it started; one that has not ended yet does not count."""

    async def statistics(self, *, since: datetime, until: datetime, slices: int) -> Statistic:
        """At most the newest 2,500 runs are read; slices before the oldest of them are left out.

        Raises Refused where those do not reach back into the period: 2.8 cannot be asked for one, and is read from now
        back. Source: GET /executions.
        """
        width = (until - since) / slices
        runs, oldest = await self._runs(since, until)
        # Of a slice that was read in part nothing may be said.
        first = 0 if oldest is None else min(int((oldest - since) / width) + 1, slices)
        counts = Counter(min(int((_started(run) - since) / width), slices - 1) for run in runs)
        errors = Counter(min(int((_started(run) - since) / width), slices - 1) for run in runs if _failed(run))
        took = _durations(runs)
        return Statistic(
            count=len(runs),
            errors=sum(errors.values()),
            p50=percentile(took, 0.5),
            p95=percentile(took, 0.95),
            buckets=tuple(Bucket(since + at * width, counts[at], errors[at]) for at in range(first, slices)),
            worst=await self._worst(runs),
            note=f"Only the newest {MOST_RUNS:,} runs of {self.name} were read, back to {oldest:%d %b %H:%M} UTC."
            if oldest is not None
            else "",
        )

    async def _runs(self, since: datetime, until: datetime) -> tuple[list[Run], datetime | None]:
        """Those that started within, and how far back was read where that is not as far as `since`."""
        newer = await self._api.is_newer()
        # n8n's "after" and "before" leave the moment itself open: ask for a little more, and look.
        asked = {"startedAfter": _iso(since - timedelta(seconds=1)), "startedBefore": _iso(until)} if newer else {}
        found: list[Run] = []
        read, oldest = 0, until
        async for run in self._api.runs(asked):
            read += 1
            if run.startedAt is None:
                continue
            if run.startedAt < since - _OUT_OF_ORDER:
                return found, None
            oldest = min(oldest, run.startedAt.astimezone(UTC))
            if since <= run.startedAt < until and run.stoppedAt is not None:
                found.append(run)
        if read < MOST_RUNS or oldest <= since:
            return found, None
        if oldest >= until:
            raise Refused(f"{self.name} had more than {MOST_RUNS:,} runs since then; those before cannot be read.")
        return found, oldest

    async def _worst(self, runs: Sequence[Run]) -> tuple[Operation, ...]:
        of: dict[str, list[Run]] = defaultdict(list)
        for run in runs:
            of[run.workflowId].append(run)
        try:
            names = {flow.id: flow.name async for flow in self._api.workflows()} if of else {}
        except OpsError:  # a name is a kindness: the id does
            names = {}
        found = [
            Operation(
                name=names.get(id_, id_),
                count=len(its),
                errors=sum(map(_failed, its)),
                p95=percentile(_durations(its), 0.95),
            )
            for id_, its in of.items()
        ]
        found.sort(key=lambda each: (-each.errors, -(each.p95 or timedelta()), each.name))
        return tuple(found[:_WORST])


def percentile(ordered: Sequence[timedelta], part: float) -> timedelta | None:
    """The smallest that `part` of them do not exceed; None of nothing."""
    return ordered[max(ceil(len(ordered) * part), 1) - 1] if ordered else None


def _failed(run: Run) -> bool:
    return run.status in _FAILED


def _started(run: Run) -> datetime:
    assert run.startedAt is not None  # noqa: S101 - others were left out
    return run.startedAt


def _took(run: Run) -> timedelta | None:
    if run.stoppedAt is None or run.startedAt is None or run.stoppedAt < run.startedAt:
        return None
    return run.stoppedAt - run.startedAt


def _durations(runs: Sequence[Run]) -> list[timedelta]:
    return sorted(took for run in runs if (took := _took(run)) is not None)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
