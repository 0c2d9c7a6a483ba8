"""Defects of what the server works out itself: derived values, and effects on other records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from contracts.audit.equivalent import (
    fewer_reason,
    moving_reason,
    stale_reason,
    unseen_reason,
    worked_out_reason,
    wrong_reason,
)
from contracts.audit.mutant import REMOVED, Edit, Mutant, unique
from contracts.surface import build_surface, echo_rules
from mock_server.spec.model import Derived, Document, Effect, Operation, Refusal, Resource
from mock_server.spec.pointers import follow, parse_pointer
from mock_server.spec.schemas import keyword_of, properties_of, rule_ids, types_of

LONG_AGO = "2001-02-03T04:05:06.000000+00:00"


def mutants(document: Document) -> Iterator[Mutant]:
    for resource in document.resources.values():
        for derived in resource.derived:
            yield from derived_mutants(document, resource, derived)
        for embedded in resource.embedded:
            yield Mutant(
                f"embedded-gone:{resource.name}/{embedded.field}",
                f"{resource.title}: {embedded.field} shows nothing",
                embedded.rule_ids,
                (Edit(parse_pointer(embedded.pointer), REMOVED),),
            )
        yield from cascade_mutants(document, resource)
        yield from log_mutants(document, resource)
    for operation in document.operations.values():
        for position, effect in enumerate(operation.effects):
            yield from effect_mutants(document, operation, position, effect)
        for position, refusal in enumerate(operation.refusals):
            yield from refusal_mutants(document, operation, position, refusal)


# Derived values


def derived_mutants(document: Document, resource: Resource, derived: Derived) -> Iterator[Mutant]:
    place = parse_pointer(derived.pointer)
    word = follow(document.raw, place)
    name = "/".join(filter(None, (resource.name, derived.inside, derived.field)))

    def mutant(
        label: str, says: str, value: Any, excluded: str = "", also: tuple[str, ...] = ()
    ) -> Mutant:
        return Mutant(
            f"derived-{label}:{name}",
            f"{resource.title}: {derived.field} {says}",
            unique(derived.rule_ids, also),
            (Edit(place, value),),
            excluded=excluded,
        )

    stale = stale_reason(document, resource, derived)

    yield mutant("gone", "is not worked out", REMOVED)
    wrong = wrong_value(schema_of(resource, derived))
    if wrong is not None:
        idle = wrong_reason(derived, wrong)
        yield mutant("wrong", f"is always {wrong!r}", {**word, "value": wrong}, idle)
    if derived.on != "create":
        yield mutant("stale", "stays as it was on creation", {**word, "when": "create"}, stale)
    if isinstance(derived.on, tuple) or (derived.on == "create" and derived.condition is None):
        moving = moving_reason(document, resource, derived)
        # It takes the place of a value that a client gives: the echo of that names it as well.
        also = rules_if_given(document, resource, derived)
        says = "is worked out at every change"
        yield mutant("moving", says, {**word, "when": "change"}, moving, also)
    if derived.condition is not None:
        moves = resource.lifecycle.transitions if resource.lifecycle is not None else ()
        rest = {key: value for key, value in word.items() if key != "if"}
        turned = {**rest, "if": {"not": word["if"]}}
        # The lifecycle sets such a field too, each time by a rule of its own.
        also = tuple(i for t in moves if derived.field in t.sets for i in t.rule_ids)
        yield mutant("unconditional", "is worked out whatever the condition", rest, also=also)
        yield mutant("negated", "is worked out where it should not be", turned, also=also)
    written = word["value"]
    if isinstance(written, list) and len(written) > 1:
        for position in range(len(written)):
            fewer = [value for index, value in enumerate(written) if index != position]
            says = f"does not come from {written[position]!r}"
            idle = fewer_reason(resource, derived, position)
            yield mutant(f"without-{position}", says, {**word, "value": fewer}, idle)


def rules_if_given(document: Document, resource: Resource, derived: Derived) -> tuple[str, ...]:
    """The rules of the echo, where a client may give the value itself; else none."""
    surface = build_surface(document, resource.name)
    fields = {name for one in surface.operations() for name in one.body_fields}
    return echo_rules(surface) if derived.inside is None and derived.field in fields else ()


def schema_of(resource: Resource, derived: Derived) -> Any:
    """The property that a value is worked out for, which may be one of a list's items."""
    properties = properties_of(resource.schema)
    if derived.inside is None:
        return properties[derived.field]
    return properties_of(keyword_of(properties[derived.inside], "items"))[derived.field]


def wrong_value(schema: Any) -> Any:
    """A value of the right type that is never the right one."""
    if keyword_of(schema, "const") is not None:
        return None
    listed = keyword_of(schema, "enum")
    if isinstance(listed, list):
        return next(value for value in reversed(listed) if value is not None)
    if keyword_of(schema, "format") == "date-time":
        return LONG_AGO
    types = types_of(schema)
    if types & {"integer", "number"}:
        return 7
    return "wrong" if "string" in types or not types else None


# What goes with a deletion


def cascade_mutants(document: Document, resource: Resource) -> Iterator[Mutant]:
    for reference in resource.references.values():
        if reference.cascade:
            place = (*parse_pointer(reference.pointer), "cascade")
            yield Mutant(
                f"cascade-gone:{resource.name}/{reference.field}",
                f"{resource.title}: stays when its {reference.to} is deleted",
                rule_ids(follow(document.raw, place)),
                (Edit(place, REMOVED),),
            )


# What is logged


def log_mutants(document: Document, resource: Resource) -> Iterator[Mutant]:
    place = (*parse_pointer(resource.pointer), "x-logged")
    word = follow(document.raw, parse_pointer(resource.pointer)).get("x-logged")
    if not isinstance(word, Mapping):
        return
    edits = {"log-gone": ("is not logged", Edit(place, REMOVED))}
    for field, value in word.get("values", {}).items():
        if value is None:  # it is null as well where nothing is said
            continue
        says = f"is logged without {field}"
        edits[f"log-without-{field}"] = (says, Edit((*place, "values", field), REMOVED))
    for label, (says, edit) in edits.items():
        yield Mutant(
            f"{label}:{resource.name}",
            f"{resource.title}: a change {says}",
            rule_ids(word),
            (edit,),
        )
    for number, transition in enumerate(
        resource.lifecycle.transitions if resource.lifecycle else ()
    ):
        if transition.action and resource.log is not None:
            at = (*parse_pointer(transition.pointer), "action")
            yield Mutant(
                f"action-gone:{resource.name}/{number}",
                f'{resource.title}: "{transition.source}" to "{transition.to}" is logged as a change only',
                resource.log.action_rules or resource.log.rule_ids,
                (Edit(at, REMOVED),),
            )


# Refusals of their own


def refusal_mutants(
    document: Document, operation: Operation, position: int, refusal: Refusal
) -> Iterator[Mutant]:
    place = (*parse_pointer(operation.pointer), "x-refusals", str(position))
    word = follow(document.raw, place)
    for label, says, edit in (
        ("gone", "lets through what it refuses", Edit(place, REMOVED)),
        ("negated", "refuses what it lets through", Edit((*place, "if"), {"not": word["if"]})),
        ("body", "refuses with another body", Edit((*place, "body"), {"error": "refused"})),
    ):
        yield Mutant(
            f"refusal-{label}:{operation.operation_id}/{position}",
            f"{operation.operation_id} {says}",
            refusal.rule_ids,
            (edit,),
        )


# Effects


def effect_mutants(
    document: Document, operation: Operation, position: int, effect: Effect
) -> Iterator[Mutant]:
    listed = (*parse_pointer(operation.pointer), "x-effects")
    word: Mapping[str, Any] = follow(document.raw, (*listed, str(position)))
    name = f"{operation.operation_id}/{effect.creates}{f'/{position}' if position else ''}"

    def mutant(label: str, says: str, *edits: Edit) -> Mutant:
        return Mutant(
            f"effect-{label}:{name}",
            f"{operation.operation_id}: {says}",
            effect.rule_ids,
            edits,
        )

    at = (*listed, str(position))
    yield mutant("gone", f"no {effect.creates} comes into being", Edit(at, REMOVED))
    if effect.into is None:
        two = f"two {effect.creates} records come into being"
        yield mutant("twice", two, Edit((*listed, "-"), word))
    if "if" in word:
        rest = {key: value for key, value in word.items() if key != "if"}
        yield mutant("always", f"{effect.creates} comes into being every time", Edit(at, rest))
        yield mutant(
            "negated",
            f"{effect.creates} comes into being where none should",
            Edit(at, {**rest, "if": {"not": word["if"]}}),
        )
        for part in word["if"].get("properties", {}):
            less = {k: v for k, v in word["if"]["properties"].items() if k != part}
            yield mutant(
                f"whatever-{part}",
                f"{effect.creates} comes into being whatever the {part} says",
                Edit(at, {**rest, "if": {**word["if"], "properties": less}}),
            )
    made = document.resources[effect.creates]
    for field in word["values"]:
        # What belongs to nothing does not go with it either.
        reference = made.references.get(field)
        gone_with = reference.cascade_rules if reference is not None else ()
        one = mutant(
            f"without-{field}",
            f"the {effect.creates} has no {field}",
            Edit((*at, "values", field), REMOVED),
        )
        unseen = "" if gone_with else unseen_reason(document, made, field)
        unseen = unseen or worked_out_reason(made, effect, field)
        yield replace(one, rule_ids=unique(one.rule_ids, gone_with), excluded=unseen)
