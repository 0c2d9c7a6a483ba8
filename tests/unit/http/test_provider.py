"""What the provider does: SMS that arrive, and numbers that make it fail, dawdle or answer."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from mock_server.http.app import MockServer

BASE = "/api/v1"
FROM = "+16505550120"  # Dora Dough's


@pytest.fixture
def client(app: MockServer) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, method: str, path: str, status: int = 200, **more: Any) -> Any:
    answer = client.open(path, method=method, auth=("api_test_key", ""), **more)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def send(client: FlaskClient, number: str, **more: Any) -> str:
    body = {"status": "outbox", "local_phone": "+16505550100", "remote_phone": number, **more}
    return str(ask(client, "POST", f"{BASE}/activity/sms/", json=body)["id"])


def wait(client: FlaskClient, seconds: float) -> None:
    ask(client, "POST", "/__mock/clock", json={"advance": seconds})


def read(client: FlaskClient, sms: str) -> Any:
    return ask(client, "GET", f"{BASE}/activity/sms/{sms}/")


def test_an_sms_arrives_and_finds_its_contact_its_lead_and_the_inbox(client: FlaskClient) -> None:
    facts = {"from": FROM, "to": "+16505550100", "text": "Are you there? 👀"}
    sms = ask(client, "POST", "/__mock/events/arrives", json=facts)
    assert (sms["status"], sms["direction"], sms["source"]) == ("inbox", "inbound", "Close.io")
    contact = ask(client, "GET", f"{BASE}/contact/{sms['contact_id']}/")
    assert contact["name"] == "Dora Dough"
    assert sms["lead_id"] == contact["lead_id"]
    tasks = ask(client, "GET", f"{BASE}/task/?_type=incoming_sms&_limit=1")["data"]
    assert tasks[0]["object_id"] == sms["id"]
    assert tasks[0]["contact_name"] == "Dora Dough"
    event = ask(client, "GET", f"{BASE}/event/?object_id={sms['id']}")["data"][0]
    assert (event["action"], event["request_id"]) == ("created", None)


def test_an_sms_from_nobody_known_arrives_all_the_same(client: FlaskClient) -> None:
    sms = ask(client, "POST", "/__mock/events/arrives", json={"from": "+16505550199"})
    assert (sms["contact_id"], sms["lead_id"]) == (None, None)
    assert sms["local_phone"] == "+16505550100"


def test_what_arrives_counts_for_the_rules_of_what_it_brings_about(client: FlaskClient) -> None:
    def kept() -> int:
        rules = ask(client, "GET", "/__mock/coverage")["rules"]
        return next(int(rule["kept"]) for rule in rules if rule["id"] == "sms.notification")

    assert kept() == 0
    ask(client, "POST", "/__mock/events/arrives", json={"from": FROM})
    assert kept() == 1
    send(client, "+16505550184")
    wait(client, 3600)
    assert kept() == 2


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ([], "expected an object"),
        ({}, "body/from: found nothing"),
        ({"from": 5}, "body/from: found 5; expected text"),
        (
            {"from": FROM, "too": "x"},
            'body/too: found "too"; expected one of attachments, from, text, to',
        ),
    ],
    ids=str,
)
def test_facts_that_are_none_are_refused(client: FlaskClient, facts: Any, says: str) -> None:
    status = 409 if isinstance(facts, dict) else 400
    refused = ask(client, "POST", "/__mock/events/arrives", status, json=facts)
    assert says in refused["error"]


def test_an_sms_for_a_number_that_is_not_ours_breaks_a_rule(client: FlaskClient) -> None:
    facts = {"from": FROM, "to": "+16505550199"}
    refused = ask(client, "POST", "/__mock/events/arrives", 409, json=facts)
    (violation,) = refused["violations"]
    assert violation["rules"][0]["id"] == "sms.local-phone.internal"


def test_a_number_to_which_sending_fails(client: FlaskClient) -> None:
    failed = read(client, send(client, "+16505550181"))
    assert (failed["status"], failed["date_sent"]) == ("error", None)
    assert failed["error_message"] == "The number cannot be reached."


def test_a_number_that_fails_late_leaves_the_time_to_undo(client: FlaskClient) -> None:
    sms = send(client, "+16505550182", send_in=20)
    wait(client, 49)
    assert read(client, sms)["status"] == "outbox"
    wait(client, 1)
    assert read(client, sms)["status"] == "error"


def test_a_number_to_which_sending_takes_long(client: FlaskClient) -> None:
    sms = send(client, "+16505550183")
    wait(client, 59)
    assert read(client, sms)["status"] == "outbox"
    wait(client, 1)
    assert read(client, sms)["status"] == "sent"


def test_a_number_that_answers_does_so_once(client: FlaskClient) -> None:
    sms = send(client, "+16505550184")
    wait(client, 4)
    newest = f"{BASE}/activity/sms/?_limit=1"
    assert ask(client, "GET", newest)["data"][0]["id"] == sms
    wait(client, 1)
    answer = ask(client, "GET", newest)["data"][0]
    assert (answer["status"], answer["text"]) == ("inbox", "Thank you, got it.")
    assert answer["remote_phone"] == "+16505550184"
    wait(client, 3600)
    assert ask(client, "GET", newest)["data"][0]["id"] == answer["id"]


def test_magic_values_and_happenings_are_listed(client: FlaskClient) -> None:
    rows = ask(client, "GET", "/__mock/magic")
    assert {row["field"] for row in rows} == {"remote_phone"}
    assert {row["event"] for row in rows} == {"fails", "arrives", None}
    assert [row["event"] for row in ask(client, "GET", "/__mock/events")] == ["arrives", "fails"]
