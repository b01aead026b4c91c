"""Which service of several ran an execution: ids are told apart by asking, so that nobody has to say engine=."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from bot.words.exceptions import NotUnderstood, TryLater
from bot.words.params import Params
from commands._shared.asking import Heard, ask_all
from commands._shared.retyping import retyped
from commands._shared.services import OnService
from integrations.capabilities import Executions

DEADLINE = timedelta(seconds=10)
"""For one of several services to answer."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

E = TypeVar("E", bound=Executions)


@dataclass(frozen=True)
class OnExecution(OnService[E], Generic[E]):
    """A command on one execution."""

    named_by = "engine"

    async def owner(self, params: Params, execution: str) -> E:
        """Who ran the one of that id; of several, all are asked for it.

        Raises NotUnderstood where nobody knows it, or several do; TryLater where one that may know it is silent.
        """
        if len(self.asked(params)) == 1:
            return self.chosen(params)
        heard = await ask_all(self.services, lambda engine: engine.execution(execution), DEADLINE)
        found = [engine for engine, _ in heard.read]
        if len(found) == 1:
            return found[0]
        if found:
            several = " and ".join(engine.name for engine in found)
            choices = {engine.name: retyped(self.words, params, engine=engine.name) for engine in found}
            raise NotUnderstood(f"{several} have an execution {execution} each. Say which.", choices=choices)
        if silent := _silent(heard):
            raise TryLater(f"Execution {execution} was not found; {silent}")
        nobody = " nor ".join(engine.name for engine in self.services)
        raise NotUnderstood(f"Neither {nobody} knows an execution {execution}.")

    async def newest_failure(self, params: Params, workflow: str | None) -> tuple[E, str, str]:
        """The newest failure that no retry has mended, or else the newest: who ran it, its id, and who was silent.

        Raises NotUnderstood where nothing failed; TryLater where nothing was found and not all could be asked.
        """
        asked = self.asked(params)
        heard = await ask_all(asked, lambda engine: engine.failed(workflow=workflow, limit=20), DEADLINE)
        failures = [(engine, run) for engine, runs in heard.read for run in runs]
        silent = _silent(heard)
        if failures:
            engine, run = max(failures, key=lambda each: (each[1].retried_by is None, each[1].when or _LONG_AGO))
            return engine, run.id, silent
        names = " and ".join(each.name for each in asked)
        if silent:
            raise TryLater(f"No failed execution was found; {silent}")
        of = f" of workflow {workflow!r}" if workflow else ""
        hint = f"errors {names} since=1d" if len(asked) == 1 else "errors since=1d"
        raise NotUnderstood(f"{names} {'lists' if len(asked) == 1 else 'list'} no failed execution{of}.", hint=hint)


def _silent(heard: Heard[E, Any]) -> str:
    """Those that may know more than they could say."""
    return "; ".join(f"{engine.name} could not be asked: {no.why}" for engine, no in heard.unread if not no.unknown)
