"""Clients of the real API, unchanged but for their base URL: every method on every resource, and every refusal."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from close_dot_io import CloseClient, Contact, Lead
from closeio_api import API, APIError, ValidationError

NUMBER = "+16505550100"


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key, and so a world, of its own."""
    return "api_test_" + re.sub(r"\W", "_", request.node.name)


@pytest.fixture
def api(origin: str, key: str) -> Any:
    return API(f"{origin}/api/v1/", key)


# What is created (None where nothing can be by request), what of it is changed, and what comes of that.
RESOURCES: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "lead": ({"name": "Placeholder Ltd"}, {"name": "Placeholder Inc"}),
    "contact": ({"name": "Ada Example"}, {"title": "Engineer"}),
    "sms_template": ({"name": "Greeting", "text": "Hello"}, {"status": "archived"}),
    "task": ({"text": "Call back"}, {"is_complete": True}),
    "webhook": (
        {
            "url": "http://127.0.0.1:9/",
            "events": [{"object_type": "lead", "action": "created"}],
        },
        {"status": "paused"},
    ),
    "activity/sms": ({"status": "draft", "local_phone": NUMBER, "text": "Hello"}, {"text": "Hi"}),
    "phone_number": (None, {"label": "Front desk"}),
}


@pytest.mark.parametrize("path", RESOURCES)
def test_every_method_works_on_every_resource(api: Any, path: str) -> None:
    given, change = RESOURCES[path]
    if given is None:
        one = api.get(path)["data"][0]
    else:
        body = dict(given)
        if path == "task":
            body["lead_id"] = api.post("lead", data={"name": "Placeholder Ltd"})["id"]
        one = api.post(path, data=body)
        assert given.items() <= one.items() or path in ("webhook", "task")
    there = f"{path}/{one['id']}"
    shown = api.get(there)
    assert shown["id"] == one["id"]
    assert one["id"] in [row["id"] for row in api.get(path)["data"]]
    assert change.items() <= api.put(there, data=change).items()
    assert change.items() <= api.get(there).items()
    assert api.delete(there) in ({}, "")
    with pytest.raises(APIError) as gone:
        api.get(there)
    assert gone.value.response.status_code == 404


def test_what_is_only_read_is_read(api: Any) -> None:
    me = api.get("me")
    assert me["organizations"][0]["id"].startswith("orga_")
    assert me["id"] in [user["id"] for user in api.get("user")["data"]]
    assert api.get(f"user/{me['id']}")["email"] == me["email"]
    sms = api.post("activity/sms", data={"status": "sent", "text": "Hello"})
    assert api.get("activity", params={"_type": "SMS"})["data"][0]["id"] == sms["id"]
    events = api.get("event", params={"object_type": "activity.sms"})
    assert events["data"][0]["object_id"] == sms["id"]
    assert api.get(f"event/{events['data'][0]['id']}")["action"] == "created"
    number = api.post("phone_number/request/internal", data={"country": "US"})
    assert number["type"] == "internal"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("lead", {"name": 5}, "name"),
        ("contact", {"name": "Ada", "lead_id": "lead_nothing"}, "lead"),
        ("sms_template", {"text": "Hello"}, "name"),
        ("task", {"text": "Call", "lead_id": "lead_nothing"}, "lead"),
        ("webhook", {"events": []}, "url"),
        ("activity/sms", {"status": "outbox"}, "local_phone"),
        ("phone_number/request/internal", {"country": "Britain"}, "country"),
    ],
)
def test_a_refusal_is_read_by_field(api: Any, path: str, body: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        api.post(path, data=body)
    assert refused.value.response.status_code == 400
    assert field in refused.value.field_errors


@pytest.mark.parametrize("path", [*RESOURCES, "user", "me", "event", "activity"])
def test_a_key_that_nobody_has_is_refused(origin: str, path: str) -> None:
    with pytest.raises(APIError) as refused:
        API(f"{origin}/api/v1/", "someone_elses_key").get(path)
    assert refused.value.response.status_code == 401
    assert "could not verify" in refused.value.response.json()["error"]


def test_a_limit_is_waited_for(origin: str, api: Any) -> None:
    limit = {"does": "limit", "requests": 1, "per": 1}
    answer = requests.post(f"{origin}/__mock/faults", json=limit, auth=api.session.auth, timeout=10)
    assert answer.status_code == 201
    for _ in range(2):
        assert api.get("me")["id"]
    journal = requests.get(
        f"{origin}/__mock/requests?status=429", auth=api.session.auth, timeout=10
    )
    assert journal.json()


@pytest.fixture
def other(origin: str, key: str) -> CloseClient:
    """Another client; it asks for the statuses of leads and opportunities first."""
    client = CloseClient(key)
    client.base_url = f"{origin}/api/v1/"
    return client


def test_another_client_reads_pages_of_models(other: CloseClient) -> None:
    leads = other.list(Lead)
    assert [lead.name for lead in leads][:2] == ["Dummy & Daughters", "Specimen Gardens"]
    assert leads[-1].contacts
    (dora,) = [one for one in other.list(Contact) if one.name == "Dora Dough"]
    assert dora.phones[0].phone == "+16505550120"
    assert other.get(Contact, dora.id).first_email == "dora@nowhere.example"


def test_another_client_follows_redirects_with_its_body(other: CloseClient) -> None:
    made = other.dispatch("lead", "POST", json_data={"name": "Placeholder Ltd"})
    assert made["name"] == "Placeholder Ltd"
    changed = other.dispatch(f"lead/{made['id']}", "PUT", json_data={"name": "Placeholder Inc"})
    assert changed["name"] == "Placeholder Inc"
    sms = other.dispatch("activity/sms", "POST", json_data={"status": "draft", "text": "Hello"})
    listed = other.run_pagination("activity/sms", url_params={"_fields": "id"}, max_results=3)
    assert listed[0] == {"id": sms["id"]}
    assert other.dispatch(f"activity/sms/{sms['id']}", "DELETE") == {}
