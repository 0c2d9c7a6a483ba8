"""Operations: one method on one path, and all that the document decides about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.expressions import compile_value
from mock_server.spec.lifecycle import ids_of
from mock_server.spec.model import (
    Constant,
    Content,
    Default,
    Does,
    Effect,
    Expression,
    Operation,
    Parameter,
    Place,
    QueryWord,
    Resource,
    Response,
    Schema,
    Value,
)
from mock_server.spec.pointers import escape
from mock_server.spec.refusal import compile_refusals
from mock_server.spec.resource import check_record_expressions, check_references, compile_references
from mock_server.spec.schemas import (
    holder_of,
    iter_subschemas,
    keyword_of,
    properties_of,
    rule_ids,
)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
LOCATIONS = ("path", "query", "header", "cookie")
REFUSING_WORDS = (
    "type enum const pattern required format not minimum maximum exclusiveMinimum exclusiveMaximum "
    "minLength maxLength minItems maxItems minProperties maxProperties multipleOf uniqueItems "
    "additionalProperties dependentRequired"
)
REFUSING = frozenset(REFUSING_WORDS.split(" "))


def compile_operations(
    compilation: Compilation, resources: dict[str, Resource]
) -> dict[str, Operation]:
    """Every operation, by its id."""
    operations: dict[str, Operation] = {}
    for path, found in compilation.raw["paths"].items():
        if path.startswith("x-"):
            continue
        item = compilation.resolver.object(found)
        for method in METHODS:
            if method in item:
                operation = compile_operation(compilation, resources, path, item, method)
                if operation is None:
                    continue
                if operation.operation_id in operations:
                    compilation.report(
                        f"{operation.pointer}/operationId",
                        f'the operationId "{operation.operation_id}" again',
                        f"an id of its own; {operations[operation.operation_id].pointer} has this one",
                    )
                operations[operation.operation_id] = operation
    return operations


def compile_operation(
    compilation: Compilation,
    resources: dict[str, Resource],
    path: str,
    item: dict[str, Any],
    method: str,
) -> Operation | None:
    raw = item[method]
    pointer = compilation.resolver.pointer(raw)
    operation_id = raw.get("operationId") or f"{method} {path}"
    parameters = compile_parameters(compilation, path, item, raw, operation_id)
    responses = {
        status: compile_response(
            compilation, operation_id, status, node, f"{pointer}/responses/{escape(status)}"
        )
        for status, node in raw.get("responses", {}).items()
    }
    does, name, record_id = infer_handler(compilation, resources, path, item, method, raw, pointer)
    resource = resources.get(name or "")
    if does is None or resource is None:
        return None
    check_query_words(compilation, parameters, resource)
    body_schema, required, body_pointer = request_body(compilation, raw, pointer)
    properties = properties_of(body_schema)
    references = compile_references(compilation, properties, resource.name, (operation_id,))
    check_references(compilation, references, resources, (*resource.fields, *properties))
    defaults = compile_defaults(compilation, body_schema, resource.name, operation_id)
    state_body_rules(compilation, body_schema, resource.name, operation_id, body_pointer)
    codes = sorted(
        int(status) for status in responses if status.isdigit() and status.startswith("2")
    )
    return Operation(
        operation_id,
        method.upper(),
        path,
        does,
        resource.name,
        record_id,
        parameters,
        body_schema,
        required,
        tuple(properties),
        references,
        defaults,
        compile_effects(compilation, resources, resource, operation_id, raw, pointer),
        responses,
        codes[0] if codes else 200,
        security_of(compilation, raw, pointer),
        tuple(raw.get("tags", ())),
        str(raw.get("summary", "")),
        pointer,
        compile_refusals(compilation, resource.name, operation_id, raw, pointer),
        revealed_fields(resource, responses.get(str(codes[0])) if codes else None),
        compile_content(compilation, resource, raw, str(codes[0]), does) if codes else None,
        media_types=media_types_of(compilation, raw),
    )


def compile_content(
    compilation: Compilation, resource: Resource, raw: dict[str, Any], status: str, does: Does
) -> Content | None:
    """What the success response is made of, where that is not JSON."""
    node = compilation.resolver.object(raw["responses"][status])
    word = node.get("x-content")
    pointer = f"{compilation.resolver.pointer(node)}/x-content"
    if not isinstance(word, dict):
        return None
    if does != "read":
        compilation.report(pointer, f"an operation that does {does}", "one that reads a record")
    compilation.claim(pointer)
    values = {
        name: compile_value(
            word[name], f"{pointer}/{name}", compilation.functions, compilation.report
        )
        for name in ("type", "data")
    }
    for name, value in values.items():
        own = properties_of(resource.schema)
        check_record_expressions(compilation, value, own, f"{pointer}/{name}")
    return Content(values["type"], values["data"], pointer)


def revealed_fields(resource: Resource, response: Response | None) -> frozenset[str]:
    """The record's hidden fields that a success response lists as readable."""
    shown = properties_of(response.schema) if response is not None else {}
    return frozenset(
        name
        for name in resource.hidden
        if name in shown and keyword_of(shown[name], "writeOnly") is not True
    )


def security_of(compilation: Compilation, raw: dict[str, Any], pointer: str) -> tuple[str, ...]:
    """The schemes of which any one suffices; empty where no credentials are needed."""
    schemes = compilation.raw.get("components", {}).get("securitySchemes", {})
    listed = raw.get("security", compilation.raw.get("security", []))
    names = [
        name for requirement in listed if isinstance(requirement, dict) for name in requirement
    ]
    place = f"{pointer}/security" if "security" in raw else "#/security"
    return tuple(
        name for name in names if compilation.known(name, schemes, place, "security scheme")
    )


def compile_parameters(
    compilation: Compilation,
    path: str,
    item: dict[str, Any],
    raw: dict[str, Any],
    operation_id: str,
) -> tuple[Parameter, ...]:
    pointer = compilation.resolver.pointer(raw)
    listed = [
        (f"{compilation.resolver.pointer(holder)}/parameters/{position}", node)
        for holder in (item, raw)
        for position, node in enumerate(holder.get("parameters", []))
    ]
    found: dict[tuple[str, str], Parameter] = {}
    for place, node in listed:
        parameter = compile_parameter(
            compilation, compilation.resolver.object(node), place, operation_id
        )
        if parameter is not None:
            found[parameter.location, parameter.name] = parameter
    for name in path_names(path):
        if ("path", name) not in found:
            compilation.report(
                pointer,
                f'"{{{name}}}" in the path without a parameter',
                f'a parameter "{name}" in path',
            )
    return tuple(found.values())


def path_names(path: str) -> list[str]:
    return [part.split("}")[0] for part in path.split("{")[1:]]


def compile_parameter(
    compilation: Compilation, node: Any, place: str, operation_id: str
) -> Parameter | None:
    if not isinstance(node, dict) or not isinstance(node.get("name"), str):
        compilation.report(place, "a parameter without a name", "name, in and schema")
        return None
    origin = compilation.resolver.pointer(node)
    location: Any = node.get("in")
    if not compilation.known(location, LOCATIONS, f"{origin}/in", "location"):
        return None
    schema = compilation.resolver.schema(node.get("schema", {}))
    word = node.get("x-query")
    query = None
    if isinstance(word, dict):
        compilation.claim(f"{origin}/x-query")
        query = QueryWord(
            word.get("does", "filter"),
            word.get("field", ""),
            word.get("op", "eq"),
            word.get("any"),
            word.get("unless", ""),
        )
    ids = tuple(ids_of(node))
    parameter = Parameter(
        node["name"],
        location,
        bool(node.get("required", location == "path")),
        schema,
        schema.get("default") if isinstance(schema, dict) else None,
        query,
        ids,
        origin,
        style := str(node.get("style", "form" if location in ("query", "cookie") else "simple")),
        bool(node.get("explode", style == "form")),
    )
    compilation.state(
        node, origin, Place("parameter", origin, None, (operation_id,), node["name"], parameter)
    )
    for _, sub in iter_subschemas(schema):
        at = compilation.resolver.pointer(sub)
        compilation.state(
            sub, at, Place("parameter", at, None, (operation_id,), node["name"], parameter)
        )
    return parameter


def check_query_words(
    compilation: Compilation, parameters: tuple[Parameter, ...], resource: Resource
) -> None:
    names = {parameter.name for parameter in parameters}
    for parameter in parameters:
        if parameter.query is not None and parameter.query.unless:
            place = f"{parameter.pointer}/x-query/unless"
            compilation.known(parameter.query.unless, names, place, "parameter")
        if parameter.query is not None and parameter.query.does == "filter":
            compilation.known(
                parameter.query.field,
                resource.fields,
                f"{parameter.pointer}/x-query/field",
                "field",
            )


def compile_response(
    compilation: Compilation, operation_id: str, status: str, node: Any, place: str
) -> Response:
    raw = compilation.resolver.object(node)
    origin = compilation.resolver.pointer(raw)
    content = raw.get("content", {}) if isinstance(raw, dict) else {}
    media = json_media(content)
    schema = compilation.resolver.schema(media.get("schema")) if media else None
    ids = tuple(ids_of(raw))
    response = Response(status, schema, ids, place)
    compilation.state(raw, origin, Place("response", origin, None, (operation_id,), None, response))
    return response


def json_media(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        return {}
    for media_type, media in content.items():
        if media_type.split(";")[0].strip().endswith(("json",)) and isinstance(media, dict):
            return media
    return {}


def infer_handler(
    compilation: Compilation,
    resources: dict[str, Resource],
    path: str,
    item: dict[str, Any],
    method: str,
    raw: dict[str, Any],
    pointer: str,
) -> tuple[Does | None, str | None, Value]:
    """What an operation does to which resource: said by `x-handler`, else by its place."""
    names = path_names(path)
    record_id: Value = (
        Expression(f"$request.path.{names[-1]}", "path", names[-1]) if names else Constant(None)
    )
    word = raw.get("x-handler")
    if isinstance(word, dict):
        compilation.claim(f"{pointer}/x-handler")
        if not compilation.known(
            word.get("resource"), resources, f"{pointer}/x-handler/resource", "resource"
        ):
            return None, None, record_id
        if "id" in word:
            record_id = compile_value(
                word["id"], f"{pointer}/x-handler/id", compilation.functions, compilation.report
            )
        return word.get("does"), word.get("resource"), record_id
    name = named_resource(compilation, resources, raw)
    if name is None:
        for other in ("get", *METHODS):
            name = name or (
                named_resource(compilation, resources, item[other]) if other in item else None
            )
    does = infer_verb(compilation, resources, path, method, raw)
    if name is None or does is None:
        compilation.report(
            pointer,
            f"{method.upper()} {path}, which fits no pair of /things/ and /things/{{id}}/ paths of a resource",
            "a success response that refers to a schema with x-resource, or the word x-handler",
        )
        return None, None, record_id
    return does, name, record_id


def infer_verb(
    compilation: Compilation,
    resources: dict[str, Resource],
    path: str,
    method: str,
    raw: dict[str, Any],
) -> Does | None:
    single = path.rstrip("/").endswith("}")
    if method == "get":
        return "read" if single else "list"
    if method == "post":
        return None if single else "create"
    if method in ("put", "patch"):
        return "update" if single else None
    return "delete" if method == "delete" and single else None


def success_schemas(compilation: Compilation, raw: dict[str, Any]) -> Iterator[Any]:
    for status, node in raw.get("responses", {}).items():
        if status.startswith("2"):
            response = compilation.resolver.object(node)
            media = json_media(response.get("content", {}))
            if "schema" in media:
                yield media["schema"]


def named_resource(
    compilation: Compilation, resources: dict[str, Resource], raw: dict[str, Any]
) -> str | None:
    """The resource that a success response refers to, itself or as a page of it."""
    resolver = compilation.resolver
    for schema in success_schemas(compilation, raw):
        name = resource_behind(compilation, resources, schema)
        if name is not None:
            return name
        page = resolver.object(schema)
        for branch in [page, *page.get("allOf", [])] if isinstance(page, dict) else []:
            for sub in resolver.object(branch).get("properties", {}).values():
                items = resolver.object(sub).get("items")
                inner = resource_behind(compilation, resources, items)
                if inner is not None:
                    return inner
    return None


def resource_behind(
    compilation: Compilation, resources: dict[str, Resource], schema: Any, depth: int = 0
) -> str | None:
    """The resource that a schema names, itself or through schemas built around it."""
    name = compilation.resolver.ref_name(schema)
    if name is None or name in resources or depth > 5:
        return name if name in resources else None
    target = compilation.raw["components"]["schemas"].get(name)
    return resource_behind(compilation, resources, target, depth + 1)


def media_types_of(compilation: Compilation, raw: dict[str, Any]) -> tuple[str, ...]:
    body = compilation.resolver.object(raw.get("requestBody")) or {}
    return tuple(name.partition(";")[0].strip().lower() for name in body.get("content", {}))


def request_body(
    compilation: Compilation, raw: dict[str, Any], pointer: str
) -> tuple[Schema | None, bool, str]:
    body = compilation.resolver.object(raw.get("requestBody"))
    place = f"{pointer}/requestBody"
    if not isinstance(body, dict):
        return None, False, place
    media = json_media(body.get("content", {}))
    if "schema" not in media:
        compilation.report(
            place, "a request body without a JSON schema", "content: application/json: schema"
        )
        return None, bool(body.get("required")), place
    schema = compilation.resolver.schema(media["schema"])
    return schema, bool(body.get("required")), compilation.resolver.pointer(schema)


def state_body_rules(
    compilation: Compilation, schema: Any, resource: str, operation_id: str, pointer: str
) -> None:
    """The rules that parts of a request body state: what they refuse, what they fill in."""
    for path, sub in iter_subschemas(schema):
        if not rule_ids(sub):
            continue
        origin = compilation.resolver.pointer(sub)
        field = path[path.index("properties") + 1] if "properties" in path[:-1] else None
        if is_refusing(sub):
            place = Place("schema", origin, resource, (operation_id,), field, sub)
            compilation.state(sub, origin, place)
        else:
            compilation.claim(f"{origin}/x-rule")


def is_refusing(schema: Any, inside: bool = False) -> bool:
    """Whether a subschema can refuse a value, conditions aside."""
    if not isinstance(schema, dict):
        return schema is False
    if inside and rule_ids(schema):
        return False
    if REFUSING & schema.keys():
        return True
    children = [*schema.get("properties", {}).values(), *schema.get("allOf", [])]
    children += [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    children += [
        schema[key]
        for key in ("then", "else", "items", "contains", "propertyNames")
        if key in schema
    ]
    return any(is_refusing(child, True) for child in children)


def compile_defaults(
    compilation: Compilation, schema: Any, resource: str, operation_id: str
) -> tuple[Default, ...]:
    found: list[Default] = []

    def visit(node: Any, condition: dict[str, Any] | None, around: Any) -> None:
        if not isinstance(node, dict):
            return
        ruled = node if rule_ids(node) else around
        for field, prop in node.get("properties", {}).items():
            holder = holder_of(prop, "default")
            if holder is not None:
                by = prop if rule_ids(prop) and not is_refusing(prop) else ruled
                pointer = f"{compilation.resolver.pointer(holder)}/default"
                default = Default(field, holder["default"], condition, rule_ids(by), pointer)
                found.append(default)
                if by is not None:
                    origin = compilation.resolver.pointer(by)
                    place = Place("default", pointer, resource, (operation_id,), field, default)
                    compilation.state(by, origin, place)
        for branch in node.get("allOf", []):
            visit(branch, condition, ruled)
        if "if" in node:
            visit(node.get("then"), both(condition, node["if"]), ruled)
            visit(node.get("else"), both(condition, {"not": node["if"]}), ruled)

    visit(schema, None, None)
    return tuple(found)


def both(first: dict[str, Any] | None, second: dict[str, Any]) -> dict[str, Any]:
    return second if first is None else {"allOf": [first, second]}


def compile_effects(
    compilation: Compilation,
    resources: dict[str, Resource],
    resource: Resource,
    operation_id: str,
    raw: dict[str, Any],
    pointer: str,
) -> tuple[Effect, ...]:
    if "x-effects" not in raw:
        return ()
    compilation.claim(f"{pointer}/x-effects")
    found = []
    for position, word in enumerate(raw["x-effects"]):
        place = f"{pointer}/x-effects/{position}"
        if not isinstance(word, dict) or not compilation.known(
            word.get("create"), resources, f"{place}/create", "resource"
        ):
            continue
        target = resources[word["create"]]
        values = {}
        each = compile_each(compilation, word, place)
        for field, written in word.get("values", {}).items():
            compilation.known(field, target.fields, f"{place}/values/{field}", "field")
            value = compile_value(
                written, f"{place}/values/{field}", compilation.functions, compilation.report
            )
            own = properties_of(resource.schema)
            check_record_expressions(
                compilation, value, own, f"{place}/values/{field}", each is not None
            )
            values[field] = value
        condition = compilation.resolver.schema(word["if"]) if "if" in word else None
        into = word.get("into")
        if into is not None and each is None:
            compilation.known(into, resource.fields, f"{place}/into", "field")
        effect = Effect(target.name, condition, values, tuple(ids_of(word)), place, each, into)
        compilation.state(
            word, place, Place("effect", place, resource.name, (operation_id,), None, effect)
        )
        found.append(effect)
    return tuple(found)


def compile_each(compilation: Compilation, word: dict[str, Any], place: str) -> Value | None:
    """The list of the request that an effect happens for each item of."""
    if "each" not in word:
        return None
    written = word["each"]
    value = compile_value(written, f"{place}/each", compilation.functions, compilation.report)
    if not isinstance(value, Expression) or value.source != "body" or len(value.tokens) != 1:
        compilation.report(f"{place}/each", f'"{written}"', "a list such as $request.body#/field")
    return value


__all__ = ["compile_operations"]
