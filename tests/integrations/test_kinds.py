"""A kind is a folder with one line; only kinds that ops.toml names are imported."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

import integrations
from bot.words.exceptions import Misconfigured
from integrations import capabilities
from integrations.kinds import KINDS, kinds_that_can
from integrations.plumbing.kind import Kind
from tests.services.page import every_kind

HOUSE = Path(integrations.__file__).parent


@pytest.mark.parametrize("name", [each.name for each in HOUSE.iterdir() if (each / "client.py").exists()])
def test_every_folder_says_which_kind_it_is(name: str) -> None:
    assert isinstance(KINDS[name], Kind)
    written = get_args(KINDS[name].section.model_fields["kind"].annotation)
    assert written == (name,), f'integrations/{name}: write kind: Literal["{name}"] in its section'


def test_a_folder_that_forgot_its_line_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "forgetful").mkdir()
    (tmp_path / "forgetful" / "__init__.py").touch()
    monkeypatch.setattr(integrations, "__path__", [*integrations.__path__, str(tmp_path)])
    assert "forgetful" in KINDS
    with pytest.raises(Misconfigured, match=r"integrations/forgetful/__init__.py lacks its line: KIND = Kind\("):
        KINDS["forgetful"]


IMPORTED = """
import sys, httpx
from bot.words.exceptions import Misconfigured
from integrations import open_services
for table in TABLES:
    try:
        open_services({"x": table}, httpx.AsyncClient(), str)
    except Misconfigured as error:
        print(error, file=sys.stderr)
print(*sorted({name.split(".")[1] for name in sys.modules if name.startswith("integrations.")}))
"""
OWN_N8N = {"kind": "n8n", "url": "https://n8n.example.com", "api_key": "env:KEY"}


@pytest.mark.parametrize(
    ("tables", "kinds"),
    [
        ([], set()),
        ([{}, {"kind": "n8m"}], set()),
        ([OWN_N8N], {"n8n"}),
        ([{"kind": "resend", "api_key": "env:KEY"}], {"resend", "statuspage"}),
    ],
    ids=["none", "unknown ones", "one", "one with its vendor's page"],
)
def test_only_kinds_that_are_named_are_imported(tables: list[dict[str, Any]], kinds: set[str]) -> None:
    script = IMPORTED.replace("TABLES", repr(tables))
    done = subprocess.run([sys.executable, "-c", script], cwd=HOUSE.parent, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"capabilities", "kinds", "plumbing"} == kinds


def _protocols() -> list[Callable[..., Any]]:
    found = [getattr(capabilities, name) for name in capabilities.__all__]
    return [each for each in found if getattr(each, "_is_runtime_protocol", False)]


@pytest.mark.parametrize("capability", _protocols(), ids=lambda each: each.__name__)
def test_which_kinds_could_is_what_their_clients_can(capability: Callable[..., Any]) -> None:
    assert set(kinds_that_can(capability)) == {client.kind for client in every_kind().having(capability)}


def test_any_of_several_capabilities_will_do() -> None:
    both = kinds_that_can(capabilities.Switches, capabilities.Issues)
    assert set(both) == {*kinds_that_can(capabilities.Switches), *kinds_that_can(capabilities.Issues)}
