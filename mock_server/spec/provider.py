"""What the other side does: happenings that come in as requests, and values that make it do something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.expressions import compile_value
from mock_server.spec.model import Find, Happening, Lookup, Magic, Operation, Resource, Value


def compile_provider(
    compilation: Compilation,
    resources: Mapping[str, Resource],
    operations: Mapping[str, Operation],
) -> dict[str, Happening]:
    """Every happening at the provider's side, by its name."""
    compilation.claim("#/x-provider")
    found = {}
    for name, word in compilation.raw.get("x-provider", {}).items():
        pointer = f"#/x-provider/{name}"
        if not compilation.known(
            word["operation"], operations, f"{pointer}/operation", "operation"
        ):
            continue
        operation = operations[word["operation"]]
        body = {}
        for field, written in word.get("body", {}).items():
            place = f"{pointer}/body/{field}"
            compilation.known(field, operation.body_fields, place, "field")
            body[field] = compile_choices(compilation, resources, written, place)
        names = {one.name for one in operation.parameters if one.location == "query"}
        for parameter in word.get("query", {}):
            compilation.known(parameter, names, f"{pointer}/query/{parameter}", "parameter")
        found[name] = Happening(
            name,
            word.get("says", ""),
            compilation.resolver.schema(word.get("facts", {"type": "object"})),
            operation.operation_id,
            word.get("query", {}),
            body,
            pointer,
        )
    return found


def compile_choices(
    compilation: Compilation, resources: Mapping[str, Resource], written: Any, pointer: str
) -> tuple[Value | Find, ...]:
    """A value, or the first of a list of values that is not null."""
    listed = written if isinstance(written, list) else [written]
    return tuple(
        compile_find(
            compilation, resources, one, f"{pointer}/{i}" if listed is written else pointer
        )
        for i, one in enumerate(listed)
    )


def compile_find(
    compilation: Compilation, resources: Mapping[str, Resource], written: Any, pointer: str
) -> Value | Find:
    if not isinstance(written, dict) or "find" not in written:
        return compile_value(written, pointer, compilation.functions, compilation.report)
    for key in {"find", "by", "is", "take"} - written.keys():
        compilation.report(pointer, f"nothing under {key}", f'the key "{key}"')
        return compile_value(None, pointer, compilation.functions, compilation.report)
    if compilation.known(written["find"], resources, f"{pointer}/find", "resource"):
        for key in ("by", "take"):
            fields = resources[written["find"]].fields
            compilation.known(written[key], fields, f"{pointer}/{key}", "field")
    value = compile_value(written["is"], f"{pointer}/is", compilation.functions, compilation.report)
    return Find(Lookup(written["find"], written["by"]), value, written["take"])


def compile_magic(
    compilation: Compilation, resource: Resource, happenings: Mapping[str, Happening]
) -> tuple[Magic, ...]:
    """The values of a resource's fields that make the provider do something."""
    raw = compilation.raw["components"]["schemas"][resource.name]
    pointer = f"{resource.pointer}/x-magic"
    if not isinstance(raw.get("x-magic"), list):
        return ()
    compilation.claim(pointer)
    found = []
    for position, word in enumerate(raw["x-magic"]):
        place = f"{pointer}/{position}"
        check_magic(compilation, resource, happenings, word, place)
        facts = {
            name: compile_value(
                value, f"{place}/facts/{name}", compilation.functions, compilation.report
            )
            for name, value in word.get("facts", {}).items()
        }
        found.append(
            Magic(
                word["field"],
                word["value"],
                word.get("says", ""),
                word.get("event", ""),
                word.get("in"),
                float(word.get("after", 0)),
                facts,
                place,
            )
        )
    return tuple(found)


def check_magic(
    compilation: Compilation,
    resource: Resource,
    happenings: Mapping[str, Happening],
    word: dict[str, Any],
    place: str,
) -> None:
    """The field and the event exist; only what has a life can be put off or fail."""
    compilation.known(word["field"], resource.fields, f"{place}/field", "field")
    lifecycle = resource.lifecycle
    if lifecycle is None:
        schema = compilation.raw["components"]["schemas"][resource.name]
        if "x-lifecycle" not in schema:  # else it has a fault of its own
            compilation.report(
                place, "a resource without x-lifecycle", "x-magic beside x-lifecycle"
            )
        return
    if "in" in word:
        compilation.known(word["in"], lifecycle.states, f"{place}/in", "state")
        compilation.known(word.get("event"), happenings, f"{place}/event", "happening")
    elif "event" in word:
        events = {t.event for t in lifecycle.transitions if t.event}
        compilation.known(word["event"], events, f"{place}/event", "event")
