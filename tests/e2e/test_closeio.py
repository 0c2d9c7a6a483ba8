"""The vendor's Python client, unchanged but for its base URL, against the served stub."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from closeio_api import API, APIError, ValidationError

NUMBER = "+16505550100"


@pytest.fixture
def api(origin: str, request: pytest.FixtureRequest) -> API:
    """A client with a key, and so a world, of its own."""
    return API(f"{origin}/api/v1/", f"api_test_{request.node.name}")


def move_clock(origin: str, api: Any, **move: Any) -> None:
    answer = requests.post(f"{origin}/__mock/clock", json=move, auth=api.session.auth, timeout=10)
    assert answer.status_code == 200


def test_an_sms_walks_through_its_life(origin: str, api: Any) -> None:
    move_clock(origin, api, freeze="2029-01-01T09:00:00Z")
    sms = api.post("activity/sms", data={"status": "draft", "local_phone": NUMBER, "text": "Hello"})
    path = f"activity/sms/{sms['id']}"
    assert sms["status"] == "draft"
    date = "2030-01-01T09:00:00Z"
    assert (
        api.put(path, data={"status": "scheduled", "date_scheduled": date})["status"] == "scheduled"
    )
    assert api.put(path, data={"status": "draft"})["status"] == "draft"
    assert api.put(path, data={"status": "outbox", "send_in": 30})["status"] == "outbox"
    move_clock(origin, api, advance=29)
    assert api.put(path, data={"status": "draft"})["status"] == "draft"
    assert api.put(path, data={"status": "outbox"})["status"] == "outbox"
    sent = api.get(path)
    assert sent["status"] == "sent"
    assert sent["date_sent"]
    with pytest.raises(ValidationError) as refused:
        api.put(path, data={"status": "draft"})
    assert "status" in refused.value.field_errors
    assert api.delete(path) == {}
    with pytest.raises(APIError) as gone:
        api.get(path)
    assert gone.value.response.status_code == 404


def test_a_received_sms_is_logged_with_a_notification(api: Any) -> None:
    body = {
        "status": "inbox",
        "local_phone": NUMBER,
        "remote_phone": "+16505550120",
        "text": "Ahoy",
    }
    sms = api.post("activity/sms", data=body, params={"send_to_inbox": "true"})
    assert sms["direction"] == "inbound"
    tasks = api.get("task", params={"_type": "incoming_sms"})["data"]
    assert [task["text"] for task in tasks if task["object_id"] == sms["id"]] == ["Ahoy"]


def test_a_refusal_reads_as_the_client_expects(api: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        api.post("activity/sms", data={"status": "scheduled", "lead_id": "lead_nothing"})
    assert refused.value.field_errors["lead"] == "Object does not exist."
    assert refused.value.field_errors["date_scheduled"] == "This field is required."
    assert refused.value.errors == []


def test_a_template_is_rendered_and_removed(api: Any) -> None:
    lead = api.post("lead", data={"name": "Placeholder Ltd"})
    template = api.post("sms_template", data={"name": "T", "text": "Hi {{ lead.display_name }}"})
    body = {"status": "draft", "lead_id": lead["id"], "template_id": template["id"]}
    assert api.post("activity/sms", data=body)["text"] == "Hi Placeholder Ltd"
    assert api.delete(f"sms_template/{template['id']}") == ""


def test_lists_are_paged(api: Any) -> None:
    ids = [api.post("activity/sms", data={"status": "draft"})["id"] for _ in range(5)]
    seen: list[str] = []
    more = True
    while more:
        page = api.get("activity/sms", params={"_skip": len(seen), "_limit": 2, "_fields": "id"})
        seen += [sms["id"] for sms in page["data"]]
        more = page["has_more"]
    assert seen[:5] == ids[::-1]
    assert len(seen) == len(set(seen))


def test_an_unknown_key_is_refused(origin: str) -> None:
    with pytest.raises(APIError) as refused:
        API(f"{origin}/api/v1/", "someone_elses_key").get("me")
    assert refused.value.response.status_code == 401
    assert "could not verify" in refused.value.response.json()["error"]


def test_worlds_do_not_see_each_other(origin: str, api: Any) -> None:
    sms = api.post("activity/sms", data={"status": "draft"})
    with pytest.raises(APIError) as hidden:
        API(f"{origin}/api/v1/", "api_test_somebody_else").get(f"activity/sms/{sms['id']}")
    assert hidden.value.response.status_code == 404
