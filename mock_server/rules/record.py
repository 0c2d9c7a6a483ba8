"""Records as they come into being, change, and move with time; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mock_server.clock import format_instant, parse_instant
from mock_server.rules.derive import Derivation
from mock_server.rules.lifecycle import IsActive, StateMachine, state_of
from mock_server.rules.log import PreparedLog
from mock_server.rules.values import Context
from mock_server.spec.model import BusinessRule, Resource, Transition
from mock_server.spec.schemas import keyword_of, properties_of, types_of
from mock_server.state.store import CollectionSpec, Record

SETS_LIMIT = 1_000


class Prototype:
    """A resource, prepared: how its records are made."""

    __slots__ = (
        "collection",
        "date_times",
        "derivation",
        "embedded",
        "hidden",
        "log",
        "machine",
        "resource",
        "sets",
        "template",
        "writable",
    )

    def __init__(
        self,
        resource: Resource,
        resources: Mapping[str, Resource],
        rules: Mapping[str, BusinessRule],
        is_active: IsActive,
        writable: frozenset[str] = frozenset(),
    ) -> None:
        """`writable` are the fields that some operation lets a client write."""
        self.resource = resource
        self.writable = writable
        self.sets: dict[frozenset[str], frozenset[str]] = {}
        self.collection = resource.collection
        self.hidden = tuple(resource.hidden)
        self.date_times = resource.date_times
        embedded = [one for one in resource.embedded if is_active(one.rule_ids)]
        self.embedded = tuple(
            (one.field, resources[one.of], resources[one.of].references[one.by]) for one in embedded
        )
        log = resource.log
        self.log = (
            PreparedLog(log, resource, resources, is_active(log.action_rules))
            if log and is_active(log.rule_ids)
            else None
        )
        shown_only = {one.field for one in embedded}
        self.template = {
            name: blank(schema)
            for name, schema in properties_of(resource.schema).items()
            if name not in shown_only
        }
        active = [one for one in resource.derived if is_active(one.rule_ids)]
        self.derivation = Derivation(active, resource, resources)
        self.machine = (
            StateMachine(resource.lifecycle, resource, resources, rules, is_active)
            if resource.lifecycle is not None
            else None
        )

    def create(self, context: Context, given: Mapping[str, Any], now: int) -> Record:
        """A new record from a client's values. `context.record` is set to what is being made."""
        data = self.template.copy()
        given = {field: value for field, value in given.items() if value is not None}
        for field, value in given.items():
            if field in data:
                data[field] = value
        context.record = data
        self.derivation.create(context, data, given)
        if (
            data["id"].__class__ is not str
        ):  # none was given, or a policy has let one of no use through
            data["id"] = context.ids.new(self.resource.prefix)
        due = self.machine.due(data, now) if self.machine is not None else None
        hidden = {field: data.pop(field) for field in self.hidden}
        # What only a seed can say is worked out anew with the next change, as if it had been then.
        explicit = self.one_set(self.writable.intersection(given))
        return Record(data, hidden, explicit, now, due)

    def one_set(self, fields: frozenset[str]) -> frozenset[str]:
        """One set for all records of which the same fields were given: there are few different ones."""
        known = self.sets.get(fields)
        if known is None:
            known = fields
            if len(self.sets) < SETS_LIMIT:
                self.sets[fields] = fields
        return known

    def change(
        self, context: Context, stored: Record, changes: Mapping[str, Any], now: int
    ) -> Record:
        """The record with changes that are allowed."""
        data = {**stored.data, **stored.hidden}
        for field, value in changes.items():
            data[field] = self.template[field] if value is None else value
        machine, entered = self.machine, stored.entered
        context.record = data
        if machine is not None and data.get(machine.field) != stored.data.get(machine.field):
            entered = now
            moves = machine.allowed.get(state_of(stored.data, machine.field), {})
            transition = moves.get(state_of(data, machine.field))
            if transition is not None:
                self.apply_sets(transition, context, data)
        explicit = (stored.explicit | {f for f, v in changes.items() if v is not None}) - {
            field for field, value in changes.items() if value is None
        }
        self.derivation.change(context, data, changes, explicit)
        due = machine.due(data, entered) if machine is not None else None
        hidden = {field: data.pop(field) for field in self.hidden}
        return Record(data, hidden, explicit, entered, due, stored.sequence)

    def action(self, before: Record, after: Record) -> str:
        """What the log calls a transition that was asked for, besides a change."""
        machine = self.machine
        if machine is None or self.log is None:
            return ""
        moves = machine.allowed.get(state_of(before.data, machine.field), {})
        transition = moves.get(state_of(after.data, machine.field))
        return transition.action if transition is not None else ""

    def move(self, transition: Transition, context: Context, stored: Record, now: int) -> Record:
        """The record after a transition that time or an event has caused."""
        data = {**stored.data, **stored.hidden}
        context.record = data
        assert self.machine is not None
        data[self.machine.field] = transition.to
        self.apply_sets(transition, context, data)
        self.derivation.change(context, data, {}, stored.explicit)
        due = self.machine.due(data, now)
        hidden = {field: data.pop(field) for field in self.hidden}
        return Record(data, hidden, stored.explicit, now, due, stored.sequence)

    def apply_sets(self, transition: Transition, context: Context, data: dict[str, Any]) -> None:
        machine = self.machine
        assert machine is not None
        for field, compute in machine.sets[transition.pointer]:
            data[field] = compute(context)

    def canonical(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with date-times as they are stored; what is none stays for validation."""
        result = dict(values)
        for field in self.date_times & values.keys():
            written = values[field]
            instant = parse_instant(written) if isinstance(written, str) else None
            if instant is not None:
                result[field] = format_instant(instant)
        return result

    def collection_spec(self, indexed: Iterable[str]) -> CollectionSpec:
        order = self.resource.order
        ranked = types_of(properties_of(self.resource.schema).get(order)) & {"integer", "number"}
        blank = float("-inf") if ranked else ""
        return CollectionSpec(
            self.collection, order, self.resource.descending, frozenset(indexed), blank
        )


def blank(schema: Any) -> Any:
    """What a field holds that nobody gives: its default, null, or the emptiest value of its type."""
    default = keyword_of(schema, "default")
    types = types_of(schema)
    if default is not None or not types or "null" in types:
        return default
    if types == {"array"}:
        return []
    if types == {"boolean"}:
        return False
    return keyword_of(schema, "const")
