"""The documentation is run: its example, its tables, its names, and the example configuration."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, assert_never

import httpx
import pytest
from pydantic import BaseModel
from typer.main import get_command

from bot.ask.catalogue import Catalogue
from bot.ask.parse import parse, usage
from bot.decide.policy import Allow, Decision, Deny, NeedsApproval, Question, Role, Rule, Window, applying, decide
from bot.settings import (
    Environment,
    Limits,
    OpsToml,
    PersonSetting,
    Team,
    parse_toml,
)
from bot.words.action import Asker, Undoable, words_of
from bot.words.exceptions import Misconfigured, NotUnderstood
from bot.words.params import duration_text
from bot.words.ports import Roster
from bot.words.report import PersonId
from bot.words.request import MOVES, Mode, State, Via
from commands import command_files, commands
from integrations import open_services
from integrations.kinds import KINDS
from ops.cli import app
from tests.commands.world import Board, bare_house
from tests.services import page as services_page
from tests.test_promises import catalogue

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def tables(text: str, heading: str) -> Iterator[list[dict[str, str]]]:
    """Rows of each Markdown table whose first heading is this one."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        head, _, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
        if head[0] == heading:
            yield [dict(zip(head, row, strict=True)) for row in rows]


# -- docs/adding-an-action.md


@pytest.fixture
def promos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Undoable[Any, Any], Board]:
    """The page's action, as a company would load it, on a shop with two promotions and a newsletter."""
    text = page("adding-an-action.md")
    (code,) = blocks(text, "python")
    (setting,) = blocks(text, "toml")
    settings = parse_toml(tomllib.loads(setting))
    (module,) = settings.modules
    file = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True)
    file.write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    board = Board("shop-db")
    for number, name in enumerate(("Promo spring", "Promo summer", "Newsletter")):
        board.add(str(number), name)
    (action,) = (each for each in commands(bare_house(board), settings.modules) if each.words == "promos pause")
    assert isinstance(action, Undoable)
    return action, board


async def test_the_example_action_does_what_its_page_says(promos: tuple[Undoable[Any, Any], Board]) -> None:
    action, board = promos
    for example in action.examples:
        parsed = parse(Catalogue((action,)), example)
        plan = await action.preview_for(Asker(PersonId("U0ANA")), parsed.params)
    assert plan.headline == "Pause 2 of 2 promotions."
    assert plan.ends_after == timedelta(hours=2)

    receipt = await action.execute(plan)
    assert board.states() == {"Promo spring": "paused", "Promo summer": "paused", "Newsletter": "running"}
    undone = await action.undo(plan, receipt)
    assert undone.headline == "Started 2 promotions again."
    assert set(board.states().values()) == {"running"}


def test_the_example_action_is_typed_as_its_page_says(promos: tuple[Undoable[Any, Any], Board]) -> None:
    action, _ = promos
    assert action.words == "promos pause"
    assert usage(action) == "promos pause reason=… [for=…]"
    assert action.summary == "Pause every promotion"


def test_a_module_without_actions_is_said_to_have_none() -> None:
    with pytest.raises(Misconfigured, match=r"modules: 'acme\.nowhere' cannot be imported"):
        commands(bare_house(), parse_toml({"modules": ["acme.nowhere"]}).modules)
    with pytest.raises(Misconfigured, match=r"tests\.contracts has no actions\(house\)"):
        commands(bare_house(), parse_toml({"modules": ["tests.contracts"]}).modules)


# -- docs/policy.md

SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONDAY = SATURDAY + timedelta(days=2)
WHEN: Mapping[str, dict[str, Any]] = {
    "": {},
    "with break-glass": {"break_glass": True},
    "half of its life is over": {"escalated": ("cto",)},
    "2 minutes after the last run": {"last_run": MONDAY - timedelta(minutes=2)},
    "on a Saturday": {"now": SATURDAY},
    "on a Saturday, with override=": {"now": SATURDAY, "override": True},
}


def _policies() -> list[OpsToml]:
    people, rules = blocks(page("policy.md"), "toml")
    return [parse_toml(tomllib.loads(people)), parse_toml(tomllib.loads(people + rules))]


def _roster(settings: OpsToml) -> Roster:
    members = {
        role: frozenset(person.slack for person in settings.people.values() if role in person.roles)
        for role in settings.roles
    }
    return Roster(members=members, read_at=MONDAY)


def _in_words(decision: Decision, who: str) -> str:
    def listed(people: tuple[PersonId, ...]) -> str:
        return ", ".join(sorted(person.removeprefix("U0").lower() for person in people))

    match decision:
        case Allow():
            return "at once, for everyone" if decision.open else "at once"
        case Deny():
            return f"refused by {decision.rule}"
        case NeedsApproval(needs=needs):
            others = tuple(person for person in needs.approvers if person != f"U0{who.upper()}")
            approve = f"{needs.count} of {listed(others)} approve{'' if needs.count > 1 else 's'}"
            match needs.mode:
                case Mode.CONFIRM:
                    return f"{listed(needs.approvers)} confirms"
                case Mode.OTHERS:
                    return approve
                case Mode.TYPED if needs.break_glass:
                    return f"types the phrase; {listed(needs.skipped)} are told"
                case Mode.TYPED:
                    return f"types the phrase, or {approve}"
                case _:
                    assert_never(needs.mode)
        case _:
            assert_never(decision)


def _questions() -> list[Any]:
    both = list(tables(page("policy.md"), "who"))
    return [
        pytest.param(row, settings, id=" ".join(filter(None, (f"{number}:", *list(row.values())[:4]))))
        for number, (rows, settings) in enumerate(zip(both, _policies(), strict=True))
        for row in rows
    ]


@pytest.mark.parametrize(("row", "settings"), _questions())
def test_policy_answers_as_its_page_says(row: dict[str, str], settings: OpsToml) -> None:
    action = catalogue().get(row["types"].strip("`"))
    assert action is not None, f"docs/policy.md asks about {row['types']}, which is no command"
    terminal = row["in"] == "the terminal"
    facts: dict[str, Any] = {
        "action": action.words,
        "risk": action.risk,
        "restricted": action.restricted,
        "who": settings.people[row["who"]].slack,
        "via": Via.TERMINAL if terminal else Via.SLASH,
        "channel": None if terminal else "C0",
        "channel_name": None if terminal else row["in"].removeprefix("#"),
        "now": MONDAY,
        "target": "something",
    }
    decision = decide(Question(**facts | WHEN[row["when"]]), settings.policy(), _roster(settings))
    assert _in_words(decision, row["who"]) == row["answer"]


def test_the_defaults_of_a_rule_are_those_of_its_page() -> None:
    (rows,) = tables(page("policy.md"), "setting")
    told = {row["setting"].strip("`"): row["if no rule says it"] for row in rows}
    assert told.keys() == Rule.model_fields.keys(), "docs/policy.md lists other settings than a rule has"
    policy = _policies()[0].policy()
    default, restricted = applying(policy, "retry"), applying(policy, "audit", restricted=True)
    approvers = tuple(name for name, role in policy.roles.items() if role.approves)
    assert (default.ask, restricted.ask, default.approvers) == (tuple(policy.roles), approvers, approvers)
    assert (default.open, policy.open_answers, told["open"]) == (None, Team().open_answers, "as `open_answers` says")
    for setting in told.keys() - {"ask", "approvers", "open"}:
        value = getattr(default, setting)
        assert told[setting].strip("`") == _shown(value), f"the default of {setting}"


def _shown(value: object) -> str:
    match value:
        case timedelta():
            return duration_text(value)
        case bool():
            return str(value).lower()
        case tuple():
            return ", ".join(value) or "nobody"
        case _:
            return str(value)


# -- ops.example.toml


def example(*, uncommented: bool = False) -> dict[str, Any]:
    text = (ROOT / "ops.example.toml").read_text(encoding="utf-8")
    # A comment has a blank after its "#"; a setting at its default has none.
    return tomllib.loads(re.sub(r"^#(?=[a-z_\[])", "", text, flags=re.M) if uncommented else text)


@pytest.mark.parametrize("uncommented", [False, True], ids=["as it is", "with every default written out"])
async def test_the_example_configuration_is_taken(uncommented: bool) -> None:
    raw = example(uncommented=uncommented)
    settings = parse_toml(raw)
    async with httpx.AsyncClient() as http:
        services = open_services(settings.services, http, lambda reference: reference)
        assert set(services) == set(raw["services"])


def test_the_example_configuration_names_every_setting() -> None:
    raw = example(uncommented=True)
    assert raw.keys() >= OpsToml.model_fields.keys(), "ops.example.toml lacks a table of OpsToml"
    models: list[tuple[str, type[BaseModel], list[Mapping[str, Any]]]] = [
        ("team", Team, [raw["team"]]),
        ("limits", Limits, [raw["limits"]]),
        ("people.*", PersonSetting, list(raw["people"].values())),
        ("roles.*", Role, list(raw["roles"].values())),
        ("rules.*", Rule, list(raw["rules"].values())),
        ("freezes", Window, raw["freezes"]),
    ]
    for module in command_files():
        if hasattr(module, "Settings"):
            words = words_of(module.__name__)
            models.append((f"commands.{words}", module.Settings, [raw["commands"].get(words, {})]))
    for name, kind in KINDS.items():
        of_kind = [table for table in raw["services"].values() if table["kind"] == name]
        assert of_kind, f"ops.example.toml has no service of the kind {name}"
        models.append((f"services of kind {name}", kind.section, of_kind))
    for where, model, found in models:
        written = set().union(*(table.keys() for table in found))
        wanted = {info.alias or name for name, info in model.model_fields.items()}
        assert wanted - written == set(), f"ops.example.toml, {where}: write these, commented out where that is best"


def test_what_is_commented_out_is_the_default() -> None:
    active, whole = parse_toml(example()), parse_toml(example(uncommented=True))
    # What audit.keep is by default, forever, cannot be written.
    read_elsewhere: dict[str, Any] = {"services": {}, "rules": {}, "commands": {}, "audit": None}
    assert whole.model_copy(update=read_elsewhere) == active.model_copy(update=read_elsewhere)
    for words, table in whole.commands.items():
        (model,) = (each.Settings for each in command_files() if words_of(each.__name__) == words)
        assert model.model_validate(table) == model.model_validate(active.commands[words])
    for name in whole.rules:
        assert applying(whole.policy(), name) == applying(active.policy(), name)
    for name, table in example(uncommented=True)["services"].items():
        section = KINDS[table["kind"]].section
        assert section.model_validate(table) == section.model_validate(example()["services"][name])


# -- names


def test_the_states_are_drawn_as_they_are() -> None:
    (drawn,) = re.findall(r"^States: (.*?)\.$", page("architecture.md"), re.M | re.S)
    told: dict[State, set[State]] = {}
    for chain in re.findall(r"`([^`]+)`", drawn):
        steps = [[State(word.strip()) for word in step.split("|")] for step in chain.split("->")]
        for sources, targets in pairwise(steps):
            for source in sources:
                told.setdefault(source, set()).update(targets)
    assert told == {source: set(targets) for source, targets in MOVES.items() if targets}


PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md"])


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_file_that_is_named_is_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
    missing = [name for name in linked if not (file.parent / name).exists()]
    folders = "bot|commands|integrations|ops|sandbox|tests|docs"
    quoted = re.findall(rf"`((?:{folders})/[\w./-]*|[\w-]+\.(?:toml|yml|txt|md))`", text)
    missing += [name for name in quoted if not (ROOT / name).exists() and name not in ("ops.toml", "cleanup.yml")]
    missing = [name for name in missing if "flagpole" not in name]  # the example of docs/adding-a-kind.md
    assert missing == [], f"{file.name} names files that are not there"


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_command_that_is_named_can_be_typed(file: Path) -> None:
    for words in re.findall(r"`/ops ([a-z][^`]*)`", file.read_text(encoding="utf-8")):
        first = words.removeprefix("break-glass ")
        if first.startswith("promos "):  # of docs/adding-an-action.md
            continue
        try:
            catalogue().find(first)
        except NotUnderstood as error:
            pytest.fail(f"{file.name} names /ops {words}: {error}")


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_word_for_the_terminal_is_one(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for words in re.findall(r"`ops ([a-z][^`]*)`", text):
        command: Any = get_command(app)
        known = {"--help"}
        for word in words.split():
            command = getattr(command, "commands", {}).get(word) or command
            known |= {option for parameter in command.params for option in parameter.opts}
            assert word in known or not word.startswith("--"), f"{file.name}: ops {words}: there is no {word}"
        assert words.split()[0] in get_command(app).commands, f"{file.name} names ops {words}"  # type: ignore[attr-defined]
        assert not hasattr(command, "commands"), f"{file.name}: ops {words} ends before its command does"
    made = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for words in re.findall(r"(?:`|^)make ([a-z][a-z0-9 -]*)", text, re.M):
        assert set(words.split()) <= made, f"{file.name} names make {words}, which is not in the Makefile"


def test_every_variable_of_the_environment_is_listed() -> None:
    (rows,) = tables(page("operations.md"), "variable")
    told = {row["variable"].strip("`").lower() for row in rows}
    assert Environment.model_fields.keys() - told == {"slack_api_url"}, "docs/operations.md lists what a team sets"
    assert told <= Environment.model_fields.keys()


# -- docs/services.md


def test_the_page_on_services_is_what_their_settings_say() -> None:
    assert services_page.PAGE.read_text(encoding="utf-8") == services_page.page(), "type make docs"
