"""Values in a document: constants, runtime expressions and calls of registered functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mock_server.spec.model import Call, Constant, Expression, Value
from mock_server.spec.pointers import nearest, one_of, parse_pointer

FORMS = (
    "$now, $id, $base, $method, $path, $request.id, $change#/field, $principal#/field, $request.body#/field, $request.query.name, $request.path.name, "
    "$record#/field, $record.field, $record.field#/field, $item#/field or $event#/field"
)
GRAMMAR = re.compile(
    r"^\$(?:(?P<plain>now|id|base|method|path|request\.id)"
    r"|(?P<whole>principal|change|event|item|record|request\.body)(?:#(?P<pointer>/.*)?)?"
    r"|request\.(?P<where>query|path)\.(?P<name>[^#]+)"
    r"|record\.(?P<follow>[^#.]+)(?:#(?P<rest>/.*)?)?)$"
)

PLAIN = {"path": "url", "request.id": "request"}  # where the source has another name than the text

Report = Callable[[str, str, str, str], None]  # pointer, found, expected, hint


def parse_expression(text: str) -> Expression | None:
    """The expression, or None where the text is none of the forms."""
    match = GRAMMAR.match(text)
    if match is None:
        return None
    if match["plain"]:
        return Expression(text, PLAIN.get(match["plain"], match["plain"]))
    if match["whole"]:
        source = match["whole"].removeprefix("request.")
        return Expression(text, source, "", parse_pointer(match["pointer"] or ""))
    if match["where"]:
        return Expression(text, match["where"], match["name"])
    return Expression(text, "follow", match["follow"], parse_pointer(match["rest"] or ""))


def compile_value(value: Any, pointer: str, functions: frozenset[str], report: Report) -> Value:
    """A VALUE of the vocabulary; faults are reported, and a null stands in."""
    if isinstance(value, str) and value.startswith("$"):
        expression = parse_expression(value)
        if expression is None:
            report(pointer, f'the expression "{value}"', FORMS, "")
            return Constant(None)
        return expression
    if isinstance(value, dict) and "function" in value:
        return compile_call(value, pointer, functions, report)
    return Constant(value)


def compile_call(
    value: dict[str, Any], pointer: str, functions: frozenset[str], report: Report
) -> Value:
    name = value["function"]
    for key in value.keys() - {"function", "of", "with"}:
        report(
            f"{pointer}/{key}",
            f'the key "{key}"',
            "function, of or with",
            nearest(key, ["of", "with"]),
        )
    if name not in functions:
        report(
            f"{pointer}/function",
            f'the function "{name}"',
            one_of(functions),
            nearest(str(name), functions),
        )
        return Constant(None)
    of = value.get("of", [])
    named = value.get("with", {})
    if not isinstance(of, list) or not isinstance(named, dict):
        report(pointer, "of or with in another form", "of: a list, with: a mapping", "")
        return Constant(None)
    return Call(
        name,
        tuple(simple_value(v, f"{pointer}/of/{i}", functions, report) for i, v in enumerate(of)),
        {k: simple_value(v, f"{pointer}/with/{k}", functions, report) for k, v in named.items()},
    )


def simple_value(
    value: Any, pointer: str, functions: frozenset[str], report: Report
) -> Expression | Constant:
    compiled = compile_value(value, pointer, functions, report)
    if isinstance(compiled, Call):
        report(pointer, "a call inside a call", "a constant or an expression", "")
        return Constant(None)
    return compiled


def expressions_in(value: Value) -> tuple[Expression, ...]:
    """Every expression that a value reads."""
    if isinstance(value, Expression):
        return (value,)
    if isinstance(value, Call):
        parts = (*value.of, *value.named.values())
        return tuple(part for part in parts if isinstance(part, Expression))
    return ()
