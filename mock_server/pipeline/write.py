"""Records that are put, with what comes with them, and records that are taken away with their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mock_server.pipeline.exchange import Exchange, Plan
from mock_server.rules.effect import PreparedEffect
from mock_server.rules.record import Prototype
from mock_server.rules.values import Context
from mock_server.spec.model import Reference
from mock_server.state.store import Filter, Record

EVERY = 1 << 40


def write(
    context: Context, prototype: Prototype, before: Record | None, after: Record, action: str = ""
) -> None:
    """Puts a record that is new, or that has changed; `action` is what else the log calls it."""
    context.store.put(prototype.collection, after)
    if prototype.log is not None:
        note(context, prototype, "created" if before is None else "updated", before, after)
        if action and prototype.log.names_actions:
            note(context, prototype, action, before, after)


def note(
    context: Context, prototype: Prototype, action: str, before: Record | None, after: Record | None
) -> None:
    """Notes a Change for the log."""
    name = prototype.resource.name
    context.store.note(
        (name, action, before, after, context.now, context.principal, context.origin)
    )


def erase(plan: Plan, context: Context, prototype: Prototype, record: Record) -> None:
    """Takes a record away, and with it those that go when it goes."""
    for name, reference in plan.dependents.get(prototype.resource.name, ()):
        other = plan.prototypes[name]
        for dependent in naming(context, other.collection, reference, record):
            erase(plan, context, other, dependent)
    context.store.delete(prototype.collection, record.record_id)
    if prototype.log is not None:
        note(context, prototype, "deleted", record, None)


def naming(context: Context, collection: str, reference: Reference, record: Record) -> list[Record]:
    """The records of a collection that name this one, oldest first."""
    value = record.data.get(reference.by)
    condition = Filter(reference.field, lambda held: held == value, (value,))
    found = context.store.select(collection, [condition], 0, EVERY)
    return sorted(found.records, key=lambda record: record.sequence)


def make_all(exchange: Exchange, context: Context, effects: Iterable[PreparedEffect]) -> None:
    """The records that effects create; those that are named `into` something are named there."""
    for effect in effects:
        made = effect.bodies(context)
        named = [(item, make(exchange, effect, given)) for item, given in made]
        if effect.into and effect.each is not None and named:
            put_names(exchange.given, effect, named)
        elif effect.into:
            for _, record in named:
                exchange.given[effect.into] = record.record_id


def make(exchange: Exchange, effect: PreparedEffect, given: dict[str, Any]) -> Record:
    outer = exchange.context
    prototype = exchange.plan.prototypes[effect.creates]
    context = Context(outer.store, outer.ids, outer.now, {}, outer.principal)
    context.origin = outer.origin
    record = prototype.create(context, given, exchange.now)
    write(context, prototype, None, record)
    return record


def put_names(
    given: dict[str, Any], effect: PreparedEffect, named: list[tuple[Any, Record]]
) -> None:
    """The list of the body anew, its items with the ids of what was made for them."""
    ids = {id(item): record.record_id for item, record in named}
    given[effect.list_field] = [
        {**item, effect.into: ids[id(item)]} if id(item) in ids else item
        for item in given[effect.list_field]
    ]


def shown(prototype: Prototype, record: Record, context: Context) -> dict[str, Any]:
    """A record's data as answers have it: with the records that refer to it, where the document embeds them."""
    if not prototype.embedded:
        return record.data
    data = dict(record.data)
    for field, resource, reference in prototype.embedded:
        others = naming(context, resource.collection, reference, record)
        data[field] = [other.data for other in others]
    return data
