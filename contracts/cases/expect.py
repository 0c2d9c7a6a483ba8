"""What a last answer should have been, as a JSON Schema over {status, headers, body}."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from contracts.moments import parse_moment
from contracts.oracle.schema import oracle_of
from contracts.target.wire import Answer
from mock_server.spec.model import Schema

ACCEPTED: Schema = {"properties": {"status": {"minimum": 200, "maximum": 299}}}
REFUSED: Schema = {"properties": {"status": {"minimum": 400, "maximum": 499}}}


def status(expected: int | str) -> Schema:
    return {"properties": {"status": {"const": int(expected)}}}


def fields(expected: Mapping[str, Any]) -> Schema:
    """An accepted answer with a record that has these values."""
    values = {name: {"const": value} for name, value in expected.items()}
    return body({"type": "object", "required": list(values), "properties": values})


def unlike(name: str, value: Any) -> Schema:
    """An accepted answer with a record that has another value there."""
    return body({"required": [name], "properties": {name: {"not": {"const": value}}}})


def item(name: str, position: int, field: str, schema: Schema) -> Schema:
    """An accepted answer with a record in whose list the item at a position has such a value."""
    wanted = {"required": [field], "properties": {field: schema}}
    return body(
        {"required": [name], "properties": {name: {"prefixItems": [{}] * position + [wanted]}}}
    )


def body(schema: Schema) -> Schema:
    """An accepted answer whose body fits."""
    return {"properties": {**ACCEPTED["properties"], "body": schema}}


def holding(records: str, count: int, record: Schema) -> Schema:
    """An accepted page with so many records that fit."""
    if count == 0:
        return body({"properties": {records: {"not": {"contains": record}}}})
    page = {"contains": record, "minContains": count, "maxContains": count}
    return body({"required": [records], "properties": {records: page}})


def linked(names: Iterable[str], value: Any) -> Schema:
    """A record that has a value in each of these fields."""
    listed_names = list(names)
    return {"required": listed_names, "properties": {n: {"const": value} for n in listed_names}}


def saying(value: Any) -> Schema:
    """A record that has a value in any field."""
    return {"not": {"additionalProperties": {"not": {"const": value}}}}


def is_met(expect: Schema, answer: Answer, record_id: str | None = None) -> bool:
    """Whether an answer, or one record of its list, is as expected.

    Moments are equal however they are written.
    """
    found = answer.body if record_id is None else listed(answer.body, record_id)
    whole = {"status": answer.status, "headers": dict(answer.headers), "body": found}
    valid: bool = oracle_of(canonical(expect)).is_valid(canonical(whole))
    return valid


def listed(body: Any, record_id: str) -> Any:
    """The record of a page that has an id; None where there is none."""
    for value in body.values() if isinstance(body, Mapping) else ():
        for record in value if isinstance(value, list) else ():
            if isinstance(record, Mapping) and record.get("id") == record_id:
                return record
    return None


def canonical(value: Any) -> Any:
    """JSON data with every moment in one form."""
    if isinstance(value, str):
        moment = parse_moment(value)
        return value if moment is None else moment.astimezone(UTC).isoformat("T", "milliseconds")
    if isinstance(value, Mapping):
        return {name: canonical(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(inner) for inner in value]
    return value
