"""The provider's side: happenings as requests, and the values that bring them about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator

from mock_server.rules.schema import build_validator
from mock_server.rules.values import Compute, Context, build_value
from mock_server.spec.model import Find, Happening, Magic, Resource, Value


class PreparedHappening(NamedTuple):
    """What may be told of it, and the body of the request that it is."""

    happening: Happening
    facts: Draft202012Validator
    body: tuple[tuple[str, tuple[Compute, ...]], ...]

    def request_body(self, context: Context) -> dict[str, Any]:
        """The fields that something is known of; `context.event` holds the facts."""
        found = {field: first_of(choices, context) for field, choices in self.body}
        return {field: value for field, value in found.items() if value is not None}


def build_happening(
    happening: Happening, resource: Resource, resources: Mapping[str, Resource]
) -> PreparedHappening:
    body = tuple(
        (field, tuple(build_choice(one, resource, resources) for one in choices))
        for field, choices in happening.body.items()
    )
    return PreparedHappening(happening, build_validator(happening.facts), body)


def build_choice(
    value: Value | Find, resource: Resource, resources: Mapping[str, Resource]
) -> Compute:
    if not isinstance(value, Find):
        return build_value(value, resource, resources)
    wanted = build_value(value.value, resource, resources)
    collection, by, take = resources[value.lookup.to].collection, value.lookup.by, value.take

    def find(context: Context) -> Any:
        sought = wanted(context)
        record = None if sought is None else context.store.find(collection, by, sought)
        return None if record is None else record.data.get(take)

    return find


def first_of(choices: Iterable[Compute], context: Context) -> Any:
    """The first value that is not null."""
    return next((v for v in (choice(context) for choice in choices) if v is not None), None)


class PreparedMagic(NamedTuple):
    """A magic value, with the facts of what it brings about."""

    magic: Magic
    facts: tuple[tuple[str, Compute], ...]

    def told(self, context: Context) -> dict[str, Any]:
        return {name: compute(context) for name, compute in self.facts}


Rows = dict[str, dict[Any, PreparedMagic]]  # field -> value


def build_magic(
    resource: Resource, resources: Mapping[str, Resource], fits: Callable[[Magic], bool]
) -> Rows:
    """The rows of a resource that fit, by field and value."""
    rows: Rows = {}
    for magic in resource.magic:
        if fits(magic):
            facts = tuple(
                (name, build_value(value, resource, resources))
                for name, value in magic.facts.items()
            )
            rows.setdefault(magic.field, {})[magic.value] = PreparedMagic(magic, facts)
    return rows


def row_for(rows: Rows, record: Mapping[str, Any]) -> PreparedMagic | None:
    """The row of a value that the record holds."""
    for field, by_value in rows.items():
        value = record.get(field)
        if value.__hash__ and value in by_value:
            return by_value[value]
    return None
