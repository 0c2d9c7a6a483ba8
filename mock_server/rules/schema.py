"""Schema rules: prepared validators, and violations with the rule that each one breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from mock_server.clock import is_date_time
from mock_server.messages import FORMS, say, such_as
from mock_server.problems import Violation
from mock_server.rules.condition import build_test
from mock_server.rules.describe import (
    alternatives,
    combination,
    describe,
    examples_of,
    matching,
    part_of,
)
from mock_server.spec.model import BusinessRule, Schema
from mock_server.spec.pointers import escape, follow
from mock_server.spec.schemas import keyword_of, rules_along

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
    whole: Schema | None = None,
) -> Iterator[Violation]:
    """Every way in which a value breaks a schema. `place` is the pointer of the value in the request.

    What would be accepted is told by `whole`, where that says more of the value than the schema does.
    """
    errors = list(islice(validator.iter_errors(instance), VIOLATIONS_LIMIT))
    words = words_for_types(errors)
    told: set[tuple[tuple[str, ...], str, str]] = set()
    for error in errors:
        for violation in iter_found(error, words, schema, place, rules, whole or schema):
            key = violation.rule_ids, violation.pointer, violation.message
            if key not in told:
                told.add(key)
                yield violation


Words = dict[tuple[str | int, ...], tuple[str, Any]]  # keyword and limit, by place


def iter_found(
    error: ValidationError,
    words: Words,
    schema: Schema,
    place: str,
    rules: Mapping[str, BusinessRule],
    whole: Schema,
) -> Iterator[Violation]:
    keyword, limit = error.kind.name, error.kind.value
    found: Any = error.instance
    if keyword == "required":
        yield to_violation(error, [limit], None, schema, place, rules, whole)
    elif keyword in ("additionalProperties", "unevaluatedProperties"):
        for name in limit:
            yield to_violation(error, [name], found[name], schema, place, rules, whole)
    else:
        said = words.get(tuple(error.instance_path)) if keyword == "type" else None
        yield to_violation(error, [], found, schema, place, rules, whole, said)


def words_for_types(errors: Iterable[ValidationError]) -> Words:
    """By place, how a wrong type is said: as the choices where there are some, else as the narrowest types."""
    errors = list(errors)
    types = wanted_types(errors)
    words: Words = {path: ("type", wanted) for path, wanted in types.items()}
    for error in errors:
        if error.kind.name == "enum" and tuple(error.instance_path) in types:
            words[tuple(error.instance_path)] = ("enum", error.kind.value)
    return words


def wanted_types(errors: Iterable[ValidationError]) -> dict[tuple[str | int, ...], list[str]]:
    """By place, the narrowest types that a value of a wrong type should have had."""
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


def accepted(keyword: str, limit: Any, schema: Any) -> str:
    """What would be accepted, where the schema of the value says more than the keyword does."""
    match keyword:
        case "required":
            return describe(schema, null=False)
        case "type":
            says_more = keyword_of(schema, "format") in FORMS or keyword_of(schema, "pattern")
            return describe(schema, null="null" in limit) if "string" in limit and says_more else ""
        case "pattern":
            return matching(schema, limit) + such_as(examples_of(schema)[:1])
        case "not":
            return combination(limit)
        case "anyOf" | "oneOf":
            return alternatives(limit)
    return ""


def branches_of(schema: Schema, error: ValidationError) -> Any:
    """The branches of which a value fits none; nothing where they stand behind a reference."""
    try:
        return follow(schema, [str(token) for token in error.schema_path])
    except KeyError:
        return ()


def to_violation(
    error: ValidationError,
    inner: list[str],
    found: Any,
    schema: Schema,
    place: str,
    rules: Mapping[str, BusinessRule],
    whole: Schema,
    said: tuple[str, Any] | None = None,
) -> Violation:
    """The violation of an error at its place in the request, or at a name `inner` to that.

    `said` are the keyword and the limit in whose words it is said, where not in its own.
    """
    keyword, limit = said or (error.kind.name, error.kind.value)
    tokens = [*error.instance_path, *inner]
    ids = rules_along(schema, tuple(error.schema_path))
    message, expected = say(keyword, limit)
    part = part_of(whole, tokens)
    if keyword in ("anyOf", "oneOf"):
        limit = branches_of(schema, error)
    expected = accepted(keyword, limit, part) or expected
    if keyword == "type" and keyword_of(part, "format") in FORMS:
        message = f"Not a valid value. Expected {expected}."
    elif keyword == "pattern" and (examples := examples_of(part)):
        message = f"Not a valid value. It must match {limit}{such_as(examples[:1])}."
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
