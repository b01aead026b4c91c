"""The cargo: every command there is. The path is what people type; a new one is a file and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.ask.catalogue import Catalogue
from bot.settings import Commands
from bot.words.action import AnyAction
from commands import (
    audit,
    calls,
    campaigns,
    db,
    deploys,
    doctor,
    end,
    errors,
    execution,
    extend,
    freeze,
    health,
    help,
    issues,
    job,
    jobs,
    keys,
    logs,
    numbers,
    pause,
    reconcile,
    requests,
    resume,
    retry,
    review,
    rows,
    show,
    stats,
    status,
    stop,
    test,
    token,
    undo,
    unfollow,
    unfreeze,
    usage,
    whitelist,
    withdraw,
    workflows,
)
from commands._shared import reversal as _reversal
from commands.campaigns import pause as pause_campaigns
from commands.campaigns import resume as resume_campaigns
from commands.db import analyze, cleanup, kill_idle, read_only, terminate, vacuum, writable
from commands.deploys import promote, redeploy, restart, rollback
from commands.deploys._hosting import Listing
from commands.issues import ignore, resolve
from commands.keys import _book, rotate
from commands.numbers import reassign, release
from commands.workflows import off, on
from integrations import Services
from integrations.capabilities import (
    Calls,
    Checkable,
    Credentialed,
    Database,
    Deployments,
    ErrorSource,
    Executions,
    Issues,
    LiftsReadOnly,
    LogSource,
    Metered,
    Numbers,
    OwnJobs,
    Promotes,
    RateLimiter,
    Redeploys,
    Restarts,
    RollsBack,
    Rows,
    Statistics,
    Switches,
    Testable,
    VendorStatus,
    Workflows,
)

CAMPAIGN_KINDS = ("n8n", "postgres", "supabase")
"""Where everything that can be paused was named in ops.toml as a campaign; elsewhere `all` would mean too much."""


class Desk(
    _reversal.Ledger,
    audit.Ledger,
    extend.Ledger,
    freeze.Freezer,
    reconcile.Ledger,
    requests.Ledger,
    review.Ledger,
    show.Ledger,
    withdraw.Ledger,
    Protocol,
):
    """What the machine's own words need of it."""


@dataclass(frozen=True)
class Hold:
    """Everything that some command asks for in its constructor."""

    services: Services
    desk: Desk
    tokens: token.Tokens
    follows: unfollow.Follows
    inspection: doctor.Inspection
    history: health.HealthHistory
    keys: _book.Book
    catalogue: Callable[[], Catalogue]
    allowed: help.Allowed
    now: Callable[[], datetime]
    settings: Commands


def commands(hold: Hold) -> tuple[AnyAction, ...]:
    services, desk, now = hold.services, hold.desk, hold.now
    switches = services.having(Switches)
    held = tuple(each for each in switches if each.kind in CAMPAIGN_KINDS)
    flows = services.having(Workflows)
    trackers = services.having(Issues)
    databases = services.having(Database)
    guards = services.having(LiftsReadOnly)
    inventories = services.having(Numbers)
    hosts = services.having(Deployments)
    listing = Listing(hosts)
    limits = hold.settings.whitelist
    proved, testable = services.having(Credentialed), {each.name: each for each in services.having(Testable)}
    checks = {each.name: each for each in services.having(Checkable)}
    pages = (*services.having(VendorStatus), *(services.vendors if hold.settings.status.vendor_pages else ()))
    return (
        help.ShowHelp(hold.catalogue, hold.allowed),
        health.CheckServices(services.having(Checkable), hold.history, now),
        status.ShowStatus(pages, services.having(Checkable), now),
        usage.ShowUsage(services.having(Metered), now),
        errors.TailErrors(services.having(ErrorSource), now),
        logs.ShowLogs(services.having(LogSource), now),
        test.TryServices(services.having(Testable), services.having(Credentialed), now),
        issues.ListIssues(trackers, now),
        resolve.ResolveIssue(trackers),
        ignore.IgnoreIssue(trackers),
        stats.ShowStatistics(services.having(Statistics), now),
        workflows.ListWorkflows(flows, now),
        on.TurnOn(flows),
        off.TurnOff(flows),
        execution.ShowExecution(services.having(Executions), now),
        retry.RetryExecution(services.having(Executions)),
        stop.StopExecution(services.having(stop.StoppableExecutions)),
        deploys.ListDeployments(hosts, now),
        rollback.RollBackDeployment(services.having(RollsBack), listing),
        promote.PromoteDeployment(services.having(Promotes), listing),
        redeploy.RedeployDeployment(services.having(Redeploys), listing),
        restart.RestartDeployment(services.having(Restarts)),
        whitelist.LiftRateLimit(services.having(RateLimiter), now, limits.widest_v4, limits.widest_v6),
        campaigns.ListCampaigns(held, now),
        pause_campaigns.PauseCampaigns(held),
        resume_campaigns.ResumeCampaigns(held),
        pause.PauseThing(switches),
        resume.ResumeThing(switches),
        db.LookAtDatabase(databases, now),
        kill_idle.KillIdleConnections(databases),
        terminate.TerminateConnection(databases),
        analyze.AnalyzeTable(databases),
        vacuum.VacuumTable(databases),
        cleanup.CleanUpRows(databases, desk),
        read_only.ShowReadOnly(guards, now),
        writable.LetItWrite(guards),
        rows.ReadRows(services.having(Rows), now),
        calls.ShowCalls(services.having(Calls), now),
        numbers.ListNumbers(inventories, now),
        release.ReleaseNumber(inventories),
        reassign.ReassignNumber(inventories),
        keys.ListKeys(proved, checks, hold.keys, now),
        rotate.RotateKey(proved, testable, checks, hold.keys, now),
        jobs.ListJobs(services.having(OwnJobs)),
        job.StartJob(services.having(OwnJobs)),
        requests.OpenRequests(desk),
        show.ShowRequest(desk),
        withdraw.WithdrawRequest(desk),
        undo.UndoRequest(_reversal.Reversal(desk)),
        extend.ExtendRequest(desk),
        end.EndNow(_reversal.Reversal(desk)),
        reconcile.ReconcileRequest(desk),
        review.ReviewRequest(desk),
        freeze.DeclareFreeze(desk),
        unfreeze.LiftFreeze(desk),
        audit.AuditTrail(desk),
        doctor.Doctor(hold.inspection),
        unfollow.StopFollowing(hold.follows),
        token.TerminalToken(hold.tokens),
    )
