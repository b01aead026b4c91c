"""n8n's own description of its API, when it lies beside the project, as a judge of what is said to it and by it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from openapi_schema_validator import OAS30Validator

from sandbox.world.n8n import Heard

_SPECS = Path(__file__).parents[3] / "shared" / "specs"


@dataclass(frozen=True)
class Contract:
    spec: dict[str, Any]

    @classmethod
    def load(cls, version: str) -> Self | None:
        path = _SPECS / f"n8n-{version}.json"
        return cls(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def check(self, heard: Sequence[Heard], *, answers: bool) -> int:
        """Assert that all of it is in the description; how many calls were looked at."""
        calls = [call for call in heard if call.path.startswith("/api/v1/")]
        for call in calls:
            self._call(call, answers=answers)
        return len(calls)

    def _call(self, call: Heard, *, answers: bool) -> None:
        operation = self._operation(call)
        if operation is None:
            # Asked on purpose: its absence tells an old n8n from a new one.
            assert call.path == "/api/v1/discover", f"{call.method} {call.path} is not described"
            return
        parameters = {p["name"]: p for p in map(self._resolve, operation.get("parameters", [])) if p["in"] == "query"}
        for name, value in call.query.items():
            assert name in parameters, f"{call.method} {call.path}: the query {name} is not described"
            self._valid(parameters[name]["schema"], _typed(value, parameters[name]["schema"]), f"{call.path}?{name}")
        if call.body:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self._valid(schema, json.loads(call.body), f"body of {call.path}")
        if answers and call.answer.startswith("{"):
            described = self._resolve(operation["responses"].get(str(call.status), {}))
            schema = described.get("content", {}).get("application/json", {}).get("schema")
            if schema is not None:
                self._valid(schema, json.loads(call.answer), f"answer of {call.path}")
            else:
                assert call.status >= 400, f"{call.path} answered {call.status}, which is not described"

    def _operation(self, call: Heard) -> dict[str, Any] | None:
        path = call.path.removeprefix("/api/v1")
        for template, operations in self.spec["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and call.method.lower() in operations:
                return dict(operations[call.method.lower()])
        return None

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        found: Any = part
        if "$ref" in part:
            found = self.spec
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        return dict(found)

    def _valid(self, schema: dict[str, Any], value: object, where: str) -> None:
        whole = {**schema, "components": self.spec["components"]}
        problems = [
            f"{list(problem.path)}: {problem.message[:200]}" for problem in OAS30Validator(whole).iter_errors(value)
        ]
        assert not problems, f"{where}: {problems}"


def _typed(value: str, schema: dict[str, Any]) -> object:
    match schema.get("type"):
        case "number" | "integer":
            return int(value)
        case "boolean":
            return {"true": True, "false": False}[value]
        case _:
            return value
