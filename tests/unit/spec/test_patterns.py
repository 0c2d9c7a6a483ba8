"""Texts that match a pattern."""

from __future__ import annotations

import re

import pytest

from mock_server.spec.patterns import matching


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[a-z]{3,}\d+$",
        r"^\d{3}-\d{4}$",
        r"^(?:abc|def)x?[^a]$",
        r"^(\([0-9]{3}\))?[0-9]{3}-[0-9]{4}$",
        r"^.+@.+\..+$",
        r"^[\w.-]+$",
        r"^#[0-9a-fA-F]{6}$",
        r"^(?P<year>[0-9]{4})\x2d\u0041$",
        r"^[]a]+?$",
        r"^P-",
    ],
)
def test_a_text_is_made_that_matches(pattern: str) -> None:
    for more in (0, 3):
        text = matching(pattern, more)
        assert text is not None
        assert re.search(pattern, text)


@pytest.mark.parametrize("pattern", [r"^(?=a)b", r"(a)\1", "[a", "(a", "*", r"\p{L}", "a)"])
def test_nothing_is_made_of_what_is_not_read(pattern: str) -> None:
    assert matching(pattern) is None


def test_open_repetitions_grow() -> None:
    assert matching("^a+$", 4) == "aaaaa"
    assert matching("^a{2}b*$", 2) == "aabb"
