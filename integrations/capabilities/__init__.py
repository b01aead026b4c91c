"""What several kinds of service can do in the same way: the Protocols that commands are written against.

Clients translate their vendor's errors into `bot.errors` at the door, so a command rarely needs `try`.
"""

from integrations.capabilities.checks import Checkable, Checked, Health
from integrations.capabilities.errors import ErrorEvent, ErrorPage, ErrorSource
from integrations.capabilities.executions import Execution, Executions
from integrations.capabilities.named import Named
from integrations.capabilities.rate_limits import RateLimiter, RateLimitState
from integrations.capabilities.switches import Flipped, Switch, Switchable, Switches

__all__ = [
    "Checkable",
    "Checked",
    "ErrorEvent",
    "ErrorPage",
    "ErrorSource",
    "Execution",
    "Executions",
    "Flipped",
    "Health",
    "Named",
    "RateLimitState",
    "RateLimiter",
    "Switch",
    "Switchable",
    "Switches",
]
