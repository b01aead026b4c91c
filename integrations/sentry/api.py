"""Sentry's REST API, as far as we use it: shapes of its answers, a method a call, pages behind a Link header."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import BaseModel, Field, model_validator

from bot.words.exceptions import NotUnderstood, OpsError, Refused
from integrations.plumbing.allowance import RateHeaders
from integrations.plumbing.outbound import Answer, Service
from integrations.plumbing.shape import Shape

PAGE: Final = 100
"""The most that Sentry gives at once."""
PAGES: Final = 5
_NUMBER = re.compile(r"[0-9]{1,20}")
_SHORT = re.compile(r"[A-Za-z0-9_-]{1,64}-[A-Za-z0-9]{1,20}")
_LINK = re.compile(r'<[^>]*>((?:\s*;\s*\w+="[^"]*")+)')
_PART = re.compile(r'(\w+)="([^"]*)"')
_STEPS = (60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
"""Seconds that Sentry counts in; each divides a day."""


class Project(Shape):
    id: str
    slug: str


class StatusDetails(Shape):
    """On what the status depends."""

    inNextRelease: bool = False
    inRelease: str | None = None
    inCommit: object = None


class Found(Shape):
    """An issue."""

    id: str
    shortId: str
    title: str
    culprit: str | None = None
    permalink: str = ""
    level: str = ""
    status: str
    substatus: str | None = None
    statusDetails: StatusDetails = StatusDetails()
    project: Project
    count: int = Field(default=0, ge=0)
    """Sentry writes it as text. Of the period asked for in a list, of all time for one issue."""
    userCount: int = 0
    firstSeen: datetime | None = None
    lastSeen: datetime | None = None

    @property
    def searched(self) -> str:
        return f"{self.shortId} {self.title} {self.culprit or ''}".casefold()


class Page(Shape):
    issues: tuple[Found, ...]
    next: str = ""
    """Cursor of the page after it; empty where there is none."""

    @model_validator(mode="before")
    @classmethod
    def _of_a_list(cls, said: object) -> object:
        return {"issues": said} if isinstance(said, list) else said


class Organization(Shape):
    slug: str
    access: tuple[str, ...] | None = None
    """Scopes of whoever asks."""


class Count(Shape):
    timestamp: float
    """Milliseconds since 1970."""
    value: float | None = None
    incomplete: bool = False

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp / 1000, UTC)


class _Series(Shape):
    values: tuple[Count, ...] = ()


class _Counted(Shape):
    timeSeries: tuple[_Series, ...] = ()


M = TypeVar("M", bound=BaseModel)


class SentryService(Service):
    """Its errors are `detail`, and its pages are in a Link header."""

    rate = RateHeaders("x-sentry-rate-limit-remaining", "x-sentry-rate-limit-limit", "x-sentry-rate-limit-reset")

    def said(self, answer: Answer) -> str:
        detail = answer.fields().get("detail")
        return self.quoted(detail.get("message") if isinstance(detail, dict) else detail)

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        if answer.status == 403:
            where = f"services.{self.name}"
            return Refused(
                f"{self.name} refused (403){self.said(answer)}. The token lacks a scope, or does not reach a project: "
                f"check {where}.token and {where}.project."
            )
        return super().error_of(answer, write=write, missing=missing)

    def _parsed(self, answer: Answer, shape: type[M], *, write: bool) -> M:
        found = super()._parsed(answer, shape, write=write)
        if isinstance(found, Page):
            return found.model_copy(update={"next": next_cursor(answer.headers.get("link", ""))})
        return found


def next_cursor(link: str) -> str:
    """Sentry names a next page always, and says beside it whether there is anything on it."""
    for parts in _LINK.findall(link):
        said = dict(_PART.findall(parts))
        if said.get("rel") == "next" and said.get("results") == "true":
            return str(said.get("cursor", ""))
    return ""


class SentryApi:
    """Some projects of one organisation. Every path ends in a slash: without it Sentry answers with a redirect, which
    loses what a write carries."""

    def __init__(self, service: SentryService, organization: str, projects: Sequence[str], environment: str) -> None:
        self.service = service
        self._at = f"/api/0/organizations/{organization}/"
        self._projects = projects
        self._where: Mapping[str, str | Sequence[str]] = {
            "project": projects,
            **({"environment": environment} if environment else {}),
        }
        name = service.name
        self.unknown = NotUnderstood(
            f"{name} knows no organization {organization!r}, or not one of its projects, or the token does not reach "
            f"them. Check services.{name}.organization and services.{name}.project."
        )

    @property
    def organization_path(self) -> str:
        return f"{self._at}?detailed=0"

    async def organization(self) -> Organization:
        """Without its projects and teams. Source: GET /api/0/organizations/{organization}/"""
        return await self.service.get(self._at, Organization, params={"detailed": "0"}, missing=self.unknown)

    async def issues(
        self, query: str, *, sort: str, since: datetime, until: datetime, match: str | None, limit: int
    ) -> tuple[tuple[Found, ...], bool]:
        """At most `limit` of the first PAGES pages, and whether there are or may be more.

        Source: GET /api/0/organizations/{organization}/issues/
        """
        wanted = (match or "").casefold()
        found: list[Found] = []
        cursor = ""
        for _ in range(PAGES):
            params = {
                **self._where,
                "query": query,
                "sort": sort,
                "start": _written(since),
                "end": _written(until),
                "limit": str(PAGE if wanted else min(PAGE, limit + 1)),
                **({"cursor": cursor} if cursor else {}),
            }
            page = await self.service.get(f"{self._at}issues/", Page, params=params, missing=self.unknown)
            found.extend(each for each in page.issues if wanted in each.searched)
            cursor = page.next
            if not cursor or len(found) > limit:
                break
        return tuple(found[:limit]), bool(cursor) or len(found) > limit

    async def issue(self, issue_id: str) -> Found:
        """By its number or short id, in our projects. Raises NotUnderstood for any other.

        Source: GET /api/0/organizations/{organization}/issues/{issue}/
        """
        number = issue_id if _NUMBER.fullmatch(issue_id) else await self._number(issue_id)
        missing = self._no_issue(issue_id)
        found = await self.service.get(f"{self._at}issues/{number}/", Found, missing=missing)
        if not {found.project.id, found.project.slug} & set(self._projects):
            where = f"services.{self.service.name}.project"
            raise NotUnderstood(f"{found.shortId} is of the project {found.project.slug}, which {where} does not name.")
        return found

    async def update(self, number: str, change: Mapping[str, Any]) -> Found:
        """Always by the path of the one issue. The same call without it, and without `?id=`, changes EVERY issue that
        a query finds: it is not written here.

        Source: PUT /api/0/organizations/{organization}/issues/{issue}/
        """
        if not _NUMBER.fullmatch(number):
            raise self._no_issue(number)
        path = f"{self._at}issues/{number}/"
        return await self.service.post(path, Found, method="PUT", body=change, missing=self._no_issue(number))

    async def counted(self, since: datetime, until: datetime, step: int) -> tuple[Count, ...]:
        """Errors in slices of `step` seconds. Source: GET /api/0/organizations/{organization}/events-timeseries/"""
        params = {
            **self._where,
            "dataset": "errors",
            "yAxis": "count()",
            "interval": str(step),
            "start": _written(since),
            "end": _written(until),
        }
        missing = Refused(f"{self.service.name} does not tell counts over time: it may be too old for that.")
        found = await self.service.get(f"{self._at}events-timeseries/", _Counted, params=params, missing=missing)
        return tuple(value for series in found.timeSeries for value in series.values)

    async def _number(self, short_id: str) -> str:
        """Source: GET /api/0/organizations/{organization}/issues/?shortIdLookup=1, which is a search for words where
        there is no such short id"""
        if not _SHORT.fullmatch(short_id):
            raise self._no_issue(short_id)
        params = {"query": short_id, "shortIdLookup": "1", "limit": "10"}
        page = await self.service.get(f"{self._at}issues/", Page, params=params, missing=self.unknown)
        for each in page.issues:
            if each.shortId.casefold() == short_id.casefold() and _NUMBER.fullmatch(each.id):
                return each.id
        raise self._no_issue(short_id)

    def _no_issue(self, issue_id: str) -> NotUnderstood:
        return NotUnderstood(f"{self.service.name} has no issue {issue_id[:80]!r}.")


def step_for(span: timedelta, slices: int) -> int:
    """Seconds: the longest of Sentry's steps that is not longer than a slice."""
    wanted = math.floor(span.total_seconds() / slices)
    return max((step for step in _STEPS if step <= wanted), default=_STEPS[0])


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
