"""Schema rules: the request, or what it changes, against the document's schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from mock_server.messages import article, such_as
from mock_server.pipeline.exchange import Exchange, Fixed
from mock_server.problems import Problem, Violation
from mock_server.rules.lifecycle import state_of
from mock_server.rules.schema import iter_violations
from mock_server.state.store import Record

CANDIDATES = 3  # records that are told of where none was met


def validate(exchange: Exchange) -> Problem | None:
    """Finds the record that is meant, and every way in which the body breaks its schema."""
    plan = exchange.operation
    operation = plan.operation
    if operation.does in ("read", "update", "delete"):
        record_id = plan.record_id(exchange.context)
        prototype = plan.prototype
        stored = exchange.tenant.store.get(prototype.collection, str(record_id))
        if stored is None:
            return missing(exchange, record_id)
        exchange.stored = stored
    if plan.body_validator is None or exchange.body is None:
        return None
    instance = exchange.body
    if isinstance(instance, dict):
        instance = exchange.given = plan.prototype.canonical(instance)
        if exchange.stored is not None:
            if plan.fixed is not None and not plan.fixed.fields.isdisjoint(instance):
                exchange.violations += iter_fixed(exchange, plan.fixed)
            instance = exchange.changes = changes_of(exchange, instance)
        elif not plan.ignored.isdisjoint(instance):
            for field in plan.ignored & instance.keys():
                del instance[field]
    if not plan.body_validator.is_valid(instance):
        schema = operation.body_schema or {}
        exchange.violations += iter_violations(
            plan.body_validator, schema, instance, "/body", exchange.plan.rules
        )
    return None


def missing(exchange: Exchange, record_id: Any) -> Problem:
    """The answer to a request for a record that is not there."""
    plan = exchange.operation
    title, collection = plan.prototype.resource.title, plan.prototype.collection
    message = f"{title} {record_id} is not found."
    name = next((name for name, value in exchange.path.items() if value == record_id), "")
    answer = plan.operation.responses.get("404")
    known = exchange.tenant.store.select(collection, [], 0, CANDIDATES).records
    violation = Violation(
        answer.rule_ids if answer is not None else (),
        f"/path/{name}" if name else "/path",
        None,
        message,
        record_id,
        f"the id of {article(title)} of this account{such_as([one.record_id for one in known])}",
    )
    return Problem(404, message, (violation,), title)


def changes_of(exchange: Exchange, given: dict[str, Any]) -> dict[str, Any]:
    """The given fields that may be written and differ from what is stored.

    One from which another follows is given anew where the record lacks that other, and the request
    says nothing of it: to name a template once more is to have it rendered.
    """
    stored = exchange.stored
    assert stored is not None
    writable = exchange.operation.writable
    template = exchange.operation.prototype.template
    nullable = exchange.operation.nullable
    changes = {}
    for field, value in given.items():
        if field in writable:
            known = held(stored, field)
            meant = template[field] if value is None and field in nullable else value
            added = exchange.operation.added.get(field)
            if added:
                known, meant = without(known, added), without(meant, added)
            if not is_same(known, meant):
                changes[field] = value
    for field, other in exchange.operation.followed:
        is_meant = given.get(field) is not None and other not in given
        if is_meant and held(stored, other) is None and may_change(exchange):
            changes[field] = given[field]
    return changes


def held(stored: Record, field: str) -> Any:
    return stored.data[field] if field in stored.data else stored.hidden.get(field)


def may_change(exchange: Exchange) -> bool:
    """Whether the stored record is in a state in which its fields may be changed."""
    machine, stored = exchange.operation.prototype.machine, exchange.stored
    return machine is None or (
        stored is not None and state_of(stored.data, machine.field) in machine.editable
    )


def iter_fixed(exchange: Exchange, fixed: Fixed) -> Iterator[Violation]:
    """Fields that a change leaves as they are, and that are not even of their type."""
    assert exchange.stored is not None
    data = exchange.stored.data
    given = {
        field: value
        for field, value in exchange.given.items()
        if field in fixed.fields and not is_same(data.get(field), value)
    }
    return iter_violations(fixed.validator, fixed.schema, given, "/body", exchange.plan.rules)


def without(value: Any, fields: frozenset[str]) -> Any:
    """A list whose items lack what the server itself adds to them."""
    if not isinstance(value, list):
        return value
    return [
        {k: v for k, v in one.items() if k not in fields} if isinstance(one, dict) else one
        for one in value
    ]


def is_same(first: Any, second: Any) -> bool:
    """Equality as JSON has it: false is not 0."""
    if first.__class__ is not second.__class__ and not (is_number(first) and is_number(second)):
        return False
    if first.__class__ in (dict, list):
        return orjson.dumps(first, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
            second, option=orjson.OPT_SORT_KEYS
        )
    return bool(first == second)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
