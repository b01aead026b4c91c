"""A vendor's own description of its API, if it lies beside the project, as a judge of what is said to and by it."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

from openapi_schema_validator import OAS30Validator, OAS31Validator

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
    """An OpenAPI description, of 3.0 or 3.1."""

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
        # A description may name the parts of a deep object one by one: `page[number]`.
        named = {p["name"] for p in parameters if p["in"] == "query"}
        query = {name: value for name, value in call.query.items() if name in named}
        query |= nested((name, value) for name, value in call.query.items() if name not in named)
        given: dict[str, Mapping[str, Any]] = {"query": query, "path": values}
        for parameter in parameters:
            name, where = parameter["name"].removesuffix("[]"), parameter["in"]
            if where not in given:
                continue
            assert name in given[where] or not parameter.get("required"), f"{call.method} {call.path}: no {name}"
            if name in given[where]:
                self._valid(parameter["schema"], self._typed(given[where][name], parameter["schema"]), f"?{name}")
        known = {p["name"].removesuffix("[]") for p in parameters if p["in"] == "query"}
        assert query.keys() <= known, f"{call.method} {call.path}: {query.keys() - known} is not described"
        if call.body:
            self._body(call, self._resolve(operation["requestBody"])["content"])
        if answers:
            self._answer(call, operation)
        return f"{call.method} {template}"

    def _body(self, call: Heard, content: Mapping[str, Any]) -> None:
        assert call.asked in content, f"{call.method} {call.path} takes {', '.join(content)}, not {call.asked}"
        schema = content[call.asked]["schema"]
        form = call.asked == "application/x-www-form-urlencoded"
        said = self._typed(nested(parse_qsl(call.body)), schema) if form else json.loads(call.body)
        self._valid(schema, said, f"body of {call.path}")

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
            names = re.findall(r"\{([^}]+)\}", template)
            found = re.fullmatch(re.sub(r"\\\{.+?\\\}", "([^/]+)", re.escape(template)), path)
            if found and method.lower() in self.spec["paths"][template]:
                return (
                    template,
                    self.spec["paths"][template][method.lower()],
                    dict(zip(names, found.groups(), strict=True)),
                )
        return None

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        found: Any = part
        if "$ref" in part:
            found = self.spec
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        return dict(found)

    def _typed(self, value: Any, schema: dict[str, Any]) -> object:
        """Text of a query or a form as what its schema makes of it; left as it is where that is nothing else."""
        schema = self._resolve(schema)
        for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
            typed = self._typed(value, branch)
            if typed is not value and not [*self._validator(branch).iter_errors(typed)]:
                return typed
        match schema.get("type"), value:
            case "number" | "integer", str() if re.fullmatch(r"-?\d+(\.\d+)?", value):
                return float(value) if "." in value else int(value)
            case "boolean", "true" | "false":
                return value == "true"
            case "array", list():
                return [self._typed(each, schema.get("items", {})) for each in value]
            case "array", str():
                return [self._typed(each, schema.get("items", {})) for each in value.split(",")]
            case _, dict():
                parts = schema.get("properties", {})
                return {name: self._typed(each, parts.get(name, {})) for name, each in value.items()}
            case _:
                return value

    def _validator(self, schema: dict[str, Any]) -> Any:
        newer = str(self.spec.get("openapi", "")).startswith("3.1")
        return (OAS31Validator if newer else OAS30Validator)(self._whole(schema))

    def _whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {**schema, "components": self.spec.get("components", {})}

    def _valid(self, schema: dict[str, Any], value: object, where: str) -> None:
        problems = [
            f"{list(problem.path)}: {problem.message[:200]}" for problem in self._validator(schema).iter_errors(value)
        ]
        assert not problems, f"{where}: {problems}"


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a[b]=1` as `{"a": {"b": "1"}}`, and `a[]=1` as a list, the way that deep objects are written in queries."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        first, *rest = re.split(r"\[|\]\[|\]", name.removesuffix("]"))
        here, key = found, first
        for part in rest:
            if part == "":
                here.setdefault(key, []).append(value)
                break
            here, key = here.setdefault(key, {}), part
        else:
            here[key] = value
    return found
