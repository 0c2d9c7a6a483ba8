"""Whether parts of a document agree: expressions and names, conditions and fields, values and schemas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator

from mock_server.spec.compilation import Compilation, describe
from mock_server.spec.expressions import expressions_in
from mock_server.spec.model import Value
from mock_server.spec.pointers import escape

READ = ("body", "change", "item", "principal")  # what has fields that are known; an event has any
Names = Mapping[str, Iterable[str]]  # source of expressions -> the names it has


def check_constant(
    compilation: Compilation, root: Any, schema: Any, value: Any, pointer: str
) -> None:
    """A value that the document gives a field satisfies the field's schema, a part of `root`."""
    if not isinstance(schema, dict) or value is None:
        return
    definitions = {"$defs": root.get("$defs", {})} if isinstance(root, dict) else {}
    error = next(Draft202012Validator({**schema, **definitions}).iter_errors(value), None)
    if error is not None:
        limit = f"{error.kind.name}: {describe(error.kind.value)}"
        compilation.report(pointer, describe(value), f"a value that its schema takes ({limit})")


def check_value(
    compilation: Compilation, value: Value, pointer: str, names: Names, where: str
) -> None:
    """Expressions read sources that are there, and names that these have."""
    for expression in expressions_in(value):
        known = names.get(expression.source)
        if known is None:
            found = f'"{expression.text}" {where}'
            compilation.report(pointer, found, f"a value of {', '.join(sorted(names))}")
        elif expression.source in ("path", "query"):
            compilation.known(expression.name, known, pointer, f"{expression.source} parameter")
        elif expression.source in READ and expression.tokens:
            compilation.known(expression.tokens[0], known, pointer, "field")


def check_names(compilation: Compilation, schema: Any, names: Iterable[str], what: str) -> None:
    """A condition speaks only of names that there are: of any other it would always hold."""
    for sub in iter_same(schema):
        pointer = compilation.resolver.pointer(sub)
        for name in sub.get("properties", ()):
            compilation.known(name, names, f"{pointer}/properties/{escape(name)}", what)
        for position, name in enumerate(sub.get("required", ())):
            compilation.known(name, names, f"{pointer}/required/{position}", what)


def iter_same(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and its parts that judge the same value."""
    if isinstance(schema, dict):
        yield schema
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in schema.get(keyword, ()):
                yield from iter_same(branch)
        for keyword in ("not", "if", "then", "else"):
            yield from iter_same(schema.get(keyword))


def parts_of(schema: Any, name: str) -> list[Any]:
    """What a condition says of one property."""
    return [
        sub["properties"][name] for sub in iter_same(schema) if name in sub.get("properties", ())
    ]


def check_facts(compilation: Compilation, condition: Any, names: Names) -> None:
    """A condition over {query, body, record} speaks of these, and of what each has."""
    facts = {source: names[source] for source in ("query", "body", "record")}
    check_names(compilation, condition, facts, "fact")
    for source, known in facts.items():
        for part in parts_of(condition, source):
            check_names(compilation, part, known, "field")
