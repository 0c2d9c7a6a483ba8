"""Query parameters: values of a wrong type are refused; how texts are read is inferred."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.acts import expect_refused
from contracts.bench import Bench
from contracts.client import path_of
from contracts.story import Case, Story
from contracts.strategies.bodies import calm_state
from contracts.wire import ABSENT
from mock_server.spec.model import Operation, Parameter
from mock_server.spec.schemas import types_of


def cases(bench: Bench) -> Iterator[Case]:
    for operation in bench.document.operations.values():
        for parameter in operation.parameters:
            if parameter.location != "query" or not bench.ledger.wants(parameter.rule_ids):
                continue
            for value in bad_values(parameter):
                steps = refused(operation, parameter, value)
                name = f"{operation.operation_id}: {parameter.name}={value}"
                yield Case(parameter.rule_ids, name, steps, False)


def bad_values(parameter: Parameter) -> list[str]:
    types = types_of(parameter.schema)
    if types and not types & {"string", "array", "object"}:
        return ["maybe"]
    return []


def refused(operation: Operation, parameter: Parameter, value: str) -> Any:
    def steps(story: Story) -> None:
        body: Any = ABSENT
        if operation.body_schema is not None:
            resource = story.bench.document.resources[operation.resource]
            body = story.bench.composer.base(operation, calm_state(resource))
        names = [p.name for p in operation.parameters if p.location == "path"]
        path: dict[str, str] = {}
        if names:
            records = story.bench.live.records(operation.resource)
            if not records:
                story.block("the target has no record to ask for")
            path = path_of(operation, str(records[0].get("id")))
        exchange = story.send(operation, path=path, query={parameter.name: value}, body=body)
        expect_refused(story, operation, exchange, f"{parameter.name} is no {value!r}")

    return steps
