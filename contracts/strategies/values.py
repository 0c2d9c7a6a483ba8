"""Values that a schema allows: a typical one, and Hypothesis strategies for many."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from contracts.oracle.schema import compile_pattern, oracle_of
from mock_server.spec.model import Schema
from mock_server.spec.schemas import properties_of, types_of

# Moments that no leap second, daylight saving or rounding touches.
PAST = (
    "2024-03-05T10:20:30Z",
    "2024-07-01T00:00:00+00:00",
    "2023-12-31T23:59:59Z",
    "2024-02-29T12:00:00+02:00",
)
# As every reader of moments takes them.
PLAIN = (PAST[0], "2024-05-06T07:08:09Z", "2024-06-07T08:09:10Z", "2024-08-09T10:11:12Z")
# What is easily lost on the way.
ODD = (
    "Tab\t, return\r\nand line, hard\u00a0blank, &amp; &#39; %41 %20 + \\n, null, Grüße und 👩‍👩‍👧"
)
WORDS = (
    "Contract check",
    "Grüße aus Köln",
    "日本語のテキスト",
    "Emoji 👋🏽 and 🧪",
    "Joined 👩‍👩‍👧 and dressed ❤️",
    "De\u0301compose\u0301",
    'Quotes " and \\ backslash',
    "Two\nlines",
    "<b>markup</b> & {braces}",
    "O'Hara; DROP TABLE notes",
)


def constraints(schema: Any) -> dict[str, Any]:
    """The keywords of a property's schema and of its `allOf` branches; the first of each counts."""
    if not isinstance(schema, dict):
        return {}
    found = {key: value for key, value in schema.items() if key != "allOf"}
    for branch in schema.get("allOf", []):
        for key, value in constraints(branch).items():
            found.setdefault(key, value)
    return found


def bounds(schema: Any) -> tuple[float | None, float | None]:
    """The smallest and largest number, with exclusive bounds moved by one whole."""
    words = constraints(schema)
    low, high = words.get("minimum"), words.get("maximum")
    if "exclusiveMinimum" in words:
        low = words["exclusiveMinimum"] + 1
    if "exclusiveMaximum" in words:
        high = words["exclusiveMaximum"] - 1
    return low, high


def as_given(schema: Any, value: Any) -> Any:
    """A reference's value as a body holds it: a list of one where the field takes a list."""
    return [value] if "array" in types_of(schema) and value is not None else value


def is_allowed(schema: Any, value: Any) -> bool:
    return oracle_of(schema).is_valid(value) if isinstance(schema, dict) else True


def given_examples(schema: Any) -> list[Any]:
    """The examples that stand beside a schema."""
    words = constraints(schema)
    listed = words.get("examples", [])
    found = list(listed) if isinstance(listed, list) else []
    return [*found, words["example"]] if "example" in words else found


def typical(schema: Any, hints: Iterable[Any] = ()) -> Any:
    """One unremarkable value, not null; `hints` are tried first."""
    for candidate in (*hints, *given_examples(schema)):
        if candidate is not None and is_allowed(schema, candidate):
            return candidate
    return build_typical(schema)


def build_typical(schema: Any) -> Any:
    words, types = constraints(schema), types_of(schema)
    if "const" in words:
        return words["const"]
    if "enum" in words:
        return next((value for value in words["enum"] if value is not None), None)
    if words.get("format") == "date-time":
        return PAST[0]
    if "pattern" in words and "string" in types:
        return typical_of_pattern(words["pattern"])
    if types & {"integer", "number"}:
        low, high = bounds(schema)
        return int(min(high if high is not None else 30, max(low or 0, 1)))
    if "boolean" in types:
        return True
    if "array" in types:
        return [typical(words["items"])] if "items" in words else []
    if "object" in types:
        properties = properties_of(schema)
        return {name: typical(properties.get(name, {})) for name in words.get("required", [])}
    return "Contract check"[: words.get("maxLength", 100)]


def typical_of_pattern(pattern: str) -> str:
    """A short text of a pattern, without asking for randomness."""
    from hypothesis import HealthCheck, Phase, find, settings

    whole = compile_pattern(pattern)
    found: str = find(
        st.from_regex(whole).filter(lambda text: text.isprintable()),
        lambda text: len(text) >= 4,
        settings=settings(
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return found


def texts(schema: Schema) -> st.SearchStrategy[str]:
    """Printable texts without blanks at their ends."""
    words = constraints(schema)
    longest = min(int(words.get("maxLength", 60)), 60)
    shortest = max(int(words.get("minLength", 1)), 1)
    characters = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
    free = st.text(characters, min_size=shortest, max_size=longest).filter(
        lambda text: text == text.strip()
    )
    return st.one_of(
        st.sampled_from(WORDS).filter(lambda text: shortest <= len(text) <= longest), free
    )


def valid_values(schema: Any, hints: Iterable[Any] = ()) -> st.SearchStrategy[Any]:
    """Values that are allowed, null left out; every one is checked once more by the schema."""
    return build_values(schema, tuple(hints)).filter(lambda value: is_allowed(schema, value))


def build_values(schema: Any, hints: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    words, types = constraints(schema), types_of(schema)
    if "const" in words:
        return st.just(words["const"])
    if "enum" in words:
        return st.sampled_from([value for value in words["enum"] if value is not None])
    if words.get("format") == "date-time":
        return st.sampled_from(PAST)
    if "pattern" in words and "string" in types:
        return pattern_values(words["pattern"], [h for h in hints if isinstance(h, str)])
    if types & {"integer", "number"}:
        low, high = bounds(schema)
        least = int(low or 0)
        return st.integers(least, int(high) if high is not None else least + 1000)
    if "boolean" in types:
        return st.booleans()
    if "array" in types:
        items = words.get("items")
        return st.lists(valid_values(items), min_size=1, max_size=2) if items else st.just([])
    if "object" in types:
        return objects(schema, words)
    return texts(schema)


def objects(schema: Any, words: dict[str, Any]) -> st.SearchStrategy[Any]:
    example = words.get("example")
    if isinstance(example, dict):
        return st.just(example)
    properties = properties_of(schema)
    return st.fixed_dictionaries(
        {name: valid_values(properties.get(name, {})) for name in words.get("required", [])}
    )


def pattern_values(pattern: str, hints: list[str]) -> st.SearchStrategy[str]:
    """Texts of a pattern; near the hints where there are any, since those are plausible ones."""
    plausible = [hint for hint in hints if compile_pattern(pattern).search(hint)]
    if not plausible:
        return st.from_regex(compile_pattern(pattern)).filter(str.isprintable)
    last = st.integers(0, 99).map(lambda n: f"{n:02d}")
    return st.builds(
        lambda hint, end: hint[:-2] + end if re.fullmatch(r"[0-9]{2}", hint[-2:]) else hint,
        st.sampled_from(plausible),
        last,
    )
