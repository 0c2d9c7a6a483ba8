"""Stored records: component schemas with `x-resource`, their references and derived properties."""

from __future__ import annotations

from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.expressions import compile_value, expressions_in
from mock_server.spec.lifecycle import compile_lifecycle, ids_of
from mock_server.spec.log import compile_log
from mock_server.spec.model import Derived, Embedded, Page, Place, Reference, Resource
from mock_server.spec.schemas import holder_of, iter_subschemas, keyword_of, properties_of
from mock_server.spec.subscription import compile_subscription


def compile_resources(compilation: Compilation) -> dict[str, Resource]:
    """Every component schema that is a stored record, by its name."""
    schemas = compilation.raw.get("components", {}).get("schemas", {})
    resources: dict[str, Resource] = {}
    collections: dict[str, str] = {}
    for name, raw in schemas.items():
        if not isinstance(raw, dict) or "x-resource" not in raw:
            continue
        resource = compile_resource(compilation, name, raw)
        first = collections.setdefault(resource.collection, resource.pointer)
        if first != resource.pointer:
            compilation.report(
                f"{resource.pointer}/x-resource/collection",
                f'the collection "{resource.collection}" again',
                f"a name of its own; {first} has this one",
            )
        resources[name] = resource
    return resources


def compile_resource(compilation: Compilation, name: str, raw: dict[str, Any]) -> Resource:
    pointer = f"#/components/schemas/{name}"
    schema = compilation.resolver.schema(raw)
    word = raw["x-resource"] if isinstance(raw["x-resource"], dict) else {}
    compilation.claim(f"{pointer}/x-resource")
    properties = properties_of(schema)
    order = str(word.get("order", ""))
    if order:
        compilation.known(
            order.removeprefix("-"), properties, f"{pointer}/x-resource/order", "field"
        )
    page = word.get("page") or {"records": "data"}
    lifecycle = None
    if "x-lifecycle" in raw:
        compilation.claim(f"{pointer}/x-lifecycle")
        if isinstance(raw["x-lifecycle"], dict):
            lifecycle = compile_lifecycle(
                compilation, name, raw["x-lifecycle"], properties, f"{pointer}/x-lifecycle"
            )
    state_record_rules(compilation, name, schema)
    return Resource(
        name,
        str(word.get("title", name)),
        str(word.get("collection", name)),
        str(word.get("prefix", "")),
        schema,
        tuple(properties),
        frozenset(n for n, sub in properties.items() if keyword_of(sub, "writeOnly") is True),
        frozenset(name for name, sub in properties.items() if "date-time" in formats_of(sub)),
        order.removeprefix("-"),
        order.startswith("-"),
        Page(
            page.get("records", "data"),
            page.get("more"),
            page.get("total"),
            page.get("next"),
            page.get("previous"),
        ),
        compile_references(compilation, properties, name, ()),
        lifecycle,
        compile_derived(compilation, name, properties),
        tuple(ids_of(schema)),
        pointer,
        compile_embedded(compilation, name, properties),
        frozenset(name for name, sub in properties.items() if "date" in formats_of(sub)),
        compile_log(compilation, name, raw),
        subscription=compile_subscription(compilation, name, raw),
    )


def formats_of(schema: Any) -> set[str]:
    """The formats that a property may have, also as one of several."""
    branches = keyword_of(schema, "anyOf") or []
    found = {keyword_of(schema, "format"), *(keyword_of(branch, "format") for branch in branches)}
    return {form for form in found if isinstance(form, str)}


def compile_embedded(
    compilation: Compilation, resource: str, properties: dict[str, Any]
) -> tuple[Embedded, ...]:
    """The properties that show the records which refer to this one."""
    found = []
    for field, sub in properties.items():
        holder = holder_of(sub, "x-embedded")
        if holder is None or not isinstance(holder["x-embedded"], dict):
            continue
        pointer = f"{compilation.resolver.pointer(holder)}/x-embedded"
        compilation.claim(pointer)
        word = holder["x-embedded"]
        embedded = Embedded(
            field, str(word.get("of")), str(word.get("by")), tuple(ids_of(word)), pointer
        )
        place = Place("embedded", pointer, resource, (), field, embedded)
        compilation.state(word, pointer, place)
        found.append(embedded)
    return tuple(found)


def check_embedded(compilation: Compilation, resources: dict[str, Resource]) -> None:
    """What is embedded exists, and refers back by the field that is named."""
    for resource in resources.values():
        for one in resource.embedded:
            if not compilation.known(one.of, resources, f"{one.pointer}/of", "resource"):
                continue
            back = resources[one.of].references.get(one.by)
            if back is None or back.to != resource.name:
                compilation.report(
                    f"{one.pointer}/by",
                    f'the field "{one.by}", which does not refer to {resource.name}',
                    f"a field of {one.of} with an x-reference to {resource.name}",
                )


def state_record_rules(compilation: Compilation, name: str, schema: Any) -> None:
    """Rules named by the record's own schema or by its parts."""
    for path, subschema in iter_subschemas(schema):
        field = path[path.index("properties") + 1] if "properties" in path[:-1] else None
        origin = compilation.resolver.pointer(subschema)
        compilation.state(subschema, origin, Place("record", origin, name, (), field, subschema))


def compile_references(
    compilation: Compilation,
    properties: dict[str, Any],
    resource: str,
    operation_ids: tuple[str, ...],
) -> dict[str, Reference]:
    """The properties whose values name records of other resources."""
    found = {}
    for field, sub in properties.items():
        holder = holder_of(sub, "x-reference")
        if holder is None or not isinstance(holder["x-reference"], dict):
            continue
        pointer = f"{compilation.resolver.pointer(holder)}/x-reference"
        compilation.claim(pointer)
        word = holder["x-reference"]
        where = word.get("where")
        reference = Reference(
            field,
            str(word.get("to", "")),
            str(word.get("by", "id")),
            compilation.resolver.schema(where) if where is not None else None,
            dict(word.get("match", {})),
            tuple(ids_of(word)),
            pointer,
            "cascade" in word,
            tuple(ids_of(word.get("cascade", {}))),
            compilation.resolver.schema(word["open"]) if "open" in word else None,
        )
        place = Place("reference", pointer, resource, operation_ids, field, reference)
        compilation.state(word, pointer, place)
        compilation.state(where, f"{pointer}/where", place)
        if reference.cascade:
            place = Place("cascade", f"{pointer}/cascade", resource, (), field, reference)
            compilation.state(word["cascade"], f"{pointer}/cascade", place)
        found[field] = reference
    return found


def compile_derived(
    compilation: Compilation, resource: str, properties: dict[str, Any]
) -> tuple[Derived, ...]:
    """The properties that the server works out, in the order in which they need each other."""
    found: dict[str, Derived] = {}
    for field, sub in properties.items():
        holder = holder_of(sub, "x-derived")
        if holder is not None and isinstance(holder["x-derived"], dict):
            found[field] = derived_at(compilation, resource, properties, holder, field, None)
        items = keyword_of(sub, "items")
        if holder_of(items, "x-resource") is not None:
            continue  # records of their own, worked out where they are stored
        for child, inner in properties_of(items).items():
            holder = holder_of(inner, "x-derived")
            if holder is not None and isinstance(holder["x-derived"], dict):
                key = f"{field}/{child}"
                found[key] = derived_at(compilation, resource, properties, holder, child, field)
    return in_order(compilation, found)


def derived_at(
    compilation: Compilation,
    resource: str,
    properties: dict[str, Any],
    holder: dict[str, Any],
    field: str,
    inside: str | None,
) -> Derived:
    """One derived property: the record's own, or that of the items of its list `inside`."""
    pointer = f"{compilation.resolver.pointer(holder)}/x-derived"
    compilation.claim(pointer)
    word = holder["x-derived"]
    written = word.get("value")
    values = written if isinstance(written, list) else [written]
    when = word.get("when", "change")
    condition = word.get("if")
    derived = Derived(
        field,
        tuple(when) if isinstance(when, list) else str(when),
        tuple(
            compile_value(
                value,
                f"{pointer}/value/{i}" if isinstance(written, list) else f"{pointer}/value",
                compilation.functions,
                compilation.report,
            )
            for i, value in enumerate(values)
        ),
        compilation.resolver.schema(condition) if condition is not None else None,
        tuple(ids_of(word)),
        pointer,
        inside,
        word.get("unique") is True,
    )
    place = Place("derived", pointer, resource, (), inside or field, derived)
    compilation.state(word, pointer, place)
    check_expressions(compilation, derived, properties)
    return derived


def check_expressions(
    compilation: Compilation, derived: Derived, properties: dict[str, Any]
) -> None:
    if isinstance(derived.on, tuple):
        for name in derived.on:
            compilation.known(name, properties, f"{derived.pointer}/when", "field")
    for value in derived.values:
        check_record_expressions(
            compilation, value, properties, f"{derived.pointer}/value", derived.inside is not None
        )


def check_record_expressions(
    compilation: Compilation,
    value: Any,
    properties: dict[str, Any],
    pointer: str,
    has_item: bool = False,
) -> None:
    """Fields that expressions read must exist, and followed ones must be references."""
    for expression in expressions_in(value):
        if expression.source == "item" and not has_item:
            compilation.report(
                pointer, f'"{expression.text}" where there is no list', "a value of the record"
            )
        if expression.source == "record" and expression.tokens:
            compilation.known(expression.tokens[0], properties, pointer, "field")
        if expression.source == "follow":
            known = compilation.known(expression.name, properties, pointer, "field")
            if known and holder_of(properties[expression.name], "x-reference") is None:
                compilation.report(
                    pointer,
                    f'"{expression.text}" through a field that is no reference',
                    f'an x-reference at the property "{expression.name}"',
                )


def reads(derived: Derived) -> set[str]:
    """The record's fields that a derived value is worked out from."""
    names: set[str] = set()
    for value in derived.values:
        for expression in expressions_in(value):
            if expression.source == "follow":
                names.add(expression.name)
            elif expression.source == "record":
                names.update(expression.tokens[:1])
    if isinstance(derived.condition, dict):
        names.update(properties_of(derived.condition))
    return names


def in_order(compilation: Compilation, found: dict[str, Derived]) -> tuple[Derived, ...]:
    ordered: list[Derived] = []
    done: set[str] = set()
    waiting = dict(found)
    while waiting:
        ready = [
            name
            for name, derived in waiting.items()
            if not (reads(derived) - {name}) & (waiting.keys() - {name})
        ]
        if not ready:
            name, derived = next(iter(waiting.items()))
            circle = ", ".join(sorted(waiting))
            compilation.report(
                derived.pointer,
                f"values that need each other: {circle}",
                "an order to work them out in",
            )
            return (*ordered, *waiting.values())
        for name in ready:
            ordered.append(waiting.pop(name))
            done.add(name)
    return tuple(ordered)


def check_references(
    compilation: Compilation,
    references: dict[str, Reference],
    resources: dict[str, Resource],
    own: tuple[str, ...],
) -> None:
    """Targets of references exist, with the fields that are compared."""
    for reference in references.values():
        if not compilation.known(reference.to, resources, f"{reference.pointer}/to", "resource"):
            continue
        target = resources[reference.to]
        compilation.known(reference.by, target.fields, f"{reference.pointer}/by", "field")
        for theirs, ours in reference.match.items():
            compilation.known(theirs, target.fields, f"{reference.pointer}/match/{theirs}", "field")
            compilation.known(ours, own, f"{reference.pointer}/match/{theirs}", "field")
