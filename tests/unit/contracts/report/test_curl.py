"""A sequence of a finding is a script that can be pasted."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from contracts.report.curl import curl_of, in_place, with_variables


def request(path: str, body: object) -> dict[str, object]:
    return {"method": "POST", "path": path, "query": [], "credentials": "key", "body": body}


def test_what_an_answer_tells_is_kept_for_those_that_take_it() -> None:
    lines = [
        curl_of(request("/things/", {"a": "it's"}), "http://a"),
        curl_of(request("/things/thing_12/", {"of": "thing_12", "b": "it's"}), "http://a"),
    ]
    takes = [[], [{"value": "thing_12", "from": "$steps.0.response.body#/data/0/id"}]]
    first, second = with_variables(lines, takes)
    assert first == f"id_1=$({lines[0]} | jq -r '.data[0].id')"
    assert 'http://a/things/"${id_1}"/' in second
    words = shlex.split(second.replace("${id_1}", "thing_34"))
    assert json.loads(words[-1]) == {"of": "thing_34", "b": "it's"}


def test_two_things_of_one_answer_are_taken_out_of_it_twice() -> None:
    takes = [
        [],
        [
            {"value": "thing_12", "from": "$steps.0.response.body#/id"},
            {"value": "1650555", "from": "$steps.0.response.body#/the number"},
        ],
    ]
    first, second = with_variables(["curl a", "curl thing_12 1650555"], takes)
    assert first == (
        'answer_1=$(curl a); id_1=$(jq -r .id <<<"$answer_1"); '
        """the_number_1=$(jq -r '.["the number"]' <<<"$answer_1")"""
    )
    assert second == 'curl "${id_1}" "${the_number_1}"'


def test_what_is_not_written_needs_no_variable() -> None:
    takes = [[], [{"value": "+1650555", "from": "$steps.0.response.body#/number"}]]
    lines = ["curl a", "curl %2B1650555"]
    assert with_variables(lines, takes) == lines


@pytest.mark.parametrize("line", ["say X", "say 'a X b'", 'say "a X b"', "say 'a'X\"X\"'X'"])
def test_a_variable_stands_in_any_quotes(line: str) -> None:
    script = f"v='it is'; say() {{ printf '%s|' \"$@\"; }}; {in_place(line, 'X', 'v')}"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "".join(f"{word}|" for word in shlex.split(line)[1:]).replace("X", "it is")


def test_what_cannot_be_printed_is_escaped_as_json_does_it() -> None:
    line = curl_of(request("/", {"a": "é\x82\U00011f55"}), "http://a")
    assert json.loads(shlex.split(line)[-1]) == {"a": "é\x82\U00011f55"}
    assert line.isprintable()
