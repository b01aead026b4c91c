"""Starts a real n8n on loopback, with an owner and two API keys, for as long as the tests run."""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.n8n.install import Installation

CLIENT_SCOPES: Final = (
    "execution:list",
    "execution:read",
    "execution:retry",
    "execution:stop",
    "workflow:list",
    "workflow:read",
    "workflow:activate",
    "workflow:deactivate",
)
"""What our documentation asks people to give the bot's key, and nothing more."""

BUILDER_SCOPES: Final = (
    "workflow:create",
    "workflow:update",
    "workflow:activate",
    "workflow:deactivate",
    "workflow:delete",
)

START_LIMIT: Final = 180.0
"""Seconds; a first start also runs some 300 migrations, 15 s on an idle machine."""

UNUSED_MODULES: Final = "community-packages,mcp-registry,instance-ai,agents,chat-hub,mcp"
"""Features the tests do not need; the first two call n8n's own servers at start."""


@dataclass(frozen=True)
class N8n:
    """A running n8n."""

    url: str
    """Without a slash at the end, and without `/api/v1`."""
    api_key: str
    """The bot's key: holds exactly CLIENT_SCOPES."""
    builder_key: str
    """The tests' key: makes, changes, publishes and deletes workflows."""

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """A client of the public API, with the bot's key unless another is given."""
        return httpx.AsyncClient(
            base_url=f"{self.url}/api/v1",
            headers={"X-N8N-API-KEY": key or self.api_key},
            timeout=30,
        )


@contextmanager
def running(installation: Installation, folder: Path) -> Iterator[N8n]:
    """Run n8n with its SQLite file and its log (`n8n.log`) in `folder`."""
    port, broker_port = _free_ports(2)
    url = f"http://127.0.0.1:{port}"
    log = folder / "n8n.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [installation.node, installation.n8n, "start"],
            cwd=folder,
            env=_environment(folder, port, broker_port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(url, process, log)
        yield _set_up(url)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(folder: Path, port: int, broker_port: int) -> dict[str, str]:
    # Nothing is inherited but PATH: a developer's own N8N_* or proxy settings must not reach it.
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        # As in n8n's own image; otherwise error answers carry stack traces.
        "NODE_ENV": "production",
        "N8N_USER_FOLDER": str(folder),
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_HOST": "127.0.0.1",
        "N8N_PORT": str(port),
        "N8N_LOG_LEVEL": "warn",
        "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "false",
        "N8N_SECURE_COOKIE": "false",
        "N8N_DISABLE_UI": "true",
        "N8N_DISABLED_MODULES": UNUSED_MODULES,
        # No workflow here has a Code node, so no runner need be started to wait for one.
        "N8N_RUNNERS_MODE": "external",
        "N8N_RUNNERS_AUTH_TOKEN": secrets.token_urlsafe(),
        "N8N_RUNNERS_BROKER_PORT": str(broker_port),
        "N8N_DIAGNOSTICS_ENABLED": "false",
        "N8N_DYNAMIC_BANNERS_ENABLED": "false",
        "N8N_HIRING_BANNER_ENABLED": "false",
        "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
        "N8N_PERSONALIZATION_ENABLED": "false",
        "N8N_TEMPLATES_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED": "false",
        "EXECUTIONS_DATA_SAVE_ON_ERROR": "all",
        "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "all",
    }


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"n8n ended with code {process.returncode}:\n{_tail(log)}")
        try:
            if httpx.get(f"{url}/healthz/readiness", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.25)
    raise RuntimeError(f"n8n was not ready after {START_LIMIT:.0f} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def _set_up(url: str) -> N8n:
    """Source: POST /rest/owner/setup, /rest/login, /rest/api-keys (n8n's own interface uses them)."""
    email, password = "owner@example.com", f"Aa1{secrets.token_urlsafe()}"
    with httpx.Client(base_url=url, timeout=30) as browser:
        owner = {"email": email, "password": password, "firstName": "Olive", "lastName": "Owner"}
        browser.post("/rest/owner/setup", json=owner).raise_for_status()
        login = {"emailOrLdapLoginId": email, "password": password}
        browser.post("/rest/login", json=login).raise_for_status()
        return N8n(
            url=url,
            api_key=_make_key(browser, "handrail", CLIENT_SCOPES),
            builder_key=_make_key(browser, "tests", BUILDER_SCOPES),
        )


def _make_key(browser: httpx.Client, label: str, scopes: tuple[str, ...]) -> str:
    body = {"label": label, "scopes": list(scopes), "expiresAt": None}
    answer = browser.post("/rest/api-keys", json=body).raise_for_status()
    made: dict[str, Any] = answer.json()["data"]
    return str(made["rawApiKey"])
