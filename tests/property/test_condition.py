"""A condition as plain Python says what the validator says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.rules.condition import build_test
from mock_server.rules.schema import build_validator

names = st.sampled_from(["a", "b", "c"])
scalars = st.sampled_from(["", "x", "y", True, False, None, 0, 1, 1.0, "1", "true"])
types = st.sampled_from(["string", "boolean", "null", "object", "array", "integer", "number"])
limits = st.fixed_dictionaries(
    {},
    optional={
        "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
        "const": scalars,
        "enum": st.lists(scalars, min_size=1, max_size=3),
        "required": st.lists(names, max_size=2, unique=True),
        "x-rule": st.just("some.rule"),
        "minLength": st.just(1),
    },
)
schemas = st.recursive(
    limits | st.booleans(),
    lambda inner: st.builds(
        lambda base, more: {**base, **more} if isinstance(base, dict) else more,
        limits,
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(names, inner, max_size=3),
                "not": inner,
                "allOf": st.lists(inner, min_size=1, max_size=3),
            },
        ),
    ),
    max_leaves=6,
)
values = st.recursive(
    scalars,
    lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=6,
)
# The commonest form, which has a step of its own, more often than chance would make it.
usual = st.builds(
    lambda name, required, limit: {"properties": {name: limit}, "required": required},
    names,
    st.lists(names, min_size=1, max_size=2, unique=True),
    limits,
)


@settings(max_examples=300, deadline=None)
@given(schemas | usual, st.lists(values, min_size=1, max_size=6))
def test_a_test_agrees_with_the_validator(schema: Any, instances: list[Any]) -> None:
    test = build_test(schema)
    if test is not None:
        validator = build_validator(schema)
        for instance in instances:
            assert test(instance) == validator.is_valid(instance), instance


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"status": {"const": "draft"}}, "required": ["status"]},
        {"properties": {"status": {"enum": ["draft", "sent"]}}},
        {"not": {"properties": {"on": {"const": True}}, "required": ["on"]}},
        {"required": ["a"], "properties": {"a": {"type": ["string", "null"]}}},
        {"properties": {"query": {"properties": {"on": {"const": True}}, "required": ["on"]}}},
    ],
)
def test_usual_conditions_need_no_validator(schema: Any) -> None:
    assert build_test(schema) is not None


@pytest.mark.parametrize(
    "schema",
    [{"const": 1}, {"type": "integer"}, {"minimum": 1}, {"$ref": "#"}, {"anyOf": [{}]}, False],
)
def test_what_is_not_known_is_left_to_the_validator(schema: Any) -> None:
    assert build_test(schema) is None
    assert build_test({"properties": {"a": schema}}) is None
