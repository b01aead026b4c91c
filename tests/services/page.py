"""`make docs`: docs/services.md, written from the services' own settings, rights and abilities."""

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import httpx
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.words.params import duration_text
from integrations import Services, open_services
from integrations.kinds import KINDS
from integrations.plumbing.section import Section
from sandbox.world import World
from sandbox.world.vendors import vendors
from tests.services.columns import COLUMNS
from tests.services.matrix import sections

PAGE = Path(__file__).parents[2] / "docs" / "services.md"
NOWHERE = "http://127.0.0.1:9"
HEAD = """# Services

What each kind of service needs in `ops.toml`, what its credential must be allowed to do at least, and what can be
undone. This page is written by `make docs`; [ops.example.toml](../ops.example.toml) has an example of each.

A service is a table `[services.NAME]`; the name is what people type. A credential never stands there, but where to find
it: `env:NAME`, `file:/path`, or `command:program argument`.
"""


def page() -> str:
    services = every_kind()
    parts = [HEAD, _matrix(services)]
    for name, kind in KINDS.items():
        parts.append(_kind(name, kind.section, services))
    return "\n".join(parts)


def every_kind() -> Services:
    """Every kind once, as in the whole world; nothing is contacted."""
    world = World("postgresql://nowhere", others=vendors())
    world.urls = dict.fromkeys(("n8n", "storefront", "payments-api", *world.others), NOWHERE)
    return open_services(sections(world), httpx.AsyncClient(), world.secret)


def _matrix(services: Services) -> str:
    rows = ["| to | kinds |", "|---|---|"]
    for column in COLUMNS:
        able = sorted({client.kind for client in services.having(column.protocol)})
        rows.append(f"| {column.name} | {', '.join(able)} |")
    return "## What can be done where\n\n" + "\n".join(rows) + "\n"


def _kind(kind: str, section: type[Section], services: Services) -> str:
    able = [column.name for column in COLUMNS
            if any(client.kind == kind for client in services.having(column.protocol))]  # fmt: skip
    told = (inspect.getdoc(inspect.getmodule(section)) or "").partition("\n\n")[0].replace("\n", " ")
    parts = [f"## {kind}", told, f"Can: {', '.join(able)}." if able else ""]
    for label, text in (("Rights", "rights"), ("Undo", "undo")):
        if said := getattr(section, text, ""):
            parts.append(f"**{label}.** {said}")
    rows = ["| setting | default | |", "|---|---|---|"]
    rows += [f"| `{name}` | {default} | {hint} |" for name, default, hint in _settings(section)]
    return "\n\n".join([*filter(None, parts), "\n".join(rows)]) + "\n"


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Nested tables after the setting that holds them, with its name in front."""
    for name, field in model.model_fields.items():
        if name == "kind" and not prefix:
            continue
        yield f"{prefix}{name}", _default(field), _cell(field.description or "")
        for inner in models(field.annotation):
            yield from _settings(inner, f"{prefix}{name}.")


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType, tuple, list, Annotated) or isinstance(
        annotation, types.GenericAlias
    ):
        for part in get_args(annotation):
            yield from models(part)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    match value:
        case None | "" | ():
            return ""
        case timedelta():
            return f"`{duration_text(value)}`"
        case bool():
            return f"`{str(value).lower()}`"
        case Mapping():
            return ""
        case tuple() if all(isinstance(each, str | int) for each in value):
            return f"`{', '.join(str(each).strip(chr(34)) for each in value)}`"
        case tuple() | BaseModel():
            return ""
        case _:
            return f"`{str(value).strip(chr(34))}`"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {len(KINDS)} kinds")
