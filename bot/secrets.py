"""Looks secrets up where ops.toml says they are, and registers every value so that it never leaves again."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.errors import Misconfigured
from bot.redaction import Redactor


def reader(redactor: Redactor, environ: Mapping[str, str] = os.environ) -> Callable[[str], str]:
    """A function from `env:NAME` or `file:/path` to the value, read anew at each use: rotating needs no restart."""

    def read(reference: str) -> str:
        source, _, name = reference.partition(":")
        match source:
            case "env":
                value = environ.get(name, "").strip()
                missing = f"set the environment variable {name}"
            case "file":
                try:
                    value = Path(name).read_text(encoding="utf-8").strip()
                except OSError as error:
                    raise Misconfigured(f"{reference}: {error.strerror}; put the secret into that file") from error
                except ValueError:  # not chained: it holds the bytes
                    raise Misconfigured(f"{reference} is no UTF-8 text; put the secret into that file") from None
                missing = f"put the secret into {name}"
            case _:
                raise Misconfigured('a secret is written as "env:NAME" or "file:/path"')
        if not value:
            raise Misconfigured(f"{reference} is empty; {missing}")
        return redactor.register(value)

    return read
