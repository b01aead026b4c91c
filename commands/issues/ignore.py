"""/ops issues ignore: one issue is known and not worth a look, until it gets worse."""

from commands import House
from commands.issues._setting import SetStatus
from integrations.capabilities import Issues


class IgnoreIssue(SetStatus):
    """Ignore one issue, until it gets worse."""

    to = "ignored"
    verb = ("Ignore", "Ignored")
    comes_back = "If it gets much more frequent, it is unresolved again by itself."
    examples = ("issues ignore SHOP-API-9", 'issues ignore SHOP-API-9 reason="known, and harmless"')


def actions(house: House) -> IgnoreIssue:
    return IgnoreIssue(house.having(Issues))
