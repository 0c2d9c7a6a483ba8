"""What a value breaks in a schema, and which rule says so: the judge's own reading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from contracts.moments import parse_moment

FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or bool(parse_moment(value)))
FORMATS.checks("date")(
    lambda value: not isinstance(value, str) or bool(parse_moment(f"{value}T00:00:00Z"))
)


@dataclass(frozen=True, slots=True)
class Breach:
    """One way in which a value breaks a schema; `rule_ids` are those of the nearest place."""

    rule_ids: tuple[str, ...]
    keyword: str
    path: tuple[str, ...]  # into the value; for a missing member, with its name
    place: str  # into the schema
    message: str

    @property
    def field(self) -> str | None:
        return self.path[0] if self.path else None


def ecma_pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """`$` is the end of the text and digits are ASCII, as in the dialect that JSON Schema names."""
    if isinstance(instance, str) and not compile_pattern(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)((?:\\\\)*)\$", r"\1\\Z", pattern), re.ASCII)


def named_required(_: Any, names: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
    """As the standard one, but the error stands at the missing member."""
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield ValidationError(f"{name!r} is missing", path=[name])


Judge: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": ecma_pattern, "required": named_required}
)


class SchemaOracle:
    """A prepared schema."""

    def __init__(self, schema: Mapping[str, Any] | bool | None) -> None:
        self.schema = {} if schema is None else schema
        self.validator = Judge(self.schema, format_checker=FORMATS)

    def is_valid(self, value: Any) -> bool:
        return bool(self.validator.is_valid(value))

    def breaches(self, value: Any) -> list[Breach]:
        return [self.to_breach(error) for error in self.validator.iter_errors(value)]

    def to_breach(self, error: ValidationError) -> Breach:
        tokens = tuple(str(token) for token in error.absolute_schema_path)
        return Breach(
            rules_along(self.schema, tokens),
            str(error.validator),
            tuple(str(token) for token in error.absolute_path),
            "/".join(tokens),
            error.message if len(error.message) < 200 else error.message[:197] + "…",
        )


def rules_along(schema: Any, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The rules of the innermost subschema on the way that names any."""
    found: tuple[str, ...] = ()
    node = schema
    for token in (None, *tokens):
        if token is not None:
            node = child_of(node, token)
        if isinstance(node, Mapping) and "x-rule" in node:
            named = node["x-rule"]
            found = (named,) if isinstance(named, str) else tuple(named)
    return found


def child_of(node: Any, token: str) -> Any:
    if isinstance(node, Mapping):
        return node.get(token)
    if isinstance(node, list) and token.isdigit() and int(token) < len(node):
        return node[int(token)]
    return None


_oracles: dict[int, tuple[Any, SchemaOracle]] = {}


def oracle_of(schema: Any) -> SchemaOracle:
    """The prepared form of a schema of the document; the same one every time."""
    known = _oracles.get(id(schema))
    if known is None or known[0] is not schema:
        known = _oracles[id(schema)] = (schema, SchemaOracle(schema))
    return known[1]
