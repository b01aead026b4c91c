"""How commands register themselves, and read settings of their own."""

from pathlib import Path
from typing import Any

import pytest

from bot.words.exceptions import Misconfigured
from commands import commands
from tests.commands.world import bare_house

OWN = """
from commands import House
from bot.words.report import Frozen


class Settings(Frozen):
    most: int = 3


def actions(house: House) -> tuple[()]:
    print(house.settings(Settings).most)
    return ()
"""


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"whitlist": {}}, r"commands\.whitlist is not a setting; did you mean commands\.whitelist\?"),
        ({"zzz": {}}, r"commands\.zzz is not a setting; write one of status, whitelist"),
        ({"whitelist": {"widest_v44": 9}}, r"commands\.whitelist\.widest_v44 is not .*; did you mean widest_v4\?"),
        ({"whitelist": {"widest_v4": 4}}, r"commands\.whitelist\.widest_v4: .*8"),
        ({"status": {"vendor_pages": 7}}, r"commands\.status\.vendor_pages: "),
    ],
)  # fmt: skip
def test_a_wrong_setting_of_a_command_is_refused_at_the_start(tables: dict[str, Any], told: str) -> None:
    with pytest.raises(Misconfigured, match=rf"ops\.toml: {told}"):
        commands(bare_house(tables=tables))


def test_a_module_of_a_company_has_settings_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shop" / "commands" / "price_tags" / "print.py"
    file.parent.mkdir(parents=True)
    file.write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    name = "shop.commands.price_tags.print"
    commands(bare_house(tables={"price-tags print": {"most": 5}}), [name])
    assert capsys.readouterr().out == "5\n"
    with pytest.raises(Misconfigured, match=r"commands\.price-tag print is not .* did you mean commands\.price-tags"):
        commands(bare_house(tables={"price-tag print": {}}), [name])
