"""The meaning of an answer over HTTP, or of none: one table to `bot.words.exceptions`, in sentences.

Of a write, whatever leaves it open whether the service acted is OutcomeUnknown: a time-out, a broken connection, and
also a 5xx or a 408, because a gateway gives up on a call that its upstream goes on with; and a 302 or 303, which is how
web applications answer what they have done.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NoReturn, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from bot.words.exceptions import Misconfigured, NotUnderstood, OpsError, OutcomeUnknown, Refused, TryLater
from integrations.plumbing.allowance import Allowance, RateHeaders
from integrations.plumbing.answer import Answer
from integrations.plumbing.section import Outside
from integrations.plumbing.unreached import unreached

QUOTE_LIMIT = 300
"""Characters of a vendor's own sentence that an error repeats."""
UNSENDABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)
"""What is raised where the address or the credential holds what cannot be sent."""


def unsendable(error: BaseException) -> bool:
    """Whether it is about what was to be sent. A certificate that is not accepted is a ValueError, too."""
    return isinstance(error, (ValueError, *UNSENDABLE)) and not isinstance(error, OSError)


_OPEN = frozenset({302, 303, 408})

M = TypeVar("M", bound=BaseModel)


class Unreadable(TryLater):
    """A read was answered with success, and the answer is too large, cut off, or not what the API promises."""


class Unread(OutcomeUnknown):
    """A write was answered with success, and the answer is too large, cut off, or not what the API promises."""


class Meaning:
    """Of the answers of one service. A vendor with an error shape of its own overrides `error_of` or `said`."""

    def __init__(
        self,
        outside: Outside,
        name: str,
        credentials: Callable[[], Mapping[str, str]],
        credential_setting: str,
        rate: RateHeaders | None,
    ) -> None:
        self.name = name
        self._outside = outside
        self._credentials = credentials
        self._credential_setting = credential_setting
        self.allowance = Allowance(name, rate, credentials)

    def _read(self, answer: Answer, shape: type[M], *, write: bool, missing: OpsError | None) -> M:
        if not answer.good:
            raise self.error_of(answer, write=write, missing=missing)
        return self._parsed(answer, shape, write=write)

    def _parsed(self, answer: Answer, shape: type[M], *, write: bool) -> M:
        try:
            return shape.model_validate(answer.json())
        except (ValueError, ValidationError, RecursionError) as error:
            # The cause is dropped: pydantic's text quotes the answer.
            self._unreadable(answer, error, write=write)

    def _unreadable(self, answer: Answer, error: Exception, *, write: bool) -> NoReturn:
        if not answer.whole:
            why = f"an answer that {answer.cut}"
        elif "json" not in answer.media:
            why = f"{answer.media or 'no content type'} instead of JSON"
        elif isinstance(error, ValidationError):
            why = f"JSON of a shape it does not promise ({_places(error)})"
        else:
            why = "broken JSON"
        if write:
            raise Unread(
                f"{self.name} accepted the call and answered with {why}; look there for how it ended."
            ) from None
        raise Unreadable(
            f"{self.name} answered with {why}. If this stays so, check services.{self.name}.url."
        ) from None

    @property
    def _unsendable(self) -> Misconfigured:
        return Misconfigured(
            f"services.{self.name}: its address or its credential holds characters that cannot be sent; "
            "write them anew, without line ends."
        )

    def failure_of(self, error: Exception, *, write: bool, limit: timedelta) -> OpsError:
        """The error for a call that got no whole answer."""
        if unsendable(error):
            return self._unsendable
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
            return TryLater(f"Could not connect to {self.name}: {unreached(error, limit).detail}. Nothing was sent.")
        detail = unreached(error, limit).detail
        why = detail.replace("no answer", "did not answer") if detail.startswith("no answer") else f"failed: {detail}"
        if write:
            return OutcomeUnknown(f"{self.name} {why}; the call may or may not have worked.")
        return TryLater(f"{self.name} {why}.")

    def error_of(self, answer: Answer, *, write: bool, missing: OpsError | None = None) -> OpsError:
        """The error for an answer that is no success."""
        said = self.said(answer)
        match answer.status:
            case status if write and (status >= 500 or status in _OPEN):
                how = "sends us elsewhere" if status < 400 else "failed"
                return OutcomeUnknown(f"{self.name} {how} ({status}){said}; the call may or may not have worked.")
            case 401 | 403:
                return self.refused(answer)
            case 404 | 410:
                return missing or NotUnderstood(
                    f"{self.name} does not know what was asked for ({answer.status}){said}."
                )
            case 429 if self.allowance.gone:
                return self.allowance.used_up()
            case 408 | 425 | 429:
                return TryLater(f"{self.name} asks us to slow down ({answer.status}).", after=answer.retry_after)
            case status if status >= 500:
                return TryLater(f"{self.name} is in trouble ({status}){said}.", after=answer.retry_after)
            case status if status < 400:
                return Misconfigured(
                    f"{self.name} sends us elsewhere ({status}): write its final address in services.{self.name}.url."
                )
            case status:
                return Refused(f"{self.name} refused ({status}){said}.")

    def refused(self, answer: Answer) -> Refused:
        """It does not take our credential."""
        where = f" Check {self._credential_setting}." if self._credential_setting else ""
        return Refused(f"{self.name} refused our credential ({answer.status}){self.said(answer)}.{where}")

    def said(self, answer: Answer) -> str:
        """`: its sentence`, or nothing: only JSON's `message`, or that of its `error`, is repeated, made clean."""
        found = answer.fields()
        error = found.get("error")
        return self.quoted((error if isinstance(error, dict) else found).get("message"))

    def quoted(self, told: object) -> str:
        """`: its sentence`, made clean; nothing where it is no sentence."""
        return f": {self.clean(told)}" if isinstance(told, str) and told.strip() else ""

    def clean(self, text: str) -> str:
        """Make a vendor's text fit to be repeated: one line, no secret of ours, at most QUOTE_LIMIT characters."""
        try:
            values = tuple(filter(str.strip, self._credentials().values()))
        except OpsError:  # it cannot be found now; what was found before is known to `redact`
            values = ()
        for value in values:
            text = text.replace(value, "[redacted]").replace(value.split()[-1], "[redacted]")
        text = " ".join(self._outside.redact(text).split()).rstrip(".")
        return text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 1] + "…"


def _places(error: ValidationError) -> str:
    """Where the shape was wrong, without what was there."""
    places = {".".join(str(part) for part in detail["loc"]) or "the whole" for detail in error.errors()[:20]}
    return ", ".join(sorted(places)[:3])
