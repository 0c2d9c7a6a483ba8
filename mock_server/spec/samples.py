"""Samples: values that a schema takes, the same ones for the same luck."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

from mock_server.functions.guess import guess_text
from mock_server.ids import Chance
from mock_server.spec.patterns import matching
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
LONGEST = 1_000_000  # characters; a document may ask for more than there is memory for
DEEP = 6  # levels; schemas may hold themselves
FORMATS = {
    "date-time": "2030-01-{0:02d}T09:00:00.000000+00:00",
    "date": "2030-01-{0:02d}",
    "uri": "https://{1}.example/",
    "email": "{1}@placeholder.example",
    "uuid": "00000000-0000-4000-8000-0000000000{0:02d}",
    "time": "09:00:{0:02d}Z",
    "duration": "P{0}D",
    "hostname": "{1}.example",
    "ipv4": "127.0.0.{0}",
    "ipv6": "::{0}",
    "uri-reference": "/{1}",
    "byte": "YW1iZXI=",
}


def sample(
    schema: Any, chance: Chance | None, depth: int = 0, name: str = "", leaving: str = ""
) -> Any:
    """A value of a schema: its own example where luck has no say, else one that is drawn.

    `name` is the field's, which may tell what it holds; properties with the keyword `leaving`
    (readOnly, writeOnly) are left out.
    """
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
            return sample(options[0], chance, depth, name, leaving)
    return by_type(schema, chance, depth, name, leaving)


MISSING: Any = object()


def example_of(schema: dict[str, Any]) -> Any:
    if keyword_of(schema, "example") is not None:
        return keyword_of(schema, "example")
    listed = keyword_of(schema, "examples")
    if isinstance(listed, list) and listed:
        return listed[0]
    default = keyword_of(schema, "default")
    return MISSING if default is None else default


def by_type(
    schema: dict[str, Any], chance: Chance | None, depth: int, name: str, leaving: str
) -> Any:
    types = types_of(schema)
    properties = properties_of(schema)
    if "object" in types or properties:
        if depth > DEEP:
            return {}
        return {
            inner: sample(sub, chance, depth + 1, inner, leaving)
            for inner, sub in properties.items()
            if not is_endless(sub) and not (leaving and keyword_of(sub, leaving) is True)
        }
    if "array" in types:
        items = keyword_of(schema, "items")
        least = keyword_of(schema, "minItems") or 1
        if depth > DEEP or is_endless(items):
            return []
        return [sample(items, chance, depth + 1, name, leaving) for _ in range(least)]
    if "boolean" in types:
        return bool(chance is not None and chance.share() < 0.5)
    if types & {"integer", "number"}:
        return number(schema, chance)
    if "string" in types or not types:
        return text(schema, chance, name)
    return None


def is_endless(schema: Any) -> bool:
    """Whether it is the schema around it once more."""
    return isinstance(schema, dict) and "$ref" in schema


def number(schema: dict[str, Any], chance: Chance | None) -> int:
    low = keyword_of(schema, "minimum")
    high = keyword_of(schema, "maximum")
    above, below = keyword_of(schema, "exclusiveMinimum"), keyword_of(schema, "exclusiveMaximum")
    least = ceil(low if low is not None else floor(above) + 1 if above is not None else 0)
    most = floor(
        high if high is not None else ceil(below) - 1 if below is not None else least + 100
    )
    if low is None and above is None:
        least = min(least, most)
    return least if chance is None else least + int(chance.share() * (most - least + 1))


def text(schema: dict[str, Any], chance: Chance | None, name: str) -> str:
    word = WORDS[0] if chance is None else chance.pick(WORDS)
    day = 1 if chance is None else 1 + int(chance.share() * 28)
    least, most = keyword_of(schema, "minLength") or 0, keyword_of(schema, "maxLength")
    pattern = keyword_of(schema, "pattern")
    if isinstance(pattern, str):
        fitting = next(filter(None, (matching(pattern, more) for more in (0, least))), None)
        if fitting is not None and least <= len(fitting):
            return fitting
    form = FORMATS.get(str(keyword_of(schema, "format")))
    guessed = guess_text(name) if chance is None else None
    value = form.format(day, word) if form else guessed or word
    return value.ljust(min(least, LONGEST), "x")[:most]
