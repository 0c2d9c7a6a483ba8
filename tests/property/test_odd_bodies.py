"""Whatever was sent to the API: the control API can be asked about it, and never fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mock_server.http.app import create_app

SMS = "/api/v1/activity/sms/"
AUTH = ("api_test_odd", "")
app = create_app(time_source=lambda: 1_900_000_000_000_000)

# Texts that only nearly are JSON, and JSON that hardly anything takes.
ODD = [
    b'{"status":"draft","text":"\\ud800"}',
    b'"\\udc00"',
    b'{"\\ud83d":1}',
    b'{"text":NaN}',
    b"[Infinity]",
    b"1e999",
    b"-" + b"9" * 500,
    b"[" * 150 + b"]" * 150,
    b"[" * 990 + b"]" * 990,
    b"[" * 5_000 + b"]" * 5_000,
    b'{"a":' * 400 + b"1" + b"}" * 400,
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'\xef\xbb\xbf{"text":"x"}',
    b"\x00",
    b'{"text":"x","text":"y"}',
    b'{"text":',
    b'"' + b"x" * 30_000 + b'"',
]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
bodies = (
    st.sampled_from(ODD) | st.binary(max_size=20) | values.map(lambda v: json.dumps(v).encode())
)
KINDS = ["application/json", "text/plain", "application/x-www-form-urlencoded", "", "é; charset=q"]
schemas = st.sampled_from(
    [
        True,
        False,
        {},
        {"type": "object"},
        {"properties": {"text": {"type": "string", "pattern": "^x+$"}}},
        {"required": ["text"], "additionalProperties": False},
        {"uniqueItems": True, "items": {"multipleOf": 0.1}},
        {"enum": ["x", 1e300, None]},
        {"minLength": 2, "format": "date-time"},
    ]
)
patterns = st.fixed_dictionaries(
    {},
    optional={"body": schemas, "response": schemas, "query": schemas, "text": st.text(max_size=3)},
)
queries = st.sampled_from(["", "%ED%A0%80=%ff", "a&a&=&%00", "%", "_limit=x", "x[]=%F0%9F"])


@settings(max_examples=60, deadline=None)
@given(bodies, st.sampled_from(KINDS), queries, patterns)
@example(ODD[0], KINDS[0], "", {"body": {"properties": {"text": {"const": "x"}}}})
def test_no_request_makes_the_journal_fail(
    body: bytes, kind: str, query: str, pattern: dict[str, Any]
) -> None:
    client = app.test_client()
    sent = client.post(f"{SMS}?{query}", data=body, content_type=kind, auth=AUTH)
    assert sent.status_code < 500

    def ask(method: str, path: str, **more: Any) -> Any:
        answer = client.open(f"/__mock{path}", method=method, auth=AUTH, **more)
        assert answer.status_code < 500, answer.get_data(as_text=True)
        return answer.get_json()

    newest = ask("GET", "/requests?limit=1")[0]["id"]
    for path in (f"/requests/{newest}", f"/requests/{newest}/test", "/requests/count?text=x"):
        ask("GET", path)
    ask("POST", "/requests/near", json=pattern)
    ask("POST", "/verify", json={"expect": [{**pattern, "count": 1}], "nothing_else": True})
    ask("DELETE", "/requests")


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_no_body_makes_a_fault_fail(body: bytes) -> None:
    client = app.test_client()
    match = {"body": {"properties": {"text": {"pattern": "x"}}, "required": ["text"]}}
    fault = {"does": "status", "status": 503, "match": match}
    assert client.post("/__mock/faults", json=fault, auth=AUTH).status_code == 201
    sent = client.post(SMS, data=body, content_type="application/json", auth=AUTH)
    assert sent.status_code in (400, 503)
    assert client.delete("/__mock/faults", auth=AUTH).status_code == 204


@pytest.mark.parametrize(
    "path", ["/state/leads?by=record", "/events/arrives", "/faults", "/verify"]
)
@pytest.mark.parametrize("levels", [90, 300, 900])
def test_no_depth_makes_a_call_fail(path: str, levels: int) -> None:
    deep = b"[" * levels + b"]" * levels
    body = b'{"does":"status","body":%s,"expect":[{"body":%s}]}' % (deep, deep)
    answer = app.test_client().post(
        f"/__mock{path}", data=body, content_type="application/json", auth=AUTH
    )
    assert answer.status_code < 500
    assert ("100 levels" in answer.get_data(as_text=True)) == (levels > 90)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["/verify", "/requests/near", "/requests", "/explain", "/faults", "/clock"]),
    bodies | values.map(lambda v: json.dumps({"expect": [v], "body": v, "path": v}).encode()),
)
def test_no_body_makes_a_call_fail(path: str, body: bytes) -> None:
    answer = app.test_client().post(
        f"/__mock{path}", data=body, content_type="application/json", auth=AUTH
    )
    assert answer.status_code < 500, answer.get_data(as_text=True)
