"""What is said where the members of roles cannot be read, by help and by Home."""

from collections.abc import Sequence


def unread(roles: Sequence[str]) -> str:
    """Why somebody may miss commands that are theirs, and what to do."""
    members = f"the members of {', '.join(roles)}"
    return f"Commands may be missing here: Slack does not tell {members} right now. Try again in a few minutes."
