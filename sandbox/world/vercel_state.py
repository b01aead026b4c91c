"""Builds of the Vercel stand-in, and lines of their logs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

COMMITS = (
    ("dpl_9fYxKq2Ww", "3f2a91c", "Checkout: apply coupons before tax", "ana", 2),
    ("dpl_7mTpLd4Rz", "b81d7e0", "Raise the image cache to a day", "leo", 26),
    ("dpl_5kHvNc8Jb", "97c4412", "New pricing page", "ana", 75),
    ("dpl_2sQwBf1Xg", "0e6ad55", "Fix the sitemap", "mia", 200),
)
"""Id, commit, message, author, hours ago; the first is live."""


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@dataclass
class Build:
    id: str
    created: datetime
    commit: str
    message: str
    author: str
    state: str = "READY"
    promoted: bool = True
    """Has served production."""
    error: str = ""
    target: str | None = "production"
    log: list[tuple[str, str]] = field(default_factory=list)
    """Type and text of each line, oldest first."""

    def meta(self) -> dict[str, str]:
        return {
            "githubCommitRef": "main",
            "githubCommitSha": self.commit.ljust(40, "0"),
            "githubCommitMessage": self.message,
            "githubCommitAuthorName": self.author,
        }


def event(build: Build, number: int, kind: str, text: str) -> Mapping[str, Any]:
    """Both of Vercel's shapes, in turn."""
    at = ms(build.created) + number
    info = {"type": "build", "name": "bld_1"}
    said = {
        "id": f"{build.id}-{number}",
        "date": at,
        "serial": f"{at}",
        "deploymentId": build.id,
        "info": info,
        "text": text,
    }
    if number % 2:
        return {"type": kind, "created": at, "payload": said}
    return {"type": kind, "created": at, **said}


def runtime_line(level: str, message: str, at: datetime, row: str, status: int = 200) -> dict[str, Any]:
    return {
        "level": level,
        "message": message,
        "rowId": row,
        "source": "serverless",
        "timestampInMs": ms(at),
        "domain": "shop.example.com",
        "messageTruncated": False,
        "requestMethod": "GET",
        "requestPath": "/cart",
        "responseStatusCode": status,
    }
