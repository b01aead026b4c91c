"""What the n8n of the demo world holds: workflows, and their runs with believable failures."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Flavour = Literal["2.41", "2.8"]
Kept = Literal["kept", "pruned", "too large", "redacted"]


@dataclass(frozen=True)
class Failure:
    node: str
    message: str
    description: str = ""
    http_code: str = ""


def iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


@dataclass
class Workflow:
    id: str
    name: str
    nodes: tuple[str, ...]
    tags: tuple[str, ...] = ()
    active_version: str | None = "published-1"
    draft_version: str = "published-1"
    """The latest; what publishing without a versionId takes."""
    versions: set[str] = field(default_factory=set)
    """All that can be published."""
    archived: bool = False
    changed: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=12))

    def __post_init__(self) -> None:
        self.versions |= {version for version in (self.active_version, self.draft_version) if version}

    @property
    def active(self) -> bool:
        return self.active_version is not None

    def _nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "id": f"{self.id}-{number}",
                "name": name,
                "type": "n8n-nodes-base.httpRequest",
                "typeVersion": 4,
                "position": [240 * number, 300],
                "parameters": {},
            }
            for number, name in enumerate(self.nodes)
        ]

    def public(self, flavour: Flavour, *, listed: bool) -> dict[str, Any]:
        at = iso(self.changed)
        since = {"createdAt": at, "updatedAt": at}
        shared: dict[str, Any] = {"role": "workflow:owner", "workflowId": self.id, "projectId": "p1", **since}
        version: dict[str, Any] = {
            "versionId": self.active_version,
            "workflowId": self.id,
            "nodes": self._nodes(),
            "connections": {},
            "nodeGroups": [],
            "authors": "Ana Ruiz",
            "name": None,
            "description": None,
            "autosaved": False,
            **since,
        }
        if not listed:
            shared["project"] = {
                "id": "p1",
                "name": "Ana Ruiz",
                "type": "personal",
                "icon": None,
                "description": None,
                "customTelemetryTags": [],
                "creatorId": None,
                **since,
            }
            version["workflowPublishHistory"] = []
        tags = [{"id": f"t-{tag}", "name": tag, **since} for tag in self.tags]
        body: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "active": self.active,
            **since,
            "nodes": self._nodes(),
            "connections": {},
            "settings": {"executionOrder": "v1"},
            "staticData": None,
            "tags": tags,
            "shared": [shared],
            "activeVersion": version if self.active else None,
        }
        if flavour == "2.41":
            body |= {
                "activeVersionId": self.active_version,
                "versionId": self.draft_version,
                "nodeGroups": [],
                "isArchived": self.archived,
                "triggerCount": 1,
                "meta": None,
            }
            if not listed:
                body |= {"description": None, "versionCounter": 3, "sourceWorkflowId": None}
        return body


@dataclass
class Run:
    id: int
    workflow: Workflow
    status: str
    started: datetime | None
    stopped: datetime | None
    failure: Failure | None = None
    mode: str = "trigger"
    retry_of: int | None = None
    retry_success: int | None = None
    data: Kept = "kept"

    def public(self, flavour: Flavour, *, with_data: bool, listed: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": str(self.id),
            "finished": self.status == "success",
            "mode": self.mode,
            "status": self.status,
            "retryOf": str(self.retry_of) if self.retry_of else None,
            "retrySuccessId": str(self.retry_success) if self.retry_success else None,
            "startedAt": iso(self.started),
            "stoppedAt": iso(self.stopped),
            "workflowId": self.workflow.id,
            "waitTill": None,
        }
        if flavour == "2.41" and not listed:
            body |= {
                "createdAt": iso(self.started or datetime.now(UTC)),
                "deletedAt": None,
                "storedAt": "db",
                "tracingContext": None,
                "deduplicationKey": None,
                "jsonSizeBytes": 4096,
                "binaryDataSizeBytes": 0,
                "workflowVersionId": self.workflow.draft_version,
                "usedPrivateCredentials": False,
            }
        if with_data:
            body |= self._detail()
        return body

    def _detail(self) -> dict[str, Any]:
        workflow = {"id": self.workflow.id, "name": self.workflow.name}
        if self.data == "too large":
            return {"data": {}, "workflowData": workflow, "customData": {}, "dataTooLargeToDisplay": True}
        if self.data == "redacted":
            hidden = {"isRedacted": True, "reason": "workflow_redaction_policy", "canReveal": False}
            return {"data": {"redactionInfo": hidden, "resultData": {}}, "workflowData": workflow, "customData": {}}
        return {"data": self.run_data(), "workflowData": workflow, "customData": {}}

    def run_data(self) -> dict[str, Any]:
        first = self.workflow.nodes[0]
        result: dict[str, Any] = {
            # What a run carries: a customer's data, which must never be seen in Slack.
            "runData": {
                first: [
                    {
                        "executionStatus": "success",
                        "data": {
                            "main": [
                                [
                                    {
                                        "json": {
                                            "email": "customer@example.com",
                                            "card": "4242-do-not-show",
                                            "headers": {"authorization": "Bearer do-not-show"},
                                            "body": {"password": "do-not-show"},
                                        }
                                    }
                                ]
                            ]
                        },
                    }
                ]
            },
            "lastNodeExecuted": self.workflow.nodes[-1],
        }
        if self.failure:
            error = {
                "message": self.failure.message,
                "description": self.failure.description,
                "name": "NodeApiError",
                "httpCode": self.failure.http_code or None,
                "stack": "NodeApiError: at /usr/lib/do-not-show.js",
                "node": {"name": self.failure.node, "type": "n8n-nodes-base.httpRequest"},
            }
            result |= {"error": error, "lastNodeExecuted": self.failure.node}
            result["runData"][self.failure.node] = [{"executionStatus": "error", "error": error}]
        return {"resultData": result, "executionData": {}, "resumeToken": "do-not-show"}


def believable(now: datetime) -> tuple[list[Workflow], list[Run]]:
    """The runs up to 4720; 4711 failed on an expired credential, 4704 failed again when it was retried."""
    orders = Workflow(
        "kT3vQe8LwYc1ZsRb", "Sync orders to HubSpot", ("New order", "Map fields", "HubSpot: upsert contact")
    )
    stock = Workflow("Vb7RkXn2UqPj5MdA", "Nightly stock from Unleashed", ("Every night", "Unleashed: stock on hand"))
    leads = Workflow("hG4sWm9ZtCe6YfLo", "Lead intake", ("Form", "Enrich with Clearbit", "Insert lead"))
    invoices = Workflow("Qx8DnPz3BvTw1KrE", "Invoice reminders", ("Every morning", "Send by Resend"))
    report = Workflow("Jm2CyHs6AgVu9FpX", "Weekly report", ("Mondays", "Aggregate", "Post"))
    cadence = Workflow("Ld5ToNi4RbMq7WkS", "Outreach cadence", ("Every hour", "Send SMS"), ("campaign",))
    winback = Workflow(
        "Ue1GzJx0EhOc8YvT", "Win-back mails", ("Every day", "Send mail"), ("campaign",), "v7", "v9-draft"
    )
    limit = Failure(
        "HubSpot: upsert contact",
        "The service is receiving too many requests from you",
        "You have reached your ten_secondly_rolling limit.",
        "429",
    )
    denied = Failure(
        "HubSpot: upsert contact",
        "Authorization failed - please check your credentials",
        "The OAuth token used to make this call expired.",
        "401",
    )
    slow = Failure(
        "Unleashed: stock on hand",
        "The connection timed out, consider setting the 'Retry on Fail' option",
        "timeout of 30000ms exceeded",
    )
    reset = Failure("Enrich with Clearbit", "The connection to the server was closed unexpectedly", "ECONNRESET")
    quota = Failure(
        "Send by Resend",
        "Your request is invalid or could not be processed by the service",
        "Monthly quota exceeded",
        "422",
    )

    def run(id_: int, workflow: Workflow, minutes: float, failure: Failure | None = None, **more: Any) -> Run:
        started = now - timedelta(minutes=minutes)
        status = more.pop("status", "error" if failure else "success")
        return Run(id_, workflow, status, started, started + timedelta(seconds=4), failure, **more)

    runs = [
        run(4700 - number, (orders, stock, leads)[number % 3], 70 + 30 * number, denied if number % 9 == 0 else None)
        for number in range(48)
    ]
    runs += [
        run(4702, report, 66, status="crashed", data="pruned"),
        run(4704, invoices, 64, quota),
        run(4706, invoices, 61, quota, mode="retry", retry_of=4704),
        run(4708, leads, 57, reset, retry_success=4709),
        run(4709, leads, 55, mode="retry", retry_of=4708),
        run(4711, orders, 48, denied),
        run(4713, leads, 40),
        run(4716, stock, 25, slow),
        run(4719, orders, 6, limit),
        Run(4720, report, "running", now - timedelta(minutes=1), None),
    ]
    return [orders, stock, leads, invoices, report, cadence, winback], runs
