"""`make services`: services by capabilities, each command really run; ends with 1 where there is a hole."""

import asyncio
import sys
import tempfile
from pathlib import Path

import asyncpg

from bot.store.migrate import migrate
from bot.store.server.embedded import DATABASE, EmbeddedPostgres
from tests.services.matrix import drawn, filled, whole_world


async def main() -> int:
    with tempfile.TemporaryDirectory(prefix="handrail-services-") as folder:
        async with EmbeddedPostgres(Path(folder) / "database", durable=False) as postgres:
            dsn = postgres.dsn(DATABASE)
            connection = await asyncpg.connect(dsn)
            try:
                await migrate(connection)
            finally:
                await connection.close()
            async with whole_world(dsn, Path(folder)) as ops:
                cells = await filled(ops)
                print(drawn(cells, ops.services))
    holes = [cell for cell in cells if cell.why]
    for hole in holes:
        print(f"FAILED {hole.column} of {hole.service} ({hole.kind}): {hole.why}")
    tried = {cell.service for cell in cells} - {"-"}
    words = sum(len(cell.words) for cell in cells)
    print(f"{len(tried)} services, {words} commands run: {len(cells) - len(holes)} cells ok, {len(holes)} failed.")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
