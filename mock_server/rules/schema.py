"""Schema rules: prepared validators, and violations with the rule that each one breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from mock_server.clock import is_date_time
from mock_server.messages import say
from mock_server.problems import Violation
from mock_server.rules.condition import build_test
from mock_server.spec.model import BusinessRule, Schema
from mock_server.spec.pointers import escape
from mock_server.spec.schemas import rules_along

VIOLATIONS_LIMIT = 1_000  # of one value; nobody reads on
FORMATS: dict[str, Callable[[str], bool]] = {"date-time": is_date_time}


def build_validator(schema: Schema | bool) -> Draft202012Validator:
    """A validator that knows the date-times this server takes."""
    whole = schema if isinstance(schema, bool) else dict(schema)
    return Draft202012Validator(whole, validate_formats=True, formats=FORMATS)


def build_condition(schema: Schema | None) -> Callable[[Any], bool]:
    """Whether a value satisfies a condition; no condition always holds."""
    if schema is None:
        return lambda value: True
    return build_test(schema) or build_validator(schema).is_valid


def iter_violations(
    validator: Draft202012Validator,
    schema: Schema,
    instance: Any,
    place: str,
    rules: Mapping[str, BusinessRule],
) -> Iterator[Violation]:
    """Every way in which a value breaks a schema. `place` is the pointer of the value in the request."""
    errors = list(islice(validator.iter_errors(instance), VIOLATIONS_LIMIT))
    types = wanted_types(errors)
    for error in errors:
        keyword, limit = error.kind.name, error.kind.value
        found: Any = error.instance
        if keyword == "required":
            yield to_violation(error, [limit], None, schema, place, rules)
        elif keyword in ("additionalProperties", "unevaluatedProperties"):
            for name in limit:
                yield to_violation(error, [name], found[name], schema, place, rules)
        else:
            wanted = None if keyword == "falseSchema" else types.get(tuple(error.instance_path))
            yield to_violation(error, [], found, schema, place, rules, wanted)


def wanted_types(errors: Iterable[ValidationError]) -> dict[tuple[str | int, ...], list[str]]:
    """By place, the narrowest types that a value of a wrong type should have had.

    What else is wrong with such a value is said in the same words: its type comes first.
    """
    found: dict[tuple[str | int, ...], list[str]] = {}
    for error in errors:
        if error.kind.name == "type":
            limit = error.kind.value
            types = [limit] if isinstance(limit, str) else list(limit)
            path = tuple(error.instance_path)
            found[path] = min(found.get(path, types), types, key=breadth)
    return found


def breadth(types: list[str]) -> tuple[int, bool]:
    return len(types), "number" in types


def to_violation(
    error: ValidationError,
    inner: list[str],
    found: Any,
    schema: Schema,
    place: str,
    rules: Mapping[str, BusinessRule],
    wanted: list[str] | None = None,
) -> Violation:
    """The violation of an error at its place in the request, or at a name `inner` to that.

    `wanted` are the types that the value should have had, where it has another.
    """
    keyword, limit = error.kind.name, error.kind.value
    if wanted is not None:
        keyword, limit = "type", wanted
    tokens = [*error.instance_path, *inner]
    ids = rules_along(schema, tuple(error.schema_path))
    message, expected = say(keyword, limit)
    if keyword in ("not", "anyOf", "oneOf") and ids and ids[0] in rules:
        message = rules[ids[0]].says
    pointer = place + "".join(f"/{escape(str(token))}" for token in tokens)
    nested = "/".join(str(token) for token in tokens[1:])
    return Violation(
        ids,
        pointer,
        str(tokens[0]) if tokens else None,
        f"{nested}: {message}" if nested else message,
        found,
        expected,
    )
