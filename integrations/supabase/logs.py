"""Logs of a Supabase project, read with fixed questions in its own dialect; what people type never gets in them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from bot.words.exceptions import OpsError
from integrations.capabilities import ErrorEvent, ErrorPage, Level, LogLine, LogPage
from integrations.plumbing.base import Part
from integrations.supabase.api import SupabaseApi

LogName = Literal["edge_logs", "postgres_logs", "function_logs", "function_edge_logs", "auth_logs"]

_WINDOW = timedelta(hours=24)
"""Supabase answers for no longer."""
_READ = 1000
"""Lines of one log that are read at most; Supabase gives no more."""
_LEVELS = {
    "error": Level.ERROR, "fatal": Level.ERROR, "panic": Level.ERROR, "critical": Level.ERROR,
    "warning": Level.WARNING, "warn": Level.WARNING, "debug": Level.DEBUG,
}  # fmt: skip
_RANK = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True)
class _Question:
    fields: str
    unnest: str
    graver: Mapping[Level, str]
    """Conditions for that level or a graver one."""
    operation: tuple[str, ...]
    """Fields that say what was done, joined."""


def _web(request: str, alias: str) -> _Question:
    return _Question(
        f"{request}, response.status_code",
        f"cross join unnest({alias}.metadata) as m cross join unnest(m.request) as request "
        "cross join unnest(m.response) as response",
        {Level.ERROR: "response.status_code >= 500", Level.WARNING: "response.status_code >= 400"},
        ("method", "pathname", "path"),
    )


def _levelled(fields: str, alias: str, column: str) -> _Question:
    errors = f"lower({column}) in ('error', 'fatal', 'panic', 'critical')"
    return _Question(
        fields,
        f"cross join unnest({alias}.metadata) as m",
        {Level.ERROR: errors, Level.WARNING: f"({errors} or lower({column}) in ('warning', 'warn'))"},
        ("path", "event_type"),
    )


_QUESTIONS: Mapping[LogName, _Question] = {
    "edge_logs": _web("request.method, request.path", "t"),
    "function_edge_logs": _web("request.method, request.pathname", "t"),
    "postgres_logs": _Question(
        "parsed.error_severity as level",
        "cross join unnest(t.metadata) as m cross join unnest(m.parsed) as parsed",
        {
            Level.ERROR: "parsed.error_severity in ('ERROR', 'FATAL', 'PANIC')",
            Level.WARNING: "parsed.error_severity in ('ERROR', 'FATAL', 'PANIC', 'WARNING')",
        },
        (),
    ),
    "function_logs": _levelled("m.level, m.event_type", "t", "m.level"),
    "auth_logs": _levelled("m.level, m.path", "t", "m.level"),
}


def question(log: LogName, level: Level, limit: int) -> str:
    asked = _QUESTIONS[log]
    condition = f" where {asked.graver[level]}" if level in asked.graver else ""
    return (
        f"select t.id, t.timestamp, t.event_message, {asked.fields} from {log} as t {asked.unnest}{condition} "  # noqa: S608
        f"order by t.timestamp desc limit {limit:d}"
    )


class ProjectLogs(Part[SupabaseApi]):
    """LogSource, ErrorSource."""

    def __init__(self, name: str, project: str, api: SupabaseApi, logs: Sequence[LogName]) -> None:
        super().__init__(name, api)
        self._link = f"https://supabase.com/dashboard/project/{project}/logs"
        self._logs = logs

    async def logs(self, *, since: datetime, level: Level, match: str | None, limit: int) -> LogPage:
        """A log that cannot be read is in the note, where another one can."""
        found, errors, more = await self._read(since, level, match)
        if errors and len(errors) == len(self._logs):
            raise errors[0]
        notes = [str(error) for error in errors]
        if datetime.now(UTC) - since > _WINDOW:
            notes.append("Supabase answers for 24 hours at a time; older lines were not read.")
        return LogPage(tuple(found[:limit]), more or len(found) > limit, " ".join(notes))

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """Raises where one of the logs cannot be read."""
        found, errors, more = await self._read(since, Level.ERROR, match)
        if errors:
            raise errors[0]
        events = tuple(
            ErrorEvent(line.key, line.at, line.origin.partition(" ")[0], line.origin.partition(" ")[2], line.message,
                       line.link)
            for line in found
        )  # fmt: skip
        older = datetime.now(UTC) - since > _WINDOW
        return ErrorPage(events[:limit], more or older or len(events) > limit)

    async def _read(
        self, since: datetime, level: Level, match: str | None
    ) -> tuple[list[LogLine], list[OpsError], bool]:
        """Newest first, the errors of logs that cannot be read, and whether there was more than could be."""
        until = datetime.now(UTC)
        since = max(since, until - _WINDOW + timedelta(minutes=1))
        calls = (self._api.logs(question(log, level, _READ), since, until) for log in self._logs)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        lines: list[LogLine] = []
        errors: list[OpsError] = []
        more = False
        for log, answer in zip(self._logs, answers, strict=True):
            if isinstance(answer, OpsError):
                errors.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                more |= len(answer) >= _READ
                lines += [self._line(log, row) for row in answer if "timestamp" in row]
        wanted = (match or "").casefold()
        kept = [
            line
            for line in lines
            if _RANK[line.level] >= _RANK[level] and wanted in f"{line.origin} {line.message}".casefold()
        ]
        kept.sort(key=lambda line: (line.at, line.key), reverse=True)
        return kept, errors, more

    def _line(self, log: LogName, row: Mapping[str, Any]) -> LogLine:
        did = " ".join(str(row[name]) for name in _QUESTIONS[log].operation if row.get(name))
        origin = log.removesuffix("_logs")
        return LogLine(
            key=f"{log}:{row.get('id', row['timestamp'])}",
            at=_at(row["timestamp"]),
            level=_level(row),
            origin=f"{origin} {self._api.service.clean(did)}" if did else origin,
            message=self._api.service.clean(str(row.get("event_message") or "")),
            link=self._link,
        )


def _at(timestamp: Any) -> datetime:
    """Microseconds since 1970, or ISO 8601."""
    try:
        return datetime.fromtimestamp(float(timestamp) / 1_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        at = datetime.fromisoformat(str(timestamp).replace("Z", "+00:00"))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _level(row: Mapping[str, Any]) -> Level:
    status = row.get("status_code")
    if isinstance(status, int):
        return Level.ERROR if status >= 500 else Level.WARNING if status >= 400 else Level.INFO
    return _LEVELS.get(str(row.get("level") or "").casefold().rstrip("12345"), Level.INFO)
