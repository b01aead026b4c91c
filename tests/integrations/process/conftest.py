"""Programs made for a test, and a client that starts them."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.words.redaction import Redactor
from integrations import open_services
from integrations.capabilities import OwnJobs
from integrations.plumbing.proofs import Proofs
from integrations.process.client import Processes

SECRET = "hunter2-of-the-shop"


Make = Callable[..., Processes]


@pytest.fixture
def make(tmp_path: Path, http: httpx.AsyncClient) -> Make:
    """A service with one job, whose program is this Python code."""

    def made(
        code: str = "",
        *arguments: str,
        secrets: Callable[[str], str] = lambda reference: SECRET,
        proofs: Proofs | None = None,
        **job: Any,
    ) -> Processes:
        program = tmp_path / "program.py"
        program.write_text(f"#!{sys.executable} -S\n{code}\n", encoding="utf-8")
        program.chmod(0o700)
        table = {"name": "reindex", "what": "Builds the index anew.", "argv": [str(program), *arguments], **job}
        redactor = Redactor()
        section = {"kind": "process", "jobs": [table]}
        services = open_services({"box": section}, http, secrets, redact=redactor.text, proofs=proofs)
        client = services.named("box", OwnJobs)
        assert isinstance(client, Processes)
        return client

    return made


class Noted(dict[str, str]):
    """Settings with the values that were said to be taken."""

    async def worked(self, used: Mapping[str, str]) -> None:
        self.update(used)


TELL_ARGUMENTS = "import json, sys; print(json.dumps(sys.argv[1:]))"


def params(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name, **more} for name in names]


async def arguments(client: Processes, **values: str) -> list[str]:
    """What the program says it was given."""
    given: list[str] = json.loads((await client.run_job("reindex", values)).output)
    return given
