"""How each keyword of a schema can be wrong: a little too wide, a little too narrow, or gone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.audit.mutant import REMOVED
from mock_server.spec.schemas import properties_of, types_of


@dataclass(frozen=True, slots=True)
class Change:
    """Another value of one keyword. `weaker`: everything that was allowed still is."""

    label: str
    says: str
    value: Any
    weaker: bool


Schema = Mapping[str, Any]
Builder = Callable[[Any, Schema, tuple[Any, ...]], Iterator[Change]]


def upper_limit(limit: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    yield Change("up", f"the upper limit is {limit + 1}", limit + 1, True)
    yield Change("down", f"the upper limit is {limit - 1}", limit - 1, False)
    yield Change("gone", "there is no upper limit", REMOVED, True)


def lower_limit(limit: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    yield Change("up", f"the lower limit is {limit + 1}", limit + 1, False)
    if limit > 0 or "type" not in schema or types_of(schema) & {"integer", "number"}:
        yield Change("down", f"the lower limit is {limit - 1}", limit - 1, True)
    yield Change("gone", "there is no lower limit", REMOVED, True)


def least_count(limit: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    yield Change("up", f"at least {limit + 1} are wanted", limit + 1, False)
    if limit > 0:
        yield Change("down", f"{limit - 1} are enough", limit - 1, True)


def values(listed: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    """Each value gone; and values added that somebody might take by mistake."""
    for value in listed:
        if len(listed) > 1:
            rest = [other for other in listed if other != value]
            yield Change(f"without-{value}", f"{value!r} is none of the values", rest, False)
    texts = [value for value in listed if isinstance(value, str)]
    more = [value for value in near if value not in listed]
    more += [text.upper() for text in texts[:1] if text.upper() not in listed]
    for value in dict.fromkeys(more):
        yield Change(f"with-{value}", f"{value!r} is one of the values", [*listed, value], True)
    yield Change("gone", "any value is taken", REMOVED, True)


def types(listed: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    names = [listed] if isinstance(listed, str) else list(listed)
    yield Change("gone", "any type is taken", REMOVED, True)
    if "null" not in names:
        yield Change("with-null", "null is taken", [*names, "null"], True)
    if "integer" in names:
        wider = ["number" if name == "integer" else name for name in names]
        yield Change("broken-numbers", "broken numbers are taken", wider, True)
    if len(names) > 1:
        for name in names:
            rest = [other for other in names if other != name]
            yield Change(f"without-{name}", f"values of type {name} are refused", rest, False)
    elif names != ["null"]:
        other = "string" if "string" not in names else "integer"
        yield Change(f"only-{other}", f"only values of type {other} are taken", other, False)


def required(listed: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    for name in listed:
        rest = [other for other in listed if other != name]
        yield Change(f"without-{name}", f"{name} may be left out", rest, True)
    for name in near:
        if name not in listed:
            yield Change(f"with-{name}", f"{name} may not be left out", [*listed, name], False)


def pattern(written: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    yield Change("gone", "any text is taken", REMOVED, True)
    if written.startswith("^"):
        yield Change("start-open", "anything may stand before it", written[1:], True)
    if written.endswith("$") and not written.endswith("\\$"):
        yield Change("end-open", "anything may stand behind it", written[:-1], True)
    for found in re.finditer(r"\{([0-9]+),([0-9]+)\}", written):
        low, high = int(found[1]), int(found[2])
        for least, most, label, weaker in (
            (low, high + 1, "longer", True),
            (low, high - 1, "shorter", False),
            (low + 1, high, "least-up", False),
            *([(low - 1, high, "least-down", True)] if low else []),
        ):
            changed = f"{written[: found.start()]}{{{least},{most}}}{written[found.end() :]}"
            says = f"a part of it has {least} to {most} characters"
            yield Change(f"{label}-{found.start()}", says, changed, weaker)
    for found in re.finditer(r"\\[+*.$()/-](?![*+?{])", written):
        changed = f"{written[: found.end()]}?{written[found.end() :]}"
        says = f"{found[0][1:]} may be left out of it"
        yield Change(f"optional-{found.start()}", says, changed, True)
    for found in re.finditer(r"\[1-9\]", written):
        changed = f"{written[: found.start()]}[0-9]{written[found.end() :]}"
        yield Change(f"zero-{found.start()}", "a zero may stand in front", changed, True)


def gone(value: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    yield Change("gone", "it is not asked for", REMOVED, True)


def branch(value: Any, schema: Schema, near: tuple[Any, ...]) -> Iterator[Change]:
    """What holds under a condition is not asked for there."""
    yield Change("gone", "the condition decides nothing", REMOVED, True)


KEYWORDS: dict[str, Builder] = {
    "maximum": upper_limit,
    "exclusiveMaximum": upper_limit,
    "maxLength": upper_limit,
    "maxItems": upper_limit,
    "minimum": lower_limit,
    "exclusiveMinimum": lower_limit,
    "minLength": least_count,
    "minItems": least_count,
    "enum": values,
    "type": types,
    "required": required,
    "pattern": pattern,
    "format": gone,
    "const": gone,
    "items": gone,
    "not": gone,
    "then": branch,
    "else": branch,
    "dependentRequired": gone,
    "additionalProperties": gone,
    "uniqueItems": gone,
    "multipleOf": gone,
}
# What stands under these is part of a condition, not a demand of its own.
CONDITIONS = frozenset({"if", "not"})


def near_of(keyword: str, schema: Schema, recorded: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    """What a careless implementation would take too: values of answers, fields of the object."""
    if keyword == "required":
        return tuple(properties_of(schema)) or names
    if keyword == "enum" and isinstance(recorded, list):
        return tuple(value for value in recorded if value is not None)
    return ()
