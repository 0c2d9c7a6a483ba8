"""Effects: records of other resources that come into being with a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mock_server.rules.schema import build_condition
from mock_server.rules.values import NOTHING, Compute, Context, build_value
from mock_server.spec.model import Effect, Expression, Resource


class PreparedEffect:
    """When it happens, and the values of the records that it creates."""

    __slots__ = ("creates", "each", "holds", "into", "list_field", "pointer", "values")

    def __init__(
        self, effect: Effect, resource: Resource, resources: Mapping[str, Resource]
    ) -> None:
        self.creates = effect.creates
        self.pointer = effect.pointer
        self.into = effect.into
        self.each = build_value(effect.each, resource, resources) if effect.each else None
        self.list_field = effect.each.tokens[0] if isinstance(effect.each, Expression) else ""
        self.holds: Callable[[Any], bool] = build_condition(effect.condition)
        self.values: list[tuple[str, Compute]] = [
            (field, build_value(value, resource, resources))
            for field, value in effect.values.items()
        ]

    def may_happen(self, given: Mapping[str, Any]) -> bool:
        """False where it is for each item of a list that has none."""
        return not self.list_field or bool(given.get(self.list_field))

    def happens(self, context: Context) -> bool:
        """Whether its condition holds for a request and the record that it leaves."""
        return self.holds({"query": context.query, "body": context.body, "record": context.record})

    def bodies(self, context: Context) -> list[tuple[Mapping[str, Any], dict[str, Any]]]:
        """The given values of each new record, with the item it is for; none where it does not happen."""
        if not self.happens(context):
            return []
        if self.each is None:
            return [(NOTHING, {field: compute(context) for field, compute in self.values})]
        return [(item, self.values_for(context, item)) for item in self.iter_items(context)]

    def iter_items(self, context: Context) -> list[Mapping[str, Any]]:
        """The items that still need a record of their own."""
        assert self.each is not None
        listed = self.each(context)
        items = listed if isinstance(listed, list) else []
        return [i for i in items if isinstance(i, dict) and not (self.into and i.get(self.into))]

    def values_for(self, context: Context, item: Mapping[str, Any]) -> dict[str, Any]:
        context.item = item
        return {field: compute(context) for field, compute in self.values}


def build_effects(
    effects: Iterable[Effect], resource: Resource, resources: Mapping[str, Resource]
) -> tuple[PreparedEffect, ...]:
    return tuple(PreparedEffect(effect, resource, resources) for effect in effects)
