"""Large JSON: the values of any other parser, and the line of every fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.errors import SeedError
from mock_server.spec import Document
from mock_server.spec.large_json import Places, Reading, read_json
from mock_server.spec.loader import LARGE, load_source
from mock_server.spec.pointers import escape
from mock_server.state.seed import load_seed

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_it_reads_what_was_written(value: Any) -> None:
    assert read_json(json.dumps(value)) == Reading(value, ())


@given(values)
def test_every_part_is_found_at_its_line(value: Any) -> None:
    text = json.dumps(value, indent=1)
    places, lines = Places(text), text.split("\n")
    waiting: list[tuple[str, Any]] = [("#", value)]
    while waiting:
        pointer, node = waiting.pop()
        if not isinstance(node, dict | list):
            continue
        for token, child in node.items() if isinstance(node, dict) else enumerate(node):
            place = f"{pointer}/{escape(str(token))}"
            line = lines[places.line_of(place) - 1]
            assert line.strip().startswith(
                json.dumps(token) if isinstance(node, dict) else json.dumps(child, indent=1)[:1]
            )
            waiting.append((place, child))


@pytest.mark.parametrize(
    ("text", "found", "line"),
    [
        ('{"a": [1,\n2,\n}', "Expecting value", 3),
        ('{"a": 1}\n}', "Extra data", 2),
        ('{"a": NaN}', "NaN", 1),
        ('{\n"a": "\\ud800"}', "half a character", 2),
        ("[" * 100_000, "recursion", 1),
    ],
    ids=["syntax", "extra", "nan", "surrogate", "deep"],
)
def test_what_is_wrong_is_told_with_its_line(text: str, found: str, line: int) -> None:
    told = read_json(text)
    assert not isinstance(told, Reading)
    assert found in told[0]
    assert told[1] == line


def test_keys_that_stand_twice_are_told() -> None:
    read = read_json('{"a": [{"b": 1, "b": 2}], "c": "\\\\ud800"}')
    assert isinstance(read, Reading)
    assert read.repeated == (("b", "#/a/0/b"),)


def test_a_large_seed_tells_its_faults_by_line(tmp_path: Path, document: Document) -> None:
    lead = json.dumps({"name": "Placeholder", "description": "x" * 1_000})
    rows = [lead] * (LARGE // 900)
    rows[700] = '{"nmae": "Placeholder"}'
    rows[900] = '{"name": 5}'
    path = tmp_path / "large.json"
    path.write_text('{\n"leads": [\n' + ",\n".join(rows) + "\n]\n}\n")
    with pytest.raises(SeedError) as refused:
        load_seed(path, document)
    assert f"{path}:703: #/leads/700/nmae" in str(refused.value)
    assert f"{path}:903: #/leads/900/name" in str(refused.value)
    path.write_text(path.read_text()[:-4])
    (fault,) = load_source(path).faults
    assert fault.line == len(rows) + 3
