"""Defects of references and of defaults: what a body's fields name, and what fills them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.audit.bodies import body_edit, field_of, replaced, shown
from contracts.audit.keywords import Change
from contracts.audit.mutant import REMOVED, Mutant, unique
from mock_server.spec.model import Call, Document, Expression, Operation
from mock_server.spec.schemas import (
    iter_subschemas,
    keyword_of,
    properties_of,
    rule_ids,
    rules_along,
)

Path = tuple[str, ...]


def mutants(document: Document) -> Iterator[Mutant]:
    for operation in document.operations.values():
        for path, sub in iter_subschemas(operation.body_schema):
            word = sub.get("x-reference")
            if isinstance(word, Mapping):
                yield from reference_mutants(document, operation, path, word)
            if "default" in sub and "if" not in path:
                yield from default_mutants(document, operation, path, sub["default"])


# References


def reference_mutants(
    document: Document, operation: Operation, path: Path, word: Mapping[str, Any]
) -> Iterator[Mutant]:
    ids = rule_ids(word)
    name = field_of((*path, "x-reference")) or shown(path)

    kinds = unique(*(rule_ids(sub) for _, sub in iter_subschemas(word.get("where"))), ids)

    def mutant(label: str, says: str, value: Any, ids: tuple[str, ...] = ids) -> Mutant:
        schema = replaced(
            operation.body_schema, (*path, "x-reference"), Change("", "", value, True)
        )
        return Mutant(
            f"reference-{label}:{operation.operation_id}/{name}",
            f"{operation.operation_id}: {name}: {says}",
            ids,
            (body_edit(document, operation, schema),),
        )

    def without(key: str) -> dict[str, Any]:
        return {k: v for k, v in word.items() if k != key}

    yield mutant("unchecked", f"that a {word['to']} is there is not looked up", REMOVED)
    if "where" in word:
        yield mutant("any-kind", f"a {word['to']} of any kind will do", without("where"), kinds)
        yield mutant(
            "other-kind",
            f"only a {word['to']} of another kind will do",
            {**word, "where": {"not": word["where"]}},
            kinds,
        )
    if "match" in word:
        yield mutant(
            "unmatched", f"a {word['to']} that belongs elsewhere will do", without("match")
        )


# Defaults


def default_mutants(
    document: Document, operation: Operation, path: Path, value: Any
) -> Iterator[Mutant]:
    field = field_of((*path, "default")) or ""
    ids = unique(default_rules(operation, path), rules_that_read(document, operation, field))

    def mutant(label: str, says: str, changed: Any) -> Mutant:
        schema = replaced(operation.body_schema, (*path, "default"), Change("", "", changed, True))
        return Mutant(
            f"default-{label}:{operation.operation_id}/{shown(path)}",
            f"{operation.operation_id}: {field}: {says}",
            ids,
            (body_edit(document, operation, schema),),
        )

    yield mutant("gone", "nothing is filled in", REMOVED)
    for other in other_values(properties_of(operation.body_schema).get(field, {}), value):
        yield mutant(f"flipped-{other}", f"filled in with {other!r}, not {value!r}", other)


def rules_that_read(document: Document, operation: Operation, field: str) -> tuple[str, ...]:
    """The rules of what is worked out from a field of the body, in which its default shows."""
    found = []
    for derived in document.resources[operation.resource].derived:
        for value in derived.values:
            parts = (*value.of, *value.named.values()) if isinstance(value, Call) else (value,)
            if any(
                isinstance(one, Expression) and one.source == "body" and one.tokens[:1] == (field,)
                for one in parts
            ):
                found.append(derived.rule_ids)
    return unique(*found)


def default_rules(operation: Operation, path: Path) -> tuple[str, ...]:
    pointer_end = "/".join((*path, "default"))
    for default in operation.defaults:
        if default.pointer.endswith(f"/{'/'.join(path[-2:])}/default") or pointer_end in (
            default.pointer
        ):
            return default.rule_ids
    return rules_along(operation.body_schema, path)


def other_values(schema: Any, value: Any) -> list[Any]:
    """Values that stand in for a default; those of a closed list, else a neighbour."""
    listed = keyword_of(schema, "enum")
    if isinstance(listed, list):
        return [other for other in listed if other not in (value, None)]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1]
    return [f"{value} too"] if isinstance(value, str) else []


__all__ = ["mutants"]
