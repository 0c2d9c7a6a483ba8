"""The records around an SMS: what comes with what, and what a client that writes back what it read changes."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from mock_server.http.app import MockServer

BASE = "/api/v1"
PNG = {"content_type": "image/png", "filename": "a.png", "url": "https://files.example/a.png"}


class Api:
    """Requests with a key, answers as values."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.client.open(
            f"{BASE}/{path}", method=method, json=body, auth=("api_test_key", "")
        )
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json(silent=True)


@pytest.fixture
def api(app: MockServer) -> Api:
    return Api(app.test_client())


def test_a_contact_moves_to_another_lead_and_is_shown_there(api: Api) -> None:
    contact = api("POST", "contact/", {"name": "Ada Example"})
    first, second = contact["lead_id"], api("POST", "lead/", {"name": "Placeholder Ltd"})["id"]
    api("PUT", f"contact/{contact['id']}/", {"lead_id": second})
    assert api("GET", f"lead/{first}/")["contacts"] == []
    assert [c["id"] for c in api("GET", f"lead/{second}/")["contacts"]] == [contact["id"]]


def test_a_refused_contact_creates_no_lead(api: Api) -> None:
    before = api("GET", "lead/")["total_results"]
    refused = api("POST", "contact/", {"name": "Ada Example", "phones": [{}]}, 400)
    assert refused["field-errors"].keys() == {"phones"}
    assert api("GET", "lead/")["total_results"] == before


def test_writing_back_what_was_read_changes_nothing(api: Api) -> None:
    contact = api("POST", "contact/", {"name": "Ada", "phones": [{"phone": "+16505550123"}]})
    path = f"contact/{contact['id']}/"
    assert api("PUT", path, contact) == contact
    assert api("PUT", path, {"phones": [{"phone": "+16505550123"}]}) == contact


def test_a_lead_goes_with_all_that_belongs_to_it(api: Api) -> None:
    lead = api("POST", "lead/", {"name": "Placeholder Ltd", "contacts": [{"name": "Ada"}]})
    task = api("POST", "task/", {"lead_id": lead["id"]})
    api("DELETE", f"lead/{lead['id']}/")
    api("GET", f"contact/{lead['contacts'][0]['id']}/", status=404)
    api("GET", f"task/{task['id']}/", status=404)


def test_what_an_sms_told_the_inbox_goes_with_it(api: Api) -> None:
    told = api("POST", "activity/sms/?send_to_inbox=true", {"status": "inbox", "text": "Ahoy"})
    other = api("POST", "activity/sms/?send_to_inbox=true", {"status": "inbox", "text": "Adieu"})
    tasks = {task["object_id"] for task in api("GET", "task/?_type=incoming_sms")["data"]}
    api("DELETE", f"activity/sms/{told['id']}/")
    left = {task["object_id"] for task in api("GET", "task/?_type=incoming_sms")["data"]}
    assert tasks - left == {told["id"]}
    assert other["id"] in left
    gone = api("GET", "event/?object_type=task.incoming_sms&action=deleted")["data"]
    assert [event["data"]["object_id"] for event in gone] == [told["id"]]


def test_a_task_of_the_seed_shows_its_numbers_as_people_write_them(api: Api) -> None:
    for task in api("GET", "task/?_type=incoming_sms")["data"]:
        assert task["local_phone_formatted"] == "+1 650-555-0100"
        assert task["remote_phone_formatted"] == "+1 650-555-0120"


def test_tasks_of_several_types_leave_the_default_out(api: Api) -> None:
    listed = api("GET", "task/?_type__in=lead,incoming_sms")
    assert {task["_type"] for task in listed["data"]} == {"lead", "incoming_sms"}
    assert {task["_type"] for task in api("GET", "task/")["data"]} == {"lead"}


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ("date__gte=2030-01-01", True),
        ("date__gt=2030-01-01", False),
        ("date__lte=2030-01-01T00:00:00Z", True),
        ("date__lt=2030-01-01T00:00:01Z", True),
    ],
)
def test_a_date_alone_counts_from_its_first_moment(api: Api, bounds: str, found: bool) -> None:
    lead = api("POST", "lead/", {"name": "Placeholder Ltd"})["id"]
    api("POST", "task/", {"lead_id": lead, "date": "2030-01-01"})
    assert bool(api("GET", f"task/?lead_id={lead}&{bounds}")["data"]) is found


def test_a_number_that_cannot_be_had_is_not_created(api: Api) -> None:
    before = api("GET", "phone_number/")["total_results"]
    refused = api("POST", "phone_number/request/internal/", {"country": "JP"}, 409)
    assert refused["status"] == "has-voice-only"
    assert api("GET", "phone_number/")["total_results"] == before


def test_no_number_is_handed_out_twice(api: Api) -> None:
    known = {one["number"] for one in api("GET", "phone_number/")["data"]}
    body = {"country": "US", "prefix": "650"}
    made = [api("POST", "phone_number/request/internal/", body, 201)["number"] for _ in range(90)]
    assert len({*made, *known}) == 90 + len(known)


def test_a_group_number_is_shared(api: Api) -> None:
    me = api("GET", "me/")["id"]
    body = {"country": "GB", "sharing": "group"}
    number = api("POST", "phone_number/request/internal/", body, 201)
    assert (number["participants"], number["user_id"]) == ([me], None)
    listed = api("GET", f"phone_number/?participant_user_id={me}")["data"]
    assert number["id"] in [one["id"] for one in listed]


def test_nothing_sets_out_from_a_number_that_is_gone(api: Api) -> None:
    number = api("POST", "phone_number/request/internal/", {"country": "AU"}, 201)
    draft = {"status": "draft", "local_phone": number["number"], "text": "Hello"}
    kept, sent = (api("POST", "activity/sms/", draft) for _ in range(2))
    waiting = api("POST", "activity/sms/", {**draft, "status": "outbox", "send_in": 30})
    api("DELETE", f"phone_number/{number['id']}/")
    refused = api("PUT", f"activity/sms/{sent['id']}/", {"status": "outbox"}, 400)
    assert refused["field-errors"].keys() == {"local_phone"}
    # What does not set out is not held up by it: it can be changed, and cancelled.
    api("PUT", f"activity/sms/{kept['id']}/", {"text": "Hello again"})
    api("PUT", f"activity/sms/{waiting['id']}/", {"status": "draft"})


def test_who_changed_a_task_stays_when_time_changes_it(api: Api) -> None:
    lead = api("GET", "lead/")["data"][0]["id"]
    body = {"_type": "lead", "lead_id": lead, "text": "Call", "date": "2031-01-01"}
    task = api("POST", "task/", body)
    assert task["view"] == "future"
    api("PUT", f"task/{task['id']}/", {"text": "Call back"})
    clock = {"json": {"set": "2031-01-02T00:00:00Z"}, "auth": ("api_test_key", "")}
    assert api.client.post("/__mock/clock", **clock).status_code == 200
    moved = api("GET", f"task/{task['id']}/")
    assert (moved["view"], moved["updated_by"]) == ("inbox", task["created_by"])
    assert moved["updated_by_name"]
