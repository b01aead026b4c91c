"""Finds actions by their words: longest match, did-you-mean, usage lines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from bot.words.action import AnyAction
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.report import Report, Suggestion


@dataclass(frozen=True)
class Absent:
    """A command that no service of ops.toml can carry out: nobody is offered it. What was asked while one could is gone
    on with, so that it can be undone and looked at."""

    action: AnyAction
    why: Callable[[], str]
    """Says what ops.toml would need, for whoever types it all the same."""


class Catalogue:
    """Every action there is, each under its words. It is opened empty, handed to whatever looks actions up, and filled
    at the start: some of the actions look others up themselves."""

    def __init__(self, actions: Iterable[AnyAction] = (), absent: Iterable[Absent] = ()) -> None:
        self._by_words: dict[str, AnyAction] = {}
        self._absent: dict[str, Absent] = {}
        self.add(actions, absent)

    @property
    def absent(self) -> tuple[Absent, ...]:
        return tuple(self._absent.values())

    def add(self, actions: Iterable[AnyAction], absent: Iterable[Absent] = ()) -> None:
        """Raises Misconfigured where two share the same words."""
        for action in actions:
            if self._by_words.setdefault(action.words, action) is not action:
                raise Misconfigured(f"two actions are called {action.words!r}; rename one module")
        for each in absent:
            words = each.action.words
            if words in self._by_words or self._absent.setdefault(words, each) is not each:
                raise Misconfigured(f"two actions are called {words!r}; rename one module")

    def __iter__(self) -> Iterator[AnyAction]:
        return iter(self._by_words.values())

    def get(self, words: str) -> AnyAction | None:
        """The action of these exact words, for a request that is stored; absent ones too."""
        absent = self._absent.get(words)
        return absent.action if absent else self._by_words.get(words)

    def offered(self, words: str) -> AnyAction:
        """The action of these exact words, for what is asked now. Raises NotUnderstood where there is none."""
        if action := self._by_words.get(words):
            return action
        if absent := self._absent.get(words):
            raise NotUnderstood(absent.why(), hint="help")
        raise NotUnderstood("There is no such command any more.", hint="help")

    def reachable(self, report: Report) -> Report:
        """Without the suggestions that would only hear that their command is absent."""

        def kept(suggestions: tuple[Suggestion, ...]) -> tuple[Suggestion, ...]:
            return tuple(each for each in suggestions if self._longest(each.words.split()) not in self._absent)

        lines = tuple(line.model_copy(update={"suggestions": kept(line.suggestions)}) for line in report.lines)
        return report.model_copy(update={"lines": lines, "suggestions": kept(report.suggestions)})

    def _longest(self, tokens: list[str]) -> str:
        """The longest words of a command, be it there or absent, that these begin with; empty where of none."""
        begins = (" ".join(tokens[:length]).lower() for length in range(min(len(tokens), 4), 0, -1))
        return next((words for words in begins if self.get(words)), "")

    def find(self, typed: str) -> tuple[AnyAction, str]:
        """The action whose words begin `typed`, the longest first, and what follows them.

        Raises NotUnderstood with the nearest words there are, or with what ops.toml would need for it.
        """
        tokens = typed.split()
        if not tokens:
            raise NotUnderstood("That names no command.", hint="help")
        if words := self._longest(tokens):
            rest = typed.split(maxsplit=words.count(" ") + 1)[words.count(" ") + 1 :]
            return self.offered(words), rest[0] if rest else ""
        group = sorted(words for words in self._by_words if words.startswith(f"{tokens[0].lower()} "))
        if group:
            near = nearest(" ".join(tokens[:2]).lower(), group)
            hint = " ".join([near[0], *tokens[2:]]) if near else group[0]
            raise NotUnderstood(f"{tokens[0]!r} needs a second word: {_either(group)}.", hint=hint)
        both = nearest(" ".join(tokens[:2]).lower(), self._by_words)
        near = both or nearest(tokens[0].lower(), self._by_words)
        # What was meant, with whatever followed the mistyped words.
        rest = typed.split(maxsplit=2 if both else 1)[2 if both else 1 :]
        meant = f" Did you mean {_either(near)}?" if near else " Type help for what you can run here."
        shown = typed.strip() if len(typed) <= 60 else f"{typed[:57]}…"
        raise NotUnderstood(
            f"There is no command {shown!r}.{meant}", hint=" ".join([near[0], *rest]) if near else "help"
        )


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Up to three known words that `word` may have been meant for, likeliest first."""
    return get_close_matches(word, list(known), n=3, cutoff=0.6)


def _either(words: list[str]) -> str:
    return " or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} or {words[-1]}"
