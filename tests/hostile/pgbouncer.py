"""A real PgBouncer in front of the tests' PostgreSQL, where one is installed (`apt-get install pgbouncer`)."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.waiting import until_told

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@asynccontextmanager
async def pgbouncer(dsn: str, folder: Path, mode: str, servers: int = 2) -> AsyncIterator[str]:
    """Gives the address through it, with TCP on a port that no pooler is known by. `mode` is transaction or session."""
    if PROGRAM is None:
        pytest.skip("no pgbouncer is installed")
    parts = urlsplit(dsn)
    user, (where,) = parts.username or "handrail", parse_qs(parts.query)["host"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={where} port=5432 user={user}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {mode}\ndefault_pool_size = {servers}\n" + ("user = nobody\n" if os.geteuid() == 0 else "")
    )
    with (folder / "pgbouncer.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(PROGRAM, str(config), stdout=log, stderr=log)
        try:

            async def answers() -> bool:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    return False
                writer.close()
                return True

            await until_told(answers)
            yield f"postgresql://{user}@127.0.0.1:{port}{parts.path}"
        finally:
            process.kill()
            await process.wait()
