"""What Slack said no with. Where its answer was no JSON, the library hands over the bare HTTP response."""

from slack_sdk.errors import SlackApiError


def code(error: SlackApiError) -> str:
    """Slack's own word, like `channel_not_found`; the status where there is none."""
    data = getattr(error.response, "data", None)
    said = data.get("error") if isinstance(data, dict) else None
    return str(said) if said else f"status {status(error)}"


def status(error: SlackApiError) -> int:
    response = error.response
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)


def retry_after(error: SlackApiError, otherwise: float) -> float:
    """Seconds that Slack wants to be left alone."""
    said = str(error.response.headers.get("Retry-After", ""))
    return float(said) if said.isascii() and said.isdecimal() else otherwise
