"""`python -m sandbox.world --dsn …`: the demo world by itself; prints its ops.toml tables and environment."""

import argparse
import asyncio
import json

from sandbox.world import World


async def _run(dsn: str | None, port: int, pulse: float | None) -> None:
    async with World(dsn, port=port, pulse=pulse, moody=True) as world:
        # The values are made up and of use here only.
        print(json.dumps({"services": world.services(), "environment": world.environment()}, indent=2), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.world", description=__doc__)
    parser.add_argument("--dsn", help="database whose schema `demo` is made anew; none if left out")
    parser.add_argument("--port", type=int, default=0, help="first of three ports; free ones if left out")
    parser.add_argument("--pulse", type=float, help="seconds between new errors; none if left out")
    asked = parser.parse_args()
    try:
        asyncio.run(_run(asked.dsn, asked.port, asked.pulse))
    except KeyboardInterrupt:
        print()


main()
