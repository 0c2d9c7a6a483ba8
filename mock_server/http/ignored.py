"""What a request said that nothing came of: most often a name that is misspelt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from mock_server.pipeline.build import keys_of
from mock_server.pipeline.exchange import OperationPlan, Plan
from mock_server.spec.model import Operation, Resource
from mock_server.spec.pointers import escape, nearest


def iter_ignored(
    plan: Plan, operation_id: str, query: str, body: Any, answer: Any
) -> Iterator[tuple[str, Any, str]]:
    """Parameters and fields that the operation does not know, or knows and does not take.

    Each as its place (`/query/…` or `/body/…`), its value and the reason. `answer` is the record
    that was answered, or None where the request was refused.
    """
    everything = (*plan.operations, *plan.plain)
    known = (one for one in everything if one.operation.operation_id == operation_id)
    operation = next(known, None)
    if operation is None:
        return
    yield from iter_parameters(query, operation.operation, plan)
    if isinstance(body, dict) and operation.body_validator is not None:
        yield from iter_fields(body, answer, operation)


def iter_parameters(query: str, operation: Operation, plan: Plan) -> Iterator[tuple[str, Any, str]]:
    if not query:
        return
    known = {one.name for one in operation.parameters if one.location == "query"}
    keys = keys_of(plan.schemes)
    for name, value in dict(parse_qsl(query, keep_blank_values=True)).items():
        if name not in known and name not in keys:
            yield (
                f"/query/{escape(name)}",
                value,
                unknown("no parameter of", operation, name, known),
            )


def iter_fields(
    body: Mapping[str, Any], answer: Any, plan: OperationPlan
) -> Iterator[tuple[str, Any, str]]:
    """Fields of a body; where an answer shows the very value of one, it was not lost."""
    operation, resource = plan.operation, plan.prototype.resource
    taken = set(operation.body_fields)
    told = answer if isinstance(answer, dict) else {}
    quiet = worked_out(resource) if operation.does == "update" else frozenset()
    for name, value in body.items():
        if name in taken or (name in told and told[name] == value):
            continue
        place = f"/body/{escape(name)}"
        if name not in resource.fields:
            yield place, value, unknown("no field of", operation, name, taken)
        elif name in told and name not in quiet:
            yield place, value, f"not taken from a request of {operation.operation_id}"


def worked_out(resource: Resource) -> frozenset[str]:
    """Fields that are others after a change: who sends back what they have read says nothing by them."""
    moves = resource.lifecycle.transitions if resource.lifecycle is not None else ()
    derived = {one.field for one in resource.derived}
    embedded = {one.field for one in resource.embedded}
    return frozenset(derived | embedded).union(*(one.sets for one in moves))


def unknown(what: str, operation: Operation, name: str, known: set[str]) -> str:
    hint = nearest(name, known)
    return f"{what} {operation.operation_id}" + (f"; {hint}" if hint else "")
