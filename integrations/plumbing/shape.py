"""What a vendor answers, as far as it is used."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Fields are called as the vendor calls them; others that it sends are left out.

    Its validator is built when the first answer comes: a service that is only looked at needs few of its shapes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
