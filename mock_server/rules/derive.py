"""Derived values: what the server works out itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from mock_server.rules.schema import build_condition
from mock_server.rules.values import Compute, Context, build_value
from mock_server.spec.model import Derived, Resource

TRIES = 1_000  # by chance, to find a value that is not there yet

Row = tuple[str, Compute, Callable[[Any], bool] | None]
# A row with the fields of which one must be given, where that decides.
Dependent = tuple[str, Compute, Callable[[Any], bool] | None, frozenset[str] | None]


class Derivation:
    """The derived values of a resource, by the moment at which they are worked out."""

    __slots__ = ("at_change", "at_create", "items")

    def __init__(
        self, derived: Iterable[Derived], resource: Resource, resources: Mapping[str, Resource]
    ) -> None:
        self.at_create: list[Dependent] = []
        self.at_change: list[Dependent] = []
        self.items: dict[str, list[tuple[Row, bool]]] = {}
        for one in derived:
            row = build_row(one, resource, resources)
            if one.inside is not None:
                self.items.setdefault(one.inside, []).append((row, one.on == "create"))
                continue
            inputs = frozenset(one.on) if isinstance(one.on, tuple) else None
            self.at_create.append((*row, inputs))
            if one.on != "create":
                self.at_change.append((*row, inputs))

    def create(self, context: Context, record: dict[str, Any], given: Mapping[str, Any]) -> None:
        """Works out everything that was not given. `given` are the client's values, without nulls."""
        for field, compute, holds, inputs in self.at_create:
            if field in given or (inputs is not None and inputs.isdisjoint(given)):
                continue
            if holds is None or holds(record):
                record[field] = compute(context)
        if self.items:
            self.fill_items(context, record, self.items)

    def change(
        self,
        context: Context,
        record: dict[str, Any],
        changed: Mapping[str, Any],
        explicit: Collection[str],
    ) -> None:
        """Works out again what depends on a change. `explicit` are fields that a client once gave."""
        for field, compute, holds, inputs in self.at_change:
            if inputs is not None:
                if changed.get(field) is not None or all(
                    changed.get(name) is None for name in inputs
                ):
                    continue
            elif field in explicit:
                continue
            if holds is None or holds(record):
                record[field] = compute(context)
        if self.items:
            self.fill_items(context, record, self.items.keys() & changed.keys())

    def fill_items(self, context: Context, record: dict[str, Any], lists: Collection[str]) -> None:
        """Works out the properties of the items of the record's lists; the lists are made anew."""
        for name in lists:
            if record.get(name) and isinstance(record[name], list):
                record[name] = [self.fill_item(context, name, one) for one in record[name]]

    def fill_item(self, context: Context, name: str, item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        context.item = whole = dict(item)
        for (field, compute, holds), once in self.items[name]:
            if once and whole.get(field) is not None:
                continue
            whole[field] = compute(context) if holds is None or holds(whole) else None
        return whole


def build_row(derived: Derived, resource: Resource, resources: Mapping[str, Resource]) -> Row:
    parts = [build_value(value, resource, resources) for value in derived.values]
    condition = build_condition(derived.condition) if derived.condition is not None else None
    compute = parts[0] if len(parts) == 1 else first_of(parts)
    if derived.unique:
        compute = unused(compute, resource.collection, derived.field)
    return derived.field, compute, condition


def first_of(parts: list[Compute]) -> Compute:
    def first(context: Context) -> Any:
        for part in parts:
            value = part(context)
            if value is not None:
                return value
        return None

    return first


def unused(compute: Compute, collection: str, field: str) -> Compute:
    """A value that no record has yet, as long as there is one to be found by chance."""

    def distinct(context: Context) -> Any:
        for _ in range(TRIES):
            value = compute(context)
            if value is None or context.store.find(collection, field, value) is None:
                break
        return value

    return distinct
