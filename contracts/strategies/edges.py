"""Values at the edges of a property's schema: what just is allowed, and what just is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from contracts.oracle.schema import compile_pattern
from contracts.strategies.values import constraints, is_allowed, typical
from mock_server.spec.schemas import keyword_of, properties_of, rule_ids

WRONG_TYPES: tuple[Any, ...] = (True, 5, 1.5, "word", ["word"], [], {"a": "b"}, {}, 0, False)
# What comes to mind where a closed list ends.
PLAUSIBLE = (
    *("queued", "sending", "delivered", "failed", "pending", "new", "received", "undelivered"),
    *("canceled", "cancelled", "deleted", "read", "open", "closed", "active", "archived", "done"),
    *("unknown", "other", "none"),
)
RIGHT_TYPES: tuple[Any, ...] = ("Contract check", 7, 2.5, True, False, [], {})
MOST_ITEMS = 1_000  # of a list that is tried
TYPES_INSIDE = 2  # wrong types that are tried of each thing in a list
NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


@dataclass(frozen=True, slots=True)
class Edge:
    """A value, why it is of interest, and the rules of the keyword that it belongs to.

    `certain` is False where the value leans on a reading that documents leave open:
    an empty text, what stands inside the members of a list, a date without a time.
    """

    value: Any
    why: str
    keyword: str
    rule_ids: tuple[str, ...]
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Constraint:
    """One keyword of a property's schema, with the rules of the place that has it."""

    keyword: str
    value: Any
    rule_ids: tuple[str, ...]
    schema: Any


def iter_constraints(schema: Any, above: tuple[str, ...] = ()) -> Iterator[Constraint]:
    if not isinstance(schema, dict):
        return
    ids = rule_ids(schema) or above
    for keyword, value in schema.items():
        if keyword != "allOf":
            yield Constraint(keyword, value, ids, schema)
    for branch in schema.get("allOf", []):
        yield from iter_constraints(branch, ids)


def iter_edges(
    schema: Any, rules: tuple[str, ...], hints: Iterable[Any] = (), near: Iterable[Any] = ()
) -> Iterator[Edge]:
    """Edges of every keyword. `near` are values that a neighbouring schema allows (the record's)."""
    good = typical(schema, hints)
    for constraint in iter_constraints(schema, rules):
        build = BUILDERS.get(constraint.keyword)
        if build is not None:
            yield from build(constraint, schema, good, tuple(near))


def type_edges(found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]) -> Iterator[Edge]:
    allowed = found.value if isinstance(found.value, list) else [found.value]
    for value in WRONG_TYPES:
        if is_of(value, allowed):
            continue
        yield Edge(value, f"{shown(value)} is no {' or '.join(allowed)}", "type", found.rule_ids)
    for member in good[:1] if isinstance(good, list) else ():
        if not is_of(member, allowed):
            yield Edge(member, "a member that is in no list", "type", found.rule_ids)
    if "string" not in allowed and set(allowed) & {"integer", "number"}:
        yield Edge(str(good), "a number written as a text", "type", found.rule_ids)
    formed = {"format", "pattern", "enum", "anyOf", "oneOf", "if"} & constraints(schema).keys()
    for value in () if formed else RIGHT_TYPES:
        if is_of(value, allowed) and is_allowed(schema, value):
            yield Edge(value, f"{shown(value)} is of the right type", "type", found.rule_ids, False)
    if "null" in allowed:
        yield Edge(None, "null is allowed", "type", found.rule_ids)
    else:
        yield Edge(None, "null is not allowed", "type", found.rule_ids)


def is_of(value: Any, types: list[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in types
    if isinstance(value, dict):
        return "object" in types
    name = NAMES[type(value)]
    if name == "integer":
        return bool({"integer", "number"} & set(types))
    return name in types


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:37] + "…"


def enum_edges(found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]) -> Iterator[Edge]:
    values = [value for value in found.value if value is not None]
    for value in values:
        yield Edge(value, f"{shown(value)} is one of the values", "enum", found.rule_ids)
    texts = [value for value in values if isinstance(value, str)]
    wrong: dict[Any, str] = {
        "nonsense": "none of the values",
        **dict.fromkeys(PLAUSIBLE, "a word that others use"),
        **{v: "a value of answers, not of requests" for v in near if isinstance(v, str)},
    }
    for text in texts[:2]:
        wrong |= {
            text.upper(): "another case",
            text.lower(): "another case",
            text.capitalize(): "another case",
            f" {text}": "a blank before it",
            f"{text} ": "a blank behind it",
            text[:-1]: "its last letter missing",
            f"{text}s": "a letter more",
        }
    for value, why in wrong.items():
        if value not in found.value:
            yield Edge(value, f"{shown(value)}: {why}", "enum", found.rule_ids)
    yield Edge("", "an empty text", "enum", found.rule_ids)
    if None not in found.value:
        yield Edge(None, "null is none of the values", "enum", found.rule_ids)


def upper_edges(found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]) -> Iterator[Edge]:
    limit = found.value
    exclusive = found.keyword == "exclusiveMaximum"
    yield Edge(limit - 1, f"{limit - 1} is below the limit", found.keyword, found.rule_ids)
    yield Edge(limit, "the limit itself", found.keyword, found.rule_ids)
    yield Edge(limit + 1, "above the limit", found.keyword, found.rule_ids)
    yield Edge(limit * 10, "far above the limit", found.keyword, found.rule_ids)
    if exclusive:
        yield Edge(limit // 2, "well below the limit", found.keyword, found.rule_ids)


def lower_edges(found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]) -> Iterator[Edge]:
    limit = found.value
    for value in (limit - 1, limit, limit + 1):
        yield Edge(value, f"{value} beside the lower limit", found.keyword, found.rule_ids)


def length_edges(
    found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]
) -> Iterator[Edge]:
    for length in (found.value - 1, found.value, found.value + 1):
        if length >= 0:
            yield Edge("x" * length, f"{length} characters", found.keyword, found.rule_ids)


def count_edges(found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]) -> Iterator[Edge]:
    """Lists of just so many, and of one more or less than there may be."""
    items = constraints(schema).get("items")
    item = typical(items) if isinstance(items, dict) else "Contract check"
    for count in (found.value - 1, found.value, found.value + 1):
        if 0 <= count <= MOST_ITEMS:
            yield Edge([item] * count, f"a list of {count}", found.keyword, found.rule_ids)


def pattern_edges(
    found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]
) -> Iterator[Edge]:
    if not isinstance(good, str) or not good:
        return
    matches = compile_pattern(found.value).search
    seen = set()
    for value, why in misspelt(good):
        if value not in seen and not matches(value):
            seen.add(value)
            certain = value not in ("", good[:2])  # how short it may be is often left open
            yield Edge(value, f"{why}: {shown(value)}", "pattern", found.rule_ids, certain)
    yield Edge(good, "a value of the right form", "pattern", found.rule_ids)
    for example in keyword_of(schema, "examples") or ():
        if example != good and isinstance(example, str) and matches(example):
            yield Edge(example, "an example of the document", "pattern", found.rule_ids)
    longest = lengthened(good, matches)
    if longest != good:  # which may stand for nothing that there is, as a number nobody has
        yield Edge(longest, "the longest of the right form", "pattern", found.rule_ids, False)
        yield Edge(longest + "1", "one character too long", "pattern", found.rule_ids)
    shortest = shortened(good, matches)
    if shortest != good:
        yield Edge(shortest, "the shortest of the right form", "pattern", found.rule_ids, False)


def lengthened(good: str, matches: Any) -> str:
    longest = good
    while len(longest) < len(good) + 300 and matches(longest + "1"):
        longest += "1"
    return longest


def shortened(good: str, matches: Any) -> str:
    shortest = good
    while len(shortest) > 1 and matches(shortest[:-1]):
        shortest = shortest[:-1]
    return shortest


def misspelt(good: str) -> Iterator[tuple[str, str]]:
    """Near misses of a text."""
    yield good[1:], "its first character missing"
    yield good[0] + "0" + good[1:], "a zero behind the first character"
    yield good[0] + "0" + good[2:], "a zero in place of the second character"
    yield "0" + good[1:], "a zero in place of the first character"
    yield "00" + good[1:], "two zeros in place of the first character"
    yield good[0] + good, "its first character twice"
    yield f" {good}", "a blank before it"
    yield f"{good} ", "a blank behind it"
    yield f"{good}\n", "a line end behind it"
    middle = len(good) // 2
    for between in (" ", "-", ".", "a", "(", "/"):
        yield good[:middle] + between + good[middle:], f"{between!r} inside"
    yield f"{good}x", "a letter behind it"
    yield f"{good};ext=1", "an extension behind it"
    yield good[:2] + "".join(other_digit(c) for c in good[2:]), "digits of another script behind"
    yield (
        good[0] + "".join(other_digit(c) for c in good[1:]),
        ("digits of another script"),
    )
    yield good[0], "its first character alone"
    yield good[:2], "its first two characters alone"
    yield "word", "a word"
    yield "", "an empty text"


def other_digit(character: str) -> str:
    return chr(0x0660 + int(character)) if character in "0123456789" else character


def format_edges(
    found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]
) -> Iterator[Edge]:
    ids = found.rule_ids
    if found.value == "date":
        yield Edge("2024-05-06", "a date", "format", ids)
        yield Edge("tomorrow", "a word in place of a date", "format", ids)
        yield Edge("2024-13-45", "a month and a day that do not exist", "format", ids)
    if found.value != "date-time":
        return
    yield Edge("2024-05-06T07:08:09Z", "a moment in UTC", "format", ids)
    yield Edge("2024-05-06T07:08:09+00:00", "a moment with an offset", "format", ids)
    yield Edge("2024-05-06T07:08:09.123000+00:00", "a moment with fractions", "format", ids)
    yield Edge("tomorrow", "a word in place of a moment", "format", ids)
    yield Edge("not-a-date", "no moment", "format", ids)
    yield Edge("2024-13-45T07:08:09Z", "a month and a day that do not exist", "format", ids)
    yield Edge("2024-05-06T25:61:00Z", "an hour that does not exist", "format", ids)
    yield Edge("1714979289", "a number of seconds as a text", "format", ids, False)
    yield Edge("2024-05-06", "a date without a time", "format", ids, False)
    yield Edge("", "an empty text", "format", ids, False)


def item_edges(found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]) -> Iterator[Edge]:
    if not isinstance(found.value, dict):
        return
    item = typical(found.value)
    words = constraints(found.value)
    yield Edge([item], "a list of one", "items", found.rule_ids)
    allowed = words.get("type", [])
    listed = allowed if isinstance(allowed, list) else [allowed]
    for value in WRONG_TYPES[:5]:
        if listed and not is_of(value, listed):
            why = f"a list with {shown(value)}, which is no {' or '.join(listed)}"
            yield Edge([value], why, "items", found.rule_ids)
    if listed and "null" not in listed:
        yield Edge([None], "a list with null", "items", found.rule_ids, False)
    if isinstance(item, dict):
        for name in words.get("required", []):
            less = {key: inner for key, inner in item.items() if key != name}
            yield Edge([less], f"a member without {name}", "items", found.rule_ids, False)
        yield from member_edges(found, item)
    else:
        for inner in single_edges(found.value, found.rule_ids):
            if inner.keyword == "type" and inner.value is not None:
                continue
            yield replace(inner, value=[inner.value], why=f"a list with {inner.why}", certain=False)


def member_edges(found: Constraint, item: dict[str, Any]) -> Iterator[Edge]:
    """A list of all that a member may hold, and for each thing that it may not a list with that."""
    least = constraints(found.value).get("required", [])
    good: list[Any] = [{name: item[name] for name in least if name in item}]
    ids = dict.fromkeys(found.rule_ids)
    for name, schema in properties_of(found.value).items():
        for inner in single_edges(schema, found.rule_ids):
            member = {**item, name: inner.value}
            if is_allowed(found.value, member):
                good.append(member)
                ids |= dict.fromkeys(inner.rule_ids)
            elif not is_allowed(schema, inner.value):
                why = f"a member whose {name} is wrong: {inner.why}"
                yield Edge([member], why, "items", inner.rule_ids, False)
    good = [
        member
        for number, member in enumerate(good)
        if member not in good[:number] and is_allowed(found.value, member)
    ]
    if len(good) > 1:
        yield Edge(good, "a list of all that a member may hold", "items", tuple(ids), False)


def single_edges(schema: Any, above: tuple[str, ...]) -> Iterator[Edge]:
    """The edges of what stands in a list; of the wrong types two and null are enough."""
    seen = 0
    for edge in iter_edges(schema, above):
        if edge.keyword == "type" and edge.value is not None and not is_allowed(schema, edge.value):
            seen += 1
            if seen > TYPES_INSIDE:
                continue
        if edge.keyword == "enum" and edge.value in PLAUSIBLE:
            continue
        yield edge


def any_edges(found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]) -> Iterator[Edge]:
    """The edges of every branch; the whole decides which of them are allowed."""
    seen: list[Any] = []
    for branch in found.value:
        for edge in iter_edges(branch, found.rule_ids):
            if edge.value not in seen:
                seen.append(edge.value)
                yield edge


def const_edges(found: Constraint, schema: Any, good: Any, near: tuple[Any, ...]) -> Iterator[Edge]:
    yield Edge(found.value, "the only value", "const", found.rule_ids)
    yield Edge("nonsense", "another value", "const", found.rule_ids)


BUILDERS = {
    "type": type_edges,
    "enum": enum_edges,
    "const": const_edges,
    "maximum": upper_edges,
    "exclusiveMaximum": upper_edges,
    "minimum": lower_edges,
    "exclusiveMinimum": lower_edges,
    "minLength": length_edges,
    "maxLength": length_edges,
    "minItems": count_edges,
    "maxItems": count_edges,
    "pattern": pattern_edges,
    "format": format_edges,
    "items": item_edges,
    "anyOf": any_edges,
}


def broken_values(constraint: Constraint, good: Any) -> st.SearchStrategy[Any] | None:
    """Generated values that a keyword refuses; the caller checks that nothing else does."""
    word, value = constraint.keyword, constraint.value
    if word == "type":
        return st.one_of(st.booleans(), st.integers(), st.text(max_size=20), st.lists(st.text()))
    if word == "enum":
        return st.text(min_size=1, max_size=20) | st.integers(1, 99)
    if word in ("exclusiveMaximum", "maximum"):
        return st.integers(int(value), int(value) + 100_000)
    if word in ("exclusiveMinimum", "minimum"):
        return st.integers(int(value) - 100_000, int(value))
    if word == "pattern" and isinstance(good, str) and good:
        return misspellings(good)
    if word == "format" and value == "date-time":
        return st.text("abcdefghijklmnopqrstuvwxyz -", min_size=3, max_size=20)
    return None


def misspellings(good: str) -> st.SearchStrategy[str]:
    """A good text with something put in, taken out or put behind."""
    place = st.integers(0, len(good))
    stranger = st.sampled_from(list(" -.()abcxyzABC/#*,;:_"))
    return st.one_of(
        st.builds(lambda at, what: good[:at] + what + good[at:], place, stranger),
        st.builds(lambda at, what: good[:at] + what + good[at + 1 :], place, stranger),
        st.builds(lambda more: good + more, st.text("0123456789", min_size=5, max_size=12)),
        st.just(good[1:]),
    )
