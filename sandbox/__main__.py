"""`python -m sandbox --port N`: the local Slack as its own process."""

import argparse
import asyncio
import signal
from pathlib import Path

from sandbox.app_config import AppConfig
from sandbox.server import Sandbox
from sandbox.workspace import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A local Slack.")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes any free one")
    parser.add_argument("--http-endpoint", help="deliver by signed HTTP POST to this URL")
    parser.add_argument("--signing-secret", default=AppConfig.signing_secret)
    parser.add_argument("--manifest", type=Path, help="take commands and scopes from this file")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(options: argparse.Namespace) -> None:
    secret = options.signing_secret
    if options.manifest:
        app = AppConfig.from_manifest(options.manifest, signing_secret=secret)
    else:
        app = AppConfig(signing_secret=secret)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    workspace = Workspace.demo(app)
    async with Sandbox(workspace, port=options.port, http_endpoint=options.http_endpoint) as slack:
        print(f"sandbox {slack.base_url}", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    main()
