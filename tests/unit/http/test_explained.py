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
        assert "key" in answer.get_json()["error"]


def test_without_a_control_api_no_header_points_to_it(document: Document) -> None:
    answer = create_app(document, control=False).test_client().get(SMS + "acti_no/", auth=KEY)
    assert answer.status_code == 404
    assert "Mock-Explanation" not in answer.headers


def test_a_refused_path_is_in_the_judgement_too(client: FlaskClient) -> None:
    wish = {"method": "PATCH", "path": SMS}
    found = client.post("/__mock/explain", json=wish, auth=KEY).get_json()
    assert found["violations"][0]["pointer"] == "/method"
