"""Which workflow a person means."""

from collections.abc import Sequence

from bot.words.exceptions import NotUnderstood
from bot.words.params import Params
from commands._shared.asking import Heard
from commands._shared.retyping import retyped
from commands._shared.services import closest
from integrations.capabilities import Workflow, Workflows


def the_workflow(
    name: str, heard: Heard[Workflows, Sequence[Workflow]], *, words: str, asked: Params
) -> tuple[Workflows, Workflow]:
    """By its id, or by its name. Raises NotUnderstood where it is unknown or means several."""
    everything = [(service, each) for service, found in heard.read for each in found]
    called = [pair for pair in everything if name == pair[1].id]
    called = called or [pair for pair in everything if name.casefold() == pair[1].name.casefold()]
    if len(called) == 1:
        return called[0]
    if called:
        choices = {
            f"{each.id} of {service.name}": retyped(words, asked, name=each.id, service=service.name)
            for service, each in called
        }
        raise NotUnderstood(f"{name!r} means several: {'; '.join(choices)}.", choices=choices)
    close = closest(name, (each.name for _, each in everything))
    instead = f"Did you mean {close!r}?" if close else "`workflows` lists them."
    ids = {each.name: each.id for _, each in everything if '"' in each.name}  # which cannot be typed
    hint = retyped(words, asked, name=ids.get(close, close)) if close else "workflows"
    missing = "".join(f" {sentence}" for sentence in heard.missing)
    raise NotUnderstood(f"There is no workflow {name!r}. {instead}{missing}", hint=hint)
