"""Defaults: values for body fields that are absent or null."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mock_server.rules.schema import build_condition
from mock_server.spec.model import Default

Fill = Callable[[dict[str, Any]], None]


def build_defaults(defaults: Iterable[Default]) -> Fill | None:
    """Fills a body in place; conditions are judged on the body as it came. None where there is nothing."""
    rows = [
        (default.field, default.value, build_condition(default.condition)) for default in defaults
    ]
    if not rows:
        return None

    def fill(body: dict[str, Any]) -> None:
        due = [
            (field, value)
            for field, value, holds in rows
            if body.get(field) is None and holds(body)
        ]
        body.update(due)

    return fill
