"""Issues of the Sentry stand-in, as they are after a believable day."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

PROJECTS = {"shop-api": "4501", "shop-web": "4502", "billing": "4503"}


AT = "2025-06-01T08:00:00Z"


@dataclass
class FakeIssue:
    id: str
    short_id: str
    title: str
    culprit: str | None
    project: str
    ago: list[float]
    """Minutes since each of its events that is kept."""
    earlier: int = 0
    """Events that are no longer kept one by one."""
    users: int = 0
    level: str = "error"
    status: str = "unresolved"
    substatus: str | None = "ongoing"
    details: dict[str, Any] = field(default_factory=dict)
    environment: str = "production"

    def public(self, now: datetime, within: tuple[datetime, datetime] | None = None) -> dict[str, Any]:
        seen = sorted(now - timedelta(minutes=each) for each in self.ago)
        counted = (
            self.earlier + len(seen) if within is None else len([at for at in seen if within[0] <= at <= within[1]])
        )
        return {
            "id": self.id,
            "shareId": None,
            "shortId": self.short_id,
            "title": self.title,
            "culprit": self.culprit,
            "permalink": f"https://acme.sentry.io/issues/{self.id}/",
            "logger": None,
            "level": self.level,
            "status": self.status,
            "statusDetails": self.details,
            "substatus": self.substatus,
            "isPublic": False,
            "platform": "python",
            "priority": "high",
            "priorityLockedAt": None,
            "seerFixabilityScore": None,
            "seerAutofixLastTriggered": None,
            "seerExplorerAutofixLastTriggered": None,
            "project": {
                "id": PROJECTS[self.project],
                "name": self.project,
                "slug": self.project,
                "platform": "python",
            },
            "type": "error",
            "issueType": "error",
            "issueCategory": "error",
            "metadata": {"value": self.title},
            "numComments": 0,
            "assignedTo": None,
            "isBookmarked": False,
            "isSubscribed": False,
            "subscriptionDetails": None,
            "hasSeen": True,
            "annotations": [],
            "isUnhandled": True,
            "count": str(counted),
            "userCount": self.users,
            "firstSeen": written(seen[0] - timedelta(days=3) if self.earlier else seen[0]),
            "lastSeen": written(seen[-1]),
        }


def issues() -> list[FakeIssue]:
    return [
        FakeIssue(
            "5101",
            "SHOP-API-1F",
            "TimeoutError: HubSpot did not answer in 30 s",
            "hubspot.client in upsert",
            "shop-api",
            [float(each) for each in range(2, 26, 2)],
            earlier=340,
            users=41,
        ),
        FakeIssue(
            "5102",
            "SHOP-API-2C",
            "KeyError: 'abn_number'",
            "sync.business in to_company",
            "shop-api",
            [5, 9, 31, 44, 52, 70, 95, 130, 180],
            users=9,
            substatus="regressed",
        ),
        FakeIssue(
            "5103",
            "SHOP-WEB-7",
            "TypeError: Cannot read properties of undefined (reading 'price')",
            "cart/total.ts in sum",
            "shop-web",
            [15, 22, 41],
            users=3,
            substatus="new",
        ),
        FakeIssue(
            "5104",
            "SHOP-API-9",
            "Deprecated: tax_rate is read from the old table",
            None,
            "shop-api",
            [12, 600],
            level="warning",
        ),
        FakeIssue(
            "5105",
            "SHOP-API-A",
            "ConnectionResetError: the printer hung up",
            "labels.print in send",
            "shop-api",
            [33],
            earlier=1200,
            status="ignored",
            substatus="archived_until_escalating",
        ),
        FakeIssue(
            "5106",
            "SHOP-WEB-B",
            "ChunkLoadError: Loading chunk 12 failed",
            "webpack/bootstrap",
            "shop-web",
            [7, 8],
            users=2,
            environment="staging",
        ),
        FakeIssue(
            "5107", "BILLING-3", "DisputeError: evidence is late", "billing.disputes in file", "billing", [3], users=1
        ),
    ]


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
