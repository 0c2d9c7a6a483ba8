"""Templates that the judge writes: each record that goes with one shows in it, so that none is mistaken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from contracts.checks.derived import template_text


def told(records: dict[str, Any], theirs: list[Any], written: dict[str, str | None]) -> str | None:
    hints = {"text": ["Hello {{ visitor.first_name }} of {{ place.label }}"]}
    story: Any = SimpleNamespace(bench=SimpleNamespace(composer=SimpleNamespace(hints=hints)))
    text = template_text(story, records, theirs, written)
    return text and text.split("\n")[1].split("!")[0]


@pytest.mark.parametrize(
    ("records", "theirs", "written", "shown"),
    [
        ({"place": {"label": "Pier"}}, [], {}, "{{ place.label }}"),
        ({"place": {"label": None}}, [], {}, None),
        ({"place": {"label": "Pier", "code": "P1"}}, ["{{ place.code }}"], {}, "{{ place.label }}, {{ place.code }}"),
        # Nothing that is known is shown by the visitor: what a client has written there is.
        (
            {"place": {"label": "Pier"}, "visitor": {"name": "Ada"}},
            [],
            {"place": None, "visitor": "name"},
            "{{ place.label }}, {{ visitor.name }}",
        ),
        # Its first word is that of others as well; a label that holds all of it is enough.
        (
            {"place": {"label": "Pier 9", "name": "Pier 9"}, "visitor": {"name": "Ada 1", "first_name": "Ada"}},
            [],
            {"place": "name", "visitor": "name"},
            "{{ visitor.first_name }}, {{ place.label }}, {{ visitor.name }}",
        ),
        ({"visitor": {"name": "Ada"}}, [], {"visitor": None}, None),
    ],
)  # fmt: skip
def test_every_record_has_a_placeholder_with_a_value(
    records: dict[str, Any], theirs: list[Any], written: dict[str, str | None], shown: str | None
) -> None:
    assert told(records, theirs, written) == shown
