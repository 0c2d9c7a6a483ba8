"""Schemas without `$ref`, that remember where in the document each part stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_server.spec.anatomy import LIST_KEYWORDS, MAP_KEYWORDS, SINGLE_KEYWORDS
from mock_server.spec.pointers import escape, follow, parse_reference


class ReferenceFault(Exception):
    """A `$ref` that points nowhere."""

    def __init__(self, pointer: str, target: str) -> None:
        super().__init__(target)
        self.pointer = pointer
        self.target = target


class Resolver:
    """Follows `$ref` within one document."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.origins: dict[int, str] = {}  # id of a mapping -> its pointer in the document
        self.keep: list[Any] = []  # resolved copies stay alive, so that ids stay theirs
        self.resolved: dict[int, Any] = {}
        self.index(root, "#")

    def index(self, node: Any, pointer: str) -> None:
        # One recursive walk over the whole document, at start only; what is aliased once.
        if node.__class__ is list:
            for position, child in enumerate(node):
                if child.__class__ is dict or child.__class__ is list:
                    self.index(child, f"{pointer}/{position}")
        elif id(node) not in self.origins:
            self.origins[id(node)] = pointer
            for key, child in node.items():
                if child.__class__ is dict or child.__class__ is list:
                    self.index(child, f"{pointer}/{escape(key)}")

    def pointer(self, node: Any) -> str:
        """Where a mapping (or the resolved copy of one) stands in the document."""
        return self.origins.get(id(node), "#")

    def target(self, node: dict[str, Any]) -> Any:
        """What a `$ref` names, one step."""
        ref = node["$ref"]
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise ReferenceFault(self.pointer(node), str(ref))
        try:
            return follow(self.root, parse_reference(ref))
        except KeyError:
            raise ReferenceFault(self.pointer(node), ref) from None

    def object(self, node: Any) -> Any:
        """A parameter, response or other object behind any number of `$ref`s."""
        seen = 0
        while isinstance(node, dict) and "$ref" in node:
            node = self.target(node)
            seen += 1
            if seen > 50:
                raise ReferenceFault(self.pointer(node), str(node.get("$ref")))
        return node

    def ref_name(self, node: Any) -> str | None:
        """The component schema that a schema refers to, by `$ref` or as its first branch that does."""
        if isinstance(node, dict):
            ref = node.get("$ref")
            if isinstance(ref, str) and ref.startswith("#/components/schemas/"):
                return parse_reference(ref)[-1]
            for keyword in ("allOf", "anyOf", "oneOf"):
                branches = node.get(keyword)
                if isinstance(branches, list):
                    return next(filter(None, map(self.ref_name, branches)), None)
        return None

    def schema(self, node: Any) -> Any:
        """The schema with every `$ref` replaced by what it names.

        A schema that contains itself keeps a `$ref` into `$defs` at its root.
        """
        definitions: dict[str, Any] = {}
        result = self.expand(node, (), definitions)
        if definitions:
            result = {**result, "$defs": definitions}
            self.remember(result, self.pointer(node))
        return result

    def expand(self, node: Any, trail: tuple[int, ...], definitions: dict[str, Any]) -> Any:
        if not isinstance(node, dict):
            return node
        known = self.resolved.get(id(node))
        if known is not None:
            return known
        if "$ref" in node:
            return self.expand_reference(node, trail, definitions)
        changed = {
            key: self.expand_keyword(key, child, (*trail, id(node)), definitions)
            for key, child in node.items()
        }
        self.remember(changed, self.pointer(node))
        if not definitions:
            self.resolved[id(node)] = changed
        return changed

    def expand_reference(
        self, node: dict[str, Any], trail: tuple[int, ...], definitions: dict[str, Any]
    ) -> Any:
        target = self.target(node)
        if id(target) in trail:
            name = parse_reference(node["$ref"])[-1]
            if name not in definitions:
                definitions[name] = {}
                definitions[name] = self.expand(target, (), definitions)
            return {"$ref": f"#/$defs/{name}"}
        resolved = self.expand(target, (*trail, id(node)), definitions)
        siblings = {key: child for key, child in node.items() if key != "$ref"}
        if not siblings or not isinstance(resolved, dict):
            return resolved
        own = {
            k: self.expand_keyword(k, v, (*trail, id(node)), definitions)
            for k, v in siblings.items()
        }
        annotations = {"description", "title", "example", "examples"}
        clash = resolved.keys() & own.keys() - annotations
        if clash or any(key.startswith("x-") for key in resolved):
            merged = {**own, "allOf": [resolved, *own.get("allOf", [])]}
        else:
            merged = {**resolved, **own}
        self.remember(merged, self.pointer(node))
        return merged

    def expand_keyword(
        self, key: str, child: Any, trail: tuple[int, ...], definitions: dict[str, Any]
    ) -> Any:
        if key in SINGLE_KEYWORDS:
            return self.expand(child, trail, definitions)
        if key in MAP_KEYWORDS and isinstance(child, dict):
            return {name: self.expand(sub, trail, definitions) for name, sub in child.items()}
        if key in LIST_KEYWORDS and isinstance(child, list):
            return [self.expand(sub, trail, definitions) for sub in child]
        return child

    def remember(self, node: Any, pointer: str) -> None:
        self.origins[id(node)] = pointer
        self.keep.append(node)


def iter_subschemas(
    schema: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every subschema of a resolved schema with its path of tokens, the schema itself first."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for key, child in schema.items():
        if key in SINGLE_KEYWORDS:
            yield from iter_subschemas(child, (*path, key))
        elif key in MAP_KEYWORDS and isinstance(child, dict):
            for name, sub in child.items():
                yield from iter_subschemas(sub, (*path, key, name))
        elif key in LIST_KEYWORDS and isinstance(child, list):
            for position, sub in enumerate(child):
                yield from iter_subschemas(sub, (*path, key, str(position)))


def rule_ids(node: Any) -> tuple[str, ...]:
    """The rules that a place names."""
    value = node.get("x-rule") if isinstance(node, dict) else None
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else ()


def rules_along(schema: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The rules of the nearest subschema on a path that names any."""
    nearest: tuple[str, ...] = rule_ids(schema)
    node = schema
    for token in path:
        if isinstance(node, dict):
            node = node.get(str(token))
        elif isinstance(node, list) and str(token).isdigit() and int(token) < len(node):
            node = node[int(token)]
        else:
            break
        nearest = rule_ids(node) or nearest
    return nearest


def properties_of(schema: Any) -> dict[str, Any]:
    """The properties that a resolved schema states for an object, also in `allOf` branches."""
    if not isinstance(schema, dict):
        return {}
    found = dict(schema.get("properties", {}))
    for branch in schema.get("allOf", []):
        for name, sub in properties_of(branch).items():
            found.setdefault(name, sub)
    return found


def required_of(schema: Any) -> frozenset[str]:
    """The properties that a resolved schema demands, also in `allOf` branches."""
    if not isinstance(schema, dict):
        return frozenset()
    return frozenset(schema.get("required", ())).union(*map(required_of, schema.get("allOf", ())))


def holder_of(schema: Any, keyword: str) -> dict[str, Any] | None:
    """The subschema that has a keyword: the schema itself or one of its `allOf` branches."""
    if not isinstance(schema, dict):
        return None
    if keyword in schema:
        return schema
    for branch in schema.get("allOf", []):
        holder = holder_of(branch, keyword)
        if holder is not None:
            return holder
    return None


def keyword_of(schema: Any, keyword: str) -> Any:
    """The value of a keyword in a property's schema or in one of its `allOf` branches."""
    holder = holder_of(schema, keyword)
    return None if holder is None else holder[keyword]


def types_of(schema: Any) -> frozenset[str]:
    """The types that a schema allows; empty where it does not say."""
    value = keyword_of(schema, "type")
    if isinstance(value, str):
        return frozenset({value})
    return frozenset(value) if isinstance(value, list) else frozenset()


RANGES = {"int32": 2**31, "int64": 2**63}


def bounded(schema: Any) -> Any:
    """The schema with the bounds that a format of an integer means."""
    if isinstance(schema, list):
        return [bounded(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: bounded(child)
        if key in SINGLE_KEYWORDS or key in LIST_KEYWORDS
        else {name: bounded(sub) for name, sub in child.items()}
        if key in MAP_KEYWORDS and isinstance(child, dict)
        else child
        for key, child in schema.items()
    }
    most = RANGES.get(str(found.get("format")))
    if most is not None and "integer" in types_of(found):
        found = {"minimum": -most, "maximum": most - 1, **found}
    return found


def without_required(schema: Any, keyword: str) -> Any:
    """The schema as it holds one way: what is readOnly need not be sent, nor writeOnly be shown."""
    if isinstance(schema, list):
        return [without_required(one, keyword) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: without_required(child, keyword)
        if key in SINGLE_KEYWORDS or key in LIST_KEYWORDS
        else {name: without_required(sub, keyword) for name, sub in child.items()}
        if key in MAP_KEYWORDS and isinstance(child, dict)
        else child
        for key, child in schema.items()
    }
    if isinstance(found.get("required"), list):
        properties = properties_of(schema)
        found["required"] = [
            name
            for name in found["required"]
            if keyword_of(properties.get(name), keyword) is not True
        ]
    return found


def every_property(schema: Any) -> dict[str, Any]:
    """The properties that an object may have, those of its alternatives included."""
    if not isinstance(schema, dict):
        return {}
    found = dict(properties_of(schema))
    for keyword in ("allOf", "oneOf", "anyOf"):
        for branch in schema.get(keyword, ()):
            for name, sub in every_property(branch).items():
                found[name] = fuller(found[name], sub) if name in found else sub
    return found


def fuller(first: Any, second: Any) -> Any:
    """The schema that says more: an envelope may leave to another branch what its list holds."""
    return second if len(repr(second)) > len(repr(first)) else first


def stripped(value: Any, schema: Any, keyword: str) -> Any:
    """The value without the properties that have a keyword such as writeOnly, however deep."""
    if isinstance(value, list):
        items = keyword_of(schema, "items")
        return [stripped(one, items, keyword) for one in value]
    if not isinstance(value, dict):
        return value
    properties = every_property(schema)
    return {
        name: stripped(inner, properties.get(name), keyword)
        for name, inner in value.items()
        if keyword_of(properties.get(name), keyword) is not True
    }
