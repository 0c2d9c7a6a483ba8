"""Conditions as plain Python where a schema is simple enough: no value has to cross into the validator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]

ANNOTATIONS = frozenset({"x-rule", "description", "title", "example", "examples", "default"})
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "object": (dict,),
    "array": (list,),
}


def build_test(schema: Any) -> Test | None:
    """What a schema says as a function, or None where it says more than is known here.

    Known are `type` (but for numbers), `const` and `enum` of texts, booleans and nulls, `required`,
    `properties`, `not`, and `allOf`.
    """
    if schema is True:
        return lambda value: True
    if not isinstance(schema, dict):
        return None
    words = {keyword: limit for keyword, limit in schema.items() if keyword not in ANNOTATIONS}
    test = build_one_of_texts(words)
    if test is not None:
        return test
    tests = []
    for keyword, limit in words.items():
        build = KEYWORDS.get(keyword)
        test = build(limit) if build is not None else None
        if test is None:
            return None
        tests.append(test)
    return all_of(tests)


def build_one_of_texts(words: Mapping[str, Any]) -> Test | None:
    """The commonest condition, in one step: a property is there, and is one of some texts."""
    names, properties = words.get("required", []), words.get("properties", {})
    if len(words) != 2 or len(names) != 1 or list(properties) != names:
        return None
    name = names[0]
    schema = properties[name]
    inner = schema.keys() - ANNOTATIONS if isinstance(schema, dict) else set()
    texts = schema["enum"] if inner == {"enum"} else [schema["const"]] if inner == {"const"} else []
    if not texts or not all(text.__class__ is str for text in texts):
        return None
    allowed = tuple(texts)
    return lambda value: (
        value.__class__ is not dict
        or ((held := value.get(name)).__class__ is str and held in allowed)
    )


def all_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) and second(value)
    return lambda value: all(test(value) for test in tests)


def build_type(limit: Any) -> Test | None:
    names = [limit] if isinstance(limit, str) else limit
    if not all(name in TYPES for name in names):
        return None
    classes = tuple(one for name in names for one in TYPES[name])
    return lambda value: value.__class__ in classes


def build_const(limit: Any) -> Test | None:
    return build_enum([limit])


def build_enum(limit: Any) -> Test | None:
    # A number may be written in several ways, and Python takes true for one.
    if not all(one is None or one.__class__ in (str, bool) for one in limit):
        return None
    texts = tuple(one for one in limit if one.__class__ is str)
    others = [one for one in limit if one.__class__ is not str]
    if not others:
        return lambda value: value.__class__ is str and value in texts
    return lambda value: (
        value in texts if value.__class__ is str else any(value is one for one in others)
    )


def build_required(limit: Any) -> Test | None:
    if len(limit) == 1:
        name = limit[0]
        return lambda value: value.__class__ is not dict or name in value
    return lambda value: value.__class__ is not dict or all(name in value for name in limit)


def build_properties(limit: Any) -> Test | None:
    rows = []
    for name, schema in limit.items():
        test = build_test(schema)
        if test is None:
            return None
        rows.append((name, test))
    if len(rows) == 1:
        only, holds = rows[0]
        return lambda value: value.__class__ is not dict or only not in value or holds(value[only])
    return lambda value: (
        value.__class__ is not dict
        or all(test(value[name]) for name, test in rows if name in value)
    )


def build_not(limit: Any) -> Test | None:
    test = build_test(limit)
    return None if test is None else lambda value: not test(value)


def build_all(limit: Any) -> Test | None:
    tests = [build_test(schema) for schema in limit]
    known = [test for test in tests if test is not None]
    return all_of(known) if len(known) == len(tests) else None


KEYWORDS: Mapping[str, Callable[[Any], Test | None]] = {
    "type": build_type,
    "const": build_const,
    "enum": build_enum,
    "required": build_required,
    "properties": build_properties,
    "not": build_not,
    "allOf": build_all,
}
