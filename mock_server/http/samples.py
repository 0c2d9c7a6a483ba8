"""Samples: values that a schema takes, the same ones for the same luck."""

from __future__ import annotations

from typing import Any

from mock_server.ids import Chance
from mock_server.spec.schemas import keyword_of, properties_of, types_of

WORDS = (
    "amber",
    "basil",
    "cedar",
    "daisy",
    "elder",
    "fern",
    "grove",
    "heath",
    "iris",
    "juniper",
    "laurel",
    "maple",
)
DEEP = 6  # levels; schemas may hold themselves
FORMATS = {
    "date-time": "2030-01-{0:02d}T09:00:00.000000+00:00",
    "date": "2030-01-{0:02d}",
    "uri": "https://{1}.example/",
    "email": "{1}@placeholder.example",
    "uuid": "00000000-0000-4000-8000-0000000000{0:02d}",
}


def sample(schema: Any, chance: Chance | None, depth: int = 0) -> Any:
    """A value of a schema: its own example where luck has no say, else one that is drawn."""
    if not isinstance(schema, dict):
        return None
    if chance is None:
        given = example_of(schema)
        if given is not MISSING:
            return given
    for word in ("const", "enum"):
        value = keyword_of(schema, word)
        if value is not None:
            options = value if word == "enum" else [value]
            return options[0] if chance is None else chance.pick(options)
    for word in ("oneOf", "anyOf"):
        options = schema.get(word)
        if options and not properties_of(schema):
            return sample(options[0], chance, depth)
    return by_type(schema, chance, depth)


MISSING: Any = object()


def example_of(schema: dict[str, Any]) -> Any:
    if keyword_of(schema, "example") is not None:
        return keyword_of(schema, "example")
    listed = keyword_of(schema, "examples")
    if isinstance(listed, list) and listed:
        return listed[0]
    default = keyword_of(schema, "default")
    return MISSING if default is None else default


def by_type(schema: dict[str, Any], chance: Chance | None, depth: int) -> Any:
    types = types_of(schema)
    properties = properties_of(schema)
    if "object" in types or properties:
        if depth > DEEP:
            return {}
        return {name: sample(sub, chance, depth + 1) for name, sub in properties.items()}
    if "array" in types:
        items = keyword_of(schema, "items")
        least = keyword_of(schema, "minItems") or 1
        return [] if depth > DEEP else [sample(items, chance, depth + 1) for _ in range(least)]
    if "boolean" in types:
        return bool(chance is not None and chance.share() < 0.5)
    if types & {"integer", "number"}:
        return number(schema, chance)
    if "string" in types or not types:
        return text(schema, chance)
    return None


def number(schema: dict[str, Any], chance: Chance | None) -> int:
    low = keyword_of(schema, "minimum")
    high = keyword_of(schema, "maximum")
    above, below = keyword_of(schema, "exclusiveMinimum"), keyword_of(schema, "exclusiveMaximum")
    least = int(low if low is not None else above + 1 if above is not None else 0)
    most = int(high if high is not None else below - 1 if below is not None else least + 100)
    return least if chance is None else least + int(chance.share() * (most - least + 1))


def text(schema: dict[str, Any], chance: Chance | None) -> str:
    word = WORDS[0] if chance is None else chance.pick(WORDS)
    day = 1 if chance is None else 1 + int(chance.share() * 28)
    form = FORMATS.get(str(keyword_of(schema, "format")))
    value = form.format(day, word) if form else word
    least, most = keyword_of(schema, "minLength") or 0, keyword_of(schema, "maxLength")
    return value.ljust(least, "x")[:most]
