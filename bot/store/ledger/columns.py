"""A request's columns, there and back."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import asyncpg

from bot.store.pool import canonical, request_id, storable, utc
from bot.words.action import Receipt
from bot.words.ports import Columns, Draft
from bot.words.report import Suggestion
from bot.words.request import Needs, Request, Vote

COLUMNS = ", ".join(Request.model_fields)
"""Every field of a request is a column of the same name."""

_JSON = frozenset({"params", "plan", "needs", "receipt", "undo_receipt", "choices"})

_ELSEWHERE = frozenset({"cards", "notices"})
"""Columns of a move that are rows of the outbox."""


def request_of(record: asyncpg.Record | Mapping[str, Any]) -> Request:
    row = {name: json.loads(value) if name in _JSON and value else value for name, value in record.items()}
    return Request.model_validate(row | {"id": request_id(row["id"])})


def vote_of(record: asyncpg.Record) -> Vote:
    return Vote.model_validate({name: record[name] for name in Vote.model_fields})


def draft_values(draft: Draft, asked_at: datetime) -> dict[str, object]:
    said = draft.said
    return {
        "action": storable(draft.action),
        "typed": storable(said.words),
        "params": canonical(draft.params),
        "asked_params": canonical(draft.params),
        "risk": draft.risk.value,
        "requester": said.who,
        "on_behalf_of": said.on_behalf_of,
        "via": said.via.value,
        "channel": said.channel,
        "thread": said.thread,
        "asked_at": utc(asked_at),
        "expires_at": utc(draft.expires_at),
        "override": storable(draft.override),
        "break_glass": storable(draft.break_glass),
    }


def move_values(columns: Columns) -> dict[str, object]:
    """Values to bind for the columns that a move sets. Raises KeyError for a name that is no column."""
    given: Mapping[str, Any] = {name: value for name, value in columns.items() if name not in _ELSEWHERE}
    return {name: None if value is None else _ENCODERS[name](value) for name, value in given.items()}


def _texts(values: tuple[str, ...]) -> list[str]:
    return [storable(value) for value in values]


def _model(value: Needs | Receipt) -> str:
    return canonical(value.model_dump(mode="json"))


def _models(values: tuple[Suggestion, ...]) -> str:
    return canonical([value.model_dump(mode="json") for value in values])


_ENCODERS: dict[str, Callable[[Any], object]] = {
    "params": canonical,
    "target": storable,
    "plan": canonical,
    "digest": str,
    "needs": _model,
    "risk": str,
    "expires_at": utc,
    "outcome": storable,
    "ended_by": str,
    "differences": _texts,
    "choices": _models,
    "receipt": _model,
    "undo_receipt": _model,
    "ends_at": utc,
    "end_tries": int,
    "end_again_at": utc,
    "started_at": utc,
    "finished_at": utc,
    "review": str,
    "reviewed_by": str,
    "note": storable,
    "escalated": _texts,
    "reminded": bool,
}
