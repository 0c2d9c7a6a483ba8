"""YAML's nodes become JSON's values: keys are texts and stand once, and every value ends."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

import yaml

from mock_server.spec.pointers import parse_pointer, to_pointer

Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Where a node stands: the place of its parent, the token that names it there, its depth.
Place = tuple[Any, "str | int", int]

DEPTH_LIMIT = 200  # levels; the parser itself would go on until its stack ends
TOO_DEEP = f"more than {DEPTH_LIMIT} levels of nesting"
VALUES_LIMIT = 2_000_000  # with every alias unfolded
ROOT: Place = (None, "", 0)


class PlainLoader(Parser):  # type: ignore[misc]
    """Plain scalars as YAML 1.2 reads them: dates and `on` are texts."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}


def standard(name: str) -> str:
    return f"tag:yaml.org,2002:{name}"


# YAML 1.2's core schema, but for `.inf` and `.nan`, which JSON has no values for; and the merge
# key of YAML 1.1, which documents use. First letter by first letter, as PyYAML looks them up.
for name, pattern, first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", "<<", "<"),
):
    PlainLoader.add_implicit_resolver(standard(name), re.compile(f"^(?:{pattern})$"), list(first))
TEXT, MERGE = standard("str"), standard("merge")


class ValueFault(Exception):
    """What is no value of JSON, with the line and the pointer of where it stands."""

    def __init__(self, found: str, node: Any = None, place: Place = ROOT) -> None:
        super().__init__(found)
        self.line = 1 if node is None else int(node.start_mark.line) + 1
        self.pointer = "" if node is None else pointer_of(place)


def compose(text: str) -> Any:
    """The root node of a text, or None where there is none; raises YAMLError or ValueFault."""
    if depth_of(text) > DEPTH_LIMIT:
        raise ValueFault(TOO_DEEP)
    loader = PlainLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def depth_of(text: str) -> int:
    """How deep brackets and dashes nest: what would end the parser's stack."""
    deepest = depth = 0
    for bracket in re.findall(r"[\[{}\]]", text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest + max(map(len, re.findall(r"(?:[-?:][ \t]+){9,}", text)), default=0) // 2


def pointer_of(place: Place) -> str:
    tokens: list[str | int] = []
    while place[0] is not None:
        tokens.insert(0, place[1])
        place = place[0]
    return to_pointer(tokens)


class Construction:
    """Nodes on their way to values; `repeated` are keys that stood in their mapping before."""

    def __init__(self) -> None:
        self.made: dict[int, tuple[Any, int] | None] = {}  # node -> value and size; None: under way
        self.size = 0
        self.repeated: list[tuple[str, str, int]] = []  # key, pointer, line

    def value(self, node: Any, place: Place = ROOT) -> Any:
        """The value of a node; raises ValueFault."""
        if node.__class__ is yaml.ScalarNode:
            self.size += 1
            return node.value if node.tag == TEXT else to_scalar(node, place)
        if id(node) in self.made:
            return self.again(node, place)
        if place[2] > DEPTH_LIMIT:
            raise ValueFault(TOO_DEEP, node, place)
        self.made[id(node)] = None
        before = self.size
        self.size += 1
        is_mapping = node.__class__ is yaml.MappingNode
        if node.tag != standard("map" if is_mapping else "seq"):
            raise ValueFault(f"a value of type {shown(node.tag)}", node, place)
        value = self.mapping(node, place) if is_mapping else self.sequence(node, place)
        self.made[id(node)] = (value, self.size - before)
        return value

    def again(self, node: Any, place: Place) -> Any:
        """The value of an alias."""
        made = self.made[id(node)]
        if made is None:
            raise ValueFault("an alias of what it stands in", node, place)
        value, size = made
        self.size += size
        if self.size > VALUES_LIMIT:
            found = f"aliases that unfold to more than {VALUES_LIMIT:,} values"
            raise ValueFault(found, node, place)
        return value

    def sequence(self, node: Any, place: Place) -> list[Any]:
        depth = place[2] + 1
        return [self.value(one, (place, number, depth)) for number, one in enumerate(node.value)]

    def mapping(self, node: Any, place: Place) -> dict[str, Any]:
        depth = place[2] + 1
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, child in node.value:
            if key.__class__ is not yaml.ScalarNode:
                raise ValueFault("a key that is no text", key, place)
            inner = (place, key.value, depth)
            if key.tag == MERGE:
                self.merge(merged, child, inner)
                continue
            if key.value in own:
                line = int(key.start_mark.line) + 1
                self.repeated.append((key.value, pointer_of(inner), line))
            own[key.value] = self.value(child, inner)
        return {**merged, **own} if merged else own

    def merge(self, merged: dict[str, Any], node: Any, place: Place) -> None:
        """Adds the keys of a mapping, or of several of which the first counts."""
        value = self.value(node, place)
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                raise ValueFault("a merge of what is no mapping", node, place)
            for key, child in one.items():
                merged.setdefault(key, child)


def to_scalar(node: Any, place: Place) -> Any:
    text, kind = node.value, node.tag.removeprefix(standard(""))
    match kind:
        case "null":
            return None
        case "merge":
            return text
        case "bool" if text.lower() in ("true", "false"):
            return text.lower() == "true"
        case "int" | "float":
            return to_number(node, place)
    raise ValueFault(f"a value of type {shown(node.tag)}", node, place)


def to_number(node: Any, place: Place) -> int | float:
    text = node.value
    try:
        if node.tag == standard("int"):
            return int(text, 0 if text[:2] in ("0o", "0x") else 10)
        number = float(text)
    except ValueError as error:
        raise ValueFault(f"a number that cannot be read: {error}", node, place) from None
    if not math.isfinite(number):
        raise ValueFault("a number that is too large", node, place)
    return number


def shown(tag: str) -> str:
    return f'"{tag.removeprefix(standard(""))}"'


def line_of(node: Any, pointer: str) -> int:
    """The line (from 1) of the key or item that a pointer names, or of the last part that exists."""
    line = int(node.start_mark.line) + 1
    for token in parse_pointer(pointer):
        found = child_of(node, token)
        if found is None:
            return line
        line, node = found
    return line


def child_of(node: Any, token: str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == token:
                return int(key.start_mark.line) + 1, value
        merged = [value for key, value in node.value if key.tag == MERGE]
        return next((found for value in merged if (found := child_of(value, token))), None)
    if isinstance(node, yaml.SequenceNode) and token.isdigit() and int(token) < len(node.value):
        child = node.value[int(token)]
        return int(child.start_mark.line) + 1, child
    return None
