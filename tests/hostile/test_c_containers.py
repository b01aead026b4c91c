"""Kind: a container's ways: a user without a name, an init as process 1, a signal while everything is blocked."""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from bot.store.server.embedded import EmbeddedPostgres
from bot.store.server.launcher import EmbeddedError
from tests.hostile.program import environment, started

NAMELESS = 12345
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_user_id_without_a_name_is_told_what_to_do(tmp_path: Path) -> None:
    """In a process of its own, as there is no way back from the change of user."""
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, NAMELESS, NAMELESS)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(0o755)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(NAMELESS)
        os.setuid(NAMELESS)
        try:
            with EmbeddedPostgres(data, durable=False):
                said = "it started"
        except EmbeddedError as error:
            said = str(error)
        except BaseException as error:  # the parent's pytest must not run on in the child
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said.startswith(f"PostgreSQL cannot be set up by user id {NAMELESS}"), said
    assert "set DATABASE_URL" in said


async def test_a_signal_ends_it_while_the_database_is_being_made(tmp_path: Path) -> None:
    """The loop is blocked then: whatever waits on it does not hear of a signal."""
    (tmp_path / "ops.toml").write_text("")
    env = environment(tmp_path, SLACK_BOT_TOKEN="xoxb-sandbox", SLACK_APP_TOKEN="xapp-sandbox")
    async with started(["serve", "--health", ""], env, tmp_path / "said") as bot:
        while not (tmp_path / "data" / "supervisor.lock").exists():
            assert bot.process.returncode is None, bot.said()
            await asyncio.sleep(0.01)
        bot.process.send_signal(signal.SIGTERM)
        ended = await bot.ends()
    assert (ended.code, "Traceback" in ended.said) == (0, False), ended.said


def test_the_image_has_an_init_that_passes_signals_on_and_reaps() -> None:
    said = (ROOT / "Dockerfile").read_text()
    assert re.search(r"apt-get install .*\btini\b", said)
    assert 'ENTRYPOINT ["tini", "--", "ops"]' in said
    assert "STOPSIGNAL SIGTERM" in said
