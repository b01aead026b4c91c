"""Actions made for the tests of what people type."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field as Bound

from bot.ask.catalogue import Catalogue
from bot.words.action import Action, Asker, Change, Lookup, Plan, Receipt, Risk, Upkeep
from bot.words.params import Choices, Duration, Network, Params, Reason
from bot.words.report import Report
from bot.words.request import RequestWord


class Block(Params):
    positional = ("network",)

    network: Network
    """Address."""
    for_: Duration | None = None
    """How long."""
    reason: Reason
    """Why."""
    service_name: Annotated[str | None, Choices()] = None
    """Where."""


class Look(Params):
    positional = ("name", "more")

    name: str | None = None
    """What."""
    more: str | None = None
    """What else."""
    since: Duration = timedelta(hours=1)
    """How far back."""
    n: int = Bound(default=20, ge=1, le=200)
    """How many."""
    mode: Literal["short", "long"] = "short"
    """How much of it."""
    all_: bool = False
    """Everything."""


class Show(Params):
    positional = ("request",)

    request: RequestWord
    """Which."""


class Named(Action[Any]):
    """Words of their own, instead of a module's."""

    words_are = ""

    @property
    def words(self) -> str:
        return self.words_are


class BlockIt(Named, Change[Block, Plan]):
    """Block an address."""

    words_are = "net block"
    risk = Risk.DESTRUCTIVE
    examples = ("net block 203.0.113.7 reason=abuse",)

    async def execute(self, plan: Plan) -> Receipt:
        raise NotImplementedError


class LookAtIt(Named, Lookup[Look]):
    """Look at something."""

    words_are = "look"


class File(Params):
    positional = ("table",)

    table: str
    """Which."""
    all_: bool = False
    """Everything."""


class FileIt(Named, Lookup[File]):
    """File something."""

    words_are = "file"


class ShowIt(Named, Lookup[Show]):
    """Show a request."""

    words_are = "show"


class WithdrawIt(Named, Upkeep[Show]):
    """Take it back."""

    words_are = "withdraw"

    async def carry_out(self, asker: Asker, params: Show) -> Report:
        raise NotImplementedError


CATALOGUE = Catalogue((BlockIt(), LookAtIt(), FileIt(), ShowIt(), WithdrawIt()))
BLOCK = "net block NETWORK reason=… [for=…] [service-name=…]"
LOOK = "look [NAME] [MORE] [since=1h] [n=20] [mode=short] [all]"
