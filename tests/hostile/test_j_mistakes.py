"""Kind: what is wrong in ops.toml is told with the file's name, the line and the nearest right key, in plain words."""

import re
from pathlib import Path

import httpx
import pytest

from bot.settings import placing, read_toml
from bot.words.exceptions import Misconfigured
from bot.words.toml_lines import line_of
from integrations import open_services

JARGON = re.compile(
    r"Extra inputs|Input should|Field required|valid tuple|type=|pydantic|ValidationError|further information|dict\b"
)

# What stands in the file, and the sentence after its name.
MISTAKES = {
    "a key that is not known": ("[team]\ntimezon = 1", "line 2: team.timezon is not a setting; did you mean timezone?"),
    "a table that is not known": ("\n\n[teem]\nname = 'x'", "line 3: teem is not a setting; did you mean team?"),
    "an unknown key of a role": ("[roles.lead]\n# who\naproves = true", "line 3: roles.lead.aproves is not a setting"),
    "text for a list": ("[rules.retry]\napprovers = 'lead'", 'line 2: rules.retry.approvers: write a list'),
    "a number for a text": ("[team]\nname = 7", "line 2: team.name: write a text in quotes"),
    "a table for a list": ("[freezes]\nname = 'x'", "line 1: freezes: write a list"),
    "a word for a number": ("[limits]\nexecutors = 'many'", "line 2: limits.executors: write a whole number"),
    "too small a number": ("[limits]\nexecutors = 0", "line 2: limits.executors: write 1 or more"),
    "no duration": ("[limits]\nrun = 'soon'", "line 2: limits.run: "),
    "no time zone": ("[team]\n\ntimezone = 'Mars'", "line 3: team.timezone: 'Mars' is no time zone"),
    "what is missing": ("[people.ana]\nroles = []", "line 1: people.ana.slack is missing; write it"),
    "within a list of tables": (
        "[[freezes]]\nname = 'a'\ntimezone = 'UTC'\nfrom = '10:00'\nto = '11:00'\n[[freezes]]\nname = 'b'\n"
        "timezone = 'UTC'\nfrom = 'ten'\nto = '11:00'",
        "line 9: freezes.1.from: write a time of day, like 09:30",
    ),
    "below a text of several lines": ("[team]\nname = '''\n[limits]\nx = 1\n'''\ntimezon = 1", "line 6: team.timezon"),
    "below a list of several lines": ("[team]\nopen_answers = [\n  '#a', # ]\n]\nnme = 1", "line 5: team.nme"),
    "in one line's table": ("team = { timezon = 'UTC' }", "line 1: team.timezon"),
    "with quotes in the key": ('[rules."deploys *"]\nask = "oncall"', "line 2: rules.deploys *.ask: write a list"),
    "a role that nobody defined": ("[people.ana]\nslack = 'U0'\nroles = ['led']", "line 3: people.ana has the role"),
    "one Slack id twice": (
        "[people.ana]\nslack = 'U0ANA'\n[people.mia]\nslack = 'U0ANA'", "line 4: people.mia has the same Slack id"
    ),
    "yes in quotes": ("[roles.lead]\napproves = 'sure'", "line 2: roles.lead.approves: write true or false"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_one_mistake_is_one_sentence_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "ops.production.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        read_toml(file)
    told = str(caught.value)
    assert told.startswith(f"{file}, {said}"), told
    assert not JARGON.search(told), told
    assert len(told.splitlines()) == 1


SERVICES = {
    "a kind that is not known": ('\n[services.n8n]\nkind = "n8m"', "line 3: services.n8n.kind 'n8m' is not known"),
    "no kind": ('[services.n8n]\nurl = "x"', "line 1: services.n8n.kind is missing"),
    "an unknown key": ('[services.a]\nkind = "http"\nurll = "https://a.example"', "line 1: services.a.url is missing"),
    "a name that nobody could type": ('[services."Our Shop"]\nkind = "http"', "line 1: services.Our Shop"),
}


@pytest.mark.parametrize(("text", "said"), SERVICES.values(), ids=SERVICES.keys())
async def test_the_same_of_a_service(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "ops.production.toml"
    file.write_text(text)
    settings = read_toml(file)
    async with httpx.AsyncClient() as http:
        with pytest.raises(Misconfigured) as caught, placing(file):
            open_services(settings.services, http, str)
    told = str(caught.value)
    assert said in told, told
    assert told.startswith(str(file))
    assert not JARGON.search(told), told


def test_ten_at_once_the_worst_first(tmp_path: Path) -> None:
    """What is missing before what is not known before a value that does not fit; then as they stand in the file."""
    file = tmp_path / "ops.toml"
    values = "".join(f"[rules.r{number}]\ncount = 9\n" for number in range(9))
    file.write_text(f"{values}[team]\nnam = 1\ntimezon = 2\n[people.ana]\n")
    with pytest.raises(Misconfigured) as caught:
        read_toml(file)
    first, *told = str(caught.value).splitlines()
    assert first == f"{file} has 12 mistakes:"
    assert [line.split(": ")[0].strip() for line in told[:4]] == ["line 22", "line 20", "line 21", "line 2"]
    assert (len(told), told[-1].strip()) == (11, "and 2 more")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["without", "with"])
def test_a_byte_order_mark_is_read(mark: bytes, tmp_path: Path) -> None:
    file = tmp_path / "ops.toml"
    file.write_bytes(mark + b"[team]\nname = 'Acme'\n")
    assert read_toml(file).team.name == "Acme"


def test_a_line_is_found_or_that_of_the_table_around_it() -> None:
    text = 'a = 1\n[b.c]\n"d e" = [\n 1\n]\nf.g = 2\n[[h]]\nx = 1\n[[h]]\nx = 2\n'
    places = {
        ("a",): 1, ("b",): 2, ("b", "c"): 2, ("b", "c", "d e"): 3, ("b", "c", "d e", 0): 3, ("b", "c", "f", "g"): 6,
        ("b", "c", "missing"): 2, ("h", 0, "x"): 8, ("h", 1, "x"): 10, ("h", 1, "y"): 9, ("nowhere",): None,
    }  # fmt: skip
    assert {place: line_of(text, place) for place in places} == places
