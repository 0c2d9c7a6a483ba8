"""What a request said that nothing came of, told where people look."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest

from mock_server.http.app import create_app
from mock_server.http.log import RequestLog
from mock_server.spec import Document
from mock_server.testing.server import MockServer

NUMBER = "+16505550100"
SMS = "activity/sms/"


def told(server: MockServer) -> dict[str, str]:
    """Place -> reason, of the latest request."""
    return {one["pointer"]: one["reason"] for one in server.requests[-1]["ignored"]}


def draft(server: MockServer, **more: Any) -> dict[str, Any]:
    body = {"status": "draft", "text": "Hello", "local_phone": NUMBER, **more}
    return dict(server.client.post(SMS, json=body).json())


def test_a_misspelt_field_is_told_with_the_nearest(mock_server: MockServer) -> None:
    draft(mock_server, txt="Hi")
    assert told(mock_server) == {"/body/txt": 'no field of createSMS; did you mean "text"?'}


def test_a_misspelt_filter_is_told_with_the_nearest(mock_server: MockServer) -> None:
    mock_server.client.get(f"{SMS}?leadid=1&_limit=1")
    assert told(mock_server) == {
        "/query/leadid": 'no parameter of listSMS; did you mean "lead_id"?'
    }


def test_names_that_are_like_none_are_told_alone(mock_server: MockServer) -> None:
    mock_server.client.post(f"{SMS}?zzz=1", json={"q~/": 1})
    assert told(mock_server) == {
        "/query/zzz": "no parameter of createSMS",
        "/body/q~0~1": "no field of createSMS",
    }


def test_a_field_that_is_known_and_not_taken_is_told(mock_server: MockServer) -> None:
    record = draft(mock_server, cost="3.00")
    assert record["cost"] is None
    assert told(mock_server) == {"/body/cost": "not taken from a request of createSMS"}


def test_who_sends_back_what_they_have_read_is_told_nothing(mock_server: MockServer) -> None:
    record = draft(mock_server)
    url = f"{SMS}{record['id']}/"
    changed = {**record, "text": "Changed"}
    assert mock_server.client.put(url, json=changed).json()["text"] == "Changed"
    assert mock_server.client.put(url, json=changed).status_code == 200  # an old date_updated
    assert told(mock_server) == {}


def test_what_is_taken_is_not_told(mock_server: MockServer) -> None:
    draft(mock_server)
    assert told(mock_server) == {}
    mock_server.client.get(f"{SMS}?_limit=1&lead_id=lead_1")
    assert told(mock_server) == {}
    mock_server.client.get("nowhere/?a=1")
    assert told(mock_server) == {}


def test_secrets_in_what_is_ignored_are_not_shown(mock_server: MockServer) -> None:
    draft(mock_server, api_key="very-secret")
    assert mock_server.requests[-1]["ignored"][0]["found"] == "…"


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_tells_it(document: Document, form: str) -> None:
    stream = StringIO()
    app = create_app(document, log=RequestLog("info", form, stream=stream))
    body = {"status": "draft", "local_phone": NUMBER, "txt": "Hi"}
    app.test_client().post("/api/v1/activity/sms/", json=body, auth=("api_test_key", ""))
    reason = 'no field of createSMS; did you mean "text"?'
    if form == "json":
        row = json.loads(stream.getvalue())
        assert row["ignored"] == [{"pointer": "/body/txt", "found": "Hi", "reason": reason}]
    else:
        assert stream.getvalue().splitlines()[1] == f"  ignored /body/txt: {reason}"


def test_an_explanation_tells_it_beforehand(document: Document) -> None:
    wish = {"operation": "createSMS", "body": {"staus": "draft", "local_phone": NUMBER}}
    client = create_app(document).test_client()
    found = client.post("/__mock/explain", json=wish).get_json()
    reason = 'no field of createSMS; did you mean "status"?'
    assert found["ignored"] == [{"pointer": "/body/staus", "found": "draft", "reason": reason}]
