"""What an undo finds in the receipt of what it undoes."""

from typing import Any

from bot.words.action import Receipt


def stored(receipt: Receipt, name: str) -> dict[str, Any]:
    """What the service itself asked to have kept; empty where it kept nothing."""
    kept = receipt.undo.get(name)
    return kept if isinstance(kept, dict) else {}
