"""What a schema accepts, in words: types, choices, forms, limits and an example."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from mock_server.messages import FORMS, choices, quoted, say, such_as, type_names
from mock_server.spec.schemas import holder_of, keyword_of, properties_of

LIMITS = (
    "exclusiveMinimum",
    "minimum",
    "exclusiveMaximum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
)
NARROW = ("integer", "number")  # where a schema allows both in different places, the first counts


def part_of(schema: Any, tokens: Collection[str | int]) -> Any:
    """The schema of a value inside a value, or None where nothing is said of it."""
    for token in tokens:
        holder = holder_of(schema, "items") if isinstance(token, int) else None
        schema = holder["items"] if holder else properties_of(schema).get(str(token))
    return schema


def describe(schema: Any, null: bool = True) -> str:
    """What a value of a schema is; nothing where the schema does not say. Without `null` it is not told of."""
    options = keyword_of(schema, "enum")
    if options is not None:
        return f"one of: {choices(o for o in options if null or o is not None)}"
    constant = holder_of(schema, "const")
    if constant is not None:
        return quoted(constant["const"])
    types = sorted(narrowest(schema) - (set() if null else {"null"}))
    form, pattern = keyword_of(schema, "format"), keyword_of(schema, "pattern")
    kind = type_names([one for one in types if one != "null"])
    if form in FORMS and "string" in types:
        kind = FORMS[form]
    elif pattern is not None:
        kind = matching(schema, pattern)
    parts = [kind or "a value", *(say(word, limit)[1] for word, limit in iter_limits(schema))]
    text = ", ".join(parts) + (" or null" if "null" in types else "")
    return text if form in FORMS else text + such_as(examples_of(schema)[:1])


def matching(schema: Any, pattern: str) -> str:
    """The text that matches a pattern, by what the document calls it."""
    says = keyword_of(schema, "description")
    text = f"text that matches {pattern}"
    return f"{text} ({says.strip().rstrip('.')})" if isinstance(says, str) and says else text


def named(schema: Any) -> str:
    """A value by what the document calls it, with an example."""
    says = str(keyword_of(schema, "description") or "a value").strip().rstrip(".")
    return says[:1].lower() + says[1:] + such_as(examples_of(schema)[:1])


def narrowest(schema: Any) -> set[str]:
    """The types that all parts of a schema allow."""
    found: set[str] | None = None
    for part in iter_parts(schema):
        if "type" in part:
            types = {part["type"]} if isinstance(part["type"], str) else set(part["type"])
            found = types if found is None else meet(found, types)
    return found or set()


def meet(first: set[str], second: set[str]) -> set[str]:
    """The types that two sets have in common; a whole number is a number."""
    whole = {"integer"} if "integer" in first | second else set()
    both = all(one & set(NARROW) for one in (first, second))
    return (first & second) | (whole if both else set())


def iter_parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for branch in schema.get("allOf", []):
            yield from iter_parts(branch)


def iter_limits(schema: Any) -> Iterator[tuple[str, Any]]:
    for part in iter_parts(schema):
        yield from ((word, part[word]) for word in LIMITS if word in part)


def examples_of(schema: Any) -> list[Any]:
    listed = keyword_of(schema, "examples")
    one = keyword_of(schema, "example")
    return listed if isinstance(listed, list) else [] if one is None else [one]


def combination(limit: Any) -> str:
    """What is accepted where a combination of fields is not."""
    names = limit.get("required", []) if isinstance(limit, dict) else []
    if len(names) > 1:
        return f"a body without one of {', '.join(names)}"
    return f"a body without {names[0]}" if names else "another combination"


def alternatives(schema: Any) -> str:
    """What is accepted where each branch needs some fields."""
    listed = [one.get("required", []) if isinstance(one, dict) else [] for one in schema]
    if not listed or not all(listed):
        return "a documented form"
    return f"a value with {' or '.join(' and '.join(names) for names in listed)}"
