"""Errors named by what the reader can do about them.

`str(error)` is always a sentence a person may read in Slack; it never holds a secret or a body we did not recognise.
"""

from collections.abc import Mapping
from datetime import timedelta


class OpsError(Exception):
    """Root of everything we raise on purpose."""


class NotUnderstood(OpsError):
    """Rephrase: the words or a value were wrong. Nothing was changed."""

    def __init__(self, sentence: str, *, hint: str = "", choices: Mapping[str, str] | None = None) -> None:
        """`hint` is what to type instead, as it would be typed.

        `choices` are whole lines of which one was meant, likeliest first, each by the name that tells it from the
        others; the first is the hint where there is no other.
        """
        super().__init__(sentence)
        self.choices = dict(choices or {})
        self.hint = hint or next(iter(self.choices.values()), "")


class NotAllowed(OpsError):
    """Ask someone else: policy says no. `rule` is the rule's name as in ops.toml."""

    def __init__(self, sentence: str, *, rule: str) -> None:
        super().__init__(sentence)
        self.rule = rule


class Stale(OpsError):
    """Look again: the world is not what the plan showed. Raised only before any effect."""

    def __init__(self, sentence: str, *, differences: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.differences = differences


class TryLater(OpsError):
    """Wait: the service did not answer, or asked us to slow down. Nothing was changed."""

    def __init__(self, sentence: str, *, after: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.after = after


class StoreUnwritable(TryLater):
    """Wait for the database. The transaction as a whole did not happen, so nothing that had to follow it may."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The database cannot be written: {why}")


class Refused(OpsError):
    """The service said no, and meant it. Nothing was changed, or it says what was."""


class OutcomeUnknown(OpsError):
    """A person must look: the call may or may not have worked. Never retried by the machine."""


class Misconfigured(OpsError):
    """Mend a setting; the sentence names it and says what to write."""


class OurFault(OpsError):
    """A defect of ours. `reference` finds the log line."""

    def __init__(self, sentence: str, *, reference: str) -> None:
        super().__init__(sentence)
        self.reference = reference
