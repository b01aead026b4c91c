"""Tables as people type them: the schema may be left out where one alone is called so."""

from collections.abc import Iterable

from bot.words.exceptions import NotUnderstood
from bot.words.params import Params
from commands._shared.retyping import retyped
from commands._shared.services import closest


def the_table(typed: str, listed: Iterable[str], *, unknown: str, words: str, asked: Params) -> str:
    """The listed table that is meant; `unknown` says that there is none. Raises NotUnderstood."""
    tables = list(dict.fromkeys(listed))
    called = [typed] if typed in tables else [each for each in tables if each.rpartition(".")[2] == typed]
    if len(called) == 1:
        return called[0]
    if called:
        choices = {table: retyped(words, asked, table=table) for table in called}
        raise NotUnderstood(f"{typed!r} means several: {', '.join(called)}. Say which.", choices=choices)
    close = closest(typed, tables)
    instead = f"Did you mean {close!r}?" if close else f"There are: {', '.join(tables)}."
    raise NotUnderstood(f"{unknown} {instead}", hint=retyped(words, asked, table=close) if close else "")
