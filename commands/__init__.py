"""The cargo: every command there is. The path is what people type; a new one is a file and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.action import AnyAction
from bot.catalogue import Catalogue
from bot.settings import Commands
from commands import (
    _reversal,
    audit,
    campaigns,
    doctor,
    end,
    errors,
    extend,
    freeze,
    health,
    help,
    reconcile,
    requests,
    retry,
    review,
    show,
    token,
    undo,
    unfollow,
    unfreeze,
    whitelist,
    withdraw,
)
from commands.campaigns import pause, resume
from integrations import Services
from integrations.capabilities import Checkable, ErrorSource, Executions, RateLimiter, Switches


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
    catalogue: Callable[[], Catalogue]
    allowed: help.Allowed
    now: Callable[[], datetime]
    settings: Commands


def commands(hold: Hold) -> tuple[AnyAction, ...]:
    services, desk, now = hold.services, hold.desk, hold.now
    switches = services.having(Switches)
    limits = hold.settings.whitelist
    return (
        help.ShowHelp(hold.catalogue, hold.allowed),
        health.CheckServices(services.having(Checkable), hold.history, now),
        errors.TailErrors(services.having(ErrorSource), now),
        retry.RetryExecution(services.having(Executions)),
        whitelist.LiftRateLimit(services.having(RateLimiter), now, limits.widest_v4, limits.widest_v6),
        campaigns.ListCampaigns(switches, now),
        pause.PauseCampaigns(switches),
        resume.ResumeCampaigns(switches),
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
