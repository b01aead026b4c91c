"""The base of every shape that a vendor's answers are read into."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Fields are called as the vendor calls them; others that it sends are left out.

    Its validator is built when the first answer comes: a service that is only looked at needs few of its shapes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
