"""What stands where in an OpenAPI document: the kind of each of its parts, and a walk over them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# Keywords of a schema by the form of their values: a schema, a list or a mapping of schemas, data.
SINGLE_WORDS = (
    "items contains additionalProperties unevaluatedProperties unevaluatedItems propertyNames "
    "not if then else"
)
SINGLE_KEYWORDS = frozenset(SINGLE_WORDS.split())
LIST_KEYWORDS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
MAP_KEYWORDS = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
DATA_KEYWORDS = frozenset({"example", "examples", "default", "const", "enum", "x-rules"})

# For each kind of part the kinds behind its keys; `*` is every other key. A kind in braces is that
# of the values of a mapping whose keys are free; the items of a list are of the list's own kind.
SCHEMA = {
    **dict.fromkeys(SINGLE_KEYWORDS | LIST_KEYWORDS, "subschema"),
    **dict.fromkeys(MAP_KEYWORDS, "{subschema}"),
    **dict.fromkeys(DATA_KEYWORDS, "data"),
    "x-reference": "reference",
    "x-lifecycle": "lifecycle",
    "x-derived": "condition",
    "x-invented": "reference",
    "x-subscription": "condition",
}
PARAMETER = {
    "schema": "schema",
    "content": "{media type}",
    "example": "data",
    "examples": "{example}",
}
PARTS: Mapping[str, Mapping[str, str]] = {
    "document": {
        "paths": "paths",
        "webhooks": "{path item}",
        "components": "components",
        "x-rules": "{rule}",
        "x-provider": "{happening}",
    },
    "components": {
        "schemas": "{schema}",
        "responses": "{response}",
        "parameters": "{parameter}",
        "examples": "{example}",
        "requestBodies": "{request body}",
        "headers": "{header}",
        "securitySchemes": "{security scheme}",
        "links": "{link}",
        "callbacks": "{callback}",
        "pathItems": "{path item}",
    },
    "paths": {"*": "path item"},
    "path item": {"parameters": "parameter", **dict.fromkeys(METHODS, "operation")},
    "operation": {
        "parameters": "parameter",
        "requestBody": "request body",
        "responses": "responses",
        "callbacks": "{callback}",
        "x-effects": "condition",
        "x-refusals": "condition",
    },
    "parameter": PARAMETER,
    "header": PARAMETER,
    "request body": {"content": "{media type}"},
    "responses": {"*": "response"},
    "response": {
        "headers": "{header}",
        "content": "{media type}",
        "links": "{link}",
        "x-error": "data",
    },
    "media type": {
        "schema": "schema",
        "encoding": "{encoding}",
        "example": "data",
        "examples": "{example}",
    },
    "encoding": {"headers": "{header}"},
    "callback": {"*": "path item"},
    "example": {"*": "data"},
    "schema": SCHEMA,
    "subschema": SCHEMA,
    "reference": {"where": "schema"},
    "lifecycle": {"requires": "requirement"},
    "requirement": {"schema": "schema"},
    "condition": {"if": "schema"},
    "happening": {"facts": "schema", "*": "data"},
    "rule": {"accepts": "step", "rejects": "step", "*": "data"},
    "step": {"expect": "schema", "*": "data"},
    "other": dict.fromkeys(DATA_KEYWORDS, "data"),
}
# The kinds of parts that a `$ref` may stand for.
REFERABLE = frozenset(
    {
        "schema",
        "subschema",
        "parameter",
        "header",
        "request body",
        "response",
        "example",
        "link",
        "callback",
        "path item",
        "security scheme",
    }
)


@cache
def vocabulary() -> dict[str, Any]:
    """The JSON Schemas of our words."""
    text = files("mock_server.spec").joinpath("vocabulary.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def kind_behind(kind: str, key: str) -> str:
    """The kind of what stands behind a key."""
    if kind.startswith("{"):
        return kind[1:-1]
    parts = PARTS.get(kind, {})
    if key in parts:
        return parts[key]
    if key.startswith("x-"):
        return "other" if key in vocabulary()["words"] else "data"
    return parts.get("*", "other")


def iter_parts(
    node: Any, kind: str, seen: set[tuple[int, str]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping of a document outside data, with its kind; what is aliased once."""
    if node.__class__ is list:
        for child in node:
            yield from iter_parts(child, kind, seen)
    elif node.__class__ is dict and (id(node), kind) not in seen:
        seen.add((id(node), kind))
        if not kind.startswith("{"):
            yield kind, node
        for key, child in node.items():
            if child.__class__ is dict or child.__class__ is list:
                inner = kind_behind(kind, key)
                if inner != "data":
                    yield from iter_parts(child, inner, seen)


def kind_at(tokens: tuple[str, ...]) -> str:
    """The kind of what stands at a pointer's tokens."""
    kind = "document"
    for token in tokens:
        if not token.isdigit() or kind in ("paths", "responses") or kind.startswith("{"):
            kind = kind_behind(kind, token)
    return kind
