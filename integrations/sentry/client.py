"""Sentry: its unresolved issues as errors, how many errors there were, and settling one issue at a time."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from bot.words.exceptions import OpsError, OutcomeUnknown, Refused, TryLater
from integrations.capabilities import (
    Bucket,
    Checked,
    ErrorEvent,
    ErrorPage,
    Issue,
    IssueStatus,
    Operation,
    Rights,
    Statistic,
    Trial,
)
from integrations.plumbing.base import Client
from integrations.plumbing.checking import checked
from integrations.plumbing.section import Outside, SecretRef, TokenSection, Url
from integrations.plumbing.trying import Step, tried
from integrations.sentry.api import Count, Found, Organization, SentryApi, SentryService, step_for

_WORST = 10
_SCOPES: tuple[tuple[str, frozenset[str], str], ...] = (
    ("org:read", frozenset({"org:read", "org:write", "org:admin"}), "health, stats"),
    ("event:read", frozenset({"event:read", "event:write", "event:admin"}), "errors, issues, stats"),
    ("event:write", frozenset({"event:write", "event:admin"}), "issues resolve, issues ignore"),
)
"""Each right, the scopes that hold it, and the commands that need it."""
_NEEDED = frozenset(right for right, _, _ in _SCOPES)
_RESTORABLE = ("archived_until_escalating", "archived_forever", "escalating", "ongoing", "regressed", "new")
_NEXT_RELEASE = "in the next release"


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class SentrySection(TokenSection):
    kind: Literal["sentry"]
    token: SecretRef
    """Of an internal integration of the organisation; a person's token ends with the person."""
    organization: _Slug
    """Its slug or id."""
    project: Annotated[tuple[_Slug, ...], BeforeValidator(_listed), Field(min_length=1)]
    """Slugs or ids, one or several. Issues of other projects are neither shown nor touched."""
    environment: str = Field(default="", max_length=64)
    """Only events of this one are counted and listed; all if left out."""
    url: Url = "https://sentry.io"
    """https://de.sentry.io for data kept in the EU, or one's own Sentry."""

    rights: ClassVar[str] = "A token with the scopes org:read, event:read and, to settle issues, event:write."
    undo: ClassVar[str] = (
        "An issue gets its former status back, with Sentry's finer one. A condition it waited for, a release or a "
        "commit it was resolved in are not restored."
    )


def sentry(name: str, section: SentrySection, outside: Outside) -> "Sentry":
    service = SentryService.of(name, section, outside)
    return Sentry(name, section, SentryApi(service, section.organization, section.project, section.environment))


class Sentry(Client[SentryApi, SentrySection]):
    """Checkable, Testable, Credentialed, ErrorSource, Issues, Statistics."""

    # -- be checked and tested

    async def check(self) -> Checked:
        """Source: GET /api/0/organizations/{organization}/"""
        return await checked(
            self._api.service,
            self._api.organization_path,
            Organization,
            limit=self.deadline,
            missing=self._api.unknown,
        )

    async def test(self) -> tuple[Trial, ...]:
        where = f"services.{self.name}"
        now = datetime.now(UTC)
        hour = timedelta(hours=1)
        return await tried(
            Step("read the organization", self._api.organization, f"Check {where}.token and {where}.organization."),
            Step(
                "list unresolved issues",
                lambda: self._unresolved("date", now - hour, None, 1),
                f"Give the token event:read, and check {where}.project.",
            ),
            Step(
                "count errors",
                lambda: self._api.counted(now - hour, now, 300),
                "Give the token event:read and org:read.",
            ),
            Step("may settle issues", self._may_settle, "Give the token event:write."),
        )

    async def rights(self) -> Rights:
        """As the organization tells of whoever asks. Source: GET /api/0/organizations/{organization}/"""
        least = "Least: org:read, event:read and, to settle issues, event:write, in an internal integration."
        has = (await self._api.organization()).access
        if has is None:
            return Rights(note=f"This Sentry does not tell a token's scopes. {least}")
        lacking = tuple((right, commands) for right, holding, commands in _SCOPES if not holding & set(has))
        # A wider scope is needed where it is the only one that holds the right.
        held = {right for right in _NEEDED if right in has}
        wider = {scope for right, holding, _ in _SCOPES if right not in held for scope in holding}
        return Rights(tuple(has), tuple(each for each in has if each not in held | wider), lacking, least)

    async def _may_settle(self) -> None:
        rights = await self.rights()
        if not rights.has and not rights.lacking:
            raise TryLater(rights.note)
        if any(right == "event:write" for right, _ in rights.lacking):
            raise Refused("The token may not change issues: it lacks event:write.")

    # -- errors

    async def errors(self, *, since: datetime, match: str | None, limit: int) -> ErrorPage:
        """One event an issue, at the time it was last seen: another of the same issue is another key."""
        found, more = await self._unresolved("date", since, match, limit, "is:unresolved level:[error, fatal]")
        events = [
            ErrorEvent(
                key=f"{each.shortId} {each.lastSeen.isoformat()}",
                at=each.lastSeen,
                origin=each.project.slug,
                operation=each.culprit or "",
                message=each.title,
                link=each.permalink,
            )
            for each in found
            if each.lastSeen is not None and each.lastSeen >= since
        ]
        return ErrorPage(tuple(sorted(events, key=lambda event: event.at, reverse=True)), truncated=more)

    # -- issues

    async def issues(self, *, since: datetime, match: str | None, limit: int) -> tuple[Issue, ...]:
        found, _ = await self._unresolved("freq", since, match, limit)
        return tuple(sorted((self._issue(each) for each in found), key=lambda each: each.count, reverse=True))

    async def issue(self, issue_id: str) -> Issue:
        return self._issue(await self._api.issue(issue_id))

    async def set_status(self, issue_id: str, status: IssueStatus, detail: str = "") -> Issue:
        """Looked up first: what is not in our projects is not touched."""
        before = await self._api.issue(issue_id)
        answer = await self._api.update(before.id, _change(status, detail))
        if answer.status != status:
            raise OutcomeUnknown(
                f"{self.name} accepted the change, and tells {answer.shortId} as {answer.status.replace('_', ' ')}."
            )
        return self._issue(answer)

    async def _unresolved(
        self, sort: str, since: datetime, match: str | None, limit: int, query: str = "is:unresolved"
    ) -> tuple[tuple[Found, ...], bool]:
        until = datetime.now(UTC) + timedelta(minutes=1)  # what comes in right now, and clocks that run ahead
        return await self._api.issues(query, sort=sort, since=since, until=until, match=match, limit=limit)

    def _issue(self, found: Found) -> Issue:
        match found.status:
            case "unresolved" | "resolved" | "ignored" as status:
                pass
            case other:
                raise Refused(
                    f"{found.shortId} is {other.replace('_', ' ')} in {self.name}: leave it alone until then."
                )
        next_release = status == "resolved" and found.statusDetails.inNextRelease
        return Issue(
            id=found.id,
            short_id=found.shortId,
            title=found.title,
            where=found.culprit or found.project.slug,
            count=found.count,
            users=found.userCount,
            first_seen=found.firstSeen,
            last_seen=found.lastSeen,
            level=found.level,
            status=status,
            detail=_NEXT_RELEASE if next_release else _resolved_in(found) or found.substatus or "",
            link=found.permalink,
            lost=_lost(found),
        )

    # -- statistics

    async def statistics(self, *, since: datetime, until: datetime, slices: int) -> Statistic:
        """Sentry counts errors in steps of its own; each goes to the slice that it begins in."""
        step = step_for(until - since, slices)
        counts = await self._api.counted(since, until, step)
        worst, note = await self._worst(since, until)
        buckets = _sliced(counts, since, until, slices)
        total = sum(bucket.count for bucket in buckets)
        notes = ["Sentry counts errors only: what went well, and how long it took, is not told.", note]
        if ((until - since) / slices).total_seconds() % step:
            notes.append(f"It counts in steps of {step // 60} min, so slices are rounded to them.")
        note = " ".join(filter(None, notes))
        return Statistic(total, total, None, None, buckets, worst, note, errors_only=True)

    async def _worst(self, since: datetime, until: datetime) -> tuple[tuple[Operation, ...], str]:
        """The issues with most events, whatever became of them since; the counts stand without them."""
        try:
            found, _ = await self._api.issues(
                "issue.category:error", sort="freq", since=since, until=until, match=None, limit=_WORST
            )
        except OpsError as error:
            return (), f"The worst issues could not be read: {error}"
        ordered = sorted(found, key=lambda each: each.count, reverse=True)
        return tuple(Operation(f"{each.shortId} {each.title}", each.count, each.count) for each in ordered), ""


def _change(status: IssueStatus, detail: str) -> dict[str, str]:
    """The fields to write: a finer state that cannot be restored becomes the one closest to it."""
    finer = detail if detail in _RESTORABLE else ""
    match status:
        case "resolved":
            return {"status": "resolvedInNextRelease" if detail == _NEXT_RELEASE else "resolved"}
        case "ignored":
            return {"status": "ignored", "substatus": finer or "archived_until_escalating"}
        case "unresolved":
            return {"status": "unresolved", "substatus": finer or "ongoing"}


def _resolved_in(found: Found) -> str:
    """The release or the commit; so that a resolution of somebody else's is told from ours."""
    details = found.statusDetails
    if found.status != "resolved":
        return ""
    return f"in {details.inRelease}" if details.inRelease else "in a commit" if details.inCommit else ""


def _lost(found: Found) -> str:
    details = found.statusDetails
    if found.status == "ignored" and found.substatus == "archived_until_condition_met":
        return "The condition it was archived until is not put back: an undo archives it until it escalates."
    if found.status == "resolved" and (details.inRelease or details.inCommit):
        return "The release or commit it was resolved in is not put back: an undo resolves it without one."
    return ""


def _sliced(counts: tuple[Count, ...], since: datetime, until: datetime, slices: int) -> tuple[Bucket, ...]:
    """Even slices. A step that begins before the first one, as Sentry rounds, belongs to the first."""
    size = (until - since) / slices
    sums = [0] * slices
    for each in counts:
        if each.at < until:
            sums[min(max(int((each.at - since) / size), 0), slices - 1)] += round(each.value or 0)
    return tuple(Bucket(since + size * place, count, count) for place, count in enumerate(sums))
