"""What is wrong between the parts of a document: names and values that do not fit each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mock_server.spec.agreement import (
    Names,
    check_constant,
    check_facts,
    check_names,
    check_value,
)
from mock_server.spec.compilation import Compilation
from mock_server.spec.model import (
    Constant,
    Derived,
    Document,
    Effect,
    Expression,
    Find,
    Happening,
    Operation,
    Parameter,
    Reference,
    Resource,
)
from mock_server.spec.operation import path_names
from mock_server.spec.pointers import escape
from mock_server.spec.schemas import holder_of, keyword_of, properties_of, types_of
from mock_server.spec.steps import check_example
from mock_server.spec.transitions import check_lifecycle

TEMPLATE = re.compile(r"/(?:[^{}]|\{[^{}/]+\})*")
PLACEHOLDER = re.compile(r"\$[A-Za-z_]+")
PLACEHOLDERS = ("$message", "$messages", "$fields", "$resource")
EMBEDDED_PLACEHOLDERS = ("$message", "$resource")
# What may be said of a limit on requests: by every answer, and by the refusal of one too many.
LIMIT_PLACEHOLDERS = ("$limit", "$remaining", "$reset", "$pause", "$window", "$group", "$kind")
TOO_MANY = "429"
CHANGE = ("action", "id", "record", "fields", "previous")
ORDERED = ({"string"}, {"integer"}, {"number"}, {"integer", "number"})
QUERY_TYPES = {"limit": "integer", "skip": "integer"}
QUERY_TYPES |= dict.fromkeys(("fields", "order", "cursor"), "string")
# What a request and its moment tell, whatever it is about; the names come with the others.
ALWAYS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("id", "now", "base", "method", "url", "request"), ()
)


def check_consistency(compilation: Compilation, document: Document) -> None:
    """Reports everything that only the document as a whole shows."""
    check_paths(compilation)
    for operation in document.operations.values():
        check_operation(compilation, document, operation)
    for resource in document.resources.values():
        check_resource(compilation, document, resource)
        check_told(compilation, document, resource)
    for happening in document.happenings.values():
        check_happening(compilation, document, happening)
    for layout in document.errors.values():
        more = LIMIT_PLACEHOLDERS if layout.statuses == (TOO_MANY,) else ()
        check_layout(compilation, layout.body, f"{layout.pointer}/body", more)
    for name, text in document.limits.headers.items():
        for word in re.findall(PLACEHOLDER, text):
            pointer = f"#/x-limits/headers/{name}"
            compilation.known(word, LIMIT_PLACEHOLDERS, pointer, "placeholder")
    if compilation.faults:  # of which examples may be wrong only because of them
        return
    for rule in document.rules.values():
        for example in (*rule.accepts, *rule.rejects):
            check_example(compilation, document, example)


def check_paths(compilation: Compilation) -> None:
    """Templates are well-formed, have each parameter once, and differ in more than its name."""
    shapes: dict[str, str] = {}
    for path in compilation.raw["paths"]:
        pointer, names = f"#/paths/{escape(path)}", path_names(path)
        if path.startswith("x-"):
            continue
        if not TEMPLATE.fullmatch(path) or len(set(names)) != len(names):
            expected = "a path such as /things/{id}/, each parameter in it once"
            compilation.report(pointer, f'the path "{path}"', expected)
        shape = re.sub(r"\{[^}]*\}", "{}", path)
        if shapes.setdefault(shape, path) != path:
            found = f'the path "{path}", which only names its parameters differently'
            compilation.report(pointer, found, f'one of both; "{shapes[shape]}" is the same')
        item = compilation.resolver.object(compilation.raw["paths"][path])
        check_repeated(compilation, item)
        for part in item.values():
            if isinstance(part, dict):
                check_repeated(compilation, part)


def check_repeated(compilation: Compilation, holder: dict[str, Any]) -> None:
    """One list of parameters names none of them twice."""
    seen: set[tuple[Any, Any]] = set()
    for position, raw in enumerate(holder.get("parameters", ())):
        node = compilation.resolver.object(raw)
        key = (node.get("in"), node.get("name"))
        if key in seen:
            pointer = f"{compilation.resolver.pointer(holder)}/parameters/{position}"
            compilation.report(pointer, f'"{key[1]}" in {key[0]} again', "each parameter once")
        seen.add(key)


def check_operation(compilation: Compilation, document: Document, operation: Operation) -> None:
    resource = document.resources[operation.resource]
    in_path = path_names(operation.path_template)
    for parameter in operation.parameters:
        if parameter.location == "path":
            compilation.known(
                parameter.name, in_path, f"{parameter.pointer}/name", "path parameter"
            )
        check_parameter(compilation, operation, resource, parameter)
    for default in operation.defaults:
        schema = properties_of(operation.body_schema).get(default.field)
        check_constant(compilation, operation.body_schema, schema, default.value, default.pointer)
    names: Names = {
        "path": in_path,
        "query": [p.name for p in operation.parameters if p.location == "query"],
        "body": operation.body_fields,
        "principal": principal_fields(document),
        "record": resource.fields,
        "follow": resource.fields,
        **ALWAYS,
    }
    for effect in operation.effects:
        check_effect(compilation, operation, effect, names)
    for refusal in operation.refusals:
        check_facts(compilation, refusal.condition, names)
    identity = {source: names[source] for source in ("path", "query", "principal")}
    place = f"{operation.pointer}/x-handler/id"
    check_value(compilation, operation.record_id, place, identity, "where an id is looked for")
    if operation.does not in ("create", "list") and operation.record_id == Constant(None):
        found = f"{operation.does} of a record that nothing names"
        compilation.report(operation.pointer, found, "a parameter in the path, or x-handler: id")


def principal_fields(document: Document) -> list[str]:
    """The fields of whoever may call."""
    callers = {scheme.to for scheme in document.security_schemes.values()}
    return [
        f for name in callers & document.resources.keys() for f in document.resources[name].fields
    ]


def check_parameter(
    compilation: Compilation, operation: Operation, resource: Resource, parameter: Parameter
) -> None:
    pointer, word = parameter.pointer, parameter.query
    if parameter.default is not None:
        place = f"{pointer}/schema/default"
        check_constant(compilation, parameter.schema, parameter.schema, parameter.default, place)
    if word is None:
        return
    place = f"{pointer}/x-query"
    if parameter.location != "query":
        compilation.report(place, f"x-query in {parameter.location}", "it in query")
    if operation.does != "list" and not (operation.does == "read" and word.does == "fields"):
        found = f'"{word.does}" at {operation.operation_id}, which lists nothing'
        compilation.report(place, found, "it at an operation that lists")
    if word.unless:
        known = [p.name for p in operation.parameters if p.location == "query"]
        compilation.known(word.unless, known, f"{place}/unless", "query parameter")
    wanted = QUERY_TYPES.get(word.does)
    if wanted is not None and wanted not in types_of(parameter.schema):
        found = f"{word.does} of type {', '.join(types_of(parameter.schema)) or 'any'}"
        compilation.report(f"{pointer}/schema", found, f"a schema of type {wanted}")
    if word.does == "order":
        for position, name in enumerate(keyword_of(parameter.schema, "enum") or ()):
            place = f"{pointer}/schema/enum/{position}"
            compilation.known(str(name).removeprefix("-"), resource.fields, place, "field")


def check_effect(
    compilation: Compilation, operation: Operation, effect: Effect, names: Names
) -> None:
    if isinstance(effect.each, Expression):
        (field, *_) = *effect.each.tokens, ""
        names = {**names, "item": item_fields(properties_of(operation.body_schema).get(field))}
    for field, value in effect.values.items():
        place = f"{effect.pointer}/values/{escape(field)}"
        check_value(compilation, value, place, names, "where there is none")
    check_facts(compilation, effect.condition, names)


def item_fields(listed: Any) -> list[str]:
    return list(properties_of(keyword_of(listed, "items")))


def check_resource(compilation: Compilation, document: Document, resource: Resource) -> None:
    properties = properties_of(resource.schema)
    if "id" not in properties:
        compilation.report(resource.pointer, "a stored record without an id", 'a property "id"')
    ordering = types_of(properties.get(resource.order)) - {"null"}
    if resource.order in properties and ordering not in ORDERED:
        found = f'an order by "{resource.order}" of type {", ".join(sorted(ordering)) or "any"}'
        place = f"{resource.pointer}/x-resource/order"
        compilation.report(place, found, "a field of type string, or of type number")
    for sub in properties.values():
        holder = holder_of(sub, "default")
        if holder is not None:
            place = f"{compilation.resolver.pointer(holder)}/default"
            check_constant(compilation, resource.schema, sub, holder["default"], place)
    for reference in resource.references.values():
        check_reference(compilation, document, reference)
    bodies = [o for o in document.operations.values() if o.resource == resource.name]
    for operation in bodies:
        for reference in operation.references.values():
            check_reference(compilation, document, reference)
    names: Names = {
        "body": {field for operation in bodies for field in operation.body_fields},
        "query": {p.name for o in bodies for p in o.parameters if p.location == "query"},
        "path": {name for o in bodies for name in path_names(o.path_template)},
        "principal": principal_fields(document),
        "record": resource.fields,
        "follow": resource.fields,
        **ALWAYS,
    }
    if any(
        one.log is not None and one.log.to == resource.name for one in document.resources.values()
    ):
        names = {**names, "change": CHANGE}
    for derived in resource.derived:
        inside = derived.inside and {"item": item_fields(properties.get(derived.inside))}
        check_derived(compilation, derived, {**names, **(inside or {})})
    check_told(compilation, document, resource)
    if resource.lifecycle is not None:
        check_lifecycle(compilation, resource, resource.lifecycle, names)


def check_told(compilation: Compilation, document: Document, resource: Resource) -> None:
    """What a resource's changes, deliveries and magic values read is there."""
    own: Names = {"record": resource.fields, "follow": resource.fields, "now": (), "id": ()}
    if resource.log is not None:
        names = {**own, "principal": principal_fields(document)}
        for field, value in resource.log.values.items():
            place = f"{resource.log.pointer}/values/{escape(field)}"
            check_value(compilation, value, place, names, "where a change is told")
    one = resource.subscription
    if one is not None:
        check_names(compilation, one.condition, resource.fields, "field")
        names = {**own, "event": (), "body": ()}
        sent = {"body": one.body, **{f"headers/{name}": v for name, v in one.headers.items()}}
        for part, value in sent.items():
            place = f"{one.pointer}/{part}"
            check_value(compilation, value, place, names, "where something is sent")
    for magic in resource.magic:
        schema = properties_of(resource.schema).get(magic.field)
        check_constant(compilation, resource.schema, schema, magic.value, f"{magic.pointer}/value")
        for name, value in magic.facts.items():
            place = f"{magic.pointer}/facts/{escape(name)}"
            check_value(compilation, value, place, own, "where nobody calls")


def check_happening(compilation: Compilation, document: Document, happening: Happening) -> None:
    """What a happening at the provider's side reads is told of it, or known of who is called."""
    names: Names = {
        "event": (),
        "principal": principal_fields(document),
        "now": (),
        "id": (),
    }
    for field, choices in happening.body.items():
        for position, choice in enumerate(choices):
            place = f"{happening.pointer}/body/{escape(field)}"
            place = f"{place}/{position}" if len(choices) > 1 else place
            value = choice.value if isinstance(choice, Find) else choice
            check_value(compilation, value, place, names, "where something happens")


def check_reference(compilation: Compilation, document: Document, reference: Reference) -> None:
    target = document.resources.get(reference.to)
    if target is not None:
        check_names(compilation, reference.where, target.fields, "field")
        check_names(compilation, reference.open, target.fields, "field")


def check_derived(compilation: Compilation, derived: Derived, names: Names) -> None:
    for position, value in enumerate(derived.values):
        place = f"{derived.pointer}/value"
        place = f"{place}/{position}" if len(derived.values) > 1 else place
        check_value(compilation, value, place, names, "where there is none")
    judged = names["item" if derived.inside else "record"]  # of a list, each item by itself
    check_names(compilation, derived.condition, judged, "field")


def check_layout(
    compilation: Compilation, body: Any, pointer: str, more: tuple[str, ...] = ()
) -> None:
    """An error body has only placeholders that there are; those in `more` stand alone."""
    if isinstance(body, dict | list):
        for key, part in body.items() if isinstance(body, dict) else enumerate(body):
            check_layout(compilation, part, f"{pointer}/{escape(str(key))}", more)
    elif isinstance(body, str):
        for word in re.findall(PLACEHOLDER, body):
            known = (*PLACEHOLDERS, *more) if word == body else EMBEDDED_PLACEHOLDERS
            compilation.known(word, known, pointer, "placeholder")
