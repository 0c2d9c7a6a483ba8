"""Choices: a value where something holds, else nothing, so that the next in a list is taken."""

from __future__ import annotations

from typing import Any

from mock_server.functions.registry import register


@register("if.true")
def if_true(condition: Any = None, value: Any = None) -> Any:
    """The value where the condition is true."""
    return value if condition is True else None


@register("if.later")
def if_later(moment: Any = None, than: Any = None, value: Any = None) -> Any:
    """The value where one date or date-time lies beyond another."""
    both = isinstance(moment, str) and isinstance(than, str)
    return value if both and moment > than else None


@register("if.equal")
def if_equal(found: Any = None, wanted: Any = None, value: Any = None) -> Any:
    """The value where two are equal."""
    return value if found == wanted else None


@register("list.if-equal")
def list_if_equal(found: Any = None, wanted: Any = None, *values: Any) -> list[Any] | None:
    """The values as a list where two are equal."""
    return list(values) if found == wanted else None


@register("if.present")
def if_present(found: Any = None, value: Any = None) -> Any:
    """The value where something is there."""
    return value if found is not None else None
