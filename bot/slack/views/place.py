"""Where something was asked and where its answer goes."""

from pydantic import BaseModel, ConfigDict

from bot.words.report import Frozen, PersonId


class Routing(BaseModel):
    """What a view carries from where it was opened: where to answer and about what. No authority is in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    channel: str | None = None
    thread: str | None = None
    action: str = ""
    """Words of the action whose form it is."""
    request: str = ""
    words: str = ""
    """Of the lookup whose whole answer it shows."""
    page: int = 0
    wanted: str = ""
    """What the rows shown have in them."""

    @classmethod
    def read(cls, text: str) -> "Routing":
        """Of a view's private_metadata; empty for what another version wrote."""
        try:
            return cls.model_validate_json(text or "{}")
        except ValueError:
            return cls()

    def write(self) -> str:
        return self.model_dump_json(exclude_defaults=True)


class Origin(Frozen):
    """Who did something, where, and how they can be answered."""

    who: PersonId
    channel: str | None = None
    thread: str | None = None
    response_url: str | None = None
    trigger: str | None = None
