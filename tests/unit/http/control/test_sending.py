"""Requests that the control API makes: their paths and queries are those that were meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.http.control.conftest import SMS, Caller


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ({"lead_id": ["a", "b"]}, "lead_id=a&lead_id=b"),
        ({"_limit": 2, "x": True, "y": None, "z": {"a": [1]}}, "_limit=2&x=true&y=null&z=%7B%22a%22%3A+%5B1%5D%7D"),
        ("lead_id=a&lead_id=b", "lead_id=a&lead_id=b"),
        ({}, ""),
    ],
    ids=["repeated", "values", "written", "none"],
)  # fmt: skip
def test_a_query_is_sent_as_it_was_meant(caller: Caller, query: Any, written: str) -> None:
    sent = caller.control("POST", "/requests", json={"operation": "listSMS", "query": query})
    assert (sent["query"], sent["status"]) == (written, 200)


def test_the_nearest_request_keeps_what_is_repeated(caller: Caller) -> None:
    wish = {"operation": "listSMS", "query": {"lead_id": ["a", "b"], "_limit": "many"}}
    found = caller.control("POST", "/explain", json=wish)
    assert found["nearest"]["query"]["lead_id"] == ["a", "b"]
    sent = caller.control("POST", "/requests", json=found["nearest"])
    assert sent["query"].startswith("lead_id=a&lead_id=b")
    assert sent["status"] == 200


@pytest.mark.parametrize("record", ["Ж", "é", "a b", "100%", "a?b#c", "100%41"])
def test_a_path_is_filled_with_any_text(caller: Caller, record: str) -> None:
    wish = {"operation": "getSMS", "parameters": {"id": record}}
    sent = caller.control("POST", "/requests", json=wish)
    assert (sent["path"], sent["status"]) == (f"{SMS}{record}/", 404)
    assert caller.control("POST", "/explain", json=wish)["nearest"]["path"].startswith(f"{SMS}acti")


@pytest.mark.parametrize("path", [f"{SMS}Ж", "/Ж", f"{SMS}%D0%96"])
def test_a_path_of_any_letters_is_answered(caller: Caller, path: str) -> None:
    assert caller.control("POST", "/requests", json={"path": path})["status"] in (308, 404)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "body/parameters: found nothing; expected a value for id."),
        ({"id": None}, "body/parameters: found nothing; expected a value for id."),
        ({"id": ["x"]}, 'found ["x"]; expected a value for id.'),
        ({"id": "x", "idd": "y"}, 'found "idd"; expected one of id; did you mean "id"?'),
    ],
    ids=["none", "null", "a list", "unknown"],
)
def test_a_path_that_is_not_filled_in_is_refused(
    caller: Caller, parameters: Any, words: str
) -> None:
    wish = {"operation": "getSMS", "parameters": parameters}
    for path in ("/requests", "/explain"):
        assert words in caller.control("POST", path, 400, json=wish)["error"]


def test_examples_name_earlier_answers_in_words(caller: Caller) -> None:
    rule = caller.control("GET", "/rules/sms.undo-window")
    paths = [step["path"] for example in rule["accepts"] for step in example]
    assert any(path.endswith("/{id of answer 1}/") for path in paths)
    assert "$steps" not in str(rule)


def test_examples_tell_other_credentials_than_the_key(caller: Caller) -> None:
    rule = caller.control("GET", "/rules/auth.required")
    told = [example[-1].get("credentials") for example in rule["rejects"]]
    assert "none" in told
    assert len(set(told)) == len(told)
