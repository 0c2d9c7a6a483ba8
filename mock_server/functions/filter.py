"""Filters that clients write: objects with a `type` that say which values they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mock_server.functions.registry import register

DEPTH = 50  # of filters inside filters


@register("filter.matches")
def matches(written: Any = None, value: Any = None) -> bool:
    """Whether a value is what a filter takes; one of an unknown type takes nothing."""
    return takes(written, value, DEPTH)


def takes(written: Any, value: Any, depth: int) -> bool:
    if not isinstance(written, Mapping) or depth == 0:
        return False
    judge = KINDS.get(str(written.get("type")))
    return judge is not None and judge(written, value, depth - 1)


def access(written: Mapping[str, Any], value: Any, depth: int) -> bool:
    held = value.get(written.get("field")) if isinstance(value, Mapping) else None
    return takes(written.get("filter"), held, depth)


def parts(written: Mapping[str, Any]) -> list[Any]:
    listed = written.get("filters")
    return listed if isinstance(listed, list) else []


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


KINDS: dict[str, Callable[[Mapping[str, Any], Any, int], bool]] = {
    "field_accessor": access,
    "and": lambda f, v, d: all(takes(one, v, d) for one in parts(f)),
    "or": lambda f, v, d: any(takes(one, v, d) for one in parts(f)),
    "not": lambda f, v, d: not takes(f.get("filter"), v, d),
    "equals": lambda f, v, d: bool(v == f.get("value")),
    "contains": lambda f, v, d: f.get("value") in v if isinstance(v, str | list) else False,
    "is_null": lambda f, v, d: v is None,
    "non_null": lambda f, v, d: v is not None,
    "any_array_value": lambda f, v, d: any(takes(f.get("filter"), one, d) for one in items(v)),
    "all_array_value": lambda f, v, d: all(takes(f.get("filter"), one, d) for one in items(v)),
}
