"""What a creation makes beside its own record, and how it is told from what was there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from contracts.moments import parse_moment
from contracts.oracle.schema import oracle_of
from contracts.target.creations import NOTHING, Beside
from contracts.target.wire import parse_json
from mock_server.spec.model import Effect, Expression, Operation, Resource

CLOSE = 2.0  # seconds by which what is made together may seem apart


def effects_of(
    operation: Operation, target: str, content: bytes | None, record: Any
) -> list[Effect]:
    """The effects that a creation has had."""
    if not operation.effects:
        return []
    query = dict(pair.partition("=")[::2] for pair in target.partition("?")[2].split("&"))
    facts = {
        "query": {name: read_value(value) for name, value in query.items()},
        "body": parse_json(content or b""),
        "record": record if isinstance(record, dict) else {},
    }
    return [
        one
        for one in operation.effects
        if one.condition is None or oracle_of(one.condition).is_valid(facts)
    ]


def read_value(text: str) -> Any:
    value = parse_json(text.lower().encode())
    return text if value is None else value


def beside_of(
    resource: Resource, operation: Operation, target: str, content: bytes | None, record: Any
) -> Beside:
    """What a creation has made beside the record that it answered with, or that was found of it."""
    if record is None:
        return NOTHING
    effects = effects_of(operation, target, content, record)
    return Beside(
        tuple(effect.creates for effect in effects if not effect.into),
        tuple(made_beside(effects, record)),
        written_moment(resource, record),
    )


def written_moment(resource: Resource, record: Any) -> str:
    """When a record was made, as it is written down; empty where nothing says it."""
    moment = moment_of(resource, record)
    return moment.isoformat() if moment is not None else ""


def made_beside(effects: list[Effect], record: Any) -> Iterator[tuple[str, str]]:
    """Resource and id of what the record says that was made for it."""
    for effect in effects:
        if not effect.into or not isinstance(record, Mapping):
            continue
        holders: Any = [record]
        if isinstance(effect.each, Expression):
            holders = record.get(effect.each.tokens[0] if effect.each.tokens else "")
        for one in holders if isinstance(holders, list) else ():
            value = one.get(effect.into) if isinstance(one, Mapping) else None
            if isinstance(value, str):
                yield effect.creates, value


def naming_fields(operation: Operation, resource: str) -> frozenset[str]:
    """The fields by which a record that an effect has made names the one that it was made for.

    Nothing that was there before can hold the id of a new record in them; what else a record
    shows, such as a list of those that belong to it, may name the new one at any time.
    """
    return frozenset(
        field
        for effect in operation.effects
        if effect.creates == resource and not effect.into
        for field, value in effect.values.items()
        if isinstance(value, Expression) and value.source == "record" and value.tokens == ("id",)
    )


def moment_of(resource: Resource, record: Any) -> datetime | None:
    """When a record was made, by its target's own word."""
    for one in resource.derived:
        is_now = any(isinstance(v, Expression) and v.source == "now" for v in one.values)
        if one.on == "create" and is_now and isinstance(record, Mapping):
            found = parse_moment(record.get(one.field))
            if found is not None:
                return found
    return None


def own_fields(resource: Resource, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what it only shows of others."""
    shown = {one.field for one in resource.embedded} | {
        one.field
        for one in resource.derived
        for value in one.values
        if isinstance(value, Expression) and value.source == "follow"
    }
    return {name: value for name, value in record.items() if name not in shown}
