"""Bodies as they go over the wire."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.target.wire import ABSENT, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_a_body_means_what_it_was_however_it_is_written(body: object) -> None:
    content = encode(body)
    assert content is not None
    assert json.loads(content) == body


@pytest.mark.parametrize(
    ("text", "expected"), [("ü", b'"\xc3\xbc"'), ("xü", b'"x\\u00fc"'), ("\ud800", b'"\\ud800"')]
)
def test_it_is_written_in_utf_8_and_in_escapes_by_turns(text: str, expected: bytes) -> None:
    assert encode([text]) == b"[" + expected + b"]"


def test_bytes_stay_and_no_body_is_none() -> None:
    assert encode(b"no json") == b"no json"
    assert encode(ABSENT) is None
