"""/ops token: a terminal token for oneself, for when Slack is down."""

from dataclasses import dataclass
from typing import Literal

from bot.words.action import Asker, Upkeep
from bot.words.exceptions import NotAllowed
from bot.words.params import Params
from bot.words.report import Fact, Moment, Report
from bot.words.spelling import counted
from commands import House
from commands._shared.machine import Tokens


class Token(Params):
    positional = ("do",)

    do: Literal["new", "revoke"] = "new"
    """`new` replaces the one you had; `revoke` leaves you without."""


@dataclass(frozen=True)
class TerminalToken(Upkeep[Token]):
    """Get your own token for the terminal."""

    tokens: Tokens
    examples = ("token", "token revoke")

    async def carry_out(self, asker: Asker, params: Token) -> Report:
        if asker.channel is None or asker.person.startswith("machine:"):
            raise NotAllowed("Tokens are issued in Slack alone, where it is known who asks.", rule="tokens")
        if params.do == "revoke":
            count = await self.tokens.revoke(asker.person)
            return Report(
                title="Token revoked", lead=f"{counted(count, 'token')} of yours {'is' if count == 1 else 'are'} void."
            )
        token, expires = await self.tokens.issue(asker.person)
        return Report(
            title="Your terminal token",
            lead='Guard it well. In a shell: export OPS_TOKEN=… and then ops run "health".',
            facts=(Fact(label="Expires", value=Moment.model_validate({"at": expires})),),
            notes=("It is shown this once and stored as a hash. token revoke voids it.",),
            secret=token,
        )


def actions(house: House) -> TerminalToken:
    return TerminalToken(house.tokens)
