"""Kind: whatever keeps the program from starting is one sentence that names the setting, and never a traceback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from sandbox.server import Sandbox
from sandbox.workspace import Workspace
from tests.hostile.program import Ended, environment, ran

REFUSED = 2
PASSWORD = "hunter-two-and-three"
SLACK = {"SLACK_BOT_TOKEN": "xoxb-sandbox", "SLACK_APP_TOKEN": "xapp-sandbox"}
SERVE, DOCTOR, VERIFY, RUN = ("serve",), ("doctor",), ("audit", "verify"), ("run", "health")
EVERY = (SERVE, DOCTOR, VERIFY, RUN)

Place = Callable[[Path], None]


def nothing(_: Path) -> None:
    pass


@dataclass(frozen=True)
class Broken:
    """One environment that cannot work."""

    name: str
    said: str
    """A part of the sentence."""
    env: dict[str, str] = field(default_factory=dict)
    """`{folder}`, `{slack}` and their like are filled in; an empty value takes the variable away."""
    words: tuple[str, ...] = SERVE
    toml: str | bytes = ""
    prepare: Place = nothing
    embedded: bool = False
    """Without DATABASE_URL."""


def at(place: str, content: str | bytes) -> Place:
    def write(folder: Path) -> None:
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def made(place: str) -> Place:
    return lambda folder: (folder / place).mkdir(parents=True)


def url(rest: str) -> dict[str, str]:
    return {"DATABASE_URL": rest.replace("PASSWORD", PASSWORD)}


TABLE = (
    *(Broken("closed port", "DATABASE_URL: nothing listens", url("postgresql://u:PASSWORD@127.0.0.1:1/d"), words)
      for words in EVERY),
    Broken("host unknown", "DATABASE_URL: its host is not known", url("postgresql://u:PASSWORD@no.such.invalid/d")),
    Broken("mysql", "DATABASE_URL begins with mysql://", url("mysql://u:PASSWORD@h/d"), DOCTOR),
    Broken("jdbc, understood", "its host is not known", url("jdbc:postgresql://no.such.invalid/d?user=PASSWORD"),
           VERIFY),
    Broken("asyncpg, understood", "its host is not known", url("postgresql+asyncpg://u:PASSWORD@no.such.invalid/d"),
           RUN),
    Broken("in quotes, understood", "its host is not known", url('"postgresql://u:PASSWORD@no.such.invalid/d"')),
    Broken("names and values", "DATABASE_URL is written as names and values", url("host=h password=PASSWORD")),
    Broken("a placeholder", "DATABASE_URL has a placeholder", url("postgresql://u:[YOUR-PASSWORD]@h/d")),
    Broken("no address", "DATABASE_URL is not an address", url("PASSWORD")),
    Broken("database unknown", "no database of that name", {"DATABASE_URL": "postgresql://handrail@/nope?{query}"},
           DOCTOR),
    Broken("user unknown", "does not let its user in", {"DATABASE_URL": "postgresql://nobody@/postgres?{query}"},
           VERIFY),
    Broken("sslmode", "DATABASE_URL: it is not an address", url("postgresql://u:PASSWORD@127.0.0.1:1/d?sslmode=maybe")),
    Broken("authority", "sslrootcert=", url("postgresql://u@127.0.0.1:1/d?sslmode=verify-full&sslrootcert=/nope")),
    Broken("port too high", "DATABASE_URL: it is not an address", url("postgresql://u:PASSWORD@127.0.0.1:99999/d")),
    Broken("port in letters", "DATABASE_URL: it is not an address", url("postgresql://u:PASSWORD@127.0.0.1:abc/d")),
    Broken("host too long", "DATABASE_URL: it is not an address", url("postgresql://u@" + "a" * 300 + "/d"), RUN),
    Broken("half an IPv6", "DATABASE_URL: it is not an address", url("postgresql://u:PASSWORD@[::1/d"), VERIFY),
    Broken("socket missing", "the folder of a socket", url("postgresql:///d?user=u&host=/no/such/folder")),
    Broken("wrong password", "refuses its user or password", {"DATABASE_URL": "{answering}/28P01"}),
    Broken("no connection left", "no connection left", {"DATABASE_URL": "{answering}/53300"}, DOCTOR),
    Broken("starting up", "just starting or stopping", {"DATABASE_URL": "{answering}/57P03"}, VERIFY),
    Broken("a pooler's no", "does not take one of the address's options", {"DATABASE_URL": "{answering}/08P01"}, RUN),
    Broken("not PostgreSQL", "it is no PostgreSQL", {"DATABASE_URL": "{answering}/garbage"}),
    Broken("no TLS there", "or it refuses TLS", {"DATABASE_URL": "{answering}/28P01?sslmode=require"}),
    Broken("data is a file", "and should be a folder", {"OPS_DATA": "{folder}/f"}, prepare=at("f", ""), embedded=True),
    Broken("data below a file", "and should be a folder", {"OPS_DATA": "/dev/null/data"}, DOCTOR, embedded=True),
    Broken("data in /sys", "OPS_DATA: /sys/ops", {"OPS_DATA": "/sys/ops"}, VERIFY, embedded=True),
    Broken("data too long", "is too long a name", {"OPS_DATA": "/tmp/" + "a" * 300}, RUN, embedded=True),
    Broken("lock is a folder", "OPS_DATA:", prepare=made("data/supervisor.lock"), embedded=True),
    Broken("PG_VERSION empty", "PG_VERSION does not say", prepare=at("data/postgres/PG_VERSION", ""), embedded=True),
    Broken("PG_VERSION foreign", "PG_VERSION does not say", words=VERIFY,
           prepare=at("data/postgres/PG_VERSION", b"\xff\xfe eighteen"), embedded=True),
    Broken("PG_VERSION old", "was written by PostgreSQL 9", words=RUN,
           prepare=at("data/postgres/PG_VERSION", "9"), embedded=True),
    Broken("own key empty", "audit.key is empty", {"OPS_AUDIT_KEY": ""}, DOCTOR,
           prepare=at("data/audit.key", ""), embedded=True),
    Broken("own key cut off", "audit.key holds fewer than", {"OPS_AUDIT_KEY": ""}, VERIFY,
           prepare=at("data/audit.key", "0123"), embedded=True),
    Broken("own key a folder", "is a folder, not a file", {"OPS_AUDIT_KEY": ""},
           prepare=made("data/audit.key"), embedded=True),
    Broken("config a folder", "is a folder, not a file", {"OPS_CONFIG": "{folder}"}, DOCTOR),
    Broken("config missing", "copy ops.example.toml", {"OPS_CONFIG": "{folder}/nope.toml"}, VERIFY),
    Broken("config below a file", "OPS_CONFIG names", {"OPS_CONFIG": "/dev/null/ops.toml"}, RUN),
    Broken("config not UTF-8", "save it as UTF-8", toml="[team]\nname = 'Año'".encode("utf-16")),
    Broken("config not TOML", "is not valid TOML", words=DOCTOR, toml="[team"),
    Broken("config too deep", "nested too deep", words=VERIFY, toml="a = " + "[" * 5000),
    Broken("module missing", "modules: 'no_such'", toml='modules = ["no_such"]'),
    Broken("module broken", "ZeroDivisionError", {"PYTHONPATH": "{folder}"}, RUN, 'modules = ["ours"]',
           at("ours.py", "1 / 0")),
    Broken("key missing", "OPS_AUDIT_KEY is not set", {"OPS_AUDIT_KEY": ""}, DOCTOR),
    Broken("key short", "OPS_AUDIT_KEY is shorter", {"OPS_AUDIT_KEY": "short"}, VERIFY),
    Broken("no token", "SLACK_BOT_TOKEN is not set", {"SLACK_BOT_TOKEN": ""}),
    Broken("no app token", "Socket Mode needs SLACK_APP_TOKEN", {"SLACK_APP_TOKEN": ""}),
    Broken("no signing secret", "HTTP mode needs SLACK_SIGNING_SECRET", words=("serve", "--http", "127.0.0.1:0")),
    Broken("token in quotes", "SLACK_BOT_TOKEN stands in quotes", {"SLACK_BOT_TOKEN": '"xoxb-sandbox"'}),
    Broken("token with a line break", "SLACK_APP_TOKEN holds a space", {"SLACK_APP_TOKEN": "xapp-sand\nbox"}),
    Broken("tokens swapped", "SLACK_APP_TOKEN is of the wrong kind", {"SLACK_APP_TOKEN": "xoxb-sandbox"}),
    Broken("a person's token", "SLACK_BOT_TOKEN is of the wrong kind", {"SLACK_BOT_TOKEN": "xoxp-sandbox"}),
    Broken("token refused", "Slack refuses SLACK_BOT_TOKEN", {"SLACK_BOT_TOKEN": "xoxb-other"}),
    Broken("app token refused", "Slack refuses SLACK_APP_TOKEN", {"SLACK_APP_TOKEN": "xapp-other"}),
    Broken("not Slack's address", "SLACK_API_URL does not lead to Slack", {"SLACK_API_URL": "{slack}nowhere/"}),
    Broken("no address of Slack", "SLACK_API_URL is not an address", {"SLACK_API_URL": "slack"}),
    Broken("health port taken", "is taken by another program", words=("serve", "--health", "127.0.0.1:{port}")),
    Broken("health port too high", "--health: '127.0.0.1:99999'", words=("serve", "--health", "127.0.0.1:99999")),
    Broken("health elsewhere", "--health: 192.0.2.1:8080", words=("serve", "--health", "192.0.2.1:8080")),
    Broken("HTTP port taken", "is taken by another program", {"SLACK_SIGNING_SECRET": "0" * 32},
           words=("serve", "--health", "", "--http", "127.0.0.1:{port}")),
    Broken("HTTP port no number", "--http: 'localhost:http'", {"SLACK_SIGNING_SECRET": "0" * 32},
           words=("serve", "--http", "localhost:http")),
    Broken("nobody's terminal", "OPS_TOKEN is not set", words=RUN),
    Broken("a made-up terminal", "OPS_TOKEN is not valid", {"OPS_TOKEN": "ops_made-up"}, RUN),
)  # fmt: skip


@pytest.mark.parametrize("broken", TABLE, ids=lambda each: f"{each.name}, {each.words[0]}")
async def test_what_keeps_it_from_starting_is_one_sentence(broken: Broken, database: str, tmp_path: Path) -> None:
    ended = await _tried(broken, database, tmp_path)
    assert broken.said in ended.said
    assert ended.code == REFUSED, ended.said
    assert "Traceback" not in ended.said
    assert 'File "' not in ended.said
    assert PASSWORD not in ended.said
    spoken = [line for line in ended.said.splitlines() if not line.startswith("{")]
    assert len(spoken) == 1, ended.said


async def test_nothing_of_the_table_is_left_out_of_a_command() -> None:
    assert len(TABLE) >= 40
    assert {broken.words[0] for broken in TABLE} == {"serve", "doctor", "audit", "run"}


async def _tried(broken: Broken, database: str, folder: Path) -> Ended:
    toml = broken.toml.encode() if isinstance(broken.toml, str) else broken.toml
    (folder / "ops.toml").write_bytes(toml)
    broken.prepare(folder)
    async with Sandbox(Workspace.demo()) as slack, _answering() as port:
        filled = {
            "{folder}": str(folder),
            "{slack}": slack.api_url,
            "{query}": database.partition("?")[2],
            "{answering}": f"postgresql://u:{PASSWORD}@127.0.0.1:{port}",
            "{port}": str(port),
        }

        def fill(text: str) -> str:
            for name, value in filled.items():
                text = text.replace(name, value)
            return text

        ours = {} if broken.embedded else {"DATABASE_URL": database}
        env = environment(folder, **SLACK, SLACK_API_URL=slack.api_url, **ours)
        env |= {name: fill(value) for name, value in broken.env.items()}
        words = [fill(word) for word in broken.words]
        if words == ["serve"]:
            words += ["--health", ""]
        return await ran(words, {name: value for name, value in env.items() if value}, folder / "said")


@asynccontextmanager
async def _answering() -> AsyncIterator[int]:
    """Speaks PostgreSQL's protocol just far enough to refuse, with the code that the database's name is."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            length = int.from_bytes(await reader.readexactly(4))
            asked = await reader.readexactly(length - 4)
            if asked == (80877103).to_bytes(4):  # for TLS
                writer.write(b"N")
                length = int.from_bytes(await reader.readexactly(4))
                asked = await reader.readexactly(length - 4)
            words = [word.decode() for word in asked[4:].split(b"\0")]
            code = words[words.index("database") + 1]
            fields = b"".join(
                kind + text.encode() + b"\0" for kind, text in ((b"S", "FATAL"), (b"C", code), (b"M", "no"))
            )
            body = fields + b"\0"
            said = b"E" + (len(body) + 4).to_bytes(4) + body
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" if code == "garbage" else said)
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def test_a_database_that_can_only_be_read(database: str, tmp_path: Path) -> None:
    """A standby of the primary, or one whose disk ran full."""
    connection = await asyncpg.connect(database)
    await connection.execute("DROP TABLE migrations")
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await connection.close()
    ended = await _tried(Broken("", "", words=DOCTOR), database, tmp_path)
    assert (ended.code, "DATABASE_URL: the database can only be read" in ended.said) == (REFUSED, True), ended.said
