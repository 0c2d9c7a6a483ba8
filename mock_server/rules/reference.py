"""References: a value names a record that exists, satisfies `where`, and belongs together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mock_server.messages import MISSING_REFERENCE
from mock_server.problems import Violation
from mock_server.rules.schema import build_condition
from mock_server.spec.model import BusinessRule, Reference, Resource
from mock_server.spec.schemas import rule_ids
from mock_server.state.store import Store

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
    expected = f"the {by} of a {target.title}"

    def violation(
        value: Any, message: str, facts: dict[str, Any], ids: tuple[str, ...] = reference.rule_ids
    ) -> Violation:
        return Violation(ids, pointer, field, message, value, expected, facts, True)

    def check(value: Any, record: Mapping[str, Any], store: Store) -> Violation | None:
        if value.__class__ is list:
            return next(filter(None, (check(one, record, store) for one in value)), None)
        found = store.find(collection, by, value)
        if found is None:
            return violation(value, MISSING_REFERENCE, {collection: f"none with {by} {value!r}"})
        if fits is not None and not fits(found.data):
            return violation(
                value, f"Not allowed here. {says}".strip(), shown(reference, found.data), where_ids
            )
        for theirs, ours in match:
            own = record.get(ours)
            if own is not None and found.data.get(theirs) != own:
                facts = {f"{target.title} {theirs}": found.data.get(theirs), ours: own}
                return violation(value, f"It does not belong to this {ours}.", facts)
        return None

    return check


def shown(reference: Reference, data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the other record that `where` speaks of."""
    names = (
        (reference.where or {}).get("properties", {}) if isinstance(reference.where, dict) else {}
    )
    return {f"{reference.to}.{name}": data.get(name) for name in names}
