"""Every refusal is explained: what was found, what would be accepted, by which rule; to whom it concerns."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from mock_server.http.app import MockServer, create_app
from mock_server.spec import Document

SMS = "/api/v1/activity/sms/"
KEY = ("api_test_key", "")


@pytest.fixture
def client(app: MockServer) -> FlaskClient:
    return app.test_client()


def explained(client: FlaskClient, answer: Any, **more: Any) -> Any:
    found = client.get(answer.headers["Mock-Explanation"], **more)
    assert found.status_code == 200, found.get_data(as_text=True)
    return found.get_json()


@pytest.mark.parametrize(
    ("method", "path", "more", "pointer", "found", "accepted"),
    [
        ("GET", SMS + "acti_no/", {}, "/path/id", "acti_no", "the id of an SMS of this account"),
        ("PUT", SMS + "acti_no/", {"json": {}}, "/path/id", "acti_no", "such as \"acti_"),
        ("GET", "/api/v1/leads/", {}, "/path", "/api/v1/leads/", "/api/v1/lead/"),
        ("PATCH", SMS, {}, "/method", "PATCH", "one of: GET, HEAD, OPTIONS, POST"),
        ("POST", SMS, {"data": "x" * 6_000_000, "content_type": "application/json"}, "/body",
         "6000000 bytes", "at most 5242880 bytes"),
        ("POST", SMS, {"data": "{}", "content_type": "text/plain"}, "/headers/Content-Type",
         "text/plain", "application/json"),
    ],
    ids=["read", "change", "path", "method", "large", "type"],
)  # fmt: skip
def test_a_request_that_is_not_judged_by_its_body_is_explained(
    client: FlaskClient,
    method: str,
    path: str,
    more: Any,
    pointer: str,
    found: Any,
    accepted: str,
) -> None:
    answer = client.open(path, method=method, auth=KEY, **more)
    (violation,) = explained(client, answer, auth=KEY)["violations"]
    assert (violation["pointer"], violation["found"]) == (pointer, found)
    assert accepted in violation["accepted"]
    assert violation["message"]
    assert answer.get_json().keys() == {"error"}


def test_a_missing_record_names_the_rule_of_its_answer(client: FlaskClient) -> None:
    answer = client.get(SMS + "acti_no/", auth=KEY)
    assert answer.headers["Mock-Broken-Rules"] == "errors.not-found"
    assert "Mock-Broken-Rules" not in client.get(SMS, auth=KEY).headers
    assert "Mock-Broken-Rules" not in client.get("/api/v1/nothing/", auth=KEY).headers
    rules = client.get("/__mock/coverage", auth=KEY).get_json()["rules"]
    (row,) = [row for row in rules if row["id"] == "errors.not-found"]
    assert row["kept"] == 1


def test_a_document_without_a_rule_for_it_names_none(lockers: Document) -> None:
    client = create_app(lockers).test_client()
    headers = {"Authorization": "Bearer api_test_courier"}
    answer = client.put("/lockers/parcels", headers=headers, json={})
    assert answer.status_code == 405
    assert "Mock-Broken-Rules" not in answer.headers
    assert answer.get_json() == {"problem": {"text": "PUT is not allowed here; allowed: GET, HEAD, OPTIONS, POST."}}  # fmt: skip


def test_every_challenge_of_a_401_is_kept(client: FlaskClient) -> None:
    answer = client.get(SMS)
    kept = explained(client, answer)["headers"]["WWW-Authenticate"]
    assert kept == ", ".join(answer.headers.getlist("WWW-Authenticate"))
    assert "Basic" in kept
    assert "Bearer" in kept


def test_an_explanation_is_for_the_key_that_asked(client: FlaskClient) -> None:
    refused = client.get(SMS + "acti_no/", auth=("api_test_one", ""))
    assert explained(client, refused, auth=("api_test_one", ""))["status"] == 404
    for other in ({"auth": ("api_test_two", "")}, {}):
        answer = client.get(refused.headers["Mock-Explanation"], **other)
        assert answer.status_code == 404
        number = refused.headers["Mock-Explanation"].rpartition("/")[2]
        said = f"Request {number} is of another key: ask with its key, or Mock-Tenant."
        assert answer.get_json() == {"error": said}
    never = client.get("/__mock/requests/99999999", auth=("api_test_one", ""))
    assert "There is no request" in never.get_json()["error"]


@pytest.mark.parametrize(
    ("accepted", "status"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 303),
        ("text/html;q=0.5,application/json", 404),
        ("*/*", 404),
        ("", 404),
    ],
    ids=["browser", "JSON rather", "curl", "nothing"],
)
def test_a_browser_that_follows_the_link_comes_to_the_console(
    client: FlaskClient, accepted: str, status: int
) -> None:
    refused = client.get(SMS + "acti_no/", auth=("api_test_one", ""))
    link = refused.headers["Mock-Explanation"]
    answer = client.get(link, headers={"Accept": accepted})
    assert answer.status_code == status
    if status == 303:
        assert (
            answer.headers["Location"]
            == f"../?tenant=api_test_one#/requests/{link.rpartition('/')[2]}"
        )


@pytest.mark.parametrize(
    ("body", "message", "found"),
    [
        (
            b'{"status":"draft",\n "text": "a" "b"}',
            "The body is not valid JSON: unexpected character, expected ',' or '}' at line 2, column 14.",
            'ext": "a" "b"}',
        ),
        (
            '{"text":"é"'.encode() + b"\xff}",
            "The body is not valid JSON: it is not UTF-8 at byte 13.",
            '"text":"é"\ufffd}',
        ),
    ],
    ids=["syntax", "bytes"],
)
def test_what_is_no_json_is_shown_as_it_came(
    client: FlaskClient, body: bytes, message: str, found: str
) -> None:
    answer = client.post(SMS, data=body, content_type="application/json", auth=KEY)
    (violation,) = explained(client, answer, auth=KEY)["violations"]
    assert (violation["message"], violation["found"]) == (message, found)


@pytest.mark.parametrize("moment", ["2026-02-30", "2026-02-30T09:00:00Z", "2025-02-29T09:00", "x"])
def test_a_day_that_is_none_bounds_no_list(client: FlaskClient, moment: str) -> None:
    answer = client.get(f"{SMS}?date_created__gte={moment}", auth=KEY)
    said = 'Expected a date or a date-time, such as "2030-01-01".'
    expected = {"date_created__gte": f"Not a valid value. {said}"}
    assert (answer.status_code, answer.get_json()["field-errors"]) == (400, expected)


@pytest.mark.parametrize(
    "moment", ["2024-02-29", "2024-02-29T09:00:00Z", "2024-02-29 09:00", "2024-02-29T09:00%2B01:00"]
)
def test_a_day_that_is_one_bounds_a_list(client: FlaskClient, moment: str) -> None:
    answer = client.get(f"{SMS}?date_created__gte={moment}", auth=KEY)
    assert answer.status_code == 200


def test_without_a_control_api_no_header_points_to_it(document: Document) -> None:
    answer = create_app(document, control=False).test_client().get(SMS + "acti_no/", auth=KEY)
    assert answer.status_code == 404
    assert "Mock-Explanation" not in answer.headers


def test_a_refused_path_is_in_the_judgement_too(client: FlaskClient) -> None:
    wish = {"method": "PATCH", "path": SMS}
    found = client.post("/__mock/explain", json=wish, auth=KEY).get_json()
    assert found["violations"][0]["pointer"] == "/method"


def accepted(client: FlaskClient, body: Any, record: str = "") -> dict[tuple[str, str], Any]:
    """What would be accepted and what decided, by rule and place."""
    method = "PUT" if record else "POST"
    answer = client.open(f"{SMS}{record}", method=method, auth=KEY, json=body)
    assert answer.status_code == 400, answer.get_data(as_text=True)
    return {
        (violation["rules"][0]["id"], violation["pointer"].removeprefix("/body/")): violation
        for violation in explained(client, answer, auth=KEY)["violations"]
    }


DRAFT = {"status": "draft", "text": "Hello", "local_phone": "+16505550100"}
NOW = "a date and time such as 2030-01-01T09:00:00Z"
NUMBERS = ' such as "+442079460123" or "+16505550101" or "+16505550100"'


@pytest.mark.parametrize(
    ("body", "rule_id", "field", "words"),
    [
        ({"local_phone": "+16505550103"}, "sms.local-phone.internal", "local_phone",
         f'the number of a Phone number whose type is "internal",{NUMBERS}'),
        ({"lead_id": "lead_no"}, "sms.references.exist", "lead_id", 'the id of a Lead, such as "lead_'),
        ({"status": None}, "sms.status.values", "status", "one of: inbox, draft,"),
        ({"send_in": 60.5}, "sms.send-in.limit", "send_in", "less than 60"),
        ({"send_in": 60.5}, "sms.send-in.whole", "send_in", "a whole number or null"),
        ({"template_id": "smstmpl_no"}, "sms.template.instead", "/body",
         "a body without one of text, template_id"),
        ({"remote_phone": "555"}, "sms.phones.e164", "remote_phone",
         '(The other side\'s number, in E.164 format), such as "+16505550123"'),
        ({"status": "scheduled"}, "sms.scheduled.needs-date", "date_scheduled", NOW),
        ({"date_created": 5}, "sms.fields.types", "date_created", f"{NOW} or null"),
        ({"attachments": [{}]}, "sms.fields.types", "attachments/0/url", "text"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_would_be_accepted_is_told(
    client: FlaskClient, body: dict[str, Any], rule_id: str, field: str, words: str
) -> None:
    found = accepted(client, {**DRAFT, **body})
    assert words in found[rule_id, field]["accepted"]


def test_a_contact_of_another_lead_is_told_of_those_of_this_one(client: FlaskClient) -> None:
    contacts = client.get("/api/v1/contact/", auth=KEY).get_json()["data"]
    mine, other = contacts[0], next(c for c in contacts if c["lead_id"] != contacts[0]["lead_id"])
    body = {**DRAFT, "lead_id": mine["lead_id"], "contact_id": other["id"]}
    told = accepted(client, body)["sms.references.exist", "contact_id"]["accepted"]
    assert told.startswith(f'the id of a Contact whose lead_id is "{mine["lead_id"]}", such as')
    assert mine["id"] in told
    assert other["id"] not in told
    right = client.post(SMS, auth=KEY, json={**body, "contact_id": mine["id"]})
    assert right.status_code == 200


def test_what_is_stored_and_decides_is_a_fact(client: FlaskClient) -> None:
    draft = client.post(SMS, auth=KEY, json=DRAFT).get_json()["id"]
    found = accepted(client, {"status": "scheduled"}, f"{draft}/")
    facts = found["sms.scheduled.needs-date", "date_scheduled"]["facts"]
    assert facts == {"status": "draft", "date_scheduled": None}
    given = accepted(client, {"status": "scheduled", "date_scheduled": "no"}, f"{draft}/")
    assert given["sms.fields.types", "date_scheduled"]["facts"] == {}


def test_a_change_of_state_is_told_of_once(client: FlaskClient) -> None:
    sent = client.post(SMS, auth=KEY, json={**DRAFT, "status": "sent"}).get_json()["id"]
    answer = client.put(f"{SMS}{sent}/", auth=KEY, json={"status": "draft"})
    message = answer.get_json()["field-errors"]["status"]
    assert message.count("It cannot change from sent to draft.") == 1
    assert answer.headers["Mock-Broken-Rules"] == "sms.cancel.outbox, sms.transitions.closed"
