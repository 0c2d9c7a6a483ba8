"""YAML and JSON are read as JSON's values, and what cannot be read is said where it stands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.spec.loader import SIZE_LIMIT, load_source, parse_source
from mock_server.spec.nodes import DEPTH_LIMIT

# YAML has no control characters and no half surrogates, not even quoted.
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(texts, v, max_size=4)
)


@given(st.dictionaries(texts, values, max_size=5), st.booleans())
def test_json_is_read_as_json(value: dict[str, Any], escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=1)
    source = parse_source(text.replace("/", "\\/") if escaped else text)
    assert source.faults == ()
    assert source.value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("True", True),
        ("12:30", "12:30"),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1e5", 100_000.0),
        ("+5", 5),
        (".5", 0.5),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("2030-01-01", "2030-01-01"),
        ("=", "="),
        ("~", None),
        ("", None),
        ("!!str 5", "5"),
    ],
)
def test_plain_words_are_what_yaml_1_2_says(text: str, value: Any) -> None:
    read = parse_source(f"key: {text}").value["key"]
    assert (read, type(read)) == (value, type(value))


def test_keys_are_texts() -> None:
    assert parse_source("200: a\ntrue: b\n1.5: c\n~: d").value == {
        "200": "a",
        "true": "b",
        "1.5": "c",
        "~": "d",
    }


def test_merged_keys_are_no_repeated_ones() -> None:
    source = parse_source("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}")
    assert source.faults == ()
    assert source.value["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1", 2, "expected ',' or ']'"),
        ("a: 1\nb: 2\na: 3", 3, '#/a: found the key "a" a second time'),
        ("a:\n  - {x: 1, x: 2}", 2, '#/a/0/x: found the key "x" a second time'),
        ("200: a\n'200': b", 2, 'the key "200" a second time'),
        ("a: 1\nb: !odd 1", 2, "!odd"),
        ("a: 1\nb: !!set {x}", 2, 'a value of type "set"'),
        ("a: !!int x", 1, "a number that cannot be read"),
        ("a: !!bool x", 1, 'a value of type "bool"'),
        ("a: 1\nb: x\x00y", 2, "a character that may not stand here"),
        ("a: &a\n  b: [*a]", 1, "#/a/b/0: found an alias of what it stands in"),
        ("? [a]\n: b", 1, "a key that is no text"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ("a: 1\nb: " + "9" * 5_000, 2, "a number that cannot be read"),
        ('{"a": "\\ud83d"}', 1, "Unicode"),
    ],
)
def test_what_cannot_be_read_is_said_where_it_stands(text: str, line: int, words: str) -> None:
    (fault,) = parse_source(text).faults
    assert fault.line == line
    assert words in str(fault)


@pytest.mark.parametrize("nest", ["[", "{a: ", "- ", "? ", "[[],", "- - ? - "])
def test_nesting_without_end_is_refused(nest: str) -> None:
    (fault,) = parse_source(nest * 200_000).faults
    assert f"more than {DEPTH_LIMIT} levels" in str(fault)


def test_indentation_without_end_is_refused() -> None:
    (fault,) = parse_source("\n".join(" " * depth + "a:" for depth in range(600))).faults
    assert f"more than {DEPTH_LIMIT} levels" in str(fault)
    assert fault.line == DEPTH_LIMIT + 2


def test_aliases_of_aliases_of_aliases_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (fault,) = parse_source("\n".join(lines)).faults
    assert "aliases that unfold to more than" in str(fault)


def test_what_is_no_text_file_is_said_to_be_none(tmp_path: Path) -> None:
    def found(path: Path) -> str:
        (fault,) = load_source(path).faults
        return str(fault)

    assert "found no such file" in found(tmp_path / "nothing.yaml")
    assert "found a directory" in found(tmp_path)
    assert "cannot be read" in found(tmp_path / ("x" * 300))
    assert "cannot be read" in found(Path("a\0b"))
    path = tmp_path / "some.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    assert f"{path}:2: found the byte 0xff, which is not UTF-8" in found(path)
    with path.open("wb") as file:
        file.truncate(SIZE_LIMIT + 1)
    assert "more than 32 MB" in found(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("a: 1")
    path.chmod(0)
    (fault,) = load_source(path).faults
    assert "Permission denied" in str(fault)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "marked.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert load_source(path).value == {"a": 1}
