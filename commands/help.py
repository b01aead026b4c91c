"""/ops help: what you may run here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cachetools import LRUCache

from bot.ask.catalogue import Catalogue
from bot.ask.parse import fields_of, usage
from bot.words.action import AnyAction, Asker, Lookup, Risk
from bot.words.params import Params
from bot.words.report import Fact, Line, Report, Suggestion
from bot.words.unread import unread
from commands import House


class Help(Params):
    positional = ("command", "more")

    command: str | None = None
    """A command's words; all that you may run if left out."""
    more: str | None = None
    """Second word of a command that has two."""


_TOGETHER = 20
"""Commands in one section."""
_GROUPS: Sequence[tuple[Risk, str]] = (
    (Risk.READ, "Look"),
    (Risk.CHANGE, "Change: you confirm the plan"),
    (Risk.DESTRUCTIVE, "Change: somebody else approves the plan"),
)


@dataclass(frozen=True)
class ShowHelp(Lookup[Help]):
    """What you may run here."""

    catalogue: Callable[[], Catalogue]
    allowed: Callable[[Asker], Callable[[AnyAction], bool]]
    _overviews: LRUCache[tuple[str, ...], Report] = field(default_factory=lambda: LRUCache(64), compare=False)
    """By the words of what is in them: people of one role read the same."""
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
        key = (*(action.words for action in mine), *(f"unread {role}" for role in asker.unread))
        report = self._overviews.get(key)
        if report is None:
            report = self._overviews[key] = self._listing(mine, asker.unread)
        return report

    def _listing(self, mine: Sequence[AnyAction], unread_roles: Sequence[str]) -> Report:
        lines = []
        for risk, title in _GROUPS:
            group = [f"{usage(action, brief=True)} — {action.summary}" for action in mine if action.risk is risk]
            # A section of a card holds 3,000 characters.
            lines += [
                Line(text=title if at == 0 else f"{title} (more)", detail="\n".join(group[at : at + _TOGETHER]))
                for at in range(0, len(group), _TOGETHER)
            ]
        nothing = "You may run nothing else here: ask whoever keeps ops.toml for a role."
        if unread_roles:
            nothing = unread(unread_roles)
        lead = "Type /ops and one of these." if len(mine) > 1 else nothing
        return Report(
            title="What you may run here",
            lead=lead,
            lines=tuple(lines),
            notes=(
                "help COMMAND explains one. A change shows its plan first and runs after somebody's yes.",
                unread(unread_roles) if unread_roles and len(mine) > 1 else "",
            ),
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


def actions(house: House) -> ShowHelp:
    return ShowHelp(house.catalogue, house.allowed)
