"""A vendor's own GraphQL schema, if it lies beside the project, as a judge of what is said to and by it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from graphql import (
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from sandbox.world.heard import Heard
from tests.integrations.contract import SPECS, record


@dataclass(frozen=True)
class GraphQLContract:
    service: str
    schema: GraphQLSchema

    @classmethod
    def load(cls, file: str) -> Self | None:
        """`railway`; None where the descriptions are not at hand."""
        path = SPECS / f"{file}.graphql"
        return cls(file, build_schema(path.read_text(encoding="utf-8"))) if path.exists() else None

    def check(self, heard: Sequence[Heard], *, answers: bool) -> int:
        """Assert that every query, its variables and, where they are no errors, the answers fit the schema."""
        counts: Counter[str] = Counter()
        for call in heard:
            asked = json.loads(call.body)
            document = parse(asked["query"])
            problems = validate(self.schema, document)
            assert not problems, f"{asked['operationName']}: {problems}"
            said = json.loads(call.answer) if answers and call.answer.startswith("{") else {}
            data = said.get("data")
            # Executed on the answer itself: variables are coerced, and each value serialised as its type says.
            result = execute_sync(
                self.schema,
                document,
                root_value=data,
                variable_values=asked["variables"],
                operation_name=asked["operationName"],
                field_resolver=_as_answered,
            )
            if data is not None:
                assert not result.errors, f"{asked['operationName']}: {result.errors}"
                assert result.data == data, f"{asked['operationName']} was answered with more than was asked for"
            else:
                coercion = [each for each in result.errors or () if each.path is None]
                assert not coercion, f"{asked['operationName']}: {coercion}"
            (operation,) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
            for field in operation.selection_set.selections:
                counts[f"{operation.operation.value} {getattr(field, 'name').value}"] += 1  # noqa: B009 - a union
        record(self.service, counts)
        return counts.total()


def _as_answered(source: Any, info: GraphQLResolveInfo[Any], **_: Any) -> Any:
    return None if source is None else source[info.path.key]
