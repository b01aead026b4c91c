"""The Protocols that commands are written against: abilities that several kinds of service have in common.

Clients translate their vendor's errors into `bot.words.exceptions` at the door, so a command rarely needs `try`.
"""

from integrations.capabilities.calls import Call, Calls, Number, Numbers, NumberState
from integrations.capabilities.checks import Checkable, Checked, Health
from integrations.capabilities.deployments import (
    Deed,
    Deployed,
    Deployment,
    Deployments,
    Promotes,
    Redeploys,
    Restarts,
    RollsBack,
)
from integrations.capabilities.error_sources import ErrorEvent, ErrorPage, ErrorSource
from integrations.capabilities.executions import Execution, Executions, RetriesCurrent
from integrations.capabilities.issues import Issue, Issues, IssueStatus
from integrations.capabilities.logs import Level, LogLine, LogPage, LogSource
from integrations.capabilities.named import Named
from integrations.capabilities.own_jobs import Job, JobEnd, JobParam, OwnJobs, unheard
from integrations.capabilities.rate_limits import Prolongs, RateLimiter, RateLimitState
from integrations.capabilities.read_only import LiftsReadOnly, ReadOnly
from integrations.capabilities.statistics import Bucket, Operation, Statistic, Statistics
from integrations.capabilities.switches import CautionsPause, Flipped, Switch, Switchable, Switches
from integrations.capabilities.tables import Backend, Cell, Database, Ended, Grid, Retention, Rows, Tended, View
from integrations.capabilities.trials import Credential, Credentialed, Rights, Testable, Trial
from integrations.capabilities.usage import Metered, Quota
from integrations.capabilities.vendor_status import VendorIncident, VendorState, VendorStatus
from integrations.capabilities.workflows import Stoppable, Workflow, Workflows

__all__ = [
    "Backend",
    "Bucket",
    "Call",
    "Calls",
    "CautionsPause",
    "Cell",
    "Checkable",
    "Checked",
    "Credential",
    "Credentialed",
    "Database",
    "Deed",
    "Deployed",
    "Deployment",
    "Deployments",
    "Ended",
    "ErrorEvent",
    "ErrorPage",
    "ErrorSource",
    "Execution",
    "Executions",
    "Flipped",
    "Grid",
    "Health",
    "Issue",
    "IssueStatus",
    "Issues",
    "Job",
    "JobEnd",
    "JobParam",
    "Level",
    "LiftsReadOnly",
    "LogLine",
    "LogPage",
    "LogSource",
    "Metered",
    "Named",
    "Number",
    "NumberState",
    "Numbers",
    "Operation",
    "OwnJobs",
    "Prolongs",
    "Promotes",
    "Quota",
    "RateLimitState",
    "RateLimiter",
    "ReadOnly",
    "Redeploys",
    "Restarts",
    "Retention",
    "RetriesCurrent",
    "Rights",
    "RollsBack",
    "Rows",
    "Statistic",
    "Statistics",
    "Stoppable",
    "Switch",
    "Switchable",
    "Switches",
    "Tended",
    "Testable",
    "Trial",
    "VendorIncident",
    "VendorState",
    "VendorStatus",
    "View",
    "Workflow",
    "Workflows",
    "unheard",
]
