"""/ops help: what you may run here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.action import AnyAction, Asker, Lookup, Risk
from bot.catalogue import Catalogue
from bot.params import Params
from bot.parse import fields_of, usage
from bot.report import Fact, Line, Report, Suggestion


class Help(Params):
    positional = ("command", "more")

    command: str | None = None
    """A command's words; all that you may run if left out."""
    more: str | None = None
    """Second word of a command that has two."""


Allowed = Callable[[Asker], Callable[[AnyAction], bool]]
_GROUPS: Sequence[tuple[Risk, str]] = (
    (Risk.READ, "Look"),
    (Risk.CHANGE, "Change: you confirm the plan"),
    (Risk.DESTRUCTIVE, "Change: somebody else approves the plan"),
)


@dataclass(frozen=True)
class ShowHelp(Lookup[Help]):
    """What you may run here."""

    catalogue: Callable[[], Catalogue]
    allowed: Allowed
    for_everyone = True
    examples = ("help", "help retry")

    def ready(self, asker: Asker, params: Help) -> Report:
        if params.command is None:
            return self._overview(asker)
        action, _ = self.catalogue().find(f"{params.command} {params.more or ''}")
        return _one(action)

    async def answer_for(self, asker: Asker, params: Help) -> Report:
        return self.ready(asker, params)

    def _overview(self, asker: Asker) -> Report:
        allowed = self.allowed(asker)
        mine = [action for action in self.catalogue() if allowed(action)]
        lines = []
        for risk, title in _GROUPS:
            group = [action for action in mine if action.risk is risk]
            if group:
                lines.append(Line(text=title, detail="\n".join(f"{usage(a)} — {a.summary}" for a in group)))
        lead = (
            "Type /ops and one of these." if mine else "You may run nothing here: no role of yours has a rule for it."
        )
        return Report(
            title="What you may run here",
            lead=lead,
            lines=tuple(lines),
            notes=("help COMMAND explains one. A change shows its plan first and runs after somebody's yes.",),
            suggestions=(Suggestion(label="Health", words="health"), Suggestion(label="Requests", words="requests")),
        )


def _one(action: AnyAction) -> Report:
    risks = dict(_GROUPS)
    return Report(
        title=f"/ops {usage(action)}",
        lead=action.summary,
        facts=tuple(
            Fact(label=field.name, value=f"{field.hint}{' Needed.' if field.required else ''}")
            for field in fields_of(action)
        ),
        lines=tuple(Line(text=f"/ops {example}") for example in action.examples),
        notes=(risks[action.risk],),
    )
