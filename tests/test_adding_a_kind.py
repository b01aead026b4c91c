"""docs/adding-a-kind.md, executed as written: one folder, and everything else knows the kind."""

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest

import integrations
import sandbox.world
from bot.words.exceptions import Misconfigured
from bot.words.report import Status
from integrations import open_services
from integrations.capabilities import Credentialed, Switches
from integrations.kinds import KINDS, kinds_that_can
from ops.rights import rights_probe
from sandbox.world import World
from sandbox.world.vendors import StandIn, vendors
from tests.road.story import Clock, process
from tests.services import page as services_page
from tests.services.matrix import filled
from tests.test_docs import ROOT, blocks, page

TEXT = page("adding-a-kind.md")
KEY = "fp_l1ve"


@pytest.fixture
def flagpole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The page's folder and its stand-in, where the two rooms find them."""
    folder, standin = blocks(TEXT, "python")
    files = {"integrations/flagpole/__init__.py": folder, "sandbox/world/flagpole.py": standin}
    for name, code in files.items():
        assert f"`{name}`" in TEXT, f"the page does not say where {name} goes"
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.setattr(integrations, "__path__", [*integrations.__path__, str(tmp_path / "integrations")])
    monkeypatch.setattr(sandbox.world, "__path__", [*sandbox.world.__path__, str(tmp_path / "sandbox/world")])
    yield importlib.import_module("sandbox.world.flagpole").FakeFlagpole(KEY)
    for name in ("integrations.flagpole", "sandbox.world.flagpole"):
        sys.modules.pop(name, None)


def table() -> dict[str, Any]:
    (written,) = blocks(TEXT, "toml")
    found: dict[str, Any] = tomllib.loads(written.replace("\n#", "\n"))["services"]["flags"]
    return found


async def test_its_table_is_taken_and_has_every_setting(flagpole: StandIn) -> None:
    section = KINDS["flagpole"].section
    assert table().keys() == section.model_fields.keys()
    active = {name: table()[name] for name in ("kind", "api_key")}
    assert section.model_validate(table()) == section.model_validate(active)
    async with httpx.AsyncClient() as http:
        assert list(open_services({"flags": table()}, http, str)) == ["flags"]
        with pytest.raises(Misconfigured, match='Did you mean "flagpole"'):
            open_services({"flags": {"kind": "flagpol"}}, http, str)


def test_the_answer_to_a_command_without_a_service_knows_it(flagpole: StandIn) -> None:
    assert "flagpole" in kinds_that_can(Switches)


def test_the_page_of_services_knows_it(flagpole: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_page, "vendors", lambda: {**vendors(), "flags": flagpole})
    monkeypatch.setenv("DEMO_FLAGPOLE_API_KEY", KEY)
    written = services_page.page()
    own = written.split("## flagpole\n")[1].split("\n## ")[0]
    assert "Flagpole: feature flags that are turned off and on again." in own
    assert "Can: health, test, keys, pause." in own
    assert "A key with flags:read" in own
    assert "| `url` | `https://api.flagpole.example` |" in own


async def test_every_command_that_it_can_serve_works(flagpole: StandIn, database: str, tmp_path: Path) -> None:
    """The matrix, with `/ops pause` undone again; the doctor; help, since only what can work is in the catalogue."""
    async with World(None, others={"flags": flagpole}) as world:
        settings = {"services": {"flags": flagpole.section(world.urls["flags"])}}
        with patch.dict("os.environ", world.environment()):
            async with process(database, tmp_path / "data", world, settings, Clock()) as story:
                cells = {cell.column: cell for cell in await filled(story.ops) if cell.service == "flags"}
                found = await rights_probe(story.ops.services.having(Credentialed))()
                typed = {action.words for action in story.ops.catalogue}
    assert {name: cell.why for name, cell in cells.items()} == dict.fromkeys(("health", "test", "keys", "pause"), "")
    assert {"pause", "resume", "health", "test"} <= typed
    assert [finding.status for finding in found] == [Status.OK]
    assert getattr(flagpole, "flags")["f1"]["on"]  # noqa: B009 - the class is the page's


def test_nothing_else_names_a_kind() -> None:
    """The rules of who imports whom hold for a folder that nobody has written yet."""
    rules = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[tool.importlinter]")[1]
    assert [kind for kind in KINDS if f"{kind} |" in rules or f"| {kind}" in rules] == []
