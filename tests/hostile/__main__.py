"""`python -m tests.hostile`: bots as an administrator starts them, over HTTP and Socket Mode, one and three; everything
malformed, forged, replayed and odd that the table holds; and a count of what came of it. Exits with 1 if anything did
that must not."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from bot.store.server.embedded import EmbeddedPostgres
from tests.hostile.run.inputs import Row, rows
from tests.hostile.run.play import play
from tests.hostile.run.stage import Mode, stage
from tests.hostile.run.verdict import Tally, figures, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the signed inputs, by chance, for each configuration"
    )
    parser.add_argument("--seed", type=int, help="of that chance; a random one is printed")
    parser.add_argument("--modes", nargs="+", choices=get_args(Mode), default=get_args(Mode))
    parser.add_argument("--bots", nargs="+", type=int, default=(1, 3))
    parser.add_argument("--keep", type=Path, help="folder that must not exist: logs stay there")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    folder = options.keep or Path(tempfile.mkdtemp(prefix="handrail-hostile-"))
    folder.mkdir(parents=True, exist_ok=not options.keep)
    print(f"hostile test: {len(rows())} signed inputs, {options.share:.0%} of them, seed {seed}", flush=True)
    try:
        tallies = asyncio.run(run(folder, options.modes, options.bots, options.share, seed))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(table(tallies), flush=True)
    sys.exit(any(figures(tallies).values()))


async def run(folder: Path, modes: Sequence[Mode], sizes: Sequence[int], share: float, seed: int) -> list[Tally]:
    chance, tallies = random.Random(seed), []
    async with EmbeddedPostgres(folder / "data", durable=False) as server:
        for mode in modes:
            for size in sizes:
                begun = time.monotonic()
                chosen: list[Row] = [row for row in rows() if share >= 1 or chance.random() < share]
                async with stage(server, folder / f"{mode}-{size}", mode, size, len(chosen)) as on:
                    tally = await play(on, mode, chosen)
                tallies.append(tally)
                print(f"{tally.name}: {tally.inputs} inputs in {time.monotonic() - begun:.0f} s", flush=True)
    return tallies


if __name__ == "__main__":
    main()
