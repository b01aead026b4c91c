"""/ops issues resolve: one issue is done with, until it happens again."""

from commands import House
from commands.issues._setting import SetStatus
from integrations.capabilities import Issues


class ResolveIssue(SetStatus):
    """Resolve one issue."""

    to = "resolved"
    verb = ("Resolve", "Resolved")
    comes_back = "If it happens again, it is unresolved again by itself."
    examples = ("issues resolve SHOP-API-1F", "issues resolve SHOP-API-1F fixed by the rollback")


def actions(house: House) -> ResolveIssue:
    return ResolveIssue(house.having(Issues))
