"""Violations of schemas: each with its place, its words and what would be accepted."""

from __future__ import annotations

from typing import Any

import pytest

from mock_server.messages import article
from mock_server.rules.schema import build_validator, iter_violations


def violations(schema: dict[str, Any], instance: Any) -> list[tuple[str, str | None, Any, str]]:
    found = iter_violations(build_validator(schema), schema, instance, "/body", {})
    return [(v.pointer, v.field, v.found, v.expected) for v in found]


@pytest.mark.parametrize(
    ("schema", "instance", "expected"),
    [
        ({"required": ["a"]}, {}, ("/body/a", "a", None, "a value")),
        (
            {"properties": {"a": {"items": {"required": ["b"]}}}},
            {"a": [{}]},
            ("/body/a/0/b", "a", None, "a value"),
        ),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"a": 1, "b/c": 2},
            ("/body/b~1c", "b/c", 2, "only documented fields"),
        ),
        (
            {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
            {"a": 1, "b": 2},
            ("/body/b", "b", 2, "only documented fields"),
        ),
        (
            {"properties": {"a": {"type": ["string", "null"]}}},
            {"a": 5},
            ("/body/a", "a", 5, "text or null"),
        ),
        (
            {"properties": {"a": {"format": "date-time"}}},
            {"a": "2030-01-01"},
            ("/body/a", "a", "2030-01-01", "a date and time such as 2030-01-01T09:00:00Z"),
        ),
        (
            {"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
            {"a": 5},
            ("/body/a", "a", 5, "a documented form"),
        ),
        ({"properties": {"a": False}}, {"a": 5}, ("/body/a", "a", 5, "nothing")),
        (
            {"properties": {"a": {"multipleOf": 5}}},
            {"a": 6},
            ("/body/a", "a", 6, "a multiple of 5"),
        ),
        ({"type": "object"}, [1], ("/body", None, [1], "an object")),
        (
            {"anyOf": [{"required": ["a"]}, {"required": ["b", "c"]}]},
            {},
            ("/body", None, {}, "a value with a or b and c"),
        ),
        (
            {
                "required": ["a"],
                "properties": {"a": {"type": "integer", "minimum": 1, "example": 7}},
            },
            {},
            ("/body/a", "a", None, "a whole number, at least 1, such as 7"),
        ),
        (
            {"required": ["a"], "properties": {"a": {"enum": ["x", None]}}},
            {},
            ("/body/a", "a", None, "one of: x"),
        ),
    ],
)
def test_a_violation_has_its_place_and_its_way_out(
    schema: dict[str, Any], instance: Any, expected: tuple[str, str | None, Any, str]
) -> None:
    assert violations(schema, instance) == [expected]


def test_every_violation_is_found() -> None:
    schema = {"required": ["a", "b"], "properties": {"c": {"type": "string", "minLength": 3}}}
    assert [pointer for pointer, *_ in violations(schema, {"c": 5})] == [
        "/body/a",
        "/body/b",
        "/body/c",
    ]


def test_the_nearest_rule_on_the_way_is_the_one_that_is_broken() -> None:
    schema = {
        "x-rule": "outer",
        "properties": {"a": {"allOf": [{"x-rule": "inner", "maximum": 1}, {"multipleOf": 2}]}},
    }
    found = iter_violations(build_validator(schema), schema, {"a": 3}, "/body", {})
    assert [v.rule_ids for v in found] == [("inner",), ("outer",)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SMS", "an SMS"),
        ("SMS template", "an SMS template"),
        ("Organization", "an Organization"),
        ("User", "a User"),
        ("URL", "a URL"),
        ("unit", "a unit"),
        ("umbrella", "an umbrella"),
        ("lead", "a lead"),
    ],
)
def test_names_have_their_article(name: str, words: str) -> None:
    assert article(name) == words
