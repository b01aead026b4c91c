"""The plan of a number, and how numbers are told and compared."""

from bot.words.action import Plan
from integrations.capabilities import Number, NumberState


class NumberPlan(Plan):
    service: str
    number: str
    state: NumberState
    detail: str
    """The service's own word for the state."""
    assigned_to: str
    to: str
    """Whom it will belong to; empty nobody."""


def state_of(was: Number | NumberPlan) -> str:
    """`assigned to Harbour Dental`, `suspended`."""
    return f"{was.detail or was.state}{f' to {was.assigned_to}' if was.assigned_to else ''}"


def digits(number: str) -> str:
    """However it is written: +1 888 555-0101 is +18885550101."""
    return "".join(letter for letter in number if letter.isalnum()).casefold()
