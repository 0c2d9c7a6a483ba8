"""The log of changes: what it tells, and pages that hold still while more is told."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from mock_server.http.app import MockServer

EVENTS = "/api/v1/event/"


@pytest.fixture
def client(app: MockServer) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, method: str, path: str, **more: Any) -> Any:
    answer = client.open(path, method=method, auth=("api_test_key", ""), **more)
    assert answer.status_code < 300, answer.get_data(as_text=True)
    return answer.get_json(silent=True)


def add_leads(client: FlaskClient, *names: str) -> None:
    for name in names:
        ask(client, "POST", "/api/v1/lead/", json={"name": name})


def names(page: Any) -> list[str]:
    return [event["data"]["name"] for event in page["data"]]


def page_at(client: FlaskClient, cursor: str | None = None, limit: int = 2) -> Any:
    more = {"_cursor": cursor} if cursor else {}
    return ask(client, "GET", EVENTS, query_string={"_limit": limit, **more})


def test_pages_cover_every_event_once_while_more_happens(client: FlaskClient) -> None:
    add_leads(client, *"abcde")
    page = page_at(client)
    seen = names(page)
    while page["cursor_next"]:
        add_leads(client, "later")
        page = page_at(client, page["cursor_next"])
        seen += names(page)
    assert seen == list("edcba")
    newer = page_at(client, page["cursor_previous"], 50)
    assert names(newer) == ["later", "later", *"edcb"]
    assert newer["cursor_previous"] is None
    assert names(page_at(client, newer["cursor_next"])) == ["a"]


def test_what_is_refused_or_changes_nothing_is_no_event(client: FlaskClient) -> None:
    refused = client.post("/api/v1/lead/", json={"name": 5}, auth=("api_test_key", ""))
    assert refused.status_code == 400
    lead = ask(client, "GET", "/api/v1/lead/")["data"][0]
    ask(client, "PUT", f"/api/v1/lead/{lead['id']}/", json=lead)
    assert page_at(client)["data"] == []


def test_events_of_one_request_share_its_id(client: FlaskClient) -> None:
    body = {"name": "Placeholder Ltd", "contacts": [{"name": "Ada Example"}]}
    ask(client, "POST", "/api/v1/lead/", json=body)
    first, second = page_at(client)["data"]
    assert first["request_id"] == second["request_id"]
    assert {first["object_type"], second["object_type"]} == {"lead", "contact"}
    add_leads(client, "Another")
    assert page_at(client)["data"][0]["request_id"] != first["request_id"]


def test_what_time_does_is_told_at_its_moment_and_by_nobody(client: FlaskClient) -> None:
    body = {"status": "outbox", "send_in": 30, "local_phone": "+16505550100", "text": "Hello"}
    sms = ask(client, "POST", "/api/v1/activity/sms/", json=body)
    ask(client, "POST", "/__mock/clock", json={"advance": 3600})
    sent, updated, created = ask(client, "GET", EVENTS, query_string={"object_id": sms["id"]})[
        "data"
    ]
    assert [e["action"] for e in (sent, updated, created)] == ["sent", "updated", "created"]
    assert sent["date_created"] == updated["date_created"] == sent["data"]["date_sent"]
    assert updated["previous_data"]["status"] == "outbox"
    assert (sent["user_id"], sent["request_id"]) == (None, None)
    assert sent["meta"] == {"request_method": None, "request_path": None}


def test_a_cursor_that_is_none_is_explained_as_it_is_refused(client: FlaskClient) -> None:
    wish = {"method": "GET", "path": "/event/?_cursor=abc&_limit=7"}
    told = client.post("/__mock/explain", json=wish, auth=("api_test_key", "")).get_json()
    assert (told["verdict"], told["status"]) == ("refused", 400)
    assert told["nearest"]["query"] == {"_limit": "7"}


def test_a_cursor_of_somebody_else_s_making_is_refused(client: FlaskClient) -> None:
    for cursor in ("WzEsMl0", "é", "a" * 9, "W10"):
        answer = client.get(EVENTS, query_string={"_cursor": cursor}, auth=("api_test_key", ""))
        assert answer.status_code == 400
        assert answer.get_json()["field-errors"] == {"_cursor": "Not a valid cursor."}
