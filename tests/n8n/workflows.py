"""Workflows made in the real n8n for one test each."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.n8n.server import N8n

FIRST_NODE: Final = "Look up order"
FAILING_NODE: Final = "Charge card"

PUBLICATION_LIMIT: Final = 40.0
"""Seconds; n8n looks at its own queue of publications every 15 s at the latest."""


@dataclass(frozen=True)
class Workflow:
    """A published workflow: webhook, then FIRST_NODE, then FAILING_NODE."""

    n8n: N8n
    id: str
    name: str
    path: str
    """Of its webhook."""

    @property
    def webhook_url(self) -> str:
        return f"{self.n8n.url}/webhook/{self.path}"

    async def start(self) -> None:
        """Call its webhook, which answers before the run ends."""
        async with httpx.AsyncClient(timeout=30) as caller:
            (await caller.post(self.webhook_url, json={"order": 4711})).raise_for_status()

    async def wait_until_webhook(self, *, registered: bool) -> None:
        """Wait until n8n has carried out a publication, which it answers before it does.

        Raises: TimeoutError.
        """
        async with httpx.AsyncClient(timeout=30) as caller, asyncio.timeout(PUBLICATION_LIMIT):
            while True:
                # Starts no run: a GET is refused either way, and the words tell whether a POST
                # would have been.
                refusal = (await caller.get(self.webhook_url)).text
                if ("Did you mean to make a POST request" in refusal) == registered:
                    return
                await asyncio.sleep(0.1)

    async def run(self, until: str = "error", timeout: float = 30) -> str:
        """Start it and return the id of the execution once it is listed with status `until`.

        Raises: TimeoutError, in seconds.
        """
        before = {execution["id"] for execution in await self.executions(until)}
        await self.start()
        async with asyncio.timeout(timeout):
            while True:
                for execution in await self.executions(until):
                    if execution["id"] not in before and execution["retryOf"] is None:
                        return str(execution["id"])
                await asyncio.sleep(0.1)

    async def save_draft(self, order_url: str, charge_url: str) -> None:
        """Change where it calls, without publishing the change."""
        draft = _definition(self.name, self.path, order_url, charge_url)
        async with self.n8n.client(self.n8n.builder_key) as api:
            query = {"publishIfActive": "false"}
            changed = await api.put(f"/workflows/{self.id}", params=query, json=draft)
        changed.raise_for_status()

    async def executions(self, status: str | None = None) -> list[dict[str, Any]]:
        """Its executions, newest first; running ones only with status "running".

        Source: GET /executions
        """
        query = {"workflowId": self.id} | ({"status": status} if status else {})
        async with self.n8n.client() as api:
            answer = (await api.get("/executions", params=query)).raise_for_status()
        listed: list[dict[str, Any]] = answer.json()["data"]
        return listed


@asynccontextmanager
async def published(n8n: N8n, name: str, order_url: str, charge_url: str) -> AsyncIterator[Workflow]:
    """Make a workflow, publish it, and delete it with its executions afterwards."""
    path = uuid.uuid4().hex
    name = f"{name} {path[:6]}"
    async with n8n.client(n8n.builder_key) as api:
        draft = _definition(name, path, order_url, charge_url)
        made = (await api.post("/workflows", json=draft)).raise_for_status().json()
        workflow = Workflow(n8n=n8n, id=made["id"], name=name, path=path)
        try:
            (await api.post(f"/workflows/{workflow.id}/activate")).raise_for_status()
            await workflow.wait_until_webhook(registered=True)
            yield workflow
        finally:
            await _removed(api, workflow)


async def _removed(api: httpx.AsyncClient, workflow: Workflow) -> None:
    """A published workflow cannot be deleted, nor one that n8n still unpublishes: it answers 409 then, and 500 where
    the two meet in its database. Raises TimeoutError, HTTPStatusError for any other refusal."""
    async with asyncio.timeout(PUBLICATION_LIMIT):
        while True:
            await api.post(f"/workflows/{workflow.id}/deactivate")
            answer = await api.delete(f"/workflows/{workflow.id}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                return
            if answer.status_code != httpx.codes.CONFLICT and not answer.is_server_error:
                answer.raise_for_status()
                return
            await asyncio.sleep(0.5)


def _definition(name: str, path: str, order_url: str, charge_url: str) -> dict[str, Any]:
    nodes = [
        _node("Order received", "webhook", 2.1, {"httpMethod": "POST", "path": path}),
        _node(FIRST_NODE, "httpRequest", 4.2, {"method": "GET", "url": order_url}),
        _node(FAILING_NODE, "httpRequest", 4.2, {"method": "POST", "url": charge_url}),
    ]
    # A webhook without an id of its own is served under /webhook/{workflow id}/... instead.
    nodes[0]["webhookId"] = path
    return {
        "name": name,
        "nodes": nodes,
        "connections": {
            "Order received": _then(FIRST_NODE),
            FIRST_NODE: _then(FAILING_NODE),
        },
        "settings": {"executionOrder": "v1"},
    }


def _node(name: str, kind: str, version: float, parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [0, 0],
        "parameters": parameters,
    }


def _then(name: str) -> dict[str, Any]:
    return {"main": [[{"node": name, "type": "main", "index": 0}]]}
