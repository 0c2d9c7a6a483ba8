"""Defects of what a request may hold: every keyword of every body and query parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.audit.equivalent import body_reason, parameter_reason
from contracts.audit.keywords import CONDITIONS, KEYWORDS, Change, near_of
from contracts.audit.mutant import Edit, Mutant, Removed, unique
from contracts.oracle.schema import oracle_of
from contracts.surface import refusal_status, response_rules
from mock_server.spec.model import Document, Operation, Parameter
from mock_server.spec.pointers import parse_pointer
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
        if operation.body_schema is not None:
            yield from body_mutants(document, operation)
    seen: set[str] = set()
    for operation in document.operations.values():
        for parameter in operation.parameters:
            if parameter.location == "query" and parameter.pointer not in seen:
                seen.add(parameter.pointer)
                yield from parameter_mutants(operation, parameter)


# Bodies


def body_mutants(document: Document, operation: Operation) -> Iterator[Mutant]:
    schema = operation.body_schema
    recorded = properties_of(document.resources[operation.resource].schema)
    for path, sub in iter_subschemas(schema):
        if CONDITIONS & set(path) - set(properties_of(schema)):
            continue
        field = field_of(path)
        values = keyword_of(recorded.get(field, {}), "enum") if field else None
        names = tuple(properties_of(schema)) if is_about_the_whole(path) else ()
        for keyword, value in sub.items():
            build = KEYWORDS.get(keyword)
            if build is None or (keyword in ("then", "else") and not is_demanding(value)):
                continue
            ids = unique(rules_along(schema, (*path, keyword)), rules_inside(value))
            for change in build(value, sub, near_of(keyword, sub, values, names)):
                changed = replaced(schema, (*path, keyword), change)
                about = added_name(change) or field
                named = unique(ids, rules_of_field(document, operation, about)) if ids else ()
                if named and change.weaker:
                    named = unique(named, rules_of_refusals(operation, about))
                where = (*path, keyword)
                yield Mutant(
                    f"schema-{keyword}:{operation.operation_id}/{shown(path)}:{change.label}",
                    f"{operation.operation_id}: {spoken(path)}{change.says}",
                    named,
                    (body_edit(document, operation, changed),),
                    excluded=body_reason(
                        document, operation, where, schema, changed, change.weaker
                    ),
                    wider=change.weaker,
                )


def added_name(change: Change) -> str | None:
    """The field that must not be left out any more."""
    name = change.label.removeprefix("with-")
    return name if isinstance(change.value, list) and name in change.value else None


def rules_of_field(document: Document, operation: Operation, field: str | None) -> tuple[str, ...]:
    """The rules that say anything of a field of a body: each may name what is wrong with it."""
    if field is None:
        return ()
    resource = document.resources[operation.resource]
    found = [rules_inside(properties_of(operation.body_schema).get(field))]
    found += [one.rule_ids for one in operation.defaults if one.field == field]
    found += [one.rule_ids for one in resource.derived if one.field == field]
    if field in operation.references:
        found.append(operation.references[field].rule_ids)
    lifecycle = resource.lifecycle
    if lifecycle is not None and operation.does == "update":
        found.append(lifecycle.editable_rules)
        asked = [t for t in lifecycle.transitions if not t.timed and t.event is None]
        found += [t.rule_ids for t in asked if field == lifecycle.field]
    return unique(*found)


def rules_of_refusals(operation: Operation, field: str | None) -> tuple[str, ...]:
    """The rules of the usual refusal, where what is let through meets one of another kind instead."""
    nothing: dict[str, Any] = {"query": {}, "body": {}, "record": {}}
    if any(
        oracle_of(one.condition).is_valid(nothing)
        or field in properties_of(properties_of(one.condition).get("body", {}))
        for one in operation.refusals
    ):
        return response_rules(operation, refusal_status(operation))
    return ()


def field_of(path: Path) -> str | None:
    """The body's field that a subschema speaks of."""
    return path[path.index("properties") + 1] if "properties" in path[:-1] else None


def is_about_the_whole(path: Path) -> bool:
    return "properties" not in path and "items" not in path


def is_demanding(branch: Any) -> bool:
    """Whether a branch refuses anything; one that only fills in is the defaults' matter."""
    return any(
        set(sub) & KEYWORDS.keys() - {"then", "else"} and "default" not in sub
        for _, sub in iter_subschemas(branch)
    )


def rules_inside(value: Any) -> tuple[str, ...]:
    """Rules that stand further in, where a whole subschema is taken out."""
    return unique(*(rule_ids(sub) for _, sub in iter_subschemas(value)))


def replaced(schema: Any, path: Path, change: Change) -> Any:
    """A copy of a schema with another value at a path; what is shared elsewhere stays as it is."""
    head, *rest = path
    if isinstance(schema, list):
        copied: Any = list(schema)
        copied[int(head)] = replaced(schema[int(head)], tuple(rest), change)
        return copied
    copied = dict(schema)
    if rest:
        copied[head] = replaced(schema[head], tuple(rest), change)
    elif isinstance(change.value, Removed):
        del copied[head]
    else:
        copied[head] = change.value
    return copied


def body_edit(document: Document, operation: Operation, schema: Any) -> Edit:
    """The operation gets a body of its own, so that no other one changes with it."""
    place = (*parse_pointer(operation.pointer), "requestBody")
    content = {"application/json": {"schema": with_components(schema)}}
    return Edit(place, {"required": operation.body_required, "content": content})


def with_components(node: Any) -> Any:
    """A schema that contains itself refers to the document's components again."""
    if isinstance(node, Mapping):
        ref = node.get("$ref")
        if isinstance(ref, str) and ref.startswith("#/$defs/"):
            return {"$ref": ref.replace("#/$defs/", "#/components/schemas/", 1)}
        return {key: with_components(child) for key, child in node.items() if key != "$defs"}
    return [with_components(child) for child in node] if isinstance(node, list) else node


def shown(path: Path) -> str:
    return "/".join(part for part in path if part != "properties") or "body"


def spoken(path: Path) -> str:
    field = field_of(path)
    return f"{field}: " if field else ""


# Query parameters


def is_fixed(parameter: Parameter, keyword: str) -> bool:
    """Whether a parameter's job decides a keyword: pages are counted, fields and orders are named."""
    return parameter.query is not None and (
        (keyword == "type" and parameter.query.does != "filter")
        or (keyword == "enum" and parameter.query.does == "order")
    )


def is_consistent(parameter: Parameter, change: Change) -> bool:
    """Whether a document may say it: a default is one of the values that are taken."""
    default = parameter.default
    if default is None or change.weaker or isinstance(change.value, Removed):
        return True
    if isinstance(change.value, list):
        return default in change.value
    if isinstance(change.value, str):
        return False
    return change.label == "down" or bool(default >= change.value)


def parameter_mutants(operation: Operation, parameter: Parameter) -> Iterator[Mutant]:
    place = parse_pointer(parameter.pointer)
    where = f"{operation.operation_id}/{parameter.name}"
    for path, sub in iter_subschemas(parameter.schema):
        for keyword, value in sub.items():
            build = KEYWORDS.get(keyword)
            if build is None or keyword in ("then", "else") or is_fixed(parameter, keyword):
                continue
            for change in build(value, sub, ()):
                if not is_consistent(parameter, change):
                    continue
                schema = replaced(parameter.schema, (*path, keyword), change)
                yield Mutant(
                    f"query-{keyword}:{where}:{change.label}",
                    f"{operation.operation_id}: {parameter.name}: {change.says}",
                    parameter.rule_ids,
                    (Edit((*place, "schema"), schema),),
                    excluded=parameter_reason(parameter, keyword, change.label),
                )
