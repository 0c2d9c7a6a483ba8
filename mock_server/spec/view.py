"""Views: which fields of a resource a console shows as a conversation, and what may be written there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.expressions import compile_value
from mock_server.spec.model import Beside, Compose, Happening, Operation, Resource, View
from mock_server.spec.pointers import escape
from mock_server.spec.resource import check_record_expressions
from mock_server.spec.schemas import keyword_of, properties_of


def compile_views(
    compilation: Compilation,
    resources: dict[str, Resource],
    operations: dict[str, Operation],
    happenings: Mapping[str, Happening],
) -> dict[str, View]:
    """The view of every resource that has one."""
    schemas = compilation.raw.get("components", {}).get("schemas", {})
    found = {}
    for name, resource in resources.items():
        word = schemas[name].get("x-view")
        if isinstance(word, dict):
            pointer = f"{resource.pointer}/x-view"
            compilation.claim(pointer)
            found[name] = compile_view(compilation, resource, operations, happenings, word, pointer)
    return found


def compile_view(
    compilation: Compilation,
    resource: Resource,
    operations: dict[str, Operation],
    happenings: Mapping[str, Happening],
    word: dict[str, Any],
    pointer: str,
) -> View:
    def fields(key: str) -> tuple[str, ...]:
        listed = word.get(key, [])
        for position, name in enumerate(listed):
            compilation.known(name, resource.fields, f"{pointer}/{key}/{position}", "field")
        return tuple(listed)

    side = word.get("side", {})
    compilation.known(word["text"], resource.fields, f"{pointer}/text", "field")
    if side:
        compilation.known(side["field"], resource.fields, f"{pointer}/side/field", "field")
    properties = properties_of(resource.schema)
    labels = []
    for position, written in enumerate(word.get("label", [])):
        place = f"{pointer}/label/{position}"
        value = compile_value(written, place, compilation.functions, compilation.report)
        check_record_expressions(compilation, value, properties, place)
        labels.append(value)
    return View(
        resource.name,
        str(word.get("title", resource.title)),
        fields("thread"),
        tuple(labels),
        word["text"],
        side.get("field"),
        tuple(side.get("own", ())),
        fields("time"),
        fields("carries"),
        tuple(
            compose
            for position, one in enumerate(word.get("compose", []))
            for compose in compile_compose(
                compilation, resource, operations, happenings, one, f"{pointer}/compose/{position}"
            )
        ),
        pointer,
        tuple(
            compile_beside(compilation, resource, one, f"{pointer}/shows/{position}")
            for position, one in enumerate(word.get("shows", []))
        ),
    )


def compile_beside(compilation: Compilation, resource: Resource, word: Any, pointer: str) -> Beside:
    """What stands beside the text: a field, or a property of each item of a list."""
    if isinstance(word, str):
        compilation.known(word, resource.fields, pointer, "field")
        return Beside(word)
    field, item, picture = word["field"], word["item"], word.get("picture")
    if compilation.known(field, resource.fields, f"{pointer}/field", "field"):
        items = keyword_of(properties_of(resource.schema)[field], "items")
        known = properties_of(items)
        if known:
            compilation.known(item, known, f"{pointer}/item", "property")
            if picture is not None:
                compilation.known(picture, known, f"{pointer}/picture", "property")
        else:
            compilation.report(
                f"{pointer}/field", f'"{field}"', "a field that is a list of objects"
            )
    return Beside(field, item, picture)


def compile_compose(
    compilation: Compilation,
    resource: Resource,
    operations: dict[str, Operation],
    happenings: Mapping[str, Happening],
    word: dict[str, Any],
    pointer: str,
) -> list[Compose]:
    """One way to write a record; none where its operation cannot."""
    name, event = word.get("operation", ""), word.get("event", "")
    if event:
        if name:
            compilation.report(f"{pointer}/operation", "both operation and event", "one of them")
        if not compilation.known(event, happenings, f"{pointer}/event", "happening"):
            return []
        name = happenings[event].operation_id
    elif not compilation.known(name, operations, f"{pointer}/operation", "operation"):
        return []
    operation = operations[name]
    if (operation.does, operation.resource) != ("create", resource.name):
        compilation.report(
            f"{pointer}/{'event' if event else 'operation'}",
            f'"{event or name}", which is to {operation.does} {operation.resource}',
            f"an operation that creates {resource.name}",
        )
        return []
    for field in word.get("body", {}):
        place = f"{pointer}/body/{escape(field)}"
        compilation.known(field, operation.body_fields, place, "field")
    for position, field in enumerate(word.get("asks", [])):
        place = f"{pointer}/asks/{position}"
        compilation.known(field, operation.body_fields, place, "field")
    known = properties_of(happenings[event].facts) if event else {}
    for fact, field in word.get("facts", {}).items():
        place = f"{pointer}/facts/{escape(fact)}"
        compilation.known(fact, known, place, "fact")
        compilation.known(field, resource.fields, place, "field")
    parameters = [one.name for one in operation.parameters if one.location == "query"]
    for parameter in word.get("query", {}):
        place = f"{pointer}/query/{escape(parameter)}"
        compilation.known(parameter, parameters, place, "query parameter")
    return [
        Compose(
            word["label"],
            name,
            dict(word.get("body", {})),
            dict(word.get("query", {})),
            tuple(word.get("asks", ())),
            event,
            word.get("facts", {}),
        )
    ]
