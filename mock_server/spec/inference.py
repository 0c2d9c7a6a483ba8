"""A document without a word of ours: what each operation does is inferred from its place and schemas.

A path `/things` with a path `/things/{id}` below it is a collection of records that can be created,
listed, read, changed and deleted. Every other operation is plain: it answers with its success
status and an example, and stores nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mock_server.spec.anatomy import METHODS
from mock_server.spec.compilation import Compilation
from mock_server.spec.consistency import check_paths
from mock_server.spec.loader import iter_files
from mock_server.spec.model import (
    Constant,
    Document,
    Does,
    Expression,
    Improvised,
    Operation,
    Page,
    Parameter,
    Reply,
    Resource,
    Response,
    SecurityScheme,
)
from mock_server.spec.operation import compile_parameters, compile_response, json_media, path_names
from mock_server.spec.pointers import escape
from mock_server.spec.replies import build_refusal, build_reply
from mock_server.spec.schemas import (
    bounded,
    every_property,
    keyword_of,
    properties_of,
    types_of,
    without_required,
)

LIMITS = ("limit", "perpage", "pagesize", "size", "count", "maxresults", "top")
SKIPS = ("offset", "skip", "start")
PAGES = ("page", "pagenumber")
# What an operation of a pair may be, and what it does then.
ROLES: Mapping[str, Does] = {
    "create": "create",
    "list": "list",
    "read": "read",
    "replace": "update",
    "update": "update",
    "delete": "delete",
}


@dataclass(frozen=True, slots=True)
class Sketch:
    """An operation as it stands, before anything is made of it."""

    path: str
    method: str
    raw: dict[str, Any]
    operation_id: str
    parameters: tuple[Parameter, ...]
    responses: Mapping[str, Response]
    status: str  # under which its success stands
    body: Any  # schema
    body_types: tuple[str, ...]
    body_required: bool

    @property
    def success(self) -> int:
        return int(self.status) if self.status.isdigit() else 200

    @property
    def answer(self) -> Any:
        """The schema of its success."""
        found = self.responses.get(self.status)
        return found.schema if found is not None else None

    @property
    def takes_record(self) -> bool:
        return is_object(self.body)


@dataclass(frozen=True, slots=True)
class Pair:
    """A collection's path, and that of its items."""

    collection: str
    item: str
    parameter: str


def compile_wordless(compilation: Compilation, base_path: str) -> Document:
    """The document with all that its paths, schemas and examples tell."""
    check_paths(compilation)
    sketches = {(one.path, one.method): one for one in iter_sketches(compilation)}
    check_ids(compilation, sketches)
    schemes = compile_schemes(compilation)
    does: dict[tuple[str, str], tuple[Does, Resource | None]] = {}
    resources: dict[str, Resource] = {}
    owners: dict[str, str] = {}  # path of an item -> resource
    planted: dict[str, tuple[Any, ...]] = {}
    for pair in find_pairs(compilation):
        roles = roles_of(pair, sketches)
        resource = infer_resource(compilation, pair, roles, resources)
        if resource is None:
            continue
        resources[resource.name] = resource
        owners[shape_of(pair.item)] = resource.name
        for role, sketch in roles.items():
            does[sketch.path, sketch.method] = ROLES[role], resource
    operations: dict[str, Operation] = {}
    plain: dict[str, Operation] = {}
    for place, sketch in sketches.items():
        verb, own = does.get(place, ("answer", None))
        operation = build_operation(compilation, sketch, verb, own, owners, schemes)
        (operations if own is not None else plain)[sketch.operation_id] = operation
    for resource in resources.values():
        planted[resource.collection] = examples_of(compilation, resource, operations)
    raw = compilation.raw
    return Document(
        compilation.source.path,
        raw["info"]["title"],
        raw["info"]["version"],
        base_path,
        (),
        {},
        operations,
        resources,
        schemes,
        {},
        raw,
        files=tuple(file.path for file in iter_files(compilation.source) if file.path),
        wordless=True,
        plain=plain,
        planted=planted,
    )


# Operations as they stand


def iter_sketches(compilation: Compilation) -> Iterator[Sketch]:
    resolver = compilation.resolver
    for path, found in compilation.raw.get("paths", {}).items():
        if path.startswith("x-"):
            continue
        item = resolver.object(found)
        for method in METHODS:
            if method in item:
                yield build_sketch(compilation, path, item, method)


def build_sketch(compilation: Compilation, path: str, item: dict[str, Any], method: str) -> Sketch:
    raw = item[method]
    pointer = compilation.resolver.pointer(raw)
    operation_id = raw.get("operationId") or f"{method} {path}"
    responses = {
        status: compile_response(
            compilation, operation_id, status, node, f"{pointer}/responses/{escape(status)}"
        )
        for status, node in raw.get("responses", {}).items()
    }
    body = compilation.resolver.object(raw.get("requestBody")) or {}
    content = body.get("content", {})
    media = json_media(content) or next(filter(None, map(content.get, written_as(content))), {})
    schema = compilation.resolver.schema(media["schema"]) if "schema" in media else None
    return Sketch(
        path,
        method,
        raw,
        operation_id,
        tuple(
            replace(one, schema=bounded(one.schema))
            for one in compile_parameters(compilation, path, item, raw, operation_id)
        ),
        responses,
        success_of(responses),
        bounded(without_required(schema, "readOnly")),
        tuple(content),
        bool(body.get("required")),
    )


def written_as(content: Mapping[str, Any]) -> list[str]:
    """The media types of a body that can be read though they are no JSON."""
    return [name for name in content if is_form(name) or name.endswith("xml")]


def is_form(media_type: str) -> bool:
    return media_type.startswith(("application/x-www-form-urlencoded", "multipart/form-data"))


def success_of(responses: Mapping[str, Response]) -> str:
    """The status that is answered where nothing is against it: 2xx before 3xx before others."""
    codes = sorted(code for code in responses if re.fullmatch("[23][0-9][0-9]", code))
    named = [code for code in ("2XX", "default", "3XX") if code in responses]
    return next(iter([*(c for c in codes if c[0] == "2"), *named[:1], *codes, *named]), "200")


def check_ids(compilation: Compilation, sketches: Mapping[tuple[str, str], Sketch]) -> None:
    seen: dict[str, str] = {}
    for sketch in sketches.values():
        pointer = compilation.resolver.pointer(sketch.raw)
        first = seen.setdefault(sketch.operation_id, pointer)
        if first != pointer:
            found = f'the operationId "{sketch.operation_id}" again'
            expected = f"an id of its own; {first} has this one"
            compilation.report(f"{pointer}/operationId", found, expected)


def compile_schemes(compilation: Compilation) -> dict[str, SecurityScheme]:
    """Every scheme of which a mock can ask a key; the others ask for nothing."""
    found = {}
    listed = compilation.raw.get("components", {}).get("securitySchemes", {})
    for name, raw in listed.items():
        node = compilation.resolver.object(raw)
        kind = node.get("type")
        is_basic = kind == "http" and str(node.get("scheme", "")).lower() == "basic"
        place = (node.get("in"), node.get("name")) if kind == "apiKey" else None
        if kind in ("http", "apiKey", "oauth2", "openIdConnect"):
            pointer = f"#/components/securitySchemes/{escape(name)}"
            found[name] = SecurityScheme(
                name, "basic" if is_basic else "bearer", "", "", False, (), pointer, place
            )
    return found


def security_of(
    compilation: Compilation, sketch: Sketch, schemes: Mapping[str, SecurityScheme]
) -> tuple[str, ...]:
    """The schemes of which any one suffices; none where a request may come without."""
    listed = sketch.raw.get("security", compilation.raw.get("security", []))
    if not all(listed):
        return ()
    known = compilation.raw.get("components", {}).get("securitySchemes", {})
    pointer = compilation.resolver.pointer(sketch.raw)
    place = f"{pointer}/security" if "security" in sketch.raw else "#/security"
    names = [name for requirement in listed for name in requirement]
    for name in names:
        compilation.known(name, known, place, "security scheme")
    return tuple(name for name in names if name in schemes)


# Pairs of paths


def find_pairs(compilation: Compilation) -> Iterator[Pair]:
    """Every path that ends in a parameter, with the path without it."""
    paths = {path.rstrip("/"): path for path in compilation.raw.get("paths", {}) if path[:1] == "/"}
    for path in paths.values():
        before, _, last = path.rstrip("/").rpartition("/")
        parameter = re.fullmatch(r"\{([^{}]+)\}", last)
        if parameter is not None and before in paths and before:
            yield Pair(paths[before], path, parameter[1])


def shape_of(path: str) -> str:
    """A path whatever its parameters are called, and whether or not it ends with a slash."""
    return re.sub(r"\{[^{}]*\}", "{}", path.rstrip("/"))


def roles_of(pair: Pair, sketches: Mapping[tuple[str, str], Sketch]) -> dict[str, Sketch]:
    """What the operations of a pair do; those that do not fit are left out."""
    placed = {
        "create": sketches.get((pair.collection, "post")),
        "list": sketches.get((pair.collection, "get")),
        "read": sketches.get((pair.item, "get")),
        "replace": sketches.get((pair.item, "put")),
        "update": sketches.get((pair.item, "patch")),
        "delete": sketches.get((pair.item, "delete")),
    }
    return {role: one for role, one in placed.items() if one is not None and fits(role, one)}


def fits(role: str, sketch: Sketch) -> bool:
    """Whether an operation's body or answer is of the kind that its place has."""
    if role == "list":
        return list_in(sketch.answer) is not None
    if role == "read":
        return is_object(sketch.answer)
    return role == "delete" or sketch.takes_record


def infer_resource(
    compilation: Compilation, pair: Pair, roles: Mapping[str, Sketch], known: Mapping[str, Resource]
) -> Resource | None:
    """What is stored behind a pair; None where its operations tell of no record."""
    if not {"create", "list"} & roles.keys() or not roles.keys() - {"create", "list"}:
        return None
    found = next(iter_records(pair, roles), None)
    if found is None:
        return None
    schema = found
    properties = every_property(schema)
    segment = pair.collection.strip("/").rpartition("/")[2]
    name = name_of(compilation, roles) or segment
    if name in known:
        name = pair.collection.strip("/")
    collections = {one.collection for one in known.values()}
    collection = segment if segment not in collections else pair.collection.strip("/")
    if properties_of(schema).keys() != properties.keys():
        schema = {**schema, "properties": properties}
    return Resource(
        name,
        name,
        collection,
        "",
        schema,
        tuple(properties),
        frozenset(n for n, sub in properties.items() if keyword_of(sub, "writeOnly") is True),
        frozenset(),
        "",
        False,
        Page("data", None, None),
        {},
        None,
        (),
        (),
        f"#/paths/{escape(pair.item)}",
        key=key_among(properties, pair.parameter),
    )


def iter_records(pair: Pair, roles: Mapping[str, Sketch]) -> Iterator[Any]:
    """The schemas that may be the record's, the most telling first."""
    for verb in ("read", "create", "update", "replace"):
        if verb in roles and is_object(roles[verb].answer):
            under = record_in(roles[verb].answer, pair.parameter)
            yield part_of(roles[verb].answer, under)
    if "list" in roles:
        answer = roles["list"].answer
        under = list_in(answer) or ""
        items = keyword_of(part_of(answer, under), "items")
        if is_object(items):
            yield with_definitions(items, answer)
    for verb in ("create", "replace", "update"):
        if verb in roles:
            yield roles[verb].body


def name_of(compilation: Compilation, roles: Mapping[str, Sketch]) -> str | None:
    """The name of the component schema that a record has."""
    for verb in ("read", "create", "update", "replace"):
        if verb in roles:
            sketch = roles[verb]
            node = compilation.resolver.object(sketch.raw["responses"].get(sketch.status))
            media = json_media(node.get("content", {})) if isinstance(node, dict) else {}
            name = compilation.resolver.ref_name(media.get("schema"))
            if name is not None:
                return name
    return None


# Schemas


def is_object(schema: Any) -> bool:
    return isinstance(schema, dict) and bool(every_property(schema))


def plain_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def key_among(properties: Mapping[str, Any], parameter: str) -> str:
    """The property that a path's last parameter names; empty where a record does not show it."""
    alike = {plain_name(name): name for name in reversed(list(properties))}
    found = [parameter] if parameter in properties else []
    found += [alike[one] for one in (plain_name(parameter), "id", "uuid") if one in alike]
    return next(iter(found), "")


def record_in(schema: Any, parameter: str) -> str:
    """The property of an answer that holds the record; empty where the answer is the record."""
    properties = every_property(schema)
    if key_among(properties, parameter):
        return ""
    inner = [name for name, sub in properties.items() if is_object(sub)]
    keyed = [name for name in inner if key_among(every_property(properties[name]), parameter)]
    return keyed[0] if len(keyed) == 1 else ""


def list_in(schema: Any) -> str | None:
    """The property of an answer that holds a list of objects; empty where the answer is the list."""
    if not isinstance(schema, dict):
        return None
    if "array" in types_of(schema):
        return "" if is_object(keyword_of(schema, "items")) else None
    lists = [
        name
        for name, sub in every_property(schema).items()
        if "array" in types_of(sub) and is_object(keyword_of(sub, "items"))
    ]
    return lists[0] if len(lists) == 1 else None


def part_of(schema: Any, under: str) -> Any:
    if not under:
        return schema
    return with_definitions(every_property(schema)[under], schema)


def with_definitions(part: Any, whole: Any) -> Any:
    """A part of a schema that can stand alone."""
    definitions = whole.get("$defs") if isinstance(whole, dict) else None
    return {**part, "$defs": definitions} if definitions else part


# Operations


def build_operation(
    compilation: Compilation,
    sketch: Sketch,
    does: Does,
    resource: Resource | None,
    owners: Mapping[str, str],
    schemes: Mapping[str, SecurityScheme],
) -> Operation:
    names = path_names(sketch.path)
    last = Expression(f"$request.path.{names[-1]}", "path", names[-1]) if names else None
    single = does in ("read", "update", "delete")
    improvised = Improvised(
        build_success(compilation, sketch, does, resource),
        {
            status: build_refusal(compilation, sketch.raw["responses"][status], status)
            for status in sketch.responses
            if status[:1] in ("4", "5") or status == "default"
        },
        sketch.body_types,
        asks_of(sketch, resource) if does == "list" and resource is not None else {},
        above_of(sketch.path, owners, single),
        sketch.method == "put",
    )
    return Operation(
        sketch.operation_id,
        sketch.method.upper(),
        sketch.path,
        does,
        resource.name if resource is not None else "",
        last if last is not None and single else Constant(None),
        sketch.parameters,
        sketch.body,
        sketch.body_required,
        tuple(every_property(sketch.body)),
        {},
        (),
        (),
        sketch.responses,
        sketch.success,
        security_of(compilation, sketch, schemes),
        tuple(sketch.raw.get("tags", ())),
        str(sketch.raw.get("summary", "")),
        compilation.resolver.pointer(sketch.raw),
        improvised=improvised,
    )


def build_success(
    compilation: Compilation, sketch: Sketch, does: Does, resource: Resource | None
) -> Reply:
    """How its success is laid out, and where in it records stand."""
    node, answer = sketch.raw.get("responses", {}).get(sketch.status), sketch.answer
    if resource is None or not isinstance(answer, dict):
        return build_reply(compilation, node, answer)
    if does == "list":
        return build_reply(compilation, node, answer, list_in(answer) or "", own=False)
    parameter = resource.key or "id"
    under = record_in(answer, parameter)
    shared = every_property(part_of(answer, under)).keys() & set(resource.fields)
    return build_reply(compilation, node, answer, under, own=not shared)


def asks_of(sketch: Sketch, resource: Resource) -> dict[str, str]:
    """Query parameters of a list that page it, or that are called like a field of its records."""
    properties = every_property(resource.schema)
    fields = {
        plain_name(name): name
        for name, sub in properties.items()
        if not types_of(sub) & {"object", "array"}
    }
    found = {}
    for parameter in sketch.parameters:
        name = plain_name(parameter.name)
        if parameter.location != "query":
            continue
        for verb, listed in (("$limit", LIMITS), ("$skip", SKIPS), ("$page", PAGES)):
            if name in listed:
                found[parameter.name] = verb
        if parameter.name not in found and name in fields:
            found[parameter.name] = fields[name]
    return found


def above_of(path: str, owners: Mapping[str, str], single: bool) -> dict[str, str]:
    """The records that the parameters of a path name, but for the last where that is its own."""
    found = {}
    parts = path.rstrip("/").split("/")
    for number, part in enumerate(parts, 1):
        owner = owners.get(shape_of("/".join(parts[:number])))
        if owner is not None and part.startswith("{") and not (single and number == len(parts)):
            found[part.strip("{}")] = owner
    return found


# Records to begin with


def examples_of(
    compilation: Compilation, resource: Resource, operations: Mapping[str, Operation]
) -> tuple[Any, ...]:
    """The records that the document's examples show, else one that is made up."""
    own = [one for one in operations.values() if one.resource == resource.name]
    found: list[Any] = []
    for does in ("list", "read"):
        for operation in own:
            improvised = operation.improvised
            if operation.does != does or improvised is None or improvised.success.own:
                continue
            body, under = improvised.success.body, improvised.success.under
            shown = body.get(under) if under and isinstance(body, dict) else body
            found += shown if isinstance(shown, list) else [shown]
    names = set(resource.fields)
    records = [one for one in found if isinstance(one, dict) and names & one.keys()]
    seen: set[str] = set()
    kept: list[dict[str, Any]] = []
    for record in records:
        name = str(record.get(resource.key, len(kept))) if resource.key else ""
        if name not in seen:
            seen.add(name)
            kept.append(record)
    return tuple(kept)


__all__ = ["compile_wordless"]
