"""Looks over the whole set-up and says what is wrong and how to mend it. Reads only."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase

import asyncpg

from bot.ask.catalogue import Catalogue
from bot.decide.policy import Policy, unapprovable
from bot.run.journal import Journal
from bot.settings import Environment, OpsToml
from bot.store.trail.audit import check_key
from bot.words.action import Risk
from bot.words.exceptions import Misconfigured
from bot.words.ports import Clock, Directory, Roster
from bot.words.report import Status
from ops.findings import Finding, Probe
from ops.set_up import listed, set_up

CLOCK_SKEW = timedelta(seconds=5)
"""Leases are judged by each replica's own clock; a larger difference would call living runs lapsed."""


@dataclass(frozen=True)
class Doctor:
    """Checks that need no vendor are here; others (Slack, each service) are probes handed in."""

    environment: Environment
    settings: OpsToml
    pool: asyncpg.Pool
    directory: Directory
    catalogue: Callable[[], Catalogue]
    clock: Clock
    probes: list[Probe] = field(default_factory=list)

    async def inspect(self) -> tuple[Finding, ...]:
        """All at once, each with its own deadline; one that fails is a finding, not the end."""
        probes: list[Probe] = [self._database, self._policy, self._tokens, *self.probes]
        answers = await asyncio.gather(*(self._guarded(probe) for probe in probes))
        return tuple(finding for answer in answers for finding in answer)

    async def _guarded(self, probe: Probe) -> Sequence[Finding]:
        name = getattr(probe, "__name__", type(probe).__name__).strip("_")
        try:
            async with asyncio.timeout(10):
                return await probe()
        except TimeoutError:
            return (Finding(f"{name}: no answer within 10 s", Status.UNKNOWN, "try again; if it stays, look at it"),)
        except Exception as error:
            return (Finding(f"{name}: could not be looked at ({error})", Status.UNKNOWN, "see the sentence"),)

    async def _tokens(self) -> Sequence[Finding]:
        found = []
        environment = self.environment
        if environment.slack_bot_token is None:
            mend = "copy the Bot User OAuth Token from OAuth & Permissions into SLACK_BOT_TOKEN"
            found.append(Finding("SLACK_BOT_TOKEN is not set", Status.FAILED, mend))
        if environment.slack_app_token is None and environment.slack_signing_secret is None:
            mend = "set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode"
            found.append(Finding("neither Socket Mode nor HTTP mode has its secret", Status.FAILED, mend))
        if not found:
            found.append(Finding("Slack's tokens are set", Status.OK))
        if environment.database_url is None:
            mend = "set DATABASE_URL to your own PostgreSQL to run more than one replica"
            found.append(Finding("the embedded PostgreSQL is in use: one process, one machine", Status.OK, mend))
        return found

    async def _database(self) -> Sequence[Finding]:
        version = await self.pool.fetchval("SELECT current_setting('server_version')")
        theirs = await self.pool.fetchval("SELECT clock_timestamp()")
        guarded = await self.pool.fetchval(
            "SELECT count(*) FROM pg_trigger"
            " WHERE tgrelid = 'audit'::regclass AND NOT tgisinternal AND tgenabled <> 'D'"
        )
        skew = abs(self.clock() - theirs)
        found = [Finding(f"PostgreSQL {version} answers", Status.OK)]
        if guarded:
            found.append(Finding("the audit table refuses changes", Status.OK))
        else:
            mend = "somebody disabled its trigger: run ops audit verify, then ALTER TABLE audit ENABLE TRIGGER ALL"
            found.append(Finding("the audit table could be changed", Status.FAILED, mend))
        if skew > CLOCK_SKEW:
            mend = "synchronise the clocks (NTP) of this machine and the database"
            found.append(Finding(f"clocks differ by {skew.total_seconds():.1f} s", Status.WARNING, mend))
        return found

    async def _policy(self) -> Sequence[Finding]:
        roster, policy = self.directory.roster(), self.settings.policy()
        actions = {action.words: action.risk for action in self.catalogue()}
        found = []
        for role, why in roster.unreadable.items():
            mend = "until it can be read nobody has this role through it; check the group id and usergroups:read"
            found.append(Finding(f"role {role!r} cannot be read: {why}", Status.FAILED, mend))
        for role in policy.roles:
            if role not in roster.unreadable and not roster.members.get(role):
                found.append(Finding(f"nobody has the role {role!r}", Status.WARNING, "name people or a group for it"))
        found += set_up(self.settings, tuple(actions))
        found += self._unapprovable(policy, roster, actions)
        for pattern in policy.rules:
            if not any(fnmatchcase(words, pattern) for words in actions):
                found.append(Finding(f"rule {pattern!r} matches no command", Status.WARNING, "correct or delete it"))
        if not self.settings.team.approvals_channel:
            mend = "set team.approvals_channel, so that requests from the terminal and from DMs are seen"
            found.append(Finding("no approvals channel", Status.WARNING, mend))
        if not self.settings.team.audit_channel and not self.settings.team.anchor_file:
            mend = "set team.audit_channel or team.anchor_file, so that a cut-off audit can be noticed"
            found.append(Finding("the audit's head is anchored nowhere", Status.WARNING, mend))
        return found or [Finding("every destructive command can be approved by somebody", Status.OK)]

    def _unapprovable(self, policy: Policy, roster: Roster, actions: Mapping[str, Risk]) -> list[Finding]:
        """One finding for all that fail for the same reason."""
        if not policy.roles:
            mend = "write [roles] and [people]; ops.example.toml shows how"
            return [Finding("ops.toml has no [roles]: nobody may ask or approve anything", Status.FAILED, mend)]
        by_reason: dict[str, list[str]] = {}
        for action, why in unapprovable(policy, roster, actions, self.clock()).items():
            by_reason.setdefault(why, []).append(action)
        return [
            Finding(
                f"nobody can get {listed(repr(each) for each in names)} approved: {why}",
                Status.FAILED,
                f"widen its approvers in ops.toml, [rules.{names[0]!r}]"
                if len(names) == 1
                else "widen approvers there",
            )
            for why, names in by_reason.items()
        ]


def key_probe(pool: asyncpg.Pool, key: bytes) -> Probe:
    """Named before anything is written with a key that is not the trail's."""

    async def audit_key() -> Sequence[Finding]:
        try:
            await check_key(pool, key)
        except Misconfigured as error:
            what, _, mend = str(error).partition(". ")
            return (Finding(what, Status.FAILED, mend.rstrip(".")),)
        return (Finding("the audit's key is the one the trail was begun with", Status.OK),)

    return audit_key


def journal_probe(journal: Journal) -> Probe:
    """Makes the journal's room, too, where it has none yet."""

    async def journal_of_safety_stops() -> Sequence[Finding]:
        try:
            await asyncio.to_thread(journal.prepare)
        except OSError as error:
            mend = f"make {journal.path.parent} writable, or point OPS_DATA at a folder that is"
            what = f"no safety stop can run while the database is away: {error.strerror or error}"
            return (Finding(what, Status.WARNING, mend),)
        return (Finding("the journal for safety stops has its room", Status.OK),)

    return journal_of_safety_stops
