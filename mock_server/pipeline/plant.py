"""Seeded records: what a seed says of them is completed by the document's own rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.clock import format_instant
from mock_server.ids import IdFactory
from mock_server.pipeline.exchange import Plan
from mock_server.rules.record import Prototype
from mock_server.rules.values import NOTHING, Context
from mock_server.spec.model import Expression, Resource, SecurityScheme
from mock_server.state.seed import Seed, in_order
from mock_server.state.store import Record, Store


def keyed(plan: Plan, store: Store) -> dict[str, Mapping[str, Any]]:
    """The records that credentials name, by their keys, in the order of the seed."""
    found: dict[str, Mapping[str, Any]] = {}
    for scheme in plan.schemes.values():
        if not scheme.to:  # any key opens a world
            continue
        collection = plan.prototypes[scheme.to].collection
        records = sorted(store.iter_records(collection), key=lambda record: record.sequence)
        for record in records:
            key = key_of(record, scheme)
            if key is not None:
                found.setdefault(key, record.data)
    return found


def key_of(record: Record, scheme: SecurityScheme) -> str | None:
    value = record.hidden.get(scheme.by, record.data.get(scheme.by))
    return value if isinstance(value, str) and value else None


def plant(plan: Plan, seed: Seed | None, store: Store, ids: IdFactory, instant: int) -> None:
    """Puts a seed's records into a store; records that others refer to come first."""
    if seed is None:
        return
    for prototype in in_order_of_need(plan):
        principal = next(iter(keyed(plan, store).values()), NOTHING)
        created, changed = (dates(prototype.resource, on) for on in ("create", "change"))
        for given in seed.records.get(prototype.collection, ()):
            context = Context(store, ids, format_instant(instant), {}, principal)
            # What a seed says was created earlier has last changed then, where it says nothing else.
            first = next((given[field] for field in created if given.get(field)), None)
            known = prototype.canonical({**dict.fromkeys(changed, first), **given})
            store.put(prototype.collection, complete(plan, prototype, context, known, instant))


def complete(
    plan: Plan, prototype: Prototype, context: Context, given: Mapping[str, Any], instant: int
) -> Record:
    """A record of which only some values are given: those that a creation would have follow from them."""
    known = dict(given)
    for one in plan.operations:
        if one.prototype is prototype and one.operation.does == "create" and one.fill is not None:
            one.fill(known)
            break
    return prototype.create(context, known, instant)


def dates(resource: Resource, on: str) -> list[str]:
    """The fields that hold the moment of a record's creation, or of its last change."""
    return [
        one.field
        for one in resource.derived
        if one.on == on and isinstance(one.values[0], Expression) and one.values[0].source == "now"
    ]


def in_order_of_need(plan: Plan) -> list[Prototype]:
    """Prototypes so that what derived values follow is planted before them, where that can be."""
    needs = {
        name: {one.to for one in prototype.resource.references.values()} - {name}
        for name, prototype in plan.prototypes.items()
    }
    return [plan.prototypes[name] for name in in_order(needs)]
