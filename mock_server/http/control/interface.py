"""The control API's own document: it decides which calls there are and what they may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml
from jsonschema_rs import Draft202012Validator, ValidationError

from mock_server.clock import is_date_time
from mock_server.http.control.errors import ControlError
from mock_server.messages import say
from mock_server.pipeline.query import to_integer
from mock_server.spec.pointers import escape, follow, nearest, one_of, parse_pointer
from mock_server.spec.schemas import types_of

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
METHODS = ("get", "put", "post", "delete")
NAMING = ("additionalProperties", "propertyNames")  # keywords that names of fields break


class Form(NamedTuple):
    """A schema with its prepared validator."""

    schema: dict[str, Any]
    validator: Draft202012Validator


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a call."""

    name: str
    location: str
    default: Any
    convert: Callable[[str], Any]
    form: Form
    required: bool


@dataclass(frozen=True, slots=True)
class Outline:
    """A call as the document has it."""

    operation_id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: Form | None
    open: bool  # whether it needs no token


@cache
def interface() -> dict[str, Any]:
    """The document, as it is served."""
    text = files("mock_server.http.control").joinpath("control.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=LOADER)  # noqa: S506 - safe, and the fast one
    return loaded


@cache
def outlines() -> tuple[Outline, ...]:
    """Every call of the document."""
    document = interface()
    return tuple(
        outline(document, path, item, method)
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    )


def find_outline(operation_id: str) -> Outline:
    return next(call for call in outlines() if call.operation_id == operation_id)


def outline(document: dict[str, Any], path: str, item: dict[str, Any], method: str) -> Outline:
    raw = item[method]
    listed = [*item.get("parameters", []), *raw.get("parameters", [])]
    body = raw.get("requestBody")
    schema = body["content"]["application/json"]["schema"] if body else None
    return Outline(
        raw["operationId"],
        method.upper(),
        path,
        tuple(parameter(document, resolved(document, node)) for node in listed),
        build(document, schema) if schema is not None else None,
        raw.get("security") == [{}],
    )


def parameter(document: dict[str, Any], node: dict[str, Any]) -> Parameter:
    schema = node["schema"]
    convert = to_integer if "integer" in types_of(schema) else str
    form, required = build(document, schema), node.get("required", False)
    return Parameter(node["name"], node["in"], schema.get("default"), convert, form, required)


def build(document: dict[str, Any], schema: Any) -> Form:
    """A schema that may refer into the document, prepared."""
    whole = {"allOf": [schema], "components": {"schemas": reached(document, schema)}}
    formats = {"date-time": is_date_time}
    return Form(whole, Draft202012Validator(whole, validate_formats=True, formats=formats))


def reached(document: dict[str, Any], schema: Any) -> dict[str, Any]:
    """The components that a schema refers to, however far: a validator holds all that it is given."""
    found: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found[name] = document["components"]["schemas"][name]
                waiting.append(found[name])
        waiting += (
            node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        )
    return found


def resolved(document: dict[str, Any], node: Any) -> Any:
    while "$ref" in node:
        node = follow(document, parse_pointer(node["$ref"]))
    return node


def read_parameters(
    call: Outline, path: Mapping[str, Any], query: Mapping[str, str]
) -> dict[str, Any]:
    """Typed values of a call's parameters; raises ControlError for those that do not fit."""
    values: dict[str, Any] = {}
    faults: list[dict[str, Any]] = []
    names = [one.name for one in call.parameters if one.location == "query"]
    for name in query:
        if name not in names:
            expected = one_of(names) if names else "no parameters"
            faults.append(misfit(f"query {name}", name, hinted(expected, nearest(name, names))))
    for one in call.parameters:
        written = (path if one.location == "path" else query).get(one.name)
        if written is None:
            values[one.name] = one.default
            if one.required:
                faults.append(misfit(f"{one.location} {one.name}", None, "a value"))
            continue
        value = values[one.name] = one.convert(str(written))
        faults += iter_misfits(one.form, value, f"{one.location} {one.name}")
    if faults:
        raise ControlError(400, "The parameters do not fit.", faults)
    return values


def read_body(call: Outline, body: Any) -> Any:
    """The body of a call; raises ControlError where it does not fit."""
    assert call.body is not None
    faults = list(iter_misfits(call.body, body, "body"))
    if faults:
        raise ControlError(400, "The body does not fit.", faults)
    return body


def iter_misfits(form: Form, value: Any, place: str) -> Iterator[dict[str, Any]]:
    """Where a value does not fit its schema, what was found, what was expected."""
    seen = set()
    for error in form.validator.iter_errors(value):
        for found in to_misfits(form.schema, error, place):
            # A name that is unknown may be so for several keywords; it is told once.
            expected = "" if error.kind.name in NAMING else found["expected"]
            row = (found["where"], expected)
            if row not in seen:
                seen.add(row)
                yield found


def to_misfits(schema: Any, error: ValidationError, place: str) -> list[dict[str, Any]]:
    keyword, limit = error.kind.name, error.kind.value
    where = place + "".join(f"/{escape(str(token))}" for token in error.instance_path)
    if keyword == "required":
        wanted = holder_of(schema, error).get("properties", {}).get(limit, {})
        kind = says_of(resolved(schema, wanted) if "$ref" in wanted else wanted)
        return [misfit(f"{where}/{escape(limit)}", None, kind)]
    holder = holder_of(schema, error)
    if keyword in NAMING:
        names = holder.get("propertyNames", {}).get("enum", holder.get("properties", {}))
        known = sorted(names)
        unexpected = error.instance if isinstance(error.instance, dict) else {}
        inside = {
            name: f"{outer}/{name}"
            for outer, one in holder.get("properties", {}).items()
            if isinstance(one, dict)
            for name in (resolved(schema, one) if "$ref" in one else one).get("properties", {})
        }
        return [
            misfit(
                f"{where}/{escape(name)}",
                name,
                hinted(one_of(known), hint_for(name, known, inside)),
            )
            for name in unexpected
            if name not in known
        ]
    if keyword in ("oneOf", "anyOf"):
        return [misfit(where, error.instance, forms_of(holder[keyword]))]
    expected, names = say(keyword, limit)[1], sorted(holder.get("properties", {}))
    if keyword in ("minProperties", "maxProperties") and names:
        expected = f"{expected}: {one_of(names)}"
    return [misfit(where, error.instance, expected)]


def says_of(schema: Mapping[str, Any]) -> str:
    """What a value is to be, in a few words."""
    if "enum" in schema:
        return one_of(map(str, schema["enum"]))
    return say("type", types_of(schema))[1] if types_of(schema) else "a value"


def hint_for(name: str, known: Iterable[str], inside: Mapping[str, str]) -> str:
    """What was meant by a name: one a level further in, or one of nearly this spelling."""
    if name in inside:
        return f"write it as {inside[name]}"
    return nearest(name, known)


def hinted(expected: str, hint: str) -> str:
    return f"{expected}; {hint}" if hint else expected


def forms_of(options: list[Any]) -> str:
    """The forms that a value may have, where they differ in what they need."""
    needed = [" and ".join(one["required"]) for one in options if "required" in one]
    return f"exactly one of {', '.join(needed)}" if needed else "one of its forms"


def holder_of(schema: Any, error: ValidationError) -> dict[str, Any]:
    """The subschema whose keyword a value breaks."""
    node = schema
    words = list(error.schema_path)
    # A name that does not fit is told with the keyword inside `propertyNames`.
    last = words.index("propertyNames") if error.kind.name == "propertyNames" else -1
    for word in words[:last]:
        if word == "$ref":
            node = follow(schema, parse_pointer(node["$ref"]))
        else:
            node = node[int(word)] if isinstance(node, list) else node[word]
    return node if isinstance(node, dict) else {}


def misfit(where: str, found: Any, expected: str) -> dict[str, Any]:
    return {"where": where, "found": found, "expected": expected}
