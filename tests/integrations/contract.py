"""A vendor's own description of its API, if it lies beside the project, as a judge of what is said to and by it."""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from openapi_schema_validator import OAS30Validator

from sandbox.world.heard import Heard

SPECS = Path(__file__).parents[3] / "shared" / "specs"
NO_SPECS = "the vendors' own descriptions are not here (../shared/specs): what was said is not checked against them"


def record(service: str, counts: Mapping[str, int]) -> None:
    """Append what was checked to the file that CONTRACTS_FILE names, if it does: one JSON object a line."""
    if file := os.environ.get("CONTRACTS_FILE"):
        lines = (json.dumps({"service": service, "operation": name, "count": n}) for name, n in counts.items())
        with Path(file).open("a", encoding="utf-8") as out:
            out.write("".join(f"{line}\n" for line in lines))


@dataclass(frozen=True)
class Contract:
    """An OpenAPI 3.0 description."""

    service: str
    spec: dict[str, Any]
    base: str = ""
    """Where the stand-in serves it; other paths of the stand-in are not looked at."""
    beyond: frozenset[str] = frozenset()
    """Paths without `base` that are asked for on purpose although they are not described."""

    @classmethod
    def load(cls, file: str, *, service: str = "", base: str = "", beyond: Sequence[str] = ()) -> Self | None:
        """`n8n-2.41`; None where the descriptions are not at hand."""
        path = SPECS / f"{file}.json"
        if not path.exists():
            return None
        return cls(service or file, json.loads(path.read_text(encoding="utf-8")), base, frozenset(beyond))

    def check(self, heard: Sequence[Heard], *, answers: bool) -> int:
        """Assert that all of it is in the description; how many calls were looked at."""
        counts: Counter[str] = Counter()
        for call in heard:
            if call.path.startswith(f"{self.base}/"):
                counts[self._call(call, answers=answers)] += 1
        record(self.service, counts)
        return counts.total()

    def operations(self) -> tuple[str, ...]:
        """`GET /executions`: every one that is described."""
        verbs = ("get", "put", "post", "patch", "delete")
        return tuple(
            f"{verb.upper()} {path}" for path, found in self.spec["paths"].items() for verb in verbs if verb in found
        )

    def _call(self, call: Heard, *, answers: bool) -> str:
        path = call.path.removeprefix(self.base)
        found = self._operation(call.method, path)
        if found is None:
            assert path in self.beyond, f"{call.method} {call.path} is not described"
            return f"{call.method} {path} (not described)"
        template, operation, values = found
        shared = self.spec["paths"][template].get("parameters", [])
        parameters = [self._resolve(p) for p in (*shared, *operation.get("parameters", []))]
        given = {"query": call.query, "path": values}
        for parameter in parameters:
            name, where = parameter["name"], parameter["in"]
            if where not in given:
                continue
            assert name in given[where] or not parameter.get("required"), f"{call.method} {call.path}: no {name}"
            if name in given[where]:
                schema = self._resolve(parameter["schema"])
                self._valid(schema, _typed(given[where][name], schema), f"{call.path}?{name}")
        known = {p["name"] for p in parameters if p["in"] == "query"}
        assert call.query.keys() <= known, f"{call.method} {call.path}: {call.query.keys() - known} is not described"
        if call.body:
            schema = self._resolve(operation["requestBody"])["content"]["application/json"]["schema"]
            self._valid(schema, json.loads(call.body), f"body of {call.path}")
        if answers:
            self._answer(call, operation)
        return f"{call.method} {template}"

    def _answer(self, call: Heard, operation: Mapping[str, Any]) -> None:
        responses = operation["responses"]
        described = self._resolve(responses.get(str(call.status), responses.get("default", {})))
        schema = described.get("content", {}).get(call.media, {}).get("schema")
        if not call.answer.startswith(("{", "[")):
            return
        if schema is None:
            assert call.status >= 400, f"{call.path} answered {call.status} {call.media}, which is not described"
            return
        said = call.answer.splitlines() if "stream" in call.media else [call.answer]
        for each in said:
            self._valid(schema, json.loads(each), f"answer of {call.path}")

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any], dict[str, str]] | None:
        for template in sorted(self.spec["paths"], key=lambda each: each.count("{")):
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), path)
            if found and method.lower() in self.spec["paths"][template]:
                return template, self.spec["paths"][template][method.lower()], found.groupdict()
        return None

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        found: Any = part
        if "$ref" in part:
            found = self.spec
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        return dict(found)

    def _valid(self, schema: dict[str, Any], value: object, where: str) -> None:
        whole = {**schema, "components": self.spec.get("components", {})}
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
        case "array":
            return [value]
        case _:
            return value
