"""Safety stops while the database cannot be written: run from a local journal, put into the audit chain afterwards.

Turning something dangerous off must not be blocked by a full disk. Only what says `safety_stop` comes here, only for a
person whom policy lets ask, and only with `journal=yes` typed. Beside `execute`, the one caller of Change.execute.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from pydantic import JsonValue

from bot.ask.as_written import normalise
from bot.ask.parse import Parsed
from bot.run.journal import Journal, Written
from bot.settings import Limits
from bot.words.action import AnyAction, Asker, Change, Plan
from bot.words.exceptions import OpsError, OutcomeUnknown, StoreUnwritable
from bot.words.params import duration_text
from bot.words.ports import AuditLog, Clock, Entry, Outbox
from bot.words.redaction import Redactor
from bot.words.request import Answer, Said, State

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Emergency:
    journal: Journal
    audit: AuditLog
    outbox: Outbox
    channel: Callable[[], str | None]
    """Id of the channel that hears of it afterwards: nobody could approve it."""
    limits: Limits
    redactor: Redactor
    clock: Clock
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def covers(self, said: Said, action: AnyAction) -> bool:
        return isinstance(action, Change) and action.safety_stop and said.is_person

    async def stop(self, asker: Asker, said: Said, parsed: Parsed, why: StoreUnwritable) -> Answer:
        """Say what to type, or do it. The caller has asked policy."""
        words = self.redactor.text(normalise(said.words))
        if not parsed.journal:
            text = (
                f"{self.redactor.text(str(why))}. This stops something, so it may run without the database: at once, "
                "without another person's yes, written into a local journal that goes into the audit later."
            )
            return Answer(text=text, hint=f"{words} journal=yes")
        async with self._one_at_a_time:
            try:
                return await self._stopped(asker, parsed, words)
            except OSError as error:
                log.error("journal_unwritable", error=str(error))
                text = f"Nothing was run: the local journal cannot be written either ({error.strerror or error})."
                return Answer(text=text)
            except OpsError as error:
                return Answer(text=f"Nothing was run: {self.redactor.text(str(error))}")
            except TimeoutError:
                return Answer(text=f"Nothing was run: no plan within {duration_text(self.limits.preview)}.")

    async def _stopped(self, asker: Asker, parsed: Parsed, words: str) -> Answer:
        action = parsed.action
        assert isinstance(action, Change)  # noqa: S101 - `covers` said so
        params = self.redactor.json(parsed.params.model_dump(mode="json"))
        lines, _ = await asyncio.to_thread(self.journal.read)
        if twin := self._twin(lines, asker, action.words, params):
            ago = max(self.clock() - twin.at, timedelta(seconds=1))
            text = (
                f"The same was run from the journal {duration_text(ago)} ago. Again? Type it once more after a minute."
            )
            return Answer(text=text, hint=words)
        async with asyncio.timeout(self.limits.preview.total_seconds()):
            plan: Plan = await action.preview_for(asker, parsed.params)
        if plan.nothing_to_do:
            return Answer(text=f"Nothing to do: {self.redactor.text(plan.nothing_to_do)}")
        started = Written(
            id=uuid4().hex,
            kind="journal_started",
            at=self.clock(),
            actor=asker.person,
            action=action.words,
            target=self.redactor.text(plan.target),
            detail={"words": words, "params": params, "headline": self.redactor.text(plan.headline)},
        )
        await asyncio.to_thread(self.journal.append, started)
        state, outcome, undo = await self._run(action, plan)
        ended = await self._end(started, state, outcome, undo)
        note = "It is written in the local journal, and goes into the audit when the database is back."
        if not ended:
            note = "Its start is in the local journal; its end could not be written: keep this message."
        return Answer(text=f"{state.value.capitalize()}: {outcome} {note}")

    async def _run(self, action: Change[Any, Any], plan: Plan) -> tuple[State, str, JsonValue]:
        try:
            async with asyncio.timeout(self.limits.run.total_seconds()):
                receipt = await action.execute(plan)
        except OutcomeUnknown as error:
            return State.UNKNOWN, self.redactor.text(str(error)), None
        except OpsError as error:
            return State.FAILED, self.redactor.text(str(error)), None
        except Exception as error:
            log.exception("journalled_stop_crashed", action=action.words)
            return State.UNKNOWN, f"Handrail failed while it ran ({type(error).__name__}); it may have worked.", None
        return State.DONE, self.redactor.text(receipt.headline), self.redactor.json(receipt.undo)

    async def _end(self, started: Written, state: State, outcome: str, undo: JsonValue) -> bool:
        """Whether the end was written; without what undo needs, where there is no room for that."""
        small: dict[str, JsonValue] = {"state": state.value, "outcome": outcome}
        for detail in ({**small, "undo": undo}, small):
            ended = started.model_copy(update={"kind": "journal_done", "at": self.clock(), "detail": detail})
            try:
                await asyncio.to_thread(self.journal.append, ended)
            except OSError as error:
                log.error("journal_unwritable", error=str(error), id=started.id, outcome=outcome)
            else:
                return True
        return False

    def _twin(self, lines: Sequence[Written], asker: Asker, action: str, params: JsonValue) -> Written | None:
        since = self.clock() - self.limits.ask_again
        for line in reversed(lines):
            same = (line.kind, line.actor, line.action) == ("journal_started", asker.person, action)
            if same and line.detail.get("params") == params and line.at > since:
                return line
        return None

    async def replay(self) -> None:
        """Put what the journal holds into the audit, once, and forget it; safe to repeat, and to be killed in."""
        try:
            await self._replayed()
        except (StoreUnwritable, OSError) as error:
            log.warning("journal_waits", error=str(error))

    async def _replayed(self) -> None:
        lines, read = await asyncio.to_thread(self.journal.read)
        if not lines:
            return
        with self.journal.alone() as alone:
            if not alone:
                return
            now = self.clock()
            ended = {line.id for line in lines if line.kind == "journal_done"}
            silent = [line for line in lines if line.id not in ended]
            going = [line for line in silent if now - line.at <= self.limits.run]
            for line in (*lines, *(_fell_silent(line) for line in silent if line not in going)):
                await self._take_over(line)
            if not going:
                await asyncio.to_thread(self.journal.clear, read)

    async def _take_over(self, line: Written) -> None:
        since = line.at - timedelta(hours=1)  # the clocks of two machines
        rows = await self.audit.read(who=line.actor, action=line.action, since=since, limit=2000)
        if any(row.kind == line.kind and row.detail.get("journal") == line.id for row in rows):
            return
        detail = {**line.detail, "journal": line.id, "at": line.at.isoformat()}
        await self.audit.write(
            Entry(kind=line.kind, actor=line.actor, action=line.action, target=line.target, detail=detail)
        )
        channel = self.channel()
        if line.kind == "journal_done" and channel:
            text = f"While the database was away a safety stop ran without approval: {line.detail.get('outcome')}"
            await self.outbox.post(channel, key=f"journal:{line.id}", text=text)


def _fell_silent(line: Written) -> Written:
    detail: dict[str, JsonValue] = {
        "state": State.UNKNOWN.value,
        "outcome": f"The process that ran this fell silent; look at {line.target}.",
    }
    return line.model_copy(update={"kind": "journal_done", "detail": detail})
