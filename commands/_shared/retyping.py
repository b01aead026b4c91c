"""The line that somebody typed, with some of it put otherwise."""

import re
from typing import get_args

from bot.words.params import FreeText, Params, Spaced


def retyped(words: str, params: Params, **instead: str | None) -> str:
    """The whole line that was typed, with some of it put otherwise; None leaves it out.

    A hint that forgets what was asked means something else: `user=app` left out ends everybody's connections.
    """
    told = params.model_copy(update=instead).model_dump(mode="json", exclude_defaults=True)
    flags = {_typed(name) for name, info in type(params).model_fields.items() if info.annotation is bool}
    line, bare = [words], True
    for name in params.positional:
        value = told.get(name)
        bare = bare and value is not None and not _marked(params, name, FreeText)
        bare = bare and not ('"' in str(value) and _marked(params, name, Spaced))  # as name=, its quotes can be typed
        bare = bare and str(value).lower() not in flags  # a service may be called fresh
        if bare:
            line.append(_quoted(str(told.pop(name)), free=False))
    for name in type(params).model_fields:
        match told.get(name):
            case None | "":
                continue
            case bool(value):
                line.append(f"{_typed(name)}={'yes' if value else 'no'}")
            case dict(pairs):
                line += [f"{pair}={_quoted(str(value), free=False)}" for pair, value in pairs.items()]
            case value:
                line.append(f"{_typed(name)}={_quoted(str(value), free=_marked(params, name, Spaced))}")
    return " ".join(line)


def _typed(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _marked(params: Params, name: str, mark: type[Spaced]) -> bool:
    info = type(params).model_fields[name]
    marks = [each for arm in (info.annotation, *get_args(info.annotation)) for each in getattr(arm, "__metadata__", ())]
    return any(isinstance(each, mark) for each in (*info.metadata, *marks))


def _quoted(value: str, *, free: bool) -> str:
    """As one value. Free text with double quotes of its own stands bare; elsewhere nothing can be typed for them."""
    if free and '"' in value:
        return value
    plain = value.replace('"', "'")
    return f'"{plain}"' if re.search(r"[\s=]", plain) else plain
