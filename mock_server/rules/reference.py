"""References: a value names a record that exists, satisfies `where`, and belongs together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from mock_server.messages import MISSING_REFERENCE, article, quoted, such_as
from mock_server.problems import Violation
from mock_server.rules.describe import describe
from mock_server.rules.schema import build_condition
from mock_server.spec.model import BusinessRule, Reference, Resource
from mock_server.spec.schemas import rule_ids
from mock_server.state.store import Store

CANDIDATES, SEEN = 3, 100  # values that would pass, of so many records that are looked at

CheckReference = Callable[[Any, Mapping[str, Any], Store], Violation | None]


def build_reference(
    reference: Reference, resources: Mapping[str, Resource], rules: Mapping[str, BusinessRule]
) -> CheckReference:
    """A check of (value, record as it would be, store)."""
    target = resources[reference.to]
    collection, by, field = target.collection, reference.by, reference.field
    fits = build_condition(reference.where) if reference.where is not None else None
    match = tuple(reference.match.items())
    where_ids = rule_ids(reference.where) or reference.rule_ids
    says = " ".join(rules[i].says for i in where_ids[:1] if i in rules)
    pointer = f"/body/{field}"
    kind = kind_of(reference, resources)

    narrower = narrowed(reference)

    def violation(
        value: Any,
        message: str,
        facts: dict[str, Any],
        record: Mapping[str, Any],
        store: Store,
        ids: tuple[str, ...] = reference.rule_ids,
    ) -> Violation:
        own: dict[str, Any] = {
            theirs: record[ours] for theirs, ours in match if record.get(ours) is not None
        }
        bound = [*narrower, *(f"{name} is {quoted(held)}" for name, held in own.items())]
        expected = in_words(kind, bound)
        listed = candidates(store, own)
        return Violation(ids, pointer, field, message, value, expected + such_as(listed), facts)

    def candidates(store: Store, own: Mapping[str, Any]) -> list[Any]:
        """Some values that would pass."""
        passing = (
            one.data[by]
            for one in store.select(collection, [], 0, SEEN).records
            if one.data.get(by) is not None
            and (fits is None or fits(one.data))
            and all(one.data.get(name) == held for name, held in own.items())
        )
        return list(islice(passing, CANDIDATES))

    def check(value: Any, record: Mapping[str, Any], store: Store) -> Violation | None:
        if value.__class__ is list:
            return next(filter(None, (check(one, record, store) for one in value)), None)
        found = store.find(collection, by, value)
        if found is None:
            facts: dict[str, Any] = {collection: f"none with {by} {value!r}"}
            return violation(value, MISSING_REFERENCE, facts, record, store)
        if fits is not None and not fits(found.data):
            message = f"Not allowed here. {says}".strip()
            facts = shown(reference, found.data)
            return violation(value, message, facts, record, store, where_ids)
        for theirs, ours in match:
            own = record.get(ours)
            if own is not None and found.data.get(theirs) != own:
                facts = {f"{target.title} {theirs}": found.data.get(theirs), ours: own}
                message = f"It does not belong to this {ours}."
                return violation(value, message, facts, record, store)
        return None

    return check


def wanted(reference: Reference, resources: Mapping[str, Resource]) -> str:
    """What a reference is to name, in words."""
    return in_words(kind_of(reference, resources), narrowed(reference))


def kind_of(reference: Reference, resources: Mapping[str, Resource]) -> str:
    return f"the {reference.by} of {article(resources[reference.to].title)}"


def in_words(kind: str, bounds: list[str]) -> str:
    return kind + (f" whose {' and '.join(bounds)}" if bounds else "")


def narrowed(reference: Reference) -> list[str]:
    """What `where` asks of the other record, in words."""
    where = reference.where if isinstance(reference.where, dict) else {}
    return [f"{name} is {describe(schema)}" for name, schema in where.get("properties", {}).items()]


def shown(reference: Reference, data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the other record that `where` speaks of."""
    names = (
        (reference.where or {}).get("properties", {}) if isinstance(reference.where, dict) else {}
    )
    return {f"{reference.to}.{name}": data.get(name) for name in names}
