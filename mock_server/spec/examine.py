"""What is wrong with a document part by part: structure, words, references, schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from mock_server.spec.anatomy import REFERABLE, SCHEMA, iter_parts, kind_at, vocabulary
from mock_server.spec.compilation import (
    Compilation,
    check_words,
    close_enough,
    describe,
    explain_mismatch,
)
from mock_server.spec.pointers import (
    escape,
    follow,
    nearest,
    one_of,
    parse_pointer,
    parse_reference,
)
from mock_server.spec.schemas import ReferenceFault, rule_ids

SCHEMAS = ("schema", "subschema")


@cache
def openapi_schema() -> dict[str, Any]:
    """The OpenAPI initiative's own schema of 3.1, as openapi-spec-validator brings it."""
    # Only the file is wanted: importing the package would take longer than the rest of a start.
    package = find_spec("openapi_spec_validator")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "resources" / "schemas" / "v3.1" / "schema.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def examine(compilation: Compilation) -> list[tuple[str, str]]:
    """Reports what is wrong with each part by itself; returns where words of ours stand."""
    if not Draft202012Validator(openapi_schema()).is_valid(compilation.raw):
        explain_mismatch(compilation, openapi_schema(), compilation.raw, "#")
    metaschema = Draft202012Validator(vocabulary()["metaschema"])
    standing: list[tuple[str, str]] = []
    endless: set[int] = set()
    for kind, node in iter_parts(compilation.raw, "document", set()):
        pointer = compilation.resolver.pointer(node)
        check_words(compilation, pointer, node, standing)
        if "$ref" in node and kind in REFERABLE and check_reference(compilation, kind, node):
            check_circle(compilation, node, [], endless)
        if kind == "schema" and not metaschema.is_valid(node):
            explain_mismatch(compilation, vocabulary()["metaschema"], node, pointer)
        if kind in SCHEMAS:
            check_keywords(compilation, node, pointer)
    return standing


def check_names(compilation: Compilation, standing: list[tuple[str, str]]) -> None:
    """Reports what words of ours name and nobody knows: rules without an entry, functions."""
    for pointer, word in standing:
        if word == "x-rule":
            parent = pointer.removesuffix("/x-rule")
            check_named(compilation, follow(compilation.raw, parse_pointer(parent)), parent)
        elif word not in ("x-rules", "x-seed"):
            check_named(compilation, follow(compilation.raw, parse_pointer(pointer)), pointer, True)


def check_named(compilation: Compilation, node: Any, pointer: str, deep: bool = False) -> None:
    entries = compilation.raw.get("x-rules")
    for rule_id in rule_ids(node):
        if not isinstance(entries, dict) or rule_id not in entries:
            compilation.report_unentered(rule_id, pointer)
    if not deep:
        return
    if isinstance(node, dict) and isinstance(name := node.get("function"), str):
        compilation.known(name, compilation.functions, f"{pointer}/function", "function")
    children = enumerate(node) if isinstance(node, list) else ()
    for key, child in node.items() if isinstance(node, dict) else children:
        check_named(compilation, child, f"{pointer}/{escape(str(key))}", True)


def check_reference(compilation: Compilation, kind: str, node: dict[str, Any]) -> bool:
    """Whether a `$ref` names a part of its own kind; reports it if not."""
    resolver, ref = compilation.resolver, node["$ref"]
    place = f"{resolver.pointer(node)}/$ref"
    expected = "a pointer into this document (#/…)"
    try:
        resolver.target(node)
    except ReferenceFault:
        if isinstance(ref, str) and ref.startswith("#"):
            hint = nearest_pointer(compilation.raw, parse_reference(ref))
            compilation.report(place, f'"{ref}", which points nowhere', expected, hint)
        else:
            compilation.report(place, f"{describe(ref)}, which is not in this document", expected)
        return False
    there = kind_at(parse_reference(ref))
    wanted, named = ("schema" if one in SCHEMAS else one for one in (kind, there))
    if named not in (wanted, "other", "data"):
        compilation.report(place, f'"{ref}", which is no {wanted}', f"a {wanted}")
        return False
    return True


def nearest_pointer(root: Any, tokens: tuple[str, ...]) -> str:
    """The nearest spelling of the first token of a pointer that points nowhere."""
    for position, token in enumerate(tokens):
        parent = follow(root, tokens[:position])
        if not isinstance(parent, dict):
            return ""
        if token not in parent:
            return nearest(token, parent)
    return ""


def check_circle(compilation: Compilation, node: Any, trail: list[int], endless: set[int]) -> None:
    """Reports a `$ref` that comes back to itself before anything is said about a value."""
    if not isinstance(node, dict) or id(node) in endless:
        return
    endless.add(id(node))
    trail.append(id(node))
    for child in iter_in_place(compilation, node):
        if id(child) in trail:
            culprit = node if "$ref" in node else child
            place = f"{compilation.resolver.pointer(culprit)}/$ref"
            found = f'"{culprit.get("$ref")}", which comes back here'
            compilation.report(place, found, "a reference that ends")
        else:
            check_circle(compilation, child, trail, endless)
    trail.pop()


def iter_in_place(compilation: Compilation, node: dict[str, Any]) -> Iterator[Any]:
    """The parts that judge the same value as their parent."""
    if "$ref" in node:
        try:
            yield compilation.resolver.target(node)
        except ReferenceFault:
            return
    for keyword in ("allOf", "anyOf", "oneOf"):
        branches = node.get(keyword)
        yield from branches if isinstance(branches, list) else ()
    for keyword in ("not", "if", "then", "else"):
        if keyword in node:
            yield node[keyword]


@cache
def keywords() -> frozenset[str]:
    """What a misspelt keyword is held against; one that is near to none may be anybody's."""
    return frozenset(SCHEMA) | frozenset(vocabulary()["keywords"])


def check_keywords(compilation: Compilation, node: dict[str, Any], pointer: str) -> None:
    """Reports misspelt keywords and formats, patterns that are none, and what is not followed."""
    known = keywords()
    for keyword in node.keys() - known:
        if keyword in ("$dynamicRef", "$dynamicAnchor", "$recursiveRef"):
            found = f'"{keyword}", which is not followed'
            compilation.report(f"{pointer}/{escape(keyword)}", found, "$ref")
        elif not keyword.startswith("x-") and close_enough(keyword, known):
            found, hint = f'the unknown keyword "{keyword}"', nearest(keyword, known)
            compilation.report(f"{pointer}/{escape(keyword)}", found, "a keyword of a schema", hint)
    form, formats = node.get("format"), vocabulary()["formats"]
    if isinstance(form, str) and form not in formats and close_enough(form, formats):
        hint = nearest(form, formats)
        compilation.report(f"{pointer}/format", f'"{form}"', one_of(formats), hint)
    if "pattern" in node:
        check_pattern(compilation, node["pattern"], f"{pointer}/pattern")
    if isinstance(node.get("patternProperties"), dict):
        for pattern in node["patternProperties"]:
            check_pattern(compilation, pattern, f"{pointer}/patternProperties/{escape(pattern)}")


def check_pattern(compilation: Compilation, pattern: Any, pointer: str) -> None:
    if isinstance(pattern, str) and not is_pattern(pattern):
        compilation.report(pointer, f'"{pattern}"', "a regular expression")


@cache
def is_pattern(pattern: str) -> bool:
    try:
        Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True
