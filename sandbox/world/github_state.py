"""Workflows, runs and attempts of the GitHub stand-in, and the addresses that its answers are full of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

_OWNER, _REPOSITORY = "acme", "shop"


ROOT = f"/repos/{_OWNER}/{_REPOSITORY}/actions"


_USER_URLS = (
    "avatar",
    "events",
    "followers",
    "following",
    "gists",
    "html",
    "organizations",
    "received_events",
    "repos",
    "starred",
    "subscriptions",
)


_REPOSITORY_URLS = (
    "archive",
    "assignees",
    "blobs",
    "branches",
    "collaborators",
    "comments",
    "commits",
    "compare",
    "contents",
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "git_commits",
    "git_refs",
    "git_tags",
    "hooks",
    "html",
    "issue_comment",
    "issue_events",
    "issues",
    "keys",
    "labels",
    "languages",
    "merges",
    "milestones",
    "notifications",
    "pulls",
    "releases",
    "stargazers",
    "statuses",
    "subscribers",
    "subscription",
    "tags",
    "teams",
    "trees",
)


def iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


@dataclass
class Flow:
    id: int
    name: str
    file: str
    state: str = "active"

    def public(self, base: str) -> dict[str, Any]:
        at = "2026-01-05T09:00:00Z"
        return {
            "id": self.id,
            "node_id": f"W_{self.id}",
            "name": self.name,
            "path": f".github/workflows/{self.file}",
            "state": self.state,
            "created_at": at,
            "updated_at": at,
            "url": f"{base}{ROOT}/workflows/{self.id}",
            "html_url": f"https://github.com/acme/shop/blob/main/.github/workflows/{self.file}",
            "badge_url": f"https://github.com/acme/shop/workflows/{self.name}/badge.svg",
        }


@dataclass
class Attempt:
    started: datetime
    ended: datetime | None
    conclusion: str | None


@dataclass
class Run:
    id: int
    flow: Flow
    attempts: list[Attempt]
    created: datetime
    status: str = "completed"
    event: str = "push"

    @property
    def latest(self) -> Attempt:
        return self.attempts[-1]


def base(request: web.Request) -> str:
    return f"http://{request.host}"


def user(base: str) -> dict[str, Any]:
    urls = {f"{name}_url": f"{base}/users/ana/{name}" for name in _USER_URLS}
    return {
        "login": "ana",
        "id": 1,
        "node_id": "U_1",
        "gravatar_id": "",
        "url": f"{base}/users/ana",
        "type": "User",
        "site_admin": False,
        **urls,
    }


def repository(base: str) -> dict[str, Any]:
    url = f"{base}/repos/acme/shop"
    urls = {f"{name}_url": f"{url}/{name}" for name in _REPOSITORY_URLS}
    return {
        "id": 7,
        "node_id": "R_7",
        "name": "shop",
        "full_name": "acme/shop",
        "owner": user(base),
        "private": True,
        "description": None,
        "fork": False,
        "url": url,
        **urls,
    }
